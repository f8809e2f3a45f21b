import { setTimeout as wait } from 'node:timers/promises';
import type { Db } from '../db/db.ts';
import type { PoolUse } from '../db/watch-pool.ts';
import type { Clock } from '../domain/clock.ts';
import type { Metrics } from '../process/metrics.ts';
import type { Queues } from '../queue/queues.ts';
import { countUnsettled, readDeliveryBacklog, readOldestUnsettled } from '../statistics/backlog.ts';

export interface ScrapeDeps {
  db: Db;
  queues: Pick<Queues, 'countJobs'>;
  clock: Clock;
  metrics: Metrics;
  /** The pools of this process, by name. */
  pools: Readonly<Record<string, () => PoolUse>>;
}

/** Prometheus gives up after 10 s by default, and then has nothing at all. */
const DEADLINE_MS = 1_500;

/** Who scrapes more often is told the same: several servers may ask, and whoever has the token. */
const KEPT_MS = 1_000;

/** What is read somewhere else at each scrape. `read` sets gauges; `forget` takes their values away. */
interface Source {
  name: string;
  read: () => Promise<void>;
  forget: () => void;
}

/**
 * The text for Prometheus, in bounded time: of what a database or a queue does not tell at once the values are left out, and
 * `tributary_scrape_errors_total` counts it.
 */
export function openScrape(deps: ScrapeDeps, deadlineMs = DEADLINE_MS): () => Promise<string> {
  const { metrics } = deps;
  const readers = listSources(deps).map((source) => boundedReader(source, metrics, deadlineMs));
  return async () => {
    for (const [pool, readUse] of Object.entries(deps.pools)) {
      const { waiting, ...states } = readUse();
      for (const [state, count] of Object.entries(states)) metrics.poolConnections.set({ pool, state }, count);
      metrics.poolWaiting.set({ pool }, waiting);
    }
    await Promise.all(readers.map((read) => read()));
    return await metrics.registry.metrics();
  };
}

function listSources({ db, queues, clock, metrics }: ScrapeDeps): Source[] {
  return [
    {
      name: 'inbox_age',
      read: async () => metrics.oldestUnsettled.set(await readOldestUnsettled(db, clock.now())),
      forget: () => metrics.oldestUnsettled.remove(),
    },
    {
      name: 'inbox_count',
      read: async () => metrics.inboxWaitingRows.set(await countUnsettled(db)),
      forget: () => metrics.inboxWaitingRows.remove(),
    },
    {
      name: 'deliveries',
      async read() {
        const { oldestDueS, pausedEndpoints } = await readDeliveryBacklog(db, clock.now());
        metrics.oldestDueDelivery.set(oldestDueS);
        metrics.pausedEndpoints.set(pausedEndpoints);
      },
      forget() {
        metrics.oldestDueDelivery.remove();
        metrics.pausedEndpoints.remove();
      },
    },
    {
      name: 'queue',
      async read() {
        for (const { queue, state, jobs } of await queues.countJobs()) metrics.queueJobs.set({ queue, state }, jobs);
      },
      forget: () => metrics.queueJobs.reset(),
    },
  ];
}

/** One read at a time: a source that hangs is asked once, not once a scrape. */
function boundedReader({ name, read, forget }: Source, metrics: Metrics, deadlineMs: number): () => Promise<void> {
  // The series is there before the first error, so that the first counts as an increase.
  metrics.scrapeErrors.inc({ source: name }, 0);
  let underWay: Promise<boolean> | null = null;
  let freshUntil = 0;
  const begin = async (): Promise<boolean> => {
    try {
      await read();
      freshUntil = performance.now() + KEPT_MS;
      return true;
    } catch {
      return false;
    } finally {
      underWay = null;
    }
  };
  return async () => {
    if (performance.now() < freshUntil) return;
    underWay ??= begin();
    const timer = new AbortController();
    const late = wait(deadlineMs, false, { signal: timer.signal }).catch(() => false);
    const isRead = await Promise.race([underWay, late]);
    timer.abort();
    if (isRead) return;
    forget();
    metrics.scrapeErrors.inc({ source: name });
  };
}
