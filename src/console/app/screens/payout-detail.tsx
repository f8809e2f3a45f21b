import type { ReactNode } from 'react';
import { useOne, useRows } from '../ask.ts';
import { wordsOf } from '../formats.ts';
import { Named, WithNames } from '../names.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { Failure } from '../parts/failure.tsx';
import { Id, Moment, Money, Pairs, State } from '../parts/values.tsx';
import type { Payout, PayoutEntry } from '../types.ts';
import { MarkPayouts } from './mark-payouts.tsx';

/** One payout, and what it pays. */
export function PayoutDetail({ id, back }: { id: string; back: string }): ReactNode {
  const payout = useOne<Payout>(`/payouts/${id}`);
  return (
    <Drawer title="Payout" back={back}>
      {payout.error && <Failure error={payout.error} again={() => void payout.refetch()} />}
      {payout.isPending && <p className="quiet">Loading …</p>}
      {payout.data && (
        <WithNames of={[payout.data]}>
          <Inside payout={payout.data} />
        </WithNames>
      )}
    </Drawer>
  );
}

function Inside({ payout }: { payout: Payout }): ReactNode {
  const { id, affiliateId, amountMinor, currency, status, batchId, reference, note } = payout;
  return (
    <>
      <Pairs
        of={[
          ['Amount', <Money key="amount" minor={amountMinor} currency={currency} />],
          ['Status', <State key="status" is={status} />],
          ['Affiliate', <Named key="affiliate" id={affiliateId} full />],
          ...(batchId === null ? [] : [['Batch', <Id key="batch" id={batchId} to={`/payouts/${batchId}`} />] as const]),
          ['Reference', reference === null ? '—' : <bdi key="reference">{reference}</bdi>],
          ['Note', note === null ? '—' : <bdi key="note">{note}</bdi>],
          ['Created', <Moment key="created" at={payout.createdAt} />],
          ...(payout.paidAt === null ? [] : [['Paid', <Moment key="paid" at={payout.paidAt} />] as const]),
          ...(payout.failedAt === null ? [] : [['Failed', <Moment key="failed" at={payout.failedAt} />] as const]),
          ['Id', <Id key="id" id={id} whole />],
        ]}
      />
      {status === 'pending' && <MarkPayouts path={`/payouts/${id}`} what="this payout" />}
      <h3>What it pays</h3>
      <Entries id={id} />
    </>
  );
}

/** Commissions, what refunds took back, and adjustments: their sum is the amount of the payout. */
function Entries({ id }: { id: string }): ReactNode {
  const entries = useRows<PayoutEntry>(`/payouts/${id}/entries`, {});
  if (entries.error) return <Failure error={entries.error} again={() => void entries.refetch()} />;
  return (
    <>
      <table aria-busy={entries.isPending}>
        <caption className="hidden">Entries of the payout</caption>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Of</th>
            <th scope="col" className="number">
              Amount
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.data?.map(({ id: entryId, type, conversionId, adjustmentId, amountMinor, currency }) => (
            <tr key={entryId}>
              <td className="kind">{wordsOf(type)}</td>
              <td>
                {conversionId === null ? (
                  <Id id={adjustmentId} />
                ) : (
                  <Id id={conversionId} to={`/orders/${conversionId}`} />
                )}
              </td>
              <td className="number">
                <Money minor={amountMinor} currency={currency} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {entries.hasNextPage && (
        <p className="actions">
          <button type="button" disabled={entries.isFetchingNextPage} onClick={() => void entries.fetchNextPage()}>
            Show more
          </button>
        </p>
      )}
    </>
  );
}
