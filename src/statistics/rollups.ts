import { inTransaction, type Db, type Trx } from '../db/db.ts';
import { conditionOf } from '../db/conditions.ts';
import { isCollision } from '../db/pg-errors.ts';
import { runSql } from '../db/sql.ts';
import { figures, scanRows } from './statistic-rows.ts';

// Triggers write a delta for what changes the statistics, the balances or the totals of conversions, and readers add the deltas
// to the rollups. So that there are few deltas to read, they are soon added to the rollups here. Deltas have no key and are
// taken in no order, by where they lie in the table: only their sum counts.

/** One process at a time adds up or builds, so that processes never wait for each other's rows. It spells "roll". */
const ADVISORY_LOCK = 0x726f6c6c;

/**
 * Adds some deltas of clicks and conversions to the rollups; gives how many. A delta is deleted in the transaction that adds
 * it up, so readers see it in one place at every moment. Deltas of programs whose rollups are not built yet stay.
 */
export function rollUpStatistics(db: Db, limit: number): Promise<number> {
  return inTurn(db, async (trx) => {
    const [row] = await runSql<{ rolledUp: bigint }>(
      trx,
      'rollUpStatistics',
      `with taken as (
         delete from statistic_deltas where ctid = any(array(
           select d.ctid from statistic_deltas d join statistic_zones z on z.program_id = d.program_id limit :limit))
         returning *
       ), dated as (
         select t.*, (t.quarter at time zone z.timezone)::date as day
         from taken t join statistic_zones z on z.program_id = t.program_id
       ), rolled as (
         insert into statistic_rollups as known (${rollupColumns}) ${sumByGrain('dated')}
         on conflict (program_id, livemode, grain, affiliate_id, offer_id, day, currency, commission_currency)
         do update set ${figures.map((each) => `${each} = known.${each} + excluded.${each}`).join(', ')}
       ), linked as (
         insert into link_rollups as known (program_id, livemode, link_id, clicks, conversions)
         select program_id, livemode, link_id, sum(clicks), sum(conversions) from taken where link_id is not null
         group by 1, 2, 3
         on conflict (link_id, livemode, program_id)
         do update set clicks = known.clicks + excluded.clicks, conversions = known.conversions + excluded.conversions
       )
       select count(*) as "rolledUp" from taken`,
      { limit },
    );
    return Number(row?.rolledUp ?? 0n);
  });
}

/** The same for the deltas of balances. */
export function rollUpBalances(db: Db, limit: number): Promise<number> {
  return inTurn(db, async (trx) => {
    const [row] = await runSql<{ rolledUp: bigint }>(
      trx,
      'rollUpBalances',
      `with taken as (
         delete from balance_deltas where ctid = any(array(select ctid from balance_deltas limit :limit))
         returning *
       ), rolled as (
         insert into balance_rollups as known (program_id, affiliate_id, currency, posted, pending, in_payout, paid)
         select program_id, affiliate_id, currency, sum(posted), sum(pending), sum(in_payout), sum(paid)
         from taken group by 1, 2, 3
         on conflict (program_id, affiliate_id, currency)
         do update set posted = known.posted + excluded.posted, pending = known.pending + excluded.pending,
           in_payout = known.in_payout + excluded.in_payout, paid = known.paid + excluded.paid
       )
       select count(*) as "rolledUp" from taken`,
      { limit },
    );
    return Number(row?.rolledUp ?? 0n);
  });
}

/** The same for the deltas of the totals of conversions. */
export function rollUpConversionTotals(db: Db, limit: number): Promise<number> {
  return inTurn(db, async (trx) => {
    const [row] = await runSql<{ rolledUp: bigint }>(
      trx,
      'rollUpConversionTotals',
      `with taken as (
         delete from conversion_total_deltas
         where ctid = any(array(select ctid from conversion_total_deltas limit :limit)) returning *
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
       select count(*) as "rolledUp" from taken`,
      { limit },
    );
    return Number(row?.rolledUp ?? 0n);
  });
}

/**
 * Counts the statistics of one program from its clicks and orders: of one that has no rollups yet, or whose time zone has
 * changed since. Gives 0 when there is none. One snapshot sees both a row and its delta, or neither, so replacing the
 * rollups and deleting the deltas in it is exact.
 */
export async function buildStatistics(db: Db): Promise<number> {
  const [unbuilt] = await runSql<{ id: string }>(
    db,
    'findUnbuiltProgram',
    `select p.id from programs p left join statistic_zones z on z.program_id = p.id
     where z.timezone is distinct from p.timezone limit 1`,
  );
  if (!unbuilt) return 0;
  try {
    return await inTurn(db, (trx) => buildProgram(trx, unbuilt.id), 'repeatable read');
  } catch (error) {
    // Another process added up deltas between the snapshot and the lock. The caller, told that there was something to do,
    // will call again.
    if (isCollision(error)) return 1;
    throw error;
  }
}

