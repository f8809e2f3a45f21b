import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import { useOne } from '../ask.ts';
import { wordsOf } from '../formats.ts';
import { Failure } from '../parts/failure.tsx';
import { Moment, State } from '../parts/values.tsx';
import { useAddress } from '../place.tsx';
import type { Trace } from '../types.ts';

/** Why no commission? One box, and a checklist that is red at the first step that failed. */
export default function LookUp(): ReactNode {
  const [params, setParams] = useSearchParams();
  const asked = params.get('q') ?? '';
  return (
    <div className="reading">
      <h1>Where is my sale?</h1>
      <form
        role="search"
        className="look-up"
        onSubmit={(event) => {
          event.preventDefault();
          const text = new FormData(event.currentTarget).get('q');
          setParams(typeof text === 'string' && text.trim() !== '' ? { q: text.trim() } : {});
        }}
      >
        <input
          key={asked}
          name="q"
          type="search"
          aria-label="An order, click, Stripe or message id, an e-mail, a code, a sub id"
          placeholder="An order, click, Stripe or message id, an e-mail, a code, a sub id"
          defaultValue={asked}
          maxLength={255}
          autoFocus
        />
        <button type="submit" className="main">
          Look up
        </button>
      </form>
      {asked !== '' && <Answer asked={asked} />}
    </div>
  );
}

const stateMarks = { ok: '✓', failed: '✕', not_reached: '·' } as const;

function Answer({ asked }: { asked: string }): ReactNode {
  const trace = useOne<Trace>('/trace', { query: { q: asked } });
  if (trace.error) return <Failure error={trace.error} again={() => void trace.refetch()} />;
  if (!trace.data) return <p className="quiet">Loading …</p>;
  const { verdict, checklist, orders, hasMoreOrders, messages, refusals, deliveries } = trace.data;
  return (
    <>
      <section className="why" aria-label="Verdict">
        <p className="verdict">{verdict.sentence}</p>
        {verdict.advice !== null && <p>{verdict.advice}</p>}
      </section>
      <ol className="checklist">
        {checklist.map(({ step, state, sentence }) => (
          <li key={step} className={state}>
            <span aria-hidden="true">{stateMarks[state]}</span>
            <strong>{wordsOf(step)}</strong>
            <span className="hidden">{wordsOf(state)}: </span>
            <bdi>{sentence}</bdi>
          </li>
        ))}
      </ol>
      <Orders orders={orders} hasMore={hasMoreOrders} />
      <Messages messages={messages} />
      {refusals.length > 0 && (
        <>
          <h2>Turned away at the door</h2>
          <ul className="rows">
            {refusals.map(({ id, reason, message, count, lastAt }) => (
              <li key={id}>
                <Moment at={lastAt} />
                <strong>{wordsOf(reason)}</strong>
                <span>{message}</span>
                {count > 1 && <span className="quiet">{count} times</span>}
              </li>
            ))}
          </ul>
        </>
      )}
      {deliveries.length > 0 && (
        <>
          <h2>Who was told</h2>
          <ul className="rows">
            {deliveries.map(({ id, type, createdAt, deliveries: told }) => (
              <li key={id}>
                <Moment at={createdAt} />
                <code>{type}</code>
                {told.map(({ endpointId, url, status }) => (
                  <span key={endpointId}>
                    {url} <State is={status} />
                  </span>
                ))}
                {told.length === 0 && <span className="quiet">nobody subscribed to it</span>}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Orders({ orders, hasMore }: { orders: Trace['orders']; hasMore: boolean }): ReactNode {
  const address = useAddress();
  if (orders.length === 0) return null;
  return (
    <>
      <h2>Orders</h2>
      <ul className="rows">
        {orders.map(({ conversionId, adjustmentId, kind, orderId, status, verdict }) => (
          <li key={conversionId ?? adjustmentId}>
            {conversionId === null ? (
              <span>adjustment</span>
            ) : (
              <Link href={address(`/orders/${conversionId}`)}>
                {kind ?? 'order'} {orderId ?? conversionId}
              </Link>
            )}
            <State is={status} />
            <bdi>{verdict.sentence}</bdi>
          </li>
        ))}
      </ul>
      {hasMore && <p className="quiet">There are more orders of that name; the newest are shown.</p>}
    </>
  );
}

function Messages({ messages }: { messages: Trace['messages'] }): ReactNode {
  const address = useAddress();
  if (messages.length === 0) return null;
  return (
    <>
      <h2>What arrived</h2>
      <ul className="rows">
        {messages.map(({ id, kind, receivedAt, status, outcome, reason, error }) => (
          <li key={id}>
            <Moment at={receivedAt} />
            <Link href={address(`/inbox/${id}`)}>{kind}</Link>
            <State is={status} />
            <span>
              {outcome === null ? '' : wordsOf(outcome)}
              {(error ?? reason) === null ? '' : ` · ${wordsOf(error ?? reason ?? '')}`}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
