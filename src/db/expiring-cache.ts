import type { Db } from './db.ts';

export interface ExpiringCacheOptions {
  ttlMs: number;
  /** How many keys that exist are remembered, and apart from them how many that do not: guesses cannot push out real keys. */
  maxEntries: number;
  /** Whether a look-up that fails gives the last known value, which then counts for another `ttlMs`. */
  serveStale?: boolean;
}

interface Entry<V> {
  value: V;
  expiresAt: number;
}

interface LookUp<V> {
  value: Promise<V | null>;
}

/**
 * What a process may remember of the database for a short time, also that there is nothing (`null`). The age counts from the
 * start of the look-up, so that a change elsewhere is seen within `ttlMs`. Concurrent look-ups of a key share one query; one
 * that fails is not remembered.
 */
export class ExpiringCache<V> {
  readonly #options: ExpiringCacheOptions;
  readonly #present = new Map<string, Entry<V>>();
  readonly #absent = new Map<string, Entry<null>>();
  readonly #loading = new Map<string, LookUp<V>>();

  constructor(options: ExpiringCacheOptions) {
    this.#options = options;
  }

  get(key: string, load: () => Promise<V | null>): Promise<V | null> {
    const known = this.#present.get(key) ?? this.#absent.get(key);
    if (known && known.expiresAt > performance.now()) return Promise.resolve(known.value);
    const underWay = this.#loading.get(key);
    if (underWay) return underWay.value;
    const lookUp: LookUp<V> = { value: Promise.resolve(null) };
    this.#loading.set(key, lookUp);
    lookUp.value = this.#load(key, load, lookUp);
    return lookUp.value;
  }

  delete(key: string): void {
    this.#present.delete(key);
    this.#absent.delete(key);
    this.#loading.delete(key);
  }

  /**
   * Has what matches looked up again, and all that is said not to exist: it may exist now. Where that fails, stale values may
   * still be served.
   */
  expireWhere(matches: (value: V) => boolean): void {
    for (const entry of this.#present.values()) if (matches(entry.value)) entry.expiresAt = 0;
    this.#absent.clear();
    this.#loading.clear();
  }

  async #load(key: string, load: () => Promise<V | null>, lookUp: LookUp<V>): Promise<V | null> {
    const expiresAt = performance.now() + this.#options.ttlMs;
    try {
      const value = await load();
      // Where the key was deleted meanwhile, what was read may be older than the change.
      if (this.#loading.get(key) === lookUp) this.#remember(key, value, expiresAt);
      return value;
    } catch (error) {
      const stale = this.#options.serveStale ? this.#present.get(key) : undefined;
      if (!stale) throw error;
      this.#remember(key, stale.value, performance.now() + this.#options.ttlMs);
      return stale.value;
    } finally {
      if (this.#loading.get(key) === lookUp) this.#loading.delete(key);
    }
  }

  #remember(key: string, value: V | null, expiresAt: number): void {
    this.#present.delete(key);
    this.#absent.delete(key);
    if (value === null) keep(this.#absent, key, { value, expiresAt }, this.#options.maxEntries);
    else keep(this.#present, key, { value, expiresAt }, this.#options.maxEntries);
  }
}

/** Maps iterate in order of insertion: the first is the one looked up longest ago. */
function keep<E>(map: Map<string, E>, key: string, entry: E, maxEntries: number): void {
  if (map.size >= maxEntries) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
  map.set(key, entry);
}

/** One `T` for each database, so that several hubs can live in one process. A transaction shares that of its database. */
export function perDatabase<T>(make: () => T): (db: Db) => T {
  const made = new WeakMap<object, T>();
  return (db) => {
    const { config } = db.client as { config: object };
    let value = made.get(config);
    if (value === undefined) {
      value = make();
      made.set(config, value);
    }
    return value;
  };
}
