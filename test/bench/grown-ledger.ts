import type { Knex } from 'knex';
import { inTransaction, type Db, type Trx } from '../../src/db/db.ts';
import { runSql } from '../support/sql.ts';
import { newId } from '../../src/domain/ids.ts';
import { addAffiliate, addOffer } from '../journeys/ledger.ts';

/** A ledger with a past: every order with its fact, references, posting, customer and click, as the pipeline leaves them. */
export interface GrownLedger {
  programId: string;
  conversions: number;
  /** Some of its clicks, of offers of all three kinds. */
  clickIds: string[];
}

const ROWS_PER_STATEMENT = 20_000;

/**
 * Grows a ledger to so many conversions over half a year. Every customer has one order, which bound them, under a
 * subscription of their own.
 */
export async function growLedger(db: Db, conversions: number): Promise<GrownLedger> {
  const programId = newId('prg');
  await db('programs').insert({ id: programId, name: 'Benchmark' });
  const affiliates: string[] = [];
  for (let n = 0; n < 100; n += 1) affiliates.push(await addAffiliate(db, programId));
  const offers = [
    await addOffer(db, programId, { type: 'cps', rateBps: 1_500 }),
    await addOffer(db, programId, { type: 'cpa', amountMinor: 3_000 }),
    await addOffer(db, programId, { type: 'revshare', rateBps: 2_000, durationMonths: 12 }),
  ];
  await db('programs').where({ id: programId }).update({ default_offer_id: offers[0] });
  const names = { programId, affiliates, offers, conversions };
  // On two connections, as there are mostly two cores.
  await Promise.all([
    fill(db, { clicks, customers, customer_refs: customerRefs, order_refs: orderRefs }, names),
    fill(db, { orders, facts, ledger_entries: entries }, names),
  ]);
  const found = await runSql<{ id: string }>(
    db,
    'select id from clicks where program_id = ? order by id desc limit 900',
    [programId],
  );
  return { programId, conversions, clickIds: found.map(({ id }) => id) };
}

/** Fills tables with rows that are right by construction: without triggers and foreign keys, which only cost time here. */
async function fill(
  db: Db,
  tables: Record<string, string>,
  names: { conversions: number } & Record<string, unknown>,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    await trx.raw("set local session_replication_role = replica; set local maintenance_work_mem = '128MB'");
    const indexes = await dropIndexes(trx, Object.keys(tables));
    for (let start = 0; start < names.conversions; start += ROWS_PER_STATEMENT) {
      const end = Math.min(start + ROWS_PER_STATEMENT, names.conversions) - 1;
      for (const sql of Object.values(tables)) {
        await trx.raw(sql, { ...names, start, end } as unknown as Record<string, Knex.RawBinding>);
      }
    }
    for (const definition of indexes) await trx.raw(definition);
  });
}

/** Built at once from all rows, indexes take a fraction of the time. Gives their definitions; constraints keep theirs. */
async function dropIndexes(trx: Trx, tables: string[]): Promise<string[]> {
  const found = await runSql<{ name: string; definition: string }>(
    trx,
    `select indexname as name, indexdef as definition from pg_indexes
     where schemaname = 'public' and tablename = any(?)
       and indexname not in (select conname from pg_constraint where contype in ('p', 'u'))`,
    [tables],
  );
  for (const { name } of found) await trx.raw('drop index ??', [name]);
  return found.map(({ definition }) => definition);
}

/** Every row n with its id, which sorts by time, and whose it is. */
const rows = `(
  select n, hex, at, affiliate, offer, kind,
    jsonb_build_object('affiliateId', affiliate, 'offerId', offer, 'currency', 'USD', 'dailyCap', 0,
      'attributionWindowDays', 30, 'affiliateActive', true, 'offerActive', true, 'affiliateEmails', '[]'::jsonb,
      'commission', (select commission from offers where id = offer)) as terms
  from (select n,
      lpad(to_hex(1767225600000 + (n::bigint * 15552000000 / :conversions)), 12, '0') || substr(md5(:programId || n), 1, 20) as hex,
      timestamptz '2026-01-01Z' + n * interval '180 days' / :conversions as at,
      (:affiliates::text[])[1 + n % cardinality(:affiliates::text[])] as affiliate, (:offers::text[])[1 + n % 3] as offer,
      n % 3 as kind
    from generate_series(:start::int, :end::int) as n) as each) as r`;

