import type { ReactNode } from 'react';
import { useParams } from 'wouter';
import { useRows } from '../ask.ts';
import { wordsOf } from '../formats.ts';
import { List, type Column } from '../list.tsx';
import { Named, WithNames } from '../names.tsx';
import { DecideMany } from '../parts/decide-many.tsx';
import { ExportLink } from '../parts/files.tsx';
import { FilterBar, useFilters, type Filter } from '../parts/filters.tsx';
import { JobProgress } from '../parts/job-progress.tsx';
import { SelectionBar, useSelection } from '../parts/selection.tsx';
import { Moment, Money, State } from '../parts/values.tsx';
import { useView, Views } from '../parts/views.tsx';
import { useAddress, useMay } from '../place.tsx';
import type { Commission } from '../types.ts';
import { OrderDetail } from './order-detail.tsx';
import { ReviewBox } from './review-box.tsx';
import { Reviews } from './reviews.tsx';

const views = [
  ['commissions', 'Commissions'],
  ['reviews', 'Reviews'],
] as const;

const ALL = 'all';

const filters: readonly Filter[] = [
  {
    name: 'status',
    label: 'Status',
    type: 'choice',
    none: 'pending',
    choices: ['approved', 'paid', 'rejected', 'reversed', ALL],
  },
  { name: 'affiliateId', label: 'Affiliate', type: 'text', placeholder: 'id or code' },
  { name: 'offerId', label: 'Offer', type: 'text', placeholder: 'id or code' },
  { name: 'orderId', label: 'Order', type: 'text', placeholder: 'A-1001' },
  { name: 'currency', label: 'Currency', type: 'text', placeholder: 'USD' },
  { name: 'reason', label: 'Reason', type: 'text', placeholder: 'in words' },
  { name: 'payoutId', label: 'Payout', type: 'text', placeholder: 'pay_…' },
  { name: 'startDate', label: 'From', type: 'date' },
  { name: 'endDate', label: 'To', type: 'date' },
];

const columns: readonly Column<Commission>[] = [
  { title: 'Affiliate', isMain: true, show: ({ affiliateId }) => <Named id={affiliateId} /> },
  { title: 'Order', show: ({ orderId }) => (orderId === null ? '—' : <bdi>{orderId}</bdi>) },
  {
    title: 'Amount',
    width: 11.5,
    isNumber: true,
    isMain: true,
    show: ({ amountMinor, currency }) => <Money minor={amountMinor} currency={currency} />,
  },
  {
    title: 'Status',
    width: 11,
    isMain: true,
    show: ({ status, review, reason }) => (
      <>
        <State is={status} />
        {review !== null && <span className="quiet"> · in review</span>}
        {review === null && reason !== null && <span className="quiet"> · {wordsOf(reason)}</span>}
      </>
    ),
  },
  { title: 'Created', width: 11.5, show: ({ createdAt }) => <Moment at={createdAt} /> },
  { title: 'Hold until', width: 11.5, show: ({ holdUntil }) => <Moment at={holdUntil} /> },
  { title: 'Offer', width: 10, show: ({ offerId }) => <Named id={offerId} /> },
];

/** What waits for a decision, and what was decided. */
export default function Commissions(): ReactNode {
  const address = useAddress();
  const { id } = useParams<{ id?: string }>();
  const view = useView(views);
  const conversionId = id?.replace(/^com_/, 'cnv_');
  return (
    <div className="list-and-detail" data-open={id !== undefined}>
      <section className="list-side">
        <h1>Commissions</h1>
        <Views of={views} at={address('/commissions')} />
        {view === 'reviews' ? <Reviews openId={id} /> : <CommissionList openId={id} />}
      </section>
      {conversionId !== undefined && (
        <OrderDetail
          key={id}
          id={conversionId}
          back={address('/commissions')}
          before={<ReviewBox id={conversionId} />}
        />
      )}
    </div>
  );
}

function CommissionList({ openId }: { openId: string | undefined }): ReactNode {
  const address = useAddress();
  const may = useMay('commissions:write');
  const given = useFilters(filters);
  const status = given['status'] === ALL ? undefined : (given['status'] ?? 'pending');
  const query = { ...given, status };
  const rows = useRows<Commission>('/commissions', query);
  const selection = useSelection(query);
  const isFiltered = Object.values(given).some((value) => value !== undefined);
  return (
    <>
      <FilterBar filters={filters}>
        <ExportLink list="commissions" query={query} />
      </FilterBar>
      <JobProgress />
      {may && (
        <SelectionBar selection={selection} otherwise="All that match these filters:">
          <DecideMany selection={selection} filter={query} />
        </SelectionBar>
      )}
      <WithNames of={rows.data ?? []}>
        <List
          label="Commissions"
          rows={rows}
          columns={columns}
          to={(row) => address(`/commissions/${row.id}`)}
          openId={openId}
          selection={may ? selection : undefined}
          empty={<p>{isFiltered ? 'No commission fits these filters.' : 'Nothing waits for a decision.'}</p>}
        />
      </WithNames>
    </>
  );
}
