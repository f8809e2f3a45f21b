import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';

/**
 * When the newest conversion of each of these affiliates occurred, by affiliate id: of those that are pending, approved or paid, the
 * one that was recorded last. Found by the index on affiliates, from its end.
 */
export async function readLastConversions(
  db: Db,
  programId: string,
  livemode: boolean,
  affiliateIds: readonly string[],
): Promise<Map<string, Date>> {
  const rows = await runSql<{ affiliateId: string; occurredAt: Date | null }>(
    db,
    'readLastConversions',
    `select a.id as "affiliateId", o.occurred_at as "occurredAt"
     from unnest(:affiliateIds::text[]) as a (id)
     cross join lateral (select occurred_at from orders
       where affiliate_id = a.id and program_id = :programId and livemode = :livemode
         and status in ('pending', 'approved', 'paid')
       order by id desc limit 1) o`,
    { affiliateIds, programId, livemode },
  );
  return new Map(
    rows.flatMap(({ affiliateId, occurredAt }) => (occurredAt ? [[affiliateId, occurredAt] as const] : [])),
  );
}
