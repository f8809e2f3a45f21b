import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { foldCode } from '../domain/codes.ts';
import type { Reach } from '../domain/scope.ts';

/** The ids of affiliates that are named by id or referral code, as `findAffiliate` finds one; null where there is none such. */
export async function findAffiliateIds(
  db: Db,
  { programId, modes }: Reach,
  names: readonly string[],
): Promise<{ name: string; id: string | null }[]> {
  return runSql(
    db,
    'findAffiliateIds',
    `select named.name, coalesce(
       (select id from affiliates where program_id = :programId and id = named.name and livemode = any(:modes::boolean[])),
       (select affiliate_id from affiliate_codes
        where program_id = :programId and kind = 'referral' and code = named.code and livemode = any(:modes::boolean[])
        order by array_position(:modes::boolean[], livemode) limit 1)) as id
     from unnest(:names::text[], :codes::text[]) as named (name, code)`,
    { programId, modes, names, codes: names.map(foldCode) },
  );
}
