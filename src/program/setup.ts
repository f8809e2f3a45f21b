import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import type { Reach } from '../domain/scope.ts';

/** When each step of a new program was first done; null: not yet. */
export interface SetupSteps {
  offer: Date | null;
  affiliate: Date | null;
  /** A way in: a source, or a conversion that came by API key. */
  source: Date | null;
  /** A sale that was credited to somebody; a live one shows even more. */
  testSale: Date | null;
  webhook: Date | null;
}

/** So many of the first messages are looked at for one that came by API key. */
const FIRST_MESSAGES = 200;

/** Each is the first by id, which an index finds; imported ids may stand before older ones. */
export async function readSetupSteps(db: Db, { programId, modes }: Reach): Promise<SetupSteps> {
  const [row] = await runSql<SetupSteps>(
    db,
    'readSetupSteps',
    `select
       (select created_at from offers where program_id = :programId and livemode = any(:modes::boolean[])
          and status = 'published' order by id limit 1) as offer,
       (select created_at from affiliates where program_id = :programId and livemode = any(:modes::boolean[])
          and status = 'active' order by id limit 1) as affiliate,
       least(
         (select min(created_at) from sources where program_id = :programId and deleted_at is null),
         (select min(received_at) from unnest(:modes::boolean[]) as m (livemode) cross join lateral (
            select kind, received_at from inbox_events where program_id = :programId and livemode = m.livemode
            order by id limit :firstMessages) as first where kind = 'conversion')) as source,
       (select created_at from orders where program_id = :programId and kind = 'sale' and affiliate_id is not null
        order by id limit 1) as "testSale",
       (select created_at from webhook_endpoints where program_id = :programId and livemode = any(:modes::boolean[])
          and kind <> 'postback' and deleted_at is null order by id limit 1) as webhook`,
    { programId, modes, firstMessages: FIRST_MESSAGES },
  );
  return row ?? { offer: null, affiliate: null, source: null, testSale: null, webhook: null };
}
