import { useMemo, type ReactNode } from 'react';
import { useSearchParams } from 'wouter';
import { dayOf, formatCount, formatMoney, toMajor } from '../formats.ts';
import { Failure } from '../parts/failure.tsx';
import { Plot } from '../parts/plot.tsx';
import { Money } from '../parts/values.tsx';
import { usePlace } from '../place.tsx';
import type { Stats } from '../types.ts';
import { currenciesOf, useDays, useFigures } from './home-figures.ts';

interface Day {
  date: string;
  conversions: number;
  clicks: number;
  revenueMinor: number;
  commissionMinor: number;
}

/** Revenue and commission by day: as a picture, and as a table. */
export default function Chart(): ReactNode {
  const { program } = usePlace();
  const count = useDays();
  const figures = useFigures();
  const [params, setParams] = useSearchParams();
  const currencies = currenciesOf(program.currency, figures.data?.amounts ?? []);
  const currency = currencies.find((each) => each === params.get('currency')) ?? currencies[0] ?? program.currency;
  const days = useMemo(
    () => daysOf(figures.data, count, program.timezone, currency),
    [figures.data, count, program.timezone, currency],
  );
  const lines = useMemo(
    () => [
      { title: 'Revenue', values: days.map(({ revenueMinor }) => toMajor(revenueMinor, currency)) },
      { title: 'Commission', values: days.map(({ commissionMinor }) => toMajor(commissionMinor, currency)) },
    ],
    [days, currency],
  );
  const dates = useMemo(() => days.map(({ date }) => date), [days]);
  if (figures.error) return <Failure error={figures.error} again={() => void figures.refetch()} />;
  if (!figures.data) return <p className="quiet plot-room">Loading …</p>;
  const total = figures.data.amounts.find((each) => each.currency === currency);
  return (
    <>
      <p className="legend">
        {currencies.length > 1 && (
          <select
            aria-label="Currency of the chart"
            value={currency}
            onChange={({ target }) =>
              setParams((before) => {
                const next = new URLSearchParams(before);
                next.set('currency', target.value);
                return next;
              })
            }
          >
            {currencies.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        )}
        <span className="line-0">Revenue, {currency}</span>
        <span className="line-1">Commission, {currency}</span>
      </p>
      <Plot
        label={`Revenue and commission by day: together ${formatMoney(total?.revenueMinor ?? 0, currency)} and ${formatMoney(total?.commissionMinor ?? 0, currency)}. The table below has every day.`}
        dates={dates}
        lines={lines}
      />
      <details>
        <summary>As a table</summary>
        <div className="scroller" tabIndex={0} role="region" aria-label="Day by day, as a table">
          <table>
            <thead>
              <tr>
                <th scope="col">Day</th>
                <th scope="col" className="number">
                  Clicks
                </th>
                <th scope="col" className="number">
                  Conversions
                </th>
                <th scope="col" className="number">
                  Revenue
                </th>
                <th scope="col" className="number">
                  Commission
                </th>
              </tr>
            </thead>
            <tbody>
              {days.toReversed().map(({ date, clicks, conversions, revenueMinor, commissionMinor }) => (
                <tr key={date}>
                  <th scope="row">{date}</th>
                  <td className="number">{formatCount(clicks)}</td>
                  <td className="number">{formatCount(conversions)}</td>
                  <td className="number">
                    <Money minor={revenueMinor} currency={currency} />
                  </td>
                  <td className="number">
                    <Money minor={commissionMinor} currency={currency} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

/** Each of the days, also those on which nothing happened. */
function daysOf(stats: Stats | undefined, count: number, timeZone: string, currency: string): Day[] {
  const known = new Map((stats?.series ?? []).map((bucket) => [bucket.date, bucket]));
  const now = new Date();
  return Array.from({ length: count }, (_, index) => {
    const date = dayOf(now, timeZone, count - 1 - index);
    const bucket = known.get(date);
    const of = bucket?.amounts.find((each) => each.currency === currency);
    return {
      date,
      clicks: bucket?.clicks ?? 0,
      conversions: bucket?.conversions ?? 0,
      revenueMinor: of?.revenueMinor ?? 0,
      commissionMinor: of?.commissionMinor ?? 0,
    };
  });
}
