import type { Knex } from 'knex';
import type { Db } from '../../src/db/db.ts';
import { runSql } from '../support/sql.ts';
import { newId } from '../../src/domain/ids.ts';
import { addAffiliate, addOffer } from '../journeys/ledger.ts';

/** A program with a past. */
export interface FilledProgram {
  programId: string;
  /** Has a third of all clicks and conversions. */
  affiliateId: string;
  /** Has one conversion in ten thousand, old ones only. */
  rareOfferId: string;
}

const ROWS_PER_STATEMENT = 20_000;

/** Fills a program with conversions of half a year, a click and a posting for each, as the pipeline would leave them. */
export async function fillProgram(db: Db, programId: string, conversions: number): Promise<FilledProgram> {
  const affiliates: string[] = [];
  for (let n = 0; n < Math.min(500, conversions / 10); n += 1) affiliates.push(await addAffiliate(db, programId));
  const offers: string[] = [];
  for (let n = 0; n < 10; n += 1) offers.push(await addOffer(db, programId, { type: 'cps', rateBps: 1000 }));
  const links = affiliates.map(() => newId('lnk')).sort();
  await runSql(
    db,
    `insert into tracking_links (id, program_id, affiliate_id, offer_id, code)
     select id, ?, affiliate_id, ?, id from unnest(?::text[], ?::text[]) as l (id, affiliate_id)`,
    [programId, offers[0], links, affiliates],
  );
  for (let start = 0; start < conversions; start += ROWS_PER_STATEMENT) {
    const bindings = {
      programId,
      affiliates,
      links,
      offers: offers.slice(0, -1),
      rare: offers.at(-1),
      conversions,
      start,
      end: Math.min(start + ROWS_PER_STATEMENT, conversions) - 1,
    };
    // One statement after the other, as in the pipeline: an entry's order is there before it.
    // Checking foreign keys, too, is planned once a session: again, now that there is something to look up.
    if (start % 200_000 === ROWS_PER_STATEMENT) await db.raw('analyze');
    for (const sql of [insertClicks, insertOrders, insertReferences, insertEntries]) {
      await db.raw(sql, bindings as unknown as Record<string, Knex.RawBinding>);
    }
  }
  return { programId, affiliateId: affiliates[0] ?? '', rareOfferId: offers.at(-1) ?? '' };
}

/** Every row n with its ids, which sort by time, and whose it is. */
const rows = `(
  select n, lpad(to_hex(1767225600000 + (n::bigint * 15552000000 / :conversions)), 12, '0') || substr(md5(:programId || n), 1, 20)
      as hex,
    timestamptz '2026-01-01Z' + n * interval '180 days' / :conversions as at,
    1 + case when n % 3 = 0 then 0 else n % cardinality(:affiliates::text[]) end as a,
    case when n % 10000 = 5 then :rare else (:offers::text[])[1 + n % 9] end as offer_id
  from generate_series(:start::int, :end::int) as n) as r`;

const insertClicks = `
  insert into clicks (id, program_id, livemode, affiliate_id, offer_id, link_id, occurred_at)
  select 'clk_' || hex, :programId, true, (:affiliates::text[])[a], offer_id, (:links::text[])[a], at from ${rows}`;

const insertOrders = `
  insert into orders (id, program_id, livemode, kind, status, gross_minor, net_minor, currency, affiliate_id, offer_id,
    click_id, order_id, occurred_at, commission_minor, commission_currency, created_at, updated_at)
  select 'cnv_' || hex, :programId, true, 'sale', case when n % 4 = 0 then 'pending' else 'approved' end, 4900, 4900, 'USD',
    (:affiliates::text[])[a], offer_id, 'clk_' || hex, 'T-' || n, at, 490, 'USD', at, at from ${rows}`;

const insertReferences = `
  insert into order_refs (program_id, livemode, ref, order_id)
  select :programId, true, 'order:T-' || n, 'cnv_' || hex from ${rows}`;

const insertEntries = `
  insert into ledger_entries (id, program_id, livemode, order_id, affiliate_id, amount_minor, currency, type, created_at)
  select 'led_' || hex, :programId, true, 'cnv_' || hex, (:affiliates::text[])[a], 490, 'USD', 'earning', at from ${rows}`;
