import assert from 'node:assert/strict';
import type { Db } from '../../src/db/db.ts';
import { runSql } from '../support/sql.ts';

/**
 * Which rows of a table are live. Tables with a column `livemode` need no entry, unless some of their columns may change
 * without it: `but` names those.
 */
const liveWhere: Readonly<Record<string, string | null>> = {
  programs: 'true',
  api_keys: `mode = 'live'`,
  affiliate_bans: 'affiliate_id in (select id from affiliates where livemode)',
  // Own codes of affiliates, and codes of tracking links.
  link_codes: `coalesce((select livemode from affiliates where id = affiliate_id),
    exists (select 1 from tracking_links l where lower(l.code) = t.code and l.livemode))`,
  ledger_entries: 'livemode',
  payouts: 'true',
  payout_entries: 'true',
  payout_batches: 'true',
  balance_rollups: 'true',
  balance_deltas: 'true',
  link_rollups: 'livemode',
  deliveries: 'message_id in (select id from messages where livemode)',
  delivery_attempts: 'message_id in (select id from messages where livemode)',
  postback_firings: 'true',
  recoveries: 'endpoint_id in (select id from webhook_endpoints where livemode)',
  affitor_numbers: `object_id in (select id from orders where livemode)`,
  settling_rounds: 'true',
  // What is neither live nor test: progress of the worker (who counts what was there before, too), numbers drawn.
  schema_migrations: null,
  schema_migrations_lock: null,
  inbox_watches: null,
  inbox_counting: null,
  inbox_counts: null,
  inbox_uncounted: null,
  affitor_sequences: null,
  sign_in_links: null,
  configuration_changes: null,
  tracking_link_codes: 'exists (select 1 from tracking_links l where l.code = t.code and l.livemode)',
  imported_ids: 'true',
  statistic_zones: null,
  // What a source turned away: anybody can have something turned away.
  refused_counts: null,
  refused_requests: null,
  resettlements: 'livemode',
  test_sessions: null,
};

/** What a live row may change by itself: the clock of an endpoint's throttle, and when a key was used. */
const but: Readonly<Record<string, string[]>> = { webhook_endpoints: ['next_slot_at'], api_keys: ['last_used_at'] };

export type LiveRows = Record<string, string[]>;

/** Every live row of the database, as text, by table. A table that nothing is known of fails. */
export async function readLiveRows(db: Db): Promise<LiveRows> {
  const tables = await runSql<{ name: string; hasMode: boolean }>(
    db,
    `select t.table_name as name, exists (select 1 from information_schema.columns c
       where c.table_schema = 'public' and c.table_name = t.table_name and c.column_name = 'livemode') as "hasMode"
     from information_schema.tables t
     where t.table_schema = 'public' and t.table_type = 'BASE TABLE' and t.table_name not like 'knex_%' order by 1`,
  );
  const rows: LiveRows = {};
  for (const { name, hasMode } of tables) {
    const where = name in liveWhere ? liveWhere[name] : hasMode ? 'livemode' : undefined;
    assert.notEqual(where, undefined, `say in live-rows.ts which rows of ${name} are live`);
    if (typeof where !== 'string') continue;
    const without = (but[name] ?? []).map((column) => ` - '${column}'`).join('');
    const found = await runSql<{ text: string }>(
      db,
      `select ((to_jsonb(t)${without})::text) as text from ${name} t where ${where} order by 1`,
    );
    rows[name] = found.map(({ text }) => text);
  }
  return rows;
}

/** The live rows that came, went or changed. */
export function differences(before: LiveRows, after: LiveRows): string[] {
  return Object.keys({ ...before, ...after }).flatMap((table) => {
    const [was, is] = [new Set(before[table]), new Set(after[table])];
    return [
      ...[...was].filter((row) => !is.has(row)).map((row) => `- ${table} ${row}`),
      ...[...is].filter((row) => !was.has(row)).map((row) => `+ ${table} ${row}`),
    ];
  });
}
