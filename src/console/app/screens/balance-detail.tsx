import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { useOne } from '../ask.ts';
import { Named, WithNames } from '../names.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { Failure } from '../parts/failure.tsx';
import { Money, Pairs } from '../parts/values.tsx';
import { useAddress, useMay } from '../place.tsx';
import type { Balance } from '../types.ts';
import { PayOut } from './pay-out.tsx';

/** What one affiliate has, by currency. */
export function BalanceDetail({ affiliateId, back }: { affiliateId: string; back: string }): ReactNode {
  const address = useAddress();
  const may = useMay('payouts:write');
  const balances = useOne<Balance[]>('/balances', { query: { affiliateId, limit: 100 } });
  const [paying, setPaying] = useState<string | null>(null);
  return (
    <Drawer title="Balance" back={back}>
      {balances.error && <Failure error={balances.error} again={() => void balances.refetch()} />}
      {balances.isPending && <p className="quiet">Loading …</p>}
      {balances.data?.length === 0 && <p>There is no such affiliate, or nothing was earned yet.</p>}
      <WithNames of={[{ affiliateId }]}>
        <p>
          <Named id={affiliateId} full />
        </p>
      </WithNames>
      {balances.data?.map((balance) => {
        const { currency } = balance;
        return (
          <section key={currency} aria-label={currency}>
            <h3>{currency}</h3>
            <Pairs
              of={amounts.map(([name, minorOf]) => [
                name,
                <Money key={name} minor={minorOf(balance)} currency={currency} />,
              ])}
            />
            {may && balance.payableMinor > 0 && (
              <p className="actions">
                <button type="button" onClick={() => setPaying(currency)}>
                  Pay out …
                </button>
              </p>
            )}
          </section>
        );
      })}
      <p className="actions">
        <Link href={address(`/commissions?affiliateId=${affiliateId}`)}>Pending commissions</Link>
        <Link href={address(`/payouts?view=payouts&affiliateId=${affiliateId}`)}>Payouts</Link>
      </p>
      {paying !== null && <PayOut affiliateId={affiliateId} currency={paying} close={() => setPaying(null)} />}
    </Drawer>
  );
}

const amounts: readonly (readonly [name: string, minorOf: (balance: Balance) => number])[] = [
  ['Pending', ({ pendingMinor }) => pendingMinor],
  ['Approved', ({ approvedMinor }) => approvedMinor],
  ['In review', ({ heldMinor }) => heldMinor],
  ['In a payout', ({ inPayoutMinor }) => inPayoutMinor],
  ['Paid', ({ paidMinor }) => paidMinor],
  ['Payable', ({ payableMinor }) => payableMinor],
];
