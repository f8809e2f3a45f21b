import { inTransaction, type Db, type Trx } from '../db/db.ts';
import { isRetryable } from '../db/database.ts';
import { runPositional } from '../db/sql.ts';
import { scanRows } from './statistic-rows.ts';

// Deltas have no key, and are taken in no order, by where they lie: nothing but what they add up to counts.

/** One process at a time folds or builds, so that they never wait for one another's rows: "roll". */
const ADVISORY_LOCK = 0x726f6c6c;

/**
 * Folds some deltas of clicks and conversions into the rollups; gives how many. A delta goes in the transaction that
 * adds it up, so readers see it in one place at every moment. Those of programs that are not built yet stay.
 */
export function foldStatistics(db: Db, limit: number): Promise<number> {
  return inTurn(db, async (trx) => {
    const [row] = await runPositional<{ folded: bigint }>(
      trx,
      `with taken as (
         delete from statistic_deltas where ctid = any(array(
           select d.ctid from statistic_deltas d join statistic_zones z on z.program_id = d.program_id limit ?))
         returning *
       ), named as (
         select t.*, (t.quarter at time zone z.timezone)::date as day
         from taken t join statistic_zones z on z.program_id = t.program_id
       ), rolled as (
         insert into statistic_rollups as known (${rollupColumns}) ${rollUp('named')}
         on conflict (program_id, livemode, grain, affiliate_id, offer_id, day, currency, commission_currency)
         do update set clicks = known.clicks + excluded.clicks, conversions = known.conversions + excluded.conversions,
           approved = known.approved + excluded.approved, revenue = known.revenue + excluded.revenue,
           commission = known.commission + excluded.commission
       ), linked as (
         insert into link_rollups as known (program_id, livemode, link_id, clicks, conversions)
         select program_id, livemode, link_id, sum(clicks), sum(conversions) from taken where link_id is not null
         group by 1, 2, 3
         on conflict (link_id, livemode)
         do update set clicks = known.clicks + excluded.clicks, conversions = known.conversions + excluded.conversions
       )
       select count(*) as folded from taken`,
      [limit],
    );
    return Number(row?.folded ?? 0n);
  });
}

/** The same for the deltas of balances. */
export function foldBalances(db: Db, limit: number): Promise<number> {
  return inTurn(db, async (trx) => {
    const [row] = await runPositional<{ folded: bigint }>(
      trx,
      `with taken as (
         delete from balance_deltas where ctid = any(array(select ctid from balance_deltas limit ?))
         returning *
       ), rolled as (
         insert into balance_rollups as known (program_id, affiliate_id, currency, posted, pending, in_payout, paid)
         select program_id, affiliate_id, currency, sum(posted), sum(pending), sum(in_payout), sum(paid)
         from taken group by 1, 2, 3
         on conflict (program_id, affiliate_id, currency)
         do update set posted = known.posted + excluded.posted, pending = known.pending + excluded.pending,
           in_payout = known.in_payout + excluded.in_payout, paid = known.paid + excluded.paid
       )
       select count(*) as folded from taken`,
      [limit],
    );
    return Number(row?.folded ?? 0n);
  });
}

/** The same for the deltas of the totals of conversions. */
export function foldConversionTotals(db: Db, limit: number): Promise<number> {
  return inTurn(db, async (trx) => {
    const [row] = await runPositional<{ folded: bigint }>(
      trx,
      `with taken as (
         delete from conversion_total_deltas
         where ctid = any(array(select ctid from conversion_total_deltas limit ?)) returning *
       ), summed as (
         select program_id, livemode, affiliate_id, offer_id, status, earning, sum(total) as total
         from taken group by 1, 2, 3, 4, 5, 6
       ), rolled as (
         insert into conversion_totals as known
           (program_id, livemode, affiliate_id, offer_id, status, earning, credited, total)
         select program_id, livemode, affiliate, offer, status, earning, affiliate_id is not null, sum(total)
         from summed, lateral (values ('', ''), (affiliate_id, ''), ('', offer_id), (affiliate_id, offer_id))
           as counted_as (affiliate, offer)
         where affiliate is not null and offer is not null group by 1, 2, 3, 4, 5, 6, 7
         on conflict (program_id, livemode, affiliate_id, offer_id, status, earning, credited)
         do update set total = known.total + excluded.total
       )
       select count(*) as folded from taken`,
      [limit],
    );
    return Number(row?.folded ?? 0n);
  });
}

/**
 * Counts the statistics of one program from its clicks and orders: of one that has no rollups yet, or has another time
 * zone since. Gives 0 when there is none. One snapshot sees a row and its delta or neither, so replacing both is exact.
 */
