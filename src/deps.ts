import type { Knex } from 'knex';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import type { SecretBox } from './db/secret-box.ts';
import type { Clock } from './domain/clock.ts';
import type { Inbox } from './inbound/inbox.ts';
import type { Metrics } from './metrics.ts';
import type { ClickRecorder } from './program/click-recorder.ts';
import type { RateLimits } from './program/rate-limits.ts';
import type { Queues } from './queue/queues.ts';

/** What a process opens once at its start and passes to everything that needs it; functions name what they use. */
export interface Deps {
  config: Config;
  db: Knex;
  log: Logger;
  clock: Clock;
  queues: Queues;
  inbox: Inbox;
  clicks: ClickRecorder;
  rateLimits: RateLimits;
  secrets: SecretBox;
  metrics: Metrics;
}
