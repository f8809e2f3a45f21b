import type { Logger } from 'pino';
import type { Config } from './process/config.ts';
import { createDatabase, type ProcessRole } from './db/database.ts';
import { openReplica } from './db/replica.ts';
import { createSecretBox } from './db/secret-box.ts';
import type { Deps } from './deps.ts';
import { systemClock, type Clock } from './domain/clock.ts';
import { openInbox } from './inbound/inbox/inbox.ts';
import { createLogger } from './process/logging.ts';
import { createMetrics } from './process/metrics.ts';
import { openClickRecorder } from './program/click-recorder.ts';
import { openCrawlerVisits } from './program/crawler-visits.ts';
import { openRateLimits } from './http/rate-limits.ts';
import { openQueues } from './queue/queues.ts';

export interface OpenDeps extends Deps {
  /** Writes what the inbox and the click recorder have accepted, then closes the queues and the database. */
  close: () => Promise<void>;
}

/** Opens all that a process needs. Nothing connects before it is used, so a process starts while its database is away. */
export function openDeps(
  config: Config,
  options: { role: ProcessRole; log?: Logger; clock?: Clock; processMetrics?: boolean },
): OpenDeps {
  const log = options.log ?? createLogger({ level: config.logLevel, role: options.role });
  const clock = options.clock ?? systemClock;
  const metrics = createMetrics({ processMetrics: options.processMetrics ?? false });
  const db = createDatabase({
    url: config.databaseUrl,
    role: options.role,
    prepared: config.databasePooler === 'none',
    log,
  });
  const replica = openReplica({
    primary: db,
    url: config.databaseReplicaUrl,
    role: options.role,
    prepared: config.databasePooler === 'none',
    log,
  });
  const queues = openQueues(config, log);
  const inbox = openInbox({
    db,
    queues,
    clock,
    log,
    resultTimeoutMs: config.resultTimeoutMs,
    onGroup: (rows) => metrics.inboxGroupRows.observe(rows),
  });
  const clicks = openClickRecorder(db, log);
  const crawlerVisits = openCrawlerVisits(db, log);
  const rateLimits = openRateLimits(config, log);
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
    clicks,
    crawlerVisits,
    rateLimits,
    secrets,
    metrics,
    async close() {
      await inbox.close();
      await clicks.close();
      await crawlerVisits.close();
      await rateLimits.close();
      await queues.close();
      await replica.close();
      await db.destroy();
    },
  };
}
