import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { Fact } from '../../domain/facts.ts';
import type { Scope } from '../../domain/scope.ts';
import type { ViewedOrder } from '../../ledger/conversion-view.ts';

/** What a decision about a commission depends on, and what it is recorded with. */
export interface DecidableCommission {
  /** Of the conversion. */
  id: string;
  kind: string | null;
  status: string;
  review: ViewedOrder['review'];
  /** A reference of each half of its order (readHalves of ledger/conversions.ts). */
  halves: string[];
  /** Those that say what is to be paid. */
  facts: Fact[];
}

/** Those of these conversions that somebody is credited with, by id. */
export async function readDecidable(
  trx: Trx,
  { programId, livemode }: Scope,
  conversionIds: readonly string[],
): Promise<Map<string, DecidableCommission>> {
  const rows = await runSql<DecidableCommission>(
    trx,
    'readDecidableCommissions',
    `with recursive asked as (
       select id, kind, status, review from orders
       where id = any(:conversionIds) and program_id = :programId and livemode = :livemode
         and affiliate_id is not null and (kind is not null or status = 'merged')
     ), half as (
       select id as root, id as half, id from asked
       union all
       select half.root, case when o.joined_by_hint then o.id else half.half end, o.id
       from half join orders o on o.merged_into = half.id
     ), first_refs as (
       select root, min(ref collate "C") as ref from half cross join lateral refs_of_order(half.id) as ref
       group by root, half
     ), halves as (
       select root, array_agg(ref order by ref) as refs from first_refs group by root
     ), said as (
       select order_id, jsonb_agg(fact order by occurred_at, id) as facts from facts
       where order_id in (select id from asked) and program_id = :programId and livemode = :livemode
         and fact->>'type' in ('tracker', 'sale', 'action')
       group by order_id
     )
     select a.id, a.kind, a.status, a.review, coalesce(h.refs, '{}') as halves, coalesce(s.facts, '[]') as facts
     from asked a left join halves h on h.root = a.id left join said s on s.order_id = a.id`,
    { conversionIds, programId, livemode },
  );
  return new Map(rows.map((row) => [row.id, row]));
}
