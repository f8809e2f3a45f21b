import { useSyncExternalStore } from 'react';
import { base } from './base.ts';
import { searchOf, type Where } from './call.ts';
import { useWhere } from './place.tsx';
import type { News } from './types.ts';

/** What came in, and when this page heard of it. */
export type Heard = News & { heardAt: number };

interface Snapshot {
  heard: readonly Heard[];
  /** When there was more than could be named; 0: never. */
  moreAt: number;
}

/** More are counted, and not kept. */
const MOST_KEPT = 2_000;
/** A stream that the hub refused is asked for again after that. */
const AGAIN_MS = 10_000;

const nothing: Snapshot = { heard: [], moreAt: 0 };

/**
 * One stream of a program and mode, shared by all that listen on this page, and open while somebody does and the page is
 * seen: browsers have few connections to a host, and hidden pages would take them.
 */
class LiveStream {
  readonly #where: Where;
  readonly #listeners = new Set<() => void>();
  #snapshot = nothing;
  #source: EventSource | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;
  #position = '';

  constructor(where: Where) {
    this.#where = where;
  }

  readonly snapshot = (): Snapshot => this.#snapshot;

  readonly listen = (listener: () => void): (() => void) => {
    if (this.#listeners.size === 0) {
      document.addEventListener('visibilitychange', this.#followSight);
      this.#followSight();
    }
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      document.removeEventListener('visibilitychange', this.#followSight);
      this.#close();
      this.#position = '';
      this.#snapshot = nothing;
    };
  };

  readonly #followSight = (): void => {
    if (document.visibilityState === 'hidden') this.#close();
    else if (!this.#source) this.#open();
  };

  #open(): void {
    const { programId, mode } = this.#where;
    const query = { program: programId, mode, after: this.#position };
    const source = new EventSource(`${base}/live${searchOf(query)}`);
    this.#source = source;
    source.addEventListener('news', (event: MessageEvent<string>) => {
      this.#position = event.lastEventId;
      this.#take(JSON.parse(event.data) as { news: News[]; isMore: boolean });
    });
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED) return;
      this.#close();
      this.#again = setTimeout(this.#followSight, AGAIN_MS);
    });
  }

  #close(): void {
    clearTimeout(this.#again);
    this.#source?.close();
    this.#source = null;
  }

  /** After a break some may be told a second time. */
  #take({ news, isMore }: { news: News[]; isMore: boolean }): void {
    const known = new Set(this.#snapshot.heard.map(({ id }) => id));
    const heardAt = Date.now();
    const fresh = news.filter(({ id }) => !known.has(id)).map((each) => ({ ...each, heardAt }));
    if (fresh.length === 0 && !isMore) return;
    const heard = [...this.#snapshot.heard, ...fresh].slice(-MOST_KEPT);
    this.#snapshot = { heard, moreAt: isMore ? heardAt : this.#snapshot.moreAt };
    for (const listener of this.#listeners) listener();
  }
}

const streams = new Map<string, LiveStream>();

function streamOf(where: Where): LiveStream {
  const key = `${where.programId} ${where.mode}`;
  const stream = streams.get(key) ?? new LiveStream(where);
  streams.set(key, stream);
  return stream;
}

/** What came into this program and mode while the page is open. */
export function useHeard(): Snapshot {
  const stream = streamOf(useWhere());
  return useSyncExternalStore(stream.listen, stream.snapshot);
}
