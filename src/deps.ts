import type { Db } from './db/db.ts';
import type { PoolUse } from './db/watch-pool.ts';
import type { Replica } from './db/replica.ts';
import type { Logger } from 'pino';
import type { Config } from './process/config.ts';
import type { SecretBox } from './db/secret-box.ts';
import type { Clock } from './domain/clock.ts';
import type { DryRun } from './inbound/inbox/dry-run.ts';
import type { Inbox } from './inbound/inbox/inbox.ts';
import type { Refusals } from './inbound/refusals/recorder.ts';
import type { Metrics } from './process/metrics.ts';
import type { Tracing } from './process/tracing/tracing.ts';
import type { ClickRecorder } from './program/click-recorder.ts';
import type { CrawlerVisits } from './program/crawler-visits.ts';
import type { RateLimits } from './http/rate-limits.ts';
import type { Readiness } from './http/readiness.ts';
import type { Queues } from './queue/queues.ts';

/**
 * What a process opens once at its start. Functions name the parts that they use; rooms below api declare their own types
 * of them, and do not import this one.
 */
export interface Deps {
  config: Config;
  db: Db;
  replica: Replica;
  log: Logger;
  clock: Clock;
  queues: Queues;
  inbox: Inbox;
  refusals: Refusals;
  dryRun: DryRun;
  clicks: ClickRecorder;
  crawlerVisits: CrawlerVisits;
  rateLimits: RateLimits;
  secrets: SecretBox;
  metrics: Metrics;
  readiness: Readiness;
  /** Null: no traces are made. */
  tracing: Tracing | null;
  /** How the pools of connections to the database are used: `primary`, and `replica` where there is one. */
  pools: Readonly<Record<string, () => PoolUse>>;
}