const clicks = `
  insert into clicks (id, program_id, livemode, affiliate_id, offer_id, occurred_at)
  select 'clk_' || hex, :programId, true, affiliate, offer, at from ${rows}`;

const customers = `
  insert into customers (id, program_id, livemode, affiliate_id, offer_id, click_id, bound_at, bound_by, bound_ref, terms)
  select 'cus_' || hex, :programId, true, affiliate, offer, 'clk_' || hex, at, 'cnv_' || hex, 'order:T-' || n, terms
  from ${rows}`;

const customerRefs = `
  insert into customer_refs (program_id, livemode, ref, customer_id)
  select :programId, true, ref, 'cus_' || hex from ${rows}
  cross join lateral (values ('stripe:cus_' || n), ('stripe:sub_' || n)) as of (ref)`;

const orders = `
  insert into orders (id, program_id, livemode, kind, status, gross_minor, net_minor, currency, assumed_currency,
    affiliate_id, offer_id, click_id, customer_id, reference, order_id, goal, subscription, occurred_at, commission_minor,
    commission_currency, terms, explanation, own, claims_payment, cpa_claim, hold_days, created_at, updated_at)
  select 'cnv_' || hex, :programId, true, 'sale', 'pending', 4900, 4900, 'USD', 'USD', affiliate, offer, 'clk_' || hex,
    'cus_' || hex, 'order:T-' || n, 'T-' || n, 'purchase', 'stripe:sub_' || n, at, (array[735, 3000, 980])[1 + kind], 'USD',
    jsonb_build_array(terms), jsonb_build_object('chosen', chosen, 'passedOver', '[]'::jsonb, 'amounts', null, 'rule', '',
      'flags', '[]'::jsonb), own, true,
    case when kind = 1 then 'customer:cus_' || hex || ':' || offer end, null, at, at
  from ${rows}
  cross join lateral (select jsonb_build_object('by', 'click', 'value', 'clk_' || hex, 'affiliateId', affiliate) as chosen) c
  -- An index is about it, so settling again must write the very same text.
  cross join lateral (select row_to_json(candidate) as own
    from (select 'click' as by, 'clk_' || hex as value, affiliate as "affiliateId", offer as "offerId", 'clk_' || hex as "clickId")
      as candidate) o`;

const orderRefs = `
  insert into order_refs (program_id, livemode, ref, order_id)
  select :programId, true, 'order:T-' || n, 'cnv_' || hex from ${rows}`;

const facts = `
  insert into facts (program_id, livemode, id, order_id, customer_id, inbox_id, occurred_at, fact, posted)
  select :programId, true, 'api:T-' || n, 'cnv_' || hex, 'cus_' || hex, 'ibx_' || hex, at,
    jsonb_build_object('id', 'api:T-' || n, 'type', 'sale', 'refs', jsonb_build_array('order:T-' || n), 'document', 'api',
      'gross', money, 'net', money, 'phase', 'subscription', 'subscription', 'stripe:sub_' || n, 'goal', 'purchase',
      'occurredAt', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'evidence', jsonb_build_object('clickId', 'clk_' || hex),
      'customer', jsonb_build_object('refs', jsonb_build_array('stripe:cus_' || n, 'stripe:sub_' || n), 'email', null)), true
  from ${rows} cross join (select '{"minor":4900,"currency":"USD"}'::jsonb as money) m`;

const entries = `
  insert into ledger_entries (id, program_id, livemode, order_id, affiliate_id, amount_minor, currency, type, fact_id, created_at)
  select 'led_' || hex, :programId, true, 'cnv_' || hex, affiliate, (array[735, 3000, 980])[1 + kind], 'USD', 'earning',
    'api:T-' || n, at from ${rows}`;