export async function buildStatistics(db: Db): Promise<number> {
  const [waiting] = await runPositional<{ id: string }>(db, `${unbuilt} limit 1`);
  if (!waiting) return 0;
  try {
    return await inTurn(db, (trx) => buildProgram(trx, waiting.id), 'repeatable read');
  } catch (error) {
    // Another process folded between the snapshot and the lock: next time, then.
    if (isRetryable(error)) return 1;
    throw error;
  }
}

/** Frees the space of folded deltas, which every reading would pass over otherwise. Not in a transaction. */
export async function vacuumDeltas(db: Db): Promise<void> {
  await runPositional(db, 'vacuum (skip_locked) statistic_deltas, balance_deltas, conversion_total_deltas');
}

const unbuilt = `select p.id from programs p left join statistic_zones z on z.program_id = p.id
  where z.timezone is distinct from p.timezone`;

async function buildProgram(trx: Trx, programId: string): Promise<number> {
  const [program] = await runPositional<{ timezone: string }>(trx, 'select timezone from programs where id = ?', [
    programId,
  ]);
  if (!program) return 0;
  await runPositional(trx, 'delete from statistic_rollups where program_id = ?', [programId]);
  await runPositional(trx, 'delete from link_rollups where program_id = ?', [programId]);
  for (const livemode of [true, false]) {
    const rows = scanRows(program.timezone, [
      { sql: 'program_id = ? and livemode = ?', bindings: [programId, livemode] },
    ]);
    await runPositional(
      trx,
      `with counted as (
         select ?::text as program_id, ?::boolean as livemode, rows.* from (${rows.map(({ sql }) => sql).join(' union all ')}) rows)
       insert into statistic_rollups (${rollupColumns}) ${rollUp('counted')}`,
      [programId, livemode, ...rows.flatMap(({ bindings }) => bindings)],
    );
  }
  await runPositional(
    trx,
    `insert into link_rollups (program_id, livemode, link_id, clicks, conversions)
     select program_id, livemode, link_id, sum(clicks), sum(conversions) from (
       select program_id, livemode, link_id, count(*) as clicks, 0 as conversions
       from clicks where program_id = ? and link_id is not null group by 1, 2, 3
       union all
       select o.program_id, o.livemode, c.link_id, 0, count(*)
       from orders o join clicks c on c.id = o.click_id
       where o.program_id = ? and c.link_id is not null and order_counts(o.status, o.kind, o.cpa_claim) group by 1, 2, 3
     ) counted group by 1, 2, 3`,
    [programId, programId],
  );
  await runPositional(trx, 'delete from statistic_deltas where program_id = ?', [programId]);
  await runPositional(
    trx,
    `insert into statistic_zones (program_id, timezone) values (?, ?)
     on conflict (program_id) do update set timezone = excluded.timezone`,
    [programId, program.timezone],
  );
  return 1;
}

const rollupColumns = `program_id, livemode, grain, offer_id, affiliate_id, day, currency, commission_currency, clicks,
  conversions, approved, revenue, commission`;

/** Each row counts in every grain, on its day and in the sum of all days. */
function rollUp(rows: string): string {
  return `select program_id, livemode, grain, offer, affiliate, rolled_day, coalesce(currency, ''),
      coalesce(commission_currency, ''), sum(clicks), sum(conversions), sum(approved), sum(revenue), sum(commission)
    from (
      select program_id, livemode, coalesce(offer_id, '') as offer_id, coalesce(affiliate_id, '') as affiliate_id, day,
        currency, commission_currency, sum(clicks) as clicks, sum(conversions) as conversions, sum(approved) as approved,
        sum(revenue) as revenue, sum(commission) as commission
      from ${rows} group by 1, 2, 3, 4, 5, 6, 7
    ) r, lateral (values ('program', '', ''), ('offer', offer_id, ''), ('affiliate', '', affiliate_id),
        ('affiliate_offer', offer_id, affiliate_id)) as g (grain, offer, affiliate),
      lateral (values (day), ('infinity'::date)) as d (rolled_day)
    group by 1, 2, 3, 4, 5, 6, 7, 8`;
}

async function inTurn(
  db: Db,
  work: (trx: Trx) => Promise<number>,
  isolationLevel: 'read committed' | 'repeatable read' = 'read committed',
): Promise<number> {
  return inTransaction(
    db,
    async (trx) => {
      const [row] = await runPositional<{ mine: boolean }>(trx, 'select pg_try_advisory_xact_lock(?) as mine', [
        ADVISORY_LOCK,
      ]);
      return row?.mine ? work(trx) : 0;
    },
    { isolationLevel },
  );
}
