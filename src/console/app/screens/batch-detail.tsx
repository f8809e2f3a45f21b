import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useOne } from '../ask.ts';
import { Drawer } from '../parts/drawer.tsx';
import { Failure } from '../parts/failure.tsx';
import { Id, Moment, Money, Pairs } from '../parts/values.tsx';
import { useAddress } from '../place.tsx';
import type { PayoutBatchDetail } from '../types.ts';
import { MarkPayouts } from './mark-payouts.tsx';
import { PaymentFiles } from './payment-files.tsx';
import { tellCounts } from './payout-lists.tsx';

/** Payouts that were made together: the files for whoever pays them, and their end. */
export function BatchDetail({ id, back }: { id: string; back: string }): ReactNode {
  const batch = useOne<PayoutBatchDetail>(`/payouts/batches/${id}`);
  return (
    <Drawer title="Batch of payouts" back={back}>
      {batch.error && <Failure error={batch.error} again={() => void batch.refetch()} />}
      {batch.isPending && <p className="quiet">Loading …</p>}
      {batch.data && <Inside id={id} batch={batch.data} />}
    </Drawer>
  );
}

function Inside({ id, batch }: { id: string; batch: PayoutBatchDetail }): ReactNode {
  const address = useAddress();
  const { currency, minimumMinor, totalMinor, count, counts, reference, note, createdAt } = batch;
  return (
    <>
      <Pairs
        of={[
          ['Total', <Money key="total" minor={totalMinor} currency={currency} />],
          [
            'Payouts',
            <Link key="payouts" href={address(`/payouts?view=payouts&batchId=${id}`)}>
              {count} ({tellCounts(counts)})
            </Link>,
          ],
          ['Minimum', <Money key="minimum" minor={minimumMinor} currency={currency} />],
          ['Reference', reference === null ? '—' : <bdi key="reference">{reference}</bdi>],
          ['Note', note === null ? '—' : <bdi key="note">{note}</bdi>],
          ['Created', <Moment key="created" at={createdAt} />],
          ['Id', <Id key="id" id={id} whole />],
        ]}
      />
      <PaymentFiles path={`/payouts/batches/${id}/payments.csv`} query={{}} what="Payment files:" />
      {counts.pending > 0 && (
        <MarkPayouts
          path={`/payouts/batches/${id}`}
          what={counts.pending === 1 ? 'the pending payout' : `all ${counts.pending} pending payouts`}
        />
      )}
    </>
  );
}
