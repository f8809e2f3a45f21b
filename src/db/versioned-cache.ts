import type { Db } from './db.ts';
import { perDatabase } from './expiring-cache.ts';
import { runSql } from './sql.ts';

/** Far more than the programs of a batch have of it, and a bound for what a process holds. */
const MOST_ENTRIES = 50_000;

/**
 * What a process knows of programs' configuration, each entry with the version of the program by which it was read
 * (`configuration_changes`). Whoever asks says the version that its own transaction sees: what was read by another is not given.
 */
export class VersionedCache {
  readonly #entries = new Map<string, { version: string; value: unknown }>();

  /** Undefined where nothing is known by this version. */
  get(key: string, version: string): unknown {
    const entry = this.#entries.get(key);
    return entry?.version === version ? entry.value : undefined;
  }

  set(key: string, version: string, value: unknown): void {
    if (this.#entries.size >= MOST_ENTRIES) this.#entries.clear();
    this.#entries.set(key, { version, value });
  }
}

export const configurationCache = perDatabase(() => new VersionedCache());

/**
 * Each program of the rows in `source` with its version, as a derived table (program_id, version): equal only while nothing of its
 * configuration changed.
 */
export function versionsOf(source: string): string {
  return `(select program_id, (
      select coalesce(sum(mark), 0)::text from configuration_changes c where c.program_id = p.program_id) as version
    from (select distinct program_id from ${source}) p)`;
}

/** A program has so many marks at most for long: the version is summed up for each batch. */
const MOST_MARKS = 16;

/** Puts one new mark in place of a program's many: it has another version then, as after any change. */
export async function compactVersions(db: Db): Promise<void> {
  await runSql(
    db,
    'compactVersions',
    `with many as (
       select program_id from configuration_changes group by program_id having count(*) > :most
     ), compacted as (
       delete from configuration_changes where program_id in (select program_id from many) returning program_id
     )
     insert into configuration_changes (program_id) select distinct program_id from compacted`,
    { most: MOST_MARKS },
  );
}
