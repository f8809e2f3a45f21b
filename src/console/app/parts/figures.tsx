import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { formatCount } from '../formats.ts';
import { useAddress } from '../place.tsx';
import type { Stats } from '../types.ts';
import { Amounts } from './amounts.tsx';
import { Pairs } from './values.tsx';

type Figures = Pick<Stats, 'clicks' | 'conversions' | 'conversionRate' | 'amounts'>;

const rates = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 });

/** What came of an affiliate or an offer so far; the conversions lead to the orders. */
export function FiguresOf({ figures, orders }: { figures: Figures; orders: string }): ReactNode {
  const address = useAddress();
  const { clicks, conversions, conversionRate, amounts } = figures;
  return (
    <Pairs
      of={[
        ['Clicks', formatCount(clicks)],
        [
          'Conversions',
          <Link key="conversions" href={address(orders)}>
            {formatCount(conversions)}
          </Link>,
        ],
        ['Conversion rate', clicks === 0 ? '—' : rates.format(conversionRate)],
        ['Revenue', <Amounts key="revenue" of={amounts.map((each) => ({ ...each, minor: each.revenueMinor }))} />],
        [
          'Commission',
          <Amounts key="commission" of={amounts.map((each) => ({ ...each, minor: each.commissionMinor }))} />,
        ],
      ]}
    />
  );
}
