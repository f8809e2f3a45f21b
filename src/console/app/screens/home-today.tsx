import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { formatCount, formatSpan } from '../formats.ts';
import { useAddress } from '../place.tsx';
import type { Attention } from '../types.ts';

/** What came in, what became of it, who was told; and how long that took. */
export function Today({ today: { received, settled, delivered } }: { today: Attention['today'] }): ReactNode {
  return (
    <ul className="today">
      <Stage
        title="Received"
        to="/inbox"
        count={formatCount(received.count)}
        lag={
          received.lastAt === null
            ? 'nothing ever came'
            : `the last one ${formatSpan(Date.now() - Date.parse(received.lastAt))} ago`
        }
      />
      <Stage
        title="Settled"
        to="/inbox?status=received"
        count={formatCount(settled.count)}
        lag={lagOf(settled.p95Ms, settled.waiting)}
      />
      <Stage
        title="Delivered"
        to="/webhooks"
        count={formatCount(delivered.count) + (delivered.hasMore ? '+' : '')}
        lag={lagOf(delivered.p95Ms, delivered.waiting)}
      />
    </ul>
  );
}

function Stage({ title, to, count, lag }: { title: string; to: string; count: string; lag: string }): ReactNode {
  const address = useAddress();
  return (
    <li>
      <Link href={address(to)}>{title}</Link>
      <strong className="number">{count}</strong>
      <span className="quiet">{lag}</span>
    </li>
  );
}

function lagOf(p95Ms: number | null, waiting: number): string {
  const took = p95Ms === null ? [] : [`95 of 100 within ${formatSpan(p95Ms)}`];
  return [...took, waiting === 0 ? 'none waits' : `${formatCount(waiting)} waiting`].join(', ');
}
