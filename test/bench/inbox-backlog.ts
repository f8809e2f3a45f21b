import { setTimeout as wait } from 'node:timers/promises';
import { newId } from '../../src/domain/ids.ts';
import { normalizeConversion } from '../../src/inbound/conversion/normalize.ts';
import { runSql } from '../support/sql.ts';
import { makeBenchProgram, postbackFields } from './bench-program.ts';
import type { BenchServices } from './services.ts';

/** As fast intake leaves them. */
const GROUP = 500;
/** Of so many clicks each has a conversion; past that several have the same. */
const MOST_CLICKS = 100_000;

/** What the queue is told of a backlog: the ids of each group. */
export type Groups = { eventIds: string[]; resettlementIds: string[] }[];

/** Fills the inbox with postbacks that nobody was told of yet. */
export async function fillInbox(services: BenchServices, events: number): Promise<Groups> {
  const { programId, clickIds } = await makeBenchProgram(services.db, Math.min(events, MOST_CLICKS));
  const groups: Groups = [];
  for (let start = 0; start < events; start += GROUP) {
    const receivedAt = new Date();
    const rows = Array.from({ length: Math.min(GROUP, events - start) }, (_, n) => {
      const fields = postbackFields(clickIds[(start + n) % clickIds.length] ?? '', start + n);
      const normalized = normalizeConversion(fields, { livemode: true, receivedAt });
      if (normalized.kind !== 'facts') throw new Error('the benchmark speaks of facts');
      return { id: newId('ibx'), raw: JSON.stringify(fields), facts: JSON.stringify(normalized.facts) };
    });
    await runSql(
      services.db,
      `insert into inbox_events (id, program_id, kind, livemode, raw, facts, received_at, next_enqueue_at)
       select id, ?, 'postback', true, convert_to(raw, 'UTF8'), facts::json, ?, ?::timestamptz + interval '1 hour'
       from unnest(?::text[], ?::text[], ?::text[]) as r (id, raw, facts)`,
      [
        programId,
        receivedAt.toISOString(),
        receivedAt.toISOString(),
        rows.map((row) => row.id),
        rows.map((row) => row.raw),
        rows.map((row) => row.facts),
      ],
    );
    groups.push({ eventIds: rows.map((row) => row.id), resettlementIds: [] });
  }
  return groups;
}

export interface Draining {
  withinSeconds: number;
  /** Told every so often: what share of the groups is settled. */
  onProgress?: (share: number, seconds: number) => Promise<void>;
}

/**
 * Seconds until all is settled. One event of each group is watched, seldom and by its key: what watches takes from what is
 * measured. When none of them waits, all are looked at.
 */
export async function drained(
  services: BenchServices,
  groups: Groups,
  { withinSeconds, onProgress }: Draining = { withinSeconds: 120 },
): Promise<number> {
  const started = performance.now();
  let watched = groups.map(({ eventIds }) => eventIds.at(-1) ?? '');
  const everyMs = Math.max(200, groups.length / 4);
  for (;;) {
    const waiting = await runSql<{ id: string }>(
      services.db,
      `select id from inbox_events where id = any(?) and (status = 'received') is true`,
      [watched],
    );
    watched = waiting.map(({ id }) => id);
    const settled = watched.length === 0 && (await nothingWaits(services));
    const seconds = (performance.now() - started) / 1_000;
    await onProgress?.(1 - watched.length / groups.length, seconds);
    if (settled) return seconds;
    if (seconds > withinSeconds) throw new Error(`still events to settle after ${withinSeconds} s`);
    await wait(everyMs);
  }
}

/**
 * Whether every event is settled. The newest first, which mostly wait longest; written so that no plan made while there were few
 * is used.
 */
export async function nothingWaits({ db }: BenchServices): Promise<boolean> {
  const sql = `select from inbox_events where (status = 'received') is true order by id desc limit 1`;
  return (await runSql(db, sql, [])).length === 0;
}
