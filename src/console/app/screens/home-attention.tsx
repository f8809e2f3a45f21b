import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { formatCount, formatSpan } from '../formats.ts';
import { useAddress } from '../place.tsx';
import type { Attention } from '../types.ts';

type Item = Attention['items'][number];

interface Line {
  one: string;
  many: string;
  /** Why it matters, or what to do. */
  why: string;
  /** The list of them. */
  to: string;
  /** Where one of them alone is shown. */
  toOne?: (id: string) => string;
  isBad?: boolean;
}

const lines: Readonly<Record<Item['kind'], Line>> = {
  failed_messages: {
    one: 'message failed',
    many: 'messages failed',
    why: 'within 7 days; see why, then replay',
    to: '/inbox?status=failed',
    isBad: true,
  },
  unprocessable_messages: {
    one: 'message could not be read',
    many: 'messages could not be read',
    why: 'within 7 days; replay them once the settings fit',
    to: '/inbox?status=unprocessable',
    isBad: true,
  },
  refused_messages: {
    one: 'message was turned away at a source',
    many: 'messages were turned away at sources',
    why: 'within 24 hours: each source says why',
    to: '/sources',
    isBad: true,
  },
  silent_sources: {
    one: 'source is silent',
    many: 'sources are silent',
    why: 'for more than twice as long as usual',
    to: '/sources',
    toOne: (id) => `/sources/${id}`,
    isBad: true,
  },
  failing_endpoints: {
    one: 'webhook endpoint fails',
    many: 'webhook endpoints fail',
    why: 'what it misses is sent again, for a while',
    to: '/webhooks',
    toOne: (id) => `/webhooks/${id}`,
    isBad: true,
  },
  disabled_endpoints: {
    one: 'webhook endpoint was given up',
    many: 'webhook endpoints were given up',
    why: 'it gets nothing until it is switched on again',
    to: '/webhooks',
    toOne: (id) => `/webhooks/${id}`,
    isBad: true,
  },
  exhausted_deliveries: {
    one: 'webhook was given up',
    many: 'webhooks were given up',
    why: 'within 7 days: all tries failed; resend or recover them',
    to: '/webhooks/deliveries?status=failed',
    isBad: true,
  },
  parked_orders: {
    one: 'order is parked',
    many: 'orders are parked',
    why: 'within 7 days: nothing tells which affiliate referred them',
    to: '/orders?status=parked',
  },
  held_reviews: {
    one: 'commission waits for your review',
    many: 'commissions wait for your review',
    why: 'nothing of it is paid until then',
    to: '/commissions?view=reviews',
  },
  commissions_past_hold: {
    one: 'commission is past its hold',
    many: 'commissions are past their hold',
    why: 'only a person approves them',
    to: '/commissions',
  },
  negative_balances: {
    one: 'balance is negative',
    many: 'balances are negative',
    why: 'refunds of what was paid; later commissions make up for it',
    to: '/payouts',
  },
};

/** Each line leads to its list. */
export function AttentionList({ items }: { items: readonly Item[] }): ReactNode {
  if (items.length === 0) {
    return (
      <p className="state good">
        <span aria-hidden="true">✓</span> Nothing needs you.
      </p>
    );
  }
  return (
    <ul className="attention">
      {items.map((item) => (
        <Needs key={item.kind} item={item} line={lines[item.kind]} />
      ))}
    </ul>
  );
}

function Needs({ item: { count, hasMore, subjects }, line }: { item: Item; line: Line }): ReactNode {
  const address = useAddress();
  const [only] = count === 1 ? subjects : [];
  const to = only && line.toOne ? line.toOne(only.id) : line.to;
  return (
    <li className={line.isBad ? 'bad-line' : 'open-line'}>
      <span aria-hidden="true">{line.isBad ? '✕' : '◷'}</span>
      <div>
        <Link href={address(to)}>
          <strong className="number">
            {formatCount(count)}
            {hasMore ? '+' : ''}
          </strong>{' '}
          {count === 1 ? line.one : line.many}
        </Link>
        <span className="quiet"> {line.why}</span>
        {subjects.length > 0 && (
          <ul className="quiet">
            {subjects.map(({ id, name, at }) => (
              <li key={id}>
                <bdi>{name}</bdi>
                {at !== null && `, for ${formatSpan(Date.now() - Date.parse(at))}`}
              </li>
            ))}
          </ul>
        )}
      </div>
    </li>
  );
}
