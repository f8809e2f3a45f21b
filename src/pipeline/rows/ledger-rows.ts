import type { Trx } from '../../db/db.ts';
import { copyRows } from '../../db/copy.ts';
import { runSql } from '../../db/sql.ts';
import { newId } from '../../domain/ids.ts';
import type { Scope } from '../../domain/scope.ts';
import type { Posting, LedgerSum } from '../rules/postings.ts';

/** What the ledger holds of each order, per affiliate and currency. */
export async function readLedgerSums(trx: Trx, orderIds: string[]): Promise<Map<string, LedgerSum[]>> {
  const ledgerSums = new Map<string, LedgerSum[]>();
  if (orderIds.length === 0) return ledgerSums;
  const rows = await runSql<{ order_id: string; affiliate_id: string; currency: string; amount_minor: bigint }>(
    trx,
    'readLedgerSums',
    `select order_id, affiliate_id, currency, sum(amount_minor)::bigint as amount_minor
     from ledger_entries where order_id = any(:orderIds) group by order_id, affiliate_id, currency`,
    { orderIds },
  );
  for (const row of rows) {
    const known = ledgerSums.get(row.order_id) ?? [];
    ledgerSums.set(row.order_id, known);
    known.push({ affiliateId: row.affiliate_id, currency: row.currency, amountMinor: row.amount_minor });
  }
  return ledgerSums;
}

/** Appends to the ledger. Nothing ever changes or removes an entry; a trigger sees to that. */
export async function insertPostings(
  trx: Trx,
  postings: { scope: Scope; orderId: string; posting: Posting }[],
): Promise<void> {
  if (postings.length === 0) return;
  await copyRows(trx, 'ledger_entries', [
    { name: 'id', type: 'text', values: postings.map(() => newId('led')) },
    { name: 'program_id', type: 'text', values: postings.map(({ scope }) => scope.programId) },
    { name: 'livemode', type: 'boolean', values: postings.map(({ scope }) => scope.livemode) },
    { name: 'order_id', type: 'text', values: postings.map(({ orderId }) => orderId) },
    { name: 'affiliate_id', type: 'text', values: postings.map(({ posting }) => posting.affiliateId) },
    { name: 'amount_minor', type: 'bigint', values: postings.map(({ posting }) => posting.amountMinor) },
    { name: 'currency', type: 'text', values: postings.map(({ posting }) => posting.currency) },
    { name: 'type', type: 'text', values: postings.map(({ posting }) => posting.type) },
    { name: 'fact_id', type: 'text', values: postings.map(({ posting }) => posting.factId) },
  ]);
}
