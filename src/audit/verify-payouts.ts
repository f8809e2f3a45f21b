import type { Trx } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import type { Findings } from './verify-findings.ts';

/** Compares a page of payouts with their entries. Gives the id of the last one; null at the end. */
export async function verifyPayouts(
  trx: Trx,
  afterId: string,
  limit: number,
  programId: string | null,
  findings: Findings,
): Promise<string | null> {
  const rows = await runSql<{
    id: string;
    amount_minor: bigint;
    entries: bigint;
    strangers: number;
    twice: number;
  }>(
    trx,
    'readPayoutPage',
    `select p.id, p.amount_minor, coalesce(sum(e.amount_minor), 0)::bigint as entries,
       count(*) filter (where (e.program_id, e.affiliate_id, e.currency, e.livemode)
         is distinct from (p.program_id, p.affiliate_id, p.currency, true))::int as strangers,
       count(*) filter (where exists (select 1 from payout_entries other where other.order_id = pe.order_id
         and other.entry_id = pe.entry_id and other.payout_id <> p.id and other.live and pe.live))::int as twice
     from (select * from payouts where id > :afterId and (:programId::text is null or program_id = :programId)
           order by id limit :limit) p
     left join payout_entries pe on pe.payout_id = p.id
     left join ledger_entries e on e.order_id = pe.order_id and e.id = pe.entry_id
     group by p.id, p.amount_minor order by p.id`,
    { afterId, programId, limit },
  );
  for (const { id, amount_minor: amountMinor, entries, strangers, twice } of rows) {
    findings.count('payouts');
    if (amountMinor !== entries) findings.differ('payout', id, 'amountMinor', amountMinor, entries);
    if (strangers > 0) findings.differ('payout', id, 'entries of others', strangers, 0);
    if (twice > 0) findings.differ('payout', id, 'entries in another payout, too', twice, 0);
  }
  return rows.length === limit ? (rows.at(-1)?.id ?? null) : null;
}

/** Counts the postings, whose sums are compared with their orders. */
export async function countPostings(trx: Trx, programId: string | null, findings: Findings): Promise<void> {
  const [row] = await runSql<{ count: number }>(
    trx,
    'countPostings',
    `select count(*)::int as count from ledger_entries where :programId::text is null or program_id = :programId`,
    { programId },
  );
  findings.count('postings', row?.count ?? 0);
}
