import type { ReactNode } from 'react';
import { useRows } from '../ask.ts';
import { formatCount } from '../formats.ts';
import { List, type Column } from '../list.tsx';
import { Named, WithNames } from '../names.tsx';
import { ExportLink } from '../parts/files.tsx';
import { FilterBar, useFilters, type Filter } from '../parts/filters.tsx';
import { Moment, Money, State } from '../parts/values.tsx';
import { useAddress } from '../place.tsx';
import type { Balance, Payout, PayoutBatch } from '../types.ts';
import { PaymentFiles } from './payment-files.tsx';

const affiliate: Filter = { name: 'affiliateId', label: 'Affiliate', type: 'text', placeholder: 'id or code' };
const currency: Filter = { name: 'currency', label: 'Currency', type: 'text', placeholder: 'USD' };

type BalanceRow = Balance & { id: string };

function amount(title: string, of: (row: BalanceRow) => number, more: object = {}): Column<BalanceRow> {
  const show = (row: BalanceRow): ReactNode => <Money minor={of(row)} currency={row.currency} />;
  return { title, width: 11, isNumber: true, show, ...more };
}

const balanceFilters = [affiliate, currency];
const balanceColumns: readonly Column<BalanceRow>[] = [
  { title: 'Affiliate', isMain: true, show: ({ affiliateId }) => <Named id={affiliateId} /> },
  amount('Payable', ({ payableMinor }) => payableMinor, { isMain: true }),
  amount('Pending', ({ pendingMinor }) => pendingMinor, { isMain: true }),
  amount('Approved', ({ approvedMinor }) => approvedMinor),
  amount('In review', ({ heldMinor }) => heldMinor),
  amount('In payout', ({ inPayoutMinor }) => inPayoutMinor),
  amount('Paid', ({ paidMinor }) => paidMinor),
];

/** What each affiliate has in each currency. */
export function Balances({ openId }: { openId: string | undefined }): ReactNode {
  const address = useAddress();
  const query = useFilters(balanceFilters);
  const rows = useRows('/balances', query, toBalanceRow);
  const open = rows.data?.find(({ affiliateId }) => affiliateId === openId);
  return (
    <>
      <FilterBar filters={balanceFilters}>
        <ExportLink list="balances" query={query} />
      </FilterBar>
      <WithNames of={rows.data ?? []}>
        <List
          label="Balances"
          rows={rows}
          columns={balanceColumns}
          to={(row) => address(`/payouts/${row.affiliateId}`)}
          openId={open?.id}
          empty={<p>Nobody has earned anything yet, or nobody whom these filters name.</p>}
        />
      </WithNames>
    </>
  );
}

function toBalanceRow(balance: Balance): BalanceRow {
  return { ...balance, id: `${balance.affiliateId} ${balance.currency}` };
}

const payoutFilters: readonly Filter[] = [
  affiliate,
  currency,
  { name: 'status', label: 'Status', type: 'choice', choices: ['pending', 'paid', 'failed'] },
  { name: 'batchId', label: 'Batch', type: 'text', placeholder: 'pab_…' },
  { name: 'startDate', label: 'From', type: 'date' },
  { name: 'endDate', label: 'To', type: 'date' },
];
const payoutColumns: readonly Column<Payout>[] = [
  { title: 'Affiliate', isMain: true, show: ({ affiliateId }) => <Named id={affiliateId} /> },
  {
    title: 'Amount',
    width: 11.5,
    isNumber: true,
    isMain: true,
    show: ({ amountMinor, currency: unit }) => <Money minor={amountMinor} currency={unit} />,
  },
  { title: 'Status', width: 8, isMain: true, show: ({ status }) => <State is={status} /> },
  { title: 'Created', width: 12, show: ({ createdAt }) => <Moment at={createdAt} /> },
  { title: 'Paid', width: 12, show: ({ paidAt }) => <Moment at={paidAt} /> },
  { title: 'Reference', show: ({ reference }) => (reference === null ? '—' : <bdi>{reference}</bdi>) },
];

export function PayoutList({ openId }: { openId: string | undefined }): ReactNode {
  const address = useAddress();
  const query = useFilters(payoutFilters);
  const rows = useRows<Payout>('/payouts', query);
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  return (
    <>
      <FilterBar filters={payoutFilters}>
        <ExportLink list="payouts" query={query} />
      </FilterBar>
      {query['batchId'] === undefined && query['startDate'] === undefined && query['endDate'] === undefined && (
        <PaymentFiles
          path="/payouts/payments.csv"
          query={{
            affiliateId: query['affiliateId'],
            currency: query['currency'],
            status: query['status'] ?? 'pending',
          }}
          what={`Payment files of what is ${query['status'] ?? 'pending'}:`}
          noPayPal={query['currency'] === undefined ? 'PayPal takes one currency a file: choose one.' : null}
        />
      )}
      <WithNames of={rows.data ?? []}>
        <List
          label="Payouts"
          rows={rows}
          columns={payoutColumns}
          to={(row) => address(`/payouts/${row.id}`)}
          openId={openId}
          empty={<p>{isFiltered ? 'No payout fits these filters.' : 'Nothing was paid out yet.'}</p>}
        />
      </WithNames>
    </>
  );
}

const batchFilters = [currency];
type BatchRow = PayoutBatch & { id: string };
const batchColumns: readonly Column<BatchRow>[] = [
  { title: 'Created', width: 12, isMain: true, show: ({ createdAt }) => <Moment at={createdAt} /> },
  { title: 'Payouts', width: 6, isNumber: true, show: ({ count }) => formatCount(count) },
  {
    title: 'Total',
    width: 11.5,
    isNumber: true,
    isMain: true,
    show: ({ totalMinor, currency: unit }) => <Money minor={totalMinor} currency={unit} />,
  },
  { title: 'State', width: 14, isMain: true, show: ({ counts }) => tellCounts(counts) },
  { title: 'Reference', show: ({ reference }) => (reference === null ? '—' : <bdi>{reference}</bdi>) },
];

/** Payouts that were made together. */
export function Batches({ openId }: { openId: string | undefined }): ReactNode {
  const address = useAddress();
  const query = useFilters(batchFilters);
  const rows = useRows<BatchRow>('/payouts/batches', query);
  return (
    <>
      <FilterBar filters={batchFilters} />
      <List
        label="Batches"
        rows={rows}
        columns={batchColumns}
        to={(row) => address(`/payouts/${row.id}`)}
        openId={openId}
        empty={<p>No payouts were made together yet.</p>}
      />
    </>
  );
}

/** `12 pending, 3 paid`. */
export function tellCounts(counts: PayoutBatch['counts']): string {
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  return some.map(([status, count]) => `${formatCount(count)} ${status}`).join(', ') || '—';
}
