import type { Knex } from 'knex';
import type { Db } from '../../src/db/db.ts';
import type { FilledProgram } from './filled-program.ts';

const ROWS_PER_STATEMENT = 20_000;

const review = JSON.stringify({
  reasons: ['same_domain'],
  grounds: ['same_domain partner.example'],
  since: '2026-01-01T00:00:00.000Z',
});

/**
 * Adds to a filled program what lists are narrowed to: a page view for each conversion, a lead for every tenth, and a few
 * conversions of long ago that pay nothing for a reason, or are in review.
 */
export async function fillFunnel(db: Db, program: FilledProgram, conversions: number): Promise<void> {
  const run = (sql: string, start: number, end: number) =>
    db.raw(sql, { ...program, review, conversions, start, end } as unknown as Record<string, Knex.RawBinding>);
  for (let start = 0; start < conversions; start += ROWS_PER_STATEMENT) {
    const end = Math.min(start + ROWS_PER_STATEMENT, conversions) - 1;
    await run(insertPageviews, start, end);
    await run(insertLeads, start, end);
  }
  await run(insertUnpaid, 0, 50);
  await run(insertReviewed, 0, 50);
}

/** Every row n with what its ids share, which sorts by time. */
const rows = `(
  select n, lpad(to_hex(1767225600000 + (n::bigint * 15552000000 / :conversions)), 12, '0') || substr(md5(:programId || n), 1, 20)
      as hex,
    timestamptz '2026-01-01Z' + n * interval '180 days' / :conversions as at
  from generate_series(:start::int, :end::int) as n) as r`;

const insertPageviews = `
  insert into facts (program_id, livemode, id, inbox_id, occurred_at, fact)
  select :programId, true, 'funnel:' || hex, 'ibx_' || hex, at,
    json_build_object('id', 'funnel:' || hex, 'refs', array[]::text[], 'occurredAt', at, 'customer', null,
      'evidence', json_build_object('clickId', 'clk_' || hex), 'type', 'funnel', 'eventType', 'pageview', 'url', null)
  from ${rows}`;

const ordersOf = (prefix: string, values: string, which: string): string => `
  insert into orders (id, program_id, livemode, kind, status, reason, review, affiliate_id, offer_id, occurred_at, created_at,
    updated_at)
  select 'cnv_' || left(hex, 31) || '${prefix}', :programId, true, ${values}, :affiliateId, :rareOfferId, at, at, at
  from ${rows} where ${which}`;

const insertLeads = ordersOf('x', `'lead', 'pending', null, null`, 'n % 10 = 0');
const insertUnpaid = ordersOf('y', `'sale', 'not_tracked', 'cap_exceeded', null`, 'true');
const insertReviewed = ordersOf('z', `'sale', 'pending', null, cast(:review as json)`, 'true');
