import { useEffect, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { useOne } from '../ask.ts';
import { Copy, Moment } from '../parts/values.tsx';
import { useAddress, usePlace } from '../place.tsx';
import type { InboxEvent, InboxEventDetail, Refusal, SourceDetail, Trace } from '../types.ts';
import { namingOf, whyRefused } from './source-words.ts';

const EVERY_MS = 1_000;
const SHOWN = 5;

/** What comes by a source, as it comes: turned away, without money, or a sale and what it lacks. */
export function LiveLine({ source }: { source: SourceDetail }): ReactNode {
  const { ref } = source;
  const now = useOne<SourceDetail>(`/sources/${ref}`, { everyMs: EVERY_MS });
  const events = useOne<InboxEvent[]>('/inbox-events', { query: { sourceId: ref, limit: SHOWN }, everyMs: EVERY_MS });
  const refusals = useOne<Refusal[]>(`/sources/${ref}/refusals`, { query: { limit: SHOWN }, everyMs: EVERY_MS });
  const arrived = [
    ...(events.data ?? []).map((event) => ({
      at: event.receivedAt,
      id: event.id,
      show: () => <Arrival event={event} kind={source.kind} />,
    })),
    ...(refusals.data ?? []).map((refusal) => ({
      at: refusal.lastAt,
      id: refusal.id,
      show: () => <TurnedAway refusal={refusal} />,
    })),
  ]
    .sort((a, b) => (a.at < b.at ? 1 : -1))
    .slice(0, SHOWN);
  // One answer may know of a message a moment before the other.
  const isElsewhere = useLasting(isNewer(now.data?.lastEventAt ?? null, events.data), 2 * EVERY_MS);
  return (
    <>
      <div role="log" aria-label="What comes in, the newest first">
        <ol className="live-line">
          {isElsewhere && <OtherMode source={source} at={now.data?.lastEventAt ?? null} />}
          {arrived.map(({ id, at, show }) => (
            <li key={id}>
              <Moment at={at} />
              {show()}
            </li>
          ))}
        </ol>
      </div>
      {arrived.length === 0 && !isElsewhere && (
        <p className="quiet">
          <span aria-hidden="true">◷</span> Nothing has come yet. What comes is shown here within a second or two.
        </p>
      )}
    </>
  );
}

/** Whether the source was heard of later than the list tells: by a message of the other mode. */
function isNewer(lastEventAt: string | null, listed: readonly InboxEvent[] | undefined): boolean {
  if (lastEventAt === null || listed === undefined) return false;
  const [newest] = listed;
  return newest === undefined || newest.receivedAt < lastEventAt;
}

/** Whether something is so for so long already. */
function useLasting(isSo: boolean, ms: number): boolean {
  const [lasts, setLasts] = useState(false);
  useEffect(() => {
    if (!isSo) return undefined;
    const timer = setTimeout(() => setLasts(true), ms);
    return () => {
      clearTimeout(timer);
      setLasts(false);
    };
  }, [isSo, ms]);
  return lasts;
}

function OtherMode({ source, at }: { source: SourceDetail; at: string | null }): ReactNode {
  const { session, mode, program } = usePlace();
  const other = mode === 'live' ? 'test' : 'live';
  return (
    <li>
      <Moment at={at} />
      <p className="quiet">
        A {other} message came; here only {mode} ones are shown.{' '}
        {session.mode === null ? (
          <Link href={`/${program.id}/${other}/sources/${source.ref}`}>Look in {other} mode</Link>
        ) : (
          `Sign in with a ${other} key to see it.`
        )}
      </p>
    </li>
  );
}

function TurnedAway({ refusal }: { refusal: Refusal }): ReactNode {
  return (
    <p className="bad">
      <span aria-hidden="true">✕</span> A message came, and {whyRefused(refusal)}
      {refusal.count > 1 && ` (${refusal.count} times)`}
    </p>
  );
}

interface ArrivalProps {
  event: InboxEvent;
  kind: SourceDetail['kind'];
}

/** Each is looked at once, when it is settled: few are shown. */
function Arrival({ event, kind }: ArrivalProps): ReactNode {
  const { id, status, conversionId, reason, error, outcome } = event;
  const isSettled = status !== 'received';
  const isAboutOrder = status === 'processed' && conversionId !== null;
  const detail = useOne<InboxEventDetail>(`/inbox-events/${id}`, { enabled: isSettled });
  const trace = useOne<Trace>('/trace', { query: { q: id }, enabled: isAboutOrder });
  const what = detail.data ? typeOf(detail.data) : 'A message';
  if (!isSettled) return <p className="quiet">◷ A message came and is being settled.</p>;
  if (status === 'failed' || status === 'unprocessable' || outcome === 'rejected') {
    return (
      <p className="bad">
        <span aria-hidden="true">✕</span> <code>{what}</code> came, and could not be read: {error ?? reason}
      </p>
    );
  }
  if (!isAboutOrder) {
    return (
      <p className="quiet">
        <span aria-hidden="true">·</span> <code>{what}</code> came; it carries no money.
      </p>
    );
  }
  return <Sale what={what} order={trace.data?.orders[0]} kind={kind} />;
}

function Sale({
  what,
  order,
  kind,
}: {
  what: string;
  order: Trace['orders'][number] | undefined;
  kind: ArrivalProps['kind'];
}): ReactNode {
  const address = useAddress();
  if (!order) return <p className="quiet">◷ {what} came.</p>;
  const isParked = order.status === 'parked';
  const naming = namingOf[kind];
  return (
    <div className="good">
      <p>
        <span aria-hidden="true">✓</span> <code>{what}</code>:{' '}
        {isParked ? (
          <>
            a {order.kind ?? 'sale'} of {order.amounts}, <strong>no affiliate named</strong>.
          </>
        ) : (
          <bdi>{order.verdict.sentence}</bdi>
        )}{' '}
        {order.conversionId !== null && <Link href={address(`/orders/${order.conversionId}`)}>Open it</Link>}
      </p>
      {isParked && (
        <details>
          <summary>How to name the affiliate</summary>
          <p>{naming.words}</p>
          <pre>{naming.code}</pre>
          <Copy text={naming.code} label="Copy the example">
            Copy
          </Copy>
        </details>
      )}
    </div>
  );
}

/** What the sender calls it. */
function typeOf({ kind, raw }: InboxEventDetail): string {
  if (kind === 'postback') return 'postback';
  try {
    const body = JSON.parse(raw) as { type?: unknown; event?: { type?: unknown } };
    const type = kind === 'revenuecat' ? body.event?.type : body.type;
    return typeof type === 'string' ? type : kind;
  } catch {
    return kind;
  }
}
