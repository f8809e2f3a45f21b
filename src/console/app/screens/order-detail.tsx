import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useOne } from '../ask.ts';
import { wordsOf } from '../formats.ts';
import { useKeys } from '../keyboard.ts';
import { Named, WithNames } from '../names.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { Failure } from '../parts/failure.tsx';
import { Id, Moment, Money, Pairs, State } from '../parts/values.tsx';
import { useAddress } from '../place.tsx';
import type { ConversionDetail, TimelineEntry, Trace } from '../types.ts';
import { OrderActions } from './order-actions.tsx';
import { OrderCorrections } from './order-corrections.tsx';

/** One order: why this affiliate, why this amount, and everything that happened to it. */
export function OrderDetail(props: {
  id: string;
  back: string;
  /** Shown before all else. */
  before?: ReactNode;
}): ReactNode {
  const { id, back, before } = props;
  const order = useOne<ConversionDetail>(`/conversions/${id}`);
  useKeys({ c: () => void navigator.clipboard.writeText(id) });
  return (
    <Drawer title={order.data ? titleOf(order.data) : 'Order'} back={back}>
      {order.error && <Failure error={order.error} again={() => void order.refetch()} />}
      {before}
      {order.data && (
        <WithNames of={[order.data]}>
          <Inside order={order.data} />
        </WithNames>
      )}
    </Drawer>
  );
}

function titleOf({ kind, orderId, id }: ConversionDetail): string {
  return `${kind ?? 'order'} ${orderId ?? id}`;
}

function Inside({ order }: { order: ConversionDetail }): ReactNode {
  const { id, status, reason, grossMinor, amountMinor, refundedMinor, currency, commission, affiliateId, offerId } =
    order;
  return (
    <>
      <Why id={id} />
      <Pairs
        of={[
          ['Status', <Status key="status" status={status} reason={reason} />],
          ['Gross', <Money key="gross" minor={grossMinor} currency={currency} />],
          ['Net', <Money key="net" minor={amountMinor} currency={currency} />],
          ...(refundedMinor === 0
            ? []
            : [['Refunded', <Money key="refunded" minor={refundedMinor} currency={currency} />] as const]),
          [
            'Commission',
            <Money key="commission" minor={commission?.amountMinor ?? null} currency={commission?.currency ?? null} />,
          ],
          ['Affiliate', <Named key="affiliate" id={affiliateId} full />],
          ['Offer', <Named key="offer" id={offerId} full />],
          ['Click', <Id key="click" id={order.clickId} />],
          ['Customer', <Id key="customer" id={order.customerId} />],
          ['Occurred', <Moment key="occurred" at={order.occurredAt} />],
          ['Id', <Id key="id" id={id} whole />],
        ]}
      />
      <OrderActions order={order} />
      <OrderCorrections order={order} />
      <h3>What happened</h3>
      <Timeline id={id} />
      <h3>Known as</h3>
      <ul className="references">
        {order.references.map((reference) => (
          <li key={reference}>
            <Id id={reference} whole />
          </li>
        ))}
      </ul>
    </>
  );
}

function Status({ status, reason }: { status: string; reason: string | null }): ReactNode {
  return (
    <>
      <State is={status} />
      {reason !== null && <span className="quiet"> · {wordsOf(reason)}</span>}
    </>
  );
}

/** In sentences: who earns what of it and why, and what was passed over. */
function Why({ id }: { id: string }): ReactNode {
  const trace = useOne<Trace>('/trace', { query: { q: id } });
  if (trace.error) return <Failure error={trace.error} again={() => void trace.refetch()} />;
  const order = trace.data?.orders[0];
  return (
    <section className="why" aria-label="Why" aria-busy={!order}>
      {order ? (
        <>
          <p className="verdict">{order.verdict.sentence}</p>
          {order.evidence.chosen && <p>Chosen: {order.evidence.chosen.sentence}.</p>}
          {order.evidence.passedOver.length > 0 && (
            <>
              <p>Passed over:</p>
              <ul>
                {order.evidence.passedOver.map(({ by, value, sentence }) => (
                  <li key={`${by} ${value}`}>{sentence}</li>
                ))}
              </ul>
            </>
          )}
          {order.terms !== null && <p className="quiet">Terms: {order.terms}.</p>}
          {order.verdict.advice !== null && <p className="quiet">{order.verdict.advice}</p>}
        </>
      ) : (
        <p className="quiet">Loading …</p>
      )}
    </section>
  );
}

const screens: Readonly<Record<string, string>> = {
  ibx: '/inbox/',
  evt: '/webhooks/deliveries?messageId=',
  pay: '/payouts/',
};

/** Messages, facts, postings, webhooks and payouts in the order in which they happened. */
function Timeline({ id }: { id: string }): ReactNode {
  const entries = useOne<TimelineEntry[]>(`/conversions/${id}/timeline`, { query: { limit: 100 } });
  const address = useAddress();
  if (entries.error) return <Failure error={entries.error} again={() => void entries.refetch()} />;
  return (
    <ol className="timeline" aria-busy={!entries.data}>
      {entries.data?.map(({ id: entryId, at, kind, title, objectId, state }) => {
        const screen = objectId === null ? undefined : screens[objectId.split('_')[0] ?? ''];
        return (
          <li key={entryId}>
            <Moment at={at} />
            <span className="kind">{wordsOf(kind)}</span>
            {screen === undefined ? <bdi>{title}</bdi> : <Link href={address(screen + objectId)}>{title}</Link>}
            {state !== null && <State is={state} />}
          </li>
        );
      })}
    </ol>
  );
}
