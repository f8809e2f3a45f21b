import type { ReactNode } from 'react';
import { useParams } from 'wouter';
import { useRows } from '../ask.ts';
import type { Query } from '../call.ts';
import { wordsOf } from '../formats.ts';
import { List, type Column } from '../list.tsx';
import { NewsButton } from '../news-button.tsx';
import { Named, WithNames } from '../names.tsx';
import { DecideMany } from '../parts/decide-many.tsx';
import { ExportLink } from '../parts/files.tsx';
import { FilterBar, useFilters, type Filter } from '../parts/filters.tsx';
import { JobProgress } from '../parts/job-progress.tsx';
import { SelectionBar, useSelection } from '../parts/selection.tsx';
import { Id, Moment, Money, State } from '../parts/values.tsx';
import { useAddress, useMay } from '../place.tsx';
import type { Conversion } from '../types.ts';
import { OrderDetail } from './order-detail.tsx';

const filters: readonly Filter[] = [
  { name: 'orderId', label: 'Order', type: 'text', placeholder: 'A-1001' },
  {
    name: 'status',
    label: 'Status',
    type: 'choice',
    choices: ['pending', 'approved', 'paid', 'rejected', 'reversed', 'parked', 'not_tracked', 'merged'],
  },
  { name: 'kind', label: 'Kind', type: 'choice', choices: ['sale', 'renewal', 'lead', 'action'] },
  { name: 'affiliateId', label: 'Affiliate', type: 'text', placeholder: 'id or code' },
  { name: 'offerId', label: 'Offer', type: 'text', placeholder: 'id or code' },
  { name: 'reason', label: 'Reason', type: 'text', placeholder: 'self_referral' },
  { name: 'payoutId', label: 'Payout', type: 'text', placeholder: 'pay_…' },
  { name: 'startDate', label: 'From', type: 'date' },
  { name: 'endDate', label: 'To', type: 'date' },
];

function money(
  title: string,
  of: (row: Conversion) => number | null,
  currencyOf: (row: Conversion) => string | null = ({ currency }) => currency,
): Column<Conversion> {
  const show = (row: Conversion): ReactNode => <Money minor={of(row)} currency={currencyOf(row)} />;
  return { title, width: 11.5, isNumber: true, show };
}

const columns: readonly Column<Conversion>[] = [
  {
    title: 'Occurred',
    width: 11.5,
    isMain: true,
    show: ({ occurredAt, createdAt }) => <Moment at={occurredAt ?? createdAt} />,
  },
  {
    title: 'Order',
    isMain: true,
    show: ({ orderId, id }) => (orderId === null ? <Id id={id} /> : <bdi>{orderId}</bdi>),
  },
  {
    title: 'Status',
    width: 11,
    isMain: true,
    show: ({ status, reason }) => (
      <>
        <State is={status} />
        {reason !== null && <span className="quiet"> · {wordsOf(reason)}</span>}
      </>
    ),
  },
  { title: 'Affiliate', width: 11, show: ({ affiliateId }) => <Named id={affiliateId} /> },
  money(
    'Commission',
    ({ commission }) => commission?.amountMinor ?? null,
    ({ commission }) => commission?.currency ?? null,
  ),
  money('Gross', ({ grossMinor }) => grossMinor),
  money('Net', ({ amountMinor }) => amountMinor),
  money('Refunded', ({ refundedMinor }) => (refundedMinor === 0 ? null : refundedMinor)),
  { title: 'Kind', width: 6, show: ({ kind }) => kind ?? '—' },
  { title: 'Offer', width: 10, show: ({ offerId }) => <Named id={offerId} /> },
];

/** Conversions: what was sold, who gets what of it. */
export default function Orders(): ReactNode {
  const address = useAddress();
  const { id } = useParams<{ id?: string }>();
  const query = useFilters(filters);
  const rows = useRows<Conversion>('/conversions', query);
  const may = useMay('commissions:write');
  const selection = useSelection(query);
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  return (
    <div className="list-and-detail" data-open={id !== undefined}>
      <section className="list-side">
        <h1>Orders</h1>
        <FilterBar filters={filters}>
          <NewsButton kind="conversion" rows={rows} isFiltered={isFiltered} />
          <ExportLink list="conversions" query={query} />
        </FilterBar>
        <JobProgress />
        {may && (
          <SelectionBar selection={selection} otherwise="Of all that match these filters, what is pending:">
            <DecideMany selection={selection} filter={toCommissions(query)} idOf={commissionOf} />
          </SelectionBar>
        )}
        <WithNames of={rows.data ?? []}>
          <List
            label="Orders"
            rows={rows}
            columns={columns}
            to={(row) => address(`/orders/${row.id}`)}
            openId={id}
            selection={may ? selection : undefined}
            empty={
              <p>
                {isFiltered
                  ? 'No order fits these filters.'
                  : 'No order yet. The first sale that comes in appears here.'}
              </p>
            }
          />
        </WithNames>
      </section>
      {id !== undefined && <OrderDetail key={id} id={id} back={address('/orders')} />}
    </div>
  );
}

const decidable: readonly string[] = ['pending', 'approved', 'paid', 'rejected', 'reversed'];

/** The filter of commissions that says the same; null where an order in this state has none. */
function toCommissions(query: Query): Query | null {
  const { status } = query;
  return status === undefined || decidable.includes(String(status)) ? query : null;
}

function commissionOf(conversionId: string): string {
  return conversionId.replace(/^cnv_/, 'com_');
}
