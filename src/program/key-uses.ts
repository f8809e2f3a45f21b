import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';

/** Uses of a moment are written together, off the way of the requests. */
const GATHER_MS = 500;

/** More keys than a process ever sees: past that it forgets which minutes it has written, and writes them once more. */
const MAX_KEYS = 10_000;

const MINUTE_MS = 60_000;

/**
 * When each key was last used, to the minute. A process writes a key at most once a minute; of several processes the first one
 * does, since the row then says that minute already. What cannot be written is left to the next use: nothing hangs on it.
 */
class KeyUses {
  readonly #db: Db;
  /** The minute in which a key was last noted here. */
  readonly #noted = new Map<string, number>();
  #waiting = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(db: Db) {
    this.#db = db;
  }

  note(keyId: string): void {
    const minute = Math.floor(Date.now() / MINUTE_MS);
    if (this.#noted.get(keyId) === minute) return;
    if (this.#noted.size >= MAX_KEYS) this.#noted.clear();
    this.#noted.set(keyId, minute);
    this.#waiting.set(keyId, minute);
    this.#timer ??= setTimeout(() => void this.flush(), GATHER_MS).unref();
  }

  async flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const uses = this.#waiting;
    this.#waiting = new Map();
    if (uses.size === 0) return;
    await writeUses(this.#db, uses).catch(() => {
      for (const keyId of uses.keys()) this.#noted.delete(keyId);
    });
  }
}

/** Rows that another process is writing are left to it. */
async function writeUses(db: Db, uses: ReadonlyMap<string, number>): Promise<void> {
  await runSql(
    db,
    'writeKeyUses',
    `with used as (
       select k.id, u.at from unnest(:ids::text[], :times::timestamptz[]) as u (id, at) join api_keys k on k.id = u.id
       where k.last_used_at is null or k.last_used_at < u.at
       order by k.id for no key update of k skip locked
     )
     update api_keys k set last_used_at = used.at from used where k.id = used.id`,
    { ids: [...uses.keys()], times: [...uses.values()].map((minute) => new Date(minute * MINUTE_MS)) },
  );
}

/** By the configuration that connections, sessions and transactions of one database share, as the caches have it. */
const byDatabase = new WeakMap<object, KeyUses>();

function usesOf(db: Db): KeyUses {
  const { config } = db.client as { config: object };
  let uses = byDatabase.get(config);
  if (uses === undefined) {
    uses = new KeyUses(db);
    byDatabase.set(config, uses);
  }
  return uses;
}

/** Notes that a key was used just now. Takes no time of its caller. */
export function noteKeyUse(db: Db, keyId: string): void {
  usesOf(db).note(keyId);
}

/** Writes what was noted and is not written yet: before the database is closed. */
export async function flushKeyUses(db: Db): Promise<void> {
  await usesOf(db).flush();
}
