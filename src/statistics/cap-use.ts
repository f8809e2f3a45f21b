import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';

/** How many slots of today's cap each of these offers has given out, by offer id; today is the program's day. */
export async function readCapUse(
  db: Db,
  programId: string,
  livemode: boolean,
  offerIds: readonly string[],
  now: Date,
): Promise<Map<string, number>> {
  const rows = await runSql<{ offerId: string; taken: number }>(
    db,
    'readCapUse',
    `select c.offer_id as "offerId", c.taken from cap_counters c join programs p on p.id = c.program_id
     where c.program_id = :programId and c.livemode = :livemode and c.offer_id = any(:offerIds)
       and c.day = (:now::timestamptz at time zone p.timezone)::date`,
    { programId, livemode, offerIds, now },
  );
  return new Map(rows.map(({ offerId, taken }) => [offerId, taken]));
}
