import type { Logger } from 'pino';
import type { Db } from '../db/db.ts';
import { timeOfId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import { readNews, type FoundNews, type News } from './read-news.ts';

/** Who watches. */
export interface Viewer {
  /** Known up to this time of ids, in ms since 1970: told of all that came since, and then of what comes. */
  since: number;
  tell(told: Told): void;
}

export interface Told {
  news: readonly News[];
  /** There was too much to name all of it. */
  isMore: boolean;
  /** What is known up to now: a viewer who comes back with it misses nothing. */
  position: number;
}

const EVERY_MS = 1_000;

/** What is read once more each time: an id is made before its transaction commits. */
const REREAD_MS = 2_000;

export interface FeedDeps {
  /** Reads where the lists read, so that they show what was told. */
  replica: { read<T>(read: (db: Db) => Promise<T>): Promise<T> };
  log: Logger;
}

/**
 * What is new in a program and mode: one question a second while anybody watches, however many they are, and none otherwise.
 * Who joins is told by the next one, which then looks as far back as they need.
 */
export class LiveFeed {
  readonly #deps: FeedDeps;
  readonly #scope: Scope;
  readonly #joining = new Set<Viewer>();
  readonly #viewers = new Set<Viewer>();
  /** What was told within the time that is read once more. */
  readonly #told = new Set<string>();
  // Ids have the time of the process's clock.
  #position = Date.now();
  #timer: NodeJS.Timeout | null = null;
  #isReading = false;

  constructor(deps: FeedDeps, scope: Scope) {
    this.#deps = deps;
    this.#scope = scope;
  }

  get isWatched(): boolean {
    return this.#joining.size + this.#viewers.size > 0;
  }

  join(viewer: Viewer): void {
    if (!this.#timer) {
      this.#position = Date.now();
      this.#told.clear();
      this.#timer = setInterval(() => void this.#readOn(), EVERY_MS);
    }
    this.#joining.add(viewer);
  }

  leave(viewer: Viewer): void {
    this.#joining.delete(viewer);
    this.#viewers.delete(viewer);
    if (this.isWatched || !this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** A question that takes longer than a second delays the next. */
  async #readOn(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const joining = [...this.#joining];
    const since = Math.min(this.#position, ...joining.map((viewer) => viewer.since)) - REREAD_MS;
    try {
      const found = await this.#deps.replica.read((db) => readNews(db, this.#scope, new Date(since)));
      this.#tell(found, joining);
    } catch (err) {
      this.#deps.log.debug({ err }, 'what is new could not be read: it is asked again');
    } finally {
      this.#isReading = false;
    }
  }

  #tell({ news, completeSince }: FoundNews, joining: readonly Viewer[]): void {
    const before = this.#position;
    const madeSince = (time: number): News[] => news.filter(({ id }) => timeOfId(id) >= time - REREAD_MS);
    const fresh = madeSince(before).filter(({ id }) => !this.#told.has(id));
    // A clock that runs ahead does not have the others' ids passed over.
    const newest = Math.min(Date.now(), Math.max(before, ...news.map(({ id }) => timeOfId(id))));
    const position = Math.max(before, newest);
    for (const viewer of this.#viewers) viewer.tell({ news: fresh, isMore: completeSince > before, position });
    for (const viewer of joining) {
      if (!this.#joining.delete(viewer)) continue;
      this.#viewers.add(viewer);
      viewer.tell({ news: madeSince(viewer.since), isMore: completeSince > viewer.since, position });
    }
    for (const { id } of fresh) this.#told.add(id);
    for (const id of this.#told) if (timeOfId(id) < position - REREAD_MS) this.#told.delete(id);
    this.#position = position;
  }
}