/** Frees the space of deleted deltas, which every reader would pass over otherwise. Not in a transaction. */
export async function vacuumDeltas(db: Db): Promise<void> {
  await runSql(db, 'vacuumDeltas', 'vacuum (skip_locked) statistic_deltas, balance_deltas, conversion_total_deltas');
}

/** Whether a program's rollups are built. Until then its results are counted row by row. */
export async function hasRollups(db: Db, programId: string): Promise<boolean> {
  const rows = await runSql(db, 'hasRollups', 'select 1 from statistic_zones where program_id = :programId', {
    programId,
  });
  return rows.length > 0;
}

async function buildProgram(trx: Trx, programId: string): Promise<number> {
  const [program] = await runSql<{ timezone: string }>(
    trx,
    'readTimezone',
    'select timezone from programs where id = :programId',
    { programId },
  );
  if (!program) return 0;
  const { timezone } = program;
  await runSql(trx, 'deleteRollups', 'delete from statistic_rollups where program_id = :programId', { programId });
  await runSql(trx, 'deleteLinkRollups', 'delete from link_rollups where program_id = :programId', { programId });
  for (const livemode of [true, false]) {
    const rows = scanRows(timezone, [
      ...conditionOf('program_id = :programId', programId),
      ...conditionOf('livemode = :livemode', livemode),
    ]);
    await runSql(
      trx,
      'buildRollups',
      `with counted as (
         select :programId::text as program_id, :livemode::boolean as livemode, rows.* from (${rows.sql}) rows)
       insert into statistic_rollups (${rollupColumns}) ${sumByGrain('counted')}`,
      rows.bindings,
    );
  }
  await runSql(
    trx,
    'buildLinkRollups',
    `insert into link_rollups (program_id, livemode, link_id, clicks, conversions)
     select program_id, livemode, link_id, sum(clicks), sum(conversions) from (
       select program_id, livemode, link_id, count(*) as clicks, 0 as conversions
       from clicks where program_id = :programId and link_id is not null group by 1, 2, 3
       union all
       select program_id, livemode, link_id, sum(clicks), 0
       from forgotten_clicks where program_id = :programId and link_id is not null group by 1, 2, 3
       union all
       select o.program_id, o.livemode, c.link_id, 0, count(*)
       from orders o join clicks c on c.id = o.click_id and c.program_id = o.program_id
       where o.program_id = :programId and c.link_id is not null and order_counts(o.status, o.kind, o.cpa_claim) group by 1, 2, 3
     ) counted group by 1, 2, 3`,
    { programId },
  );
  await runSql(trx, 'deleteDeltas', 'delete from statistic_deltas where program_id = :programId', { programId });
  await runSql(
    trx,
    'markBuilt',
    `insert into statistic_zones (program_id, timezone) values (:programId, :timezone)
     on conflict (program_id) do update set timezone = excluded.timezone`,
    { programId, timezone },
  );
  return 1;
}

const rollupColumns = `program_id, livemode, grain, offer_id, affiliate_id, day, currency, commission_currency,
  ${figures.join(', ')}`;

/** Each row counts in every grain, on its day and in the sum of all days. */
function sumByGrain(rows: string): string {
  return `select program_id, livemode, grain, offer, affiliate, rolled_day, coalesce(currency, ''),
      coalesce(commission_currency, ''), ${figures.map((each) => `sum(${each})`).join(', ')}
    from (
      select program_id, livemode, coalesce(offer_id, '') as offer_id, coalesce(affiliate_id, '') as affiliate_id, day,
        currency, commission_currency, ${figures.map((each) => `sum(${each}) as ${each}`).join(', ')}
      from ${rows} group by 1, 2, 3, 4, 5, 6, 7
    ) r, lateral (values ('program', '', ''), ('offer', offer_id, ''), ('affiliate', '', affiliate_id),
        ('affiliate_offer', offer_id, affiliate_id)) as g (grain, offer, affiliate),
      lateral (values (day), ('infinity'::date)) as d (rolled_day)
    group by 1, 2, 3, 4, 5, 6, 7, 8`;
}

/** Does `work` unless another process is at it: then nothing is done, and 0 is given. */
async function inTurn(
  db: Db,
  work: (trx: Trx) => Promise<number>,
  isolationLevel: 'read committed' | 'repeatable read' = 'read committed',
): Promise<number> {
  return inTransaction(
    db,
    async (trx) => {
      const [lock] = await runSql<{ taken: boolean }>(
        trx,
        'lockRollups',
        'select pg_try_advisory_xact_lock(:lock) as taken',
        { lock: ADVISORY_LOCK },
      );
      return lock?.taken ? work(trx) : 0;
    },
    { isolationLevel },
  );
}
