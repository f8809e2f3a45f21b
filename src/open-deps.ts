import type { Logger } from 'pino';
import { createDryRun } from './audit/dry-run.ts';
import type { Config } from './process/config.ts';
import { createDatabase, type ProcessRole } from './db/database.ts';
import { isOutage } from './db/outage.ts';
import { watchPool } from './db/watch-pool.ts';
import { openReplica } from './db/replica.ts';
import { createSecretBox } from './db/secret-box.ts';
import type { Deps } from './deps.ts';
import { systemClock, type Clock } from './domain/clock.ts';
import { AppError } from './domain/errors.ts';
import { openInbox } from './inbound/inbox/inbox.ts';
import { openRefusals } from './inbound/refusals/recorder.ts';
import { endInTime } from './process/end-in-time.ts';
import { createLogger } from './process/logging.ts';
import type { Tracing } from './process/tracing/tracing.ts';
import { createMetrics } from './process/metrics.ts';
import { createOutageLog, withoutOutages } from './process/outage-log.ts';
import { openClickRecorder } from './program/click-recorder.ts';
import { openCrawlerVisits } from './program/crawler-visits.ts';
import { flushKeyUses } from './program/key-uses.ts';
import { openRateLimits } from './http/rate-limits.ts';
import { openReadiness } from './http/readiness.ts';
import { backendName } from './queue/backend.ts';
import { openQueues } from './queue/queues.ts';

export interface OpenDeps extends Deps {
  /**
   * Writes what the inbox and the click recorder have accepted, then closes the queues and the database. What hangs is given
   * up, so that all is done within `withinMs`.
   */
  close: (withinMs?: number) => Promise<void>;
}

const CLOSE_WITHIN_MS = 10_000;

/** Opens all that a process needs. Nothing connects before it is used, so a process starts while its database is away. */
export function openDeps(
  config: Config,
  options: {
    role: ProcessRole;
    log?: Logger;
    clock?: Clock;
    processMetrics?: boolean;
    tracing?: Tracing | null;
  },
): OpenDeps {
  const tracing = options.tracing ?? null;
  const ownLog = options.log ?? createLogger({ level: config.logLevel, role: options.role });
  const outage = createOutageLog(ownLog, 'database');
  const log = withoutOutages(ownLog, isForWantOfTheDatabase, (error) => {
    outage.failed(error);
    readiness.suspect();
  });
  const clock = options.clock ?? systemClock;
  const metrics = createMetrics({
    processMetrics: options.processMetrics ?? false,
    queueBackend: backendName(config),
  });
  const db = createDatabase({
    url: config.databaseUrl,
    directUrl: config.databaseDirectUrl,
    role: options.role,
    pooler: config.databasePooler,
    log,
  });
  const replica = openReplica({
    primary: db,
    url: config.databaseReplicaUrl,
    role: options.role,
    pooler: config.databasePooler,
    // What the replica lacks is no outage of the database.
    log: ownLog,
  });
  // Nor are errors of Redis.
  const queues = openQueues(config, ownLog);
  const readiness = openReadiness({ db, queues, log: ownLog, outage });
  const pools = {
    primary: watchPool(db, (seconds) => metrics.poolWait.observe({ pool: 'primary' }, seconds)),
    ...(replica.db && {
      replica: watchPool(replica.db, (seconds) => metrics.poolWait.observe({ pool: 'replica' }, seconds)),
    }),
  };
  const inbox = openInbox({
    db,
    queues,
    clock,
    log,
    resultTimeoutMs: config.resultTimeoutMs,
    onGroup: (rows) => metrics.inboxGroupRows.observe(rows),
    onStore: (error) => readiness.noteStore(error),
    tracing,
    onStored: (kind, verdict) => metrics.inboxMessages.inc({ kind, verdict }),
  });
  const refusals = openRefusals({ db, log, clock });
  const clicks = openClickRecorder(db, log);
  const crawlerVisits = openCrawlerVisits(db, log);
  const rateLimits = openRateLimits(config, ownLog);
  const [key, ...previousKeys] = config.encryptionKeys;
  const secrets = createSecretBox({ key, previousKeys });
  return {
    config,
    db,
    replica,
    log,
    clock,
    queues,
    inbox,
    refusals,
    dryRun: createDryRun({ db, clock }),
    clicks,
    crawlerVisits,
    rateLimits,
    secrets,
    metrics,
    tracing,
    pools,
    readiness,
    async close(withinMs = CLOSE_WITHIN_MS) {
      readiness.close();
      await endInTime(log, withinMs * 0.6, {
        inbox: () => inbox.close(),
        refusals: () => refusals.close(),
        clicks: () => clicks.close(),
        crawlerVisits: () => crawlerVisits.close(),
        keyUses: () => flushKeyUses(db),
      });
      await endInTime(log, withinMs * 0.4, {
        rateLimits: () => rateLimits.close(),
        queues: () => queues.close(),
        replica: () => replica.close(),
        database: () => db.destroy(),
        tracing: async () => tracing?.close(),
      });
    },
  };
}

/** Whatever is answered 503 is so for want of the database, or because too much waits for it. */
function isForWantOfTheDatabase(error: unknown): boolean {
  return isOutage(error) || (error instanceof AppError && error.code === 'UNAVAILABLE');
}
