import { useState, type ReactNode } from 'react';
import { useRows } from '../ask.ts';
import { wordsOf } from '../formats.ts';
import { List, type Column } from '../list.tsx';
import { FilterBar, useFilters, type Filter } from '../parts/filters.tsx';
import { SelectionBar, useSelection } from '../parts/selection.tsx';
import { Moment, Money } from '../parts/values.tsx';
import { useAddress, useMay } from '../place.tsx';
import type { Review } from '../types.ts';
import { Named, WithNames } from '../names.tsx';
import { DecideReviews, type ReviewChoice } from './decide-reviews.tsx';

const filters: readonly Filter[] = [
  {
    name: 'reason',
    label: 'Reason',
    type: 'choice',
    choices: ['currency_mismatch', 'joined_affiliates_differ', 'paid_to_another', 'same_domain'],
  },
  { name: 'affiliateId', label: 'Affiliate', type: 'text', placeholder: 'id or code' },
  { name: 'startDate', label: 'From', type: 'date' },
  { name: 'endDate', label: 'To', type: 'date' },
];

/** A review with whom it is about, by whom lists are given names. */
type Row = Review & { affiliateId: string | null };

const columns: readonly Column<Row>[] = [
  { title: 'Affiliate', isMain: true, show: ({ affiliateId }) => <Named id={affiliateId} /> },
  { title: 'Order', show: ({ commission: { orderId } }) => (orderId === null ? '—' : <bdi>{orderId}</bdi>) },
  {
    title: 'Amount',
    width: 11.5,
    isNumber: true,
    isMain: true,
    show: ({ commission: { amountMinor, currency } }) => <Money minor={amountMinor} currency={currency} />,
  },
  { title: 'Why', width: 16, isMain: true, show: ({ reasons }) => reasons.map(wordsOf).join(', ') },
  { title: 'Since', width: 12, show: ({ since }) => <Moment at={since} /> },
];

/** What nobody is paid for before a person decided. */
export function Reviews({ openId }: { openId: string | undefined }): ReactNode {
  const address = useAddress();
  const may = useMay('commissions:write');
  const query = useFilters(filters);
  const rows = useRows('/reviews', query, toRow);
  const selection = useSelection(query);
  const [choice, setChoice] = useState<ReviewChoice | null>(null);
  const isIdle = selection.ids.size === 0;
  return (
    <>
      <FilterBar filters={filters} />
      {may && (
        <SelectionBar selection={selection} otherwise="Select reviews to decide about them:">
          <button type="button" disabled={isIdle} onClick={() => setChoice({ status: 'approved' })}>
            Approve …
          </button>
          <button type="button" disabled={isIdle} onClick={() => setChoice({ status: 'rejected' })}>
            Reject …
          </button>
        </SelectionBar>
      )}
      <DecideReviews ids={[...selection.ids]} choice={choice} close={() => setChoice(null)} done={selection.clear} />
      <WithNames of={rows.data ?? []}>
        <List
          label="Reviews"
          rows={rows}
          columns={columns}
          to={(row) => address(`/commissions/${row.id}`)}
          openId={openId}
          selection={may ? selection : undefined}
          empty={<p>No commission is in review.</p>}
        />
      </WithNames>
    </>
  );
}

function toRow(review: Review): Row {
  return { ...review, affiliateId: review.commission.affiliateId };
}
