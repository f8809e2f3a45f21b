import { inTransaction, type Db, type Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { requestResettlements, type ResettlementRequest } from '../rows/resettlement-rows.ts';

interface FoundOrder {
  id: string;
  programId: string;
  livemode: boolean;
}

/**
 * One step of settling all orders by the rules of a new version, where a migration asked for it (settling_rounds): requests
 * the next of them by id. Gives the ids for the queue; none where no round is open.
 */
export async function requestNextOfRound(db: Db, limit: number): Promise<string[]> {
  return inTransaction(db, async (trx) => {
    const [round] = await runSql<{ version: number; afterId: string }>(
      trx,
      'lockSettlingRound',
      `select version, after_id as "afterId" from settling_rounds where finished_at is null
       order by version limit 1 for update skip locked`,
    );
    if (!round) return [];
    const found = await runSql<FoundOrder>(
      trx,
      'readNextOfRound',
      `select id, program_id as "programId", livemode from orders
       where id > :afterId and merged_into is null order by id limit :limit`,
      { afterId: round.afterId, limit },
    );
    await runSql(
      trx,
      'moveSettlingRound',
      `update settling_rounds set after_id = :afterId, finished_at = case when :finished then now() end
       where version = :version`,
      { afterId: found.at(-1)?.id ?? round.afterId, finished: found.length < limit, version: round.version },
    );
    return requestOrders(trx, found);
  });
}

/** So much later every transaction that began before a ban, and did not see it, has ended. */
const BAN_IS_SEEN_AFTER_S = 120;

/**
 * Requests the settling of orders that were settled without knowing when an affiliate was banned, or when that ended: by a
 * batch that was under way then, or because their payment is dated ahead. Gives the ids for the queue.
 */
export async function requestOrdersOfBans(db: Db, limit: number): Promise<string[]> {
  return inTransaction(db, async (trx) => {
    const bans = await runSql<{ affiliateId: string; bannedAt: Date }>(
      trx,
      'lockBansToCheck',
      `update affiliate_bans b set checked_at = now()
       from (select affiliate_id, banned_at from affiliate_bans
              where checked_at is null and coalesce(lifted_at, banned_at) < now() - :seconds * interval '1 second'
              order by banned_at limit :limit for update skip locked) due
       where b.affiliate_id = due.affiliate_id and b.banned_at = due.banned_at
       returning b.affiliate_id as "affiliateId", b.banned_at as "bannedAt"`,
      { seconds: BAN_IS_SEEN_AFTER_S, limit },
    );
    if (bans.length === 0) return [];
    const found = await runSql<FoundOrder>(
      trx,
      'findOrdersOfBans',
      `select distinct o.id, o.program_id as "programId", o.livemode
       from unnest(:affiliateIds::text[], :bannedAt::timestamptz[]) as ban (affiliate_id, banned_at)
       join orders o on o.affiliate_id = ban.affiliate_id
       where o.merged_into is null and coalesce(o.counted_at, o.occurred_at) >= ban.banned_at
         and (o.commission_minor <> 0 or o.reason = 'affiliate_not_active') order by o.id`,
      { affiliateIds: bans.map(({ affiliateId }) => affiliateId), bannedAt: bans.map(({ bannedAt }) => bannedAt) },
    );
    return requestOrders(trx, found);
  });
}

/**
 * Requests the settling of customers whom `identifyByEmail` joins or parts: of those told of with one e-mail, in the
 * transaction that changes it. Gives the ids for the queue.
 */
export async function requestThoseWithOneEmail(trx: Trx, programId: string): Promise<string[]> {
  const found = await runSql<{ livemode: boolean; customerId: string }>(
    trx,
    'findCustomersWithOneEmail',
    `select distinct i.livemode, i.customer_id as "customerId" from introductions i
     where i.program_id = :programId and exists (
       select 1 from introductions other where other.email_id = i.email_id and other.customer_id <> i.customer_id)`,
    { programId },
  );
  return requestResettlements(
    trx,
    found.map(({ livemode, customerId }) => ({ scope: { programId, livemode }, customerId, orderId: null })),
  );
}

function requestOrders(trx: Trx, orders: readonly FoundOrder[]): Promise<string[]> {
  return requestResettlements(
    trx,
    orders.map(({ id, programId, livemode }): ResettlementRequest => ({
      scope: { programId, livemode },
      customerId: null,
      orderId: id,
    })),
  );
}
