import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import { useOne } from '../ask.ts';
import { loadScreen } from '../load-screen.ts';
import { Failure } from '../parts/failure.tsx';
import { Money } from '../parts/values.tsx';
import { useAddress, usePlace } from '../place.tsx';
import type { Attention, BalanceTotals, Setup } from '../types.ts';
import { AttentionList } from './home-attention.tsx';
import { currenciesOf, periods, useDays, useFigures } from './home-figures.ts';
import { FirstSteps } from './home-setup.tsx';
import { Today } from './home-today.tsx';

/** With the library that draws. */
const Chart = loadScreen(() => import('./home-chart.tsx'));

/** Is money flowing, and what needs me? */
export default function Home(): ReactNode {
  const { mode } = usePlace();
  const attention = useOne<Attention>('/attention', { everyMs: 30_000 });
  const setup = useOne<Setup>('/setup', { everyMs: 60_000 });
  return (
    <div className="home">
      <header>
        <h1>Home</h1>
        <Period />
      </header>
      {setup.data && <FirstSteps setup={setup.data} />}
      <Tiles isLive={mode === 'live'} />
      <section aria-labelledby="needs-you" className="needs">
        <h2 id="needs-you">What needs you</h2>
        {attention.error && <Failure error={attention.error} again={() => void attention.refetch()} />}
        {attention.isPending && <p className="quiet">Loading …</p>}
        {attention.data && <AttentionList items={attention.data.items} />}
      </section>
      <section aria-labelledby="went-through" className="flow">
        <h2 id="went-through">Today</h2>
        {attention.data ? <Today today={attention.data.today} /> : <p className="quiet">Loading …</p>}
      </section>
      <section aria-labelledby="by-day" className="by-day">
        <h2 id="by-day">Day by day</h2>
        <Chart />
      </section>
    </div>
  );
}

function Period(): ReactNode {
  const days = useDays();
  const [, setParams] = useSearchParams();
  return (
    <select
      aria-label="Period"
      value={days}
      onChange={({ target }) =>
        setParams((before) => {
          const next = new URLSearchParams(before);
          next.set('days', target.value);
          return next;
        })
      }
    >
      {periods.map((each) => (
        <option key={each} value={each}>
          the last {each} days
        </option>
      ))}
    </select>
  );
}

/** What was earned in the period, and what is owed now. Test money is owed to nobody. */
function Tiles({ isLive }: { isLive: boolean }): ReactNode {
  const { program } = usePlace();
  const days = useDays();
  const figures = useFigures();
  const totals = useOne<BalanceTotals[]>('/balances/totals', { everyMs: 60_000 });
  const error = figures.error ?? totals.error;
  if (error) return <Failure error={error} again={() => void Promise.all([figures.refetch(), totals.refetch()])} />;
  const amounts = figures.data?.amounts ?? [];
  const sums = totals.data ?? [];
  const isBusy = figures.isPending || totals.isPending;
  return (
    <div className="tiles" aria-busy={isBusy}>
      {currenciesOf(program.currency, amounts, sums).map((currency) => {
        const of = amounts.find((each) => each.currency === currency);
        const owed = sums.find((each) => each.currency === currency);
        const minor = (value: number | undefined): number | null => (isBusy ? null : (value ?? 0));
        return (
          <section key={currency} aria-label={`Money in ${currency}`}>
            <Tile title={`Revenue, ${days} days`} minor={minor(of?.revenueMinor)} currency={currency} to="/orders" />
            <Tile title={`Commission, ${days} days`} minor={minor(of?.commissionMinor)} currency={currency} />
            {isLive && (
              <>
                <Tile title="To approve" minor={minor(owed?.pendingMinor)} currency={currency} to="/commissions" />
                <Tile title="Payable" minor={minor(owed?.payableMinor)} currency={currency} to="/payouts" />
              </>
            )}
          </section>
        );
      })}
    </div>
  );
}

interface TileProps {
  title: string;
  minor: number | null;
  currency: string;
  to?: string;
}

function Tile({ title, minor, currency, to }: TileProps): ReactNode {
  const address = useAddress();
  return (
    <p className="tile">
      {to === undefined ? <span>{title}</span> : <Link href={address(to)}>{title}</Link>}
      <strong>
        <Money minor={minor} currency={currency} />
      </strong>
    </p>
  );
}
