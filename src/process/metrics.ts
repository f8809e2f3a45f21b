import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { outcomes } from '../domain/outcomes.ts';
import { createBacklogMetrics, type BacklogMetrics } from './backlog-metrics.ts';
import { version } from './version.ts';

/** What a process counts; served at /metrics. Each process has its own registry, so that tests can run several hubs. */
export interface Metrics extends BacklogMetrics {
  registry: Registry;
  /** Seconds, by `method`, `route` (the pattern, never the path) and `status`. */
  httpDuration: Histogram<'method' | 'route' | 'status'>;
  /** Rows that shared one insert. */
  inboxGroupRows: Histogram;
  /** Messages stored, by `kind` and `verdict`: received, ignored, unprocessable. */
  inboxMessages: Counter<'kind' | 'verdict'>;
  /** Requests with messages that were not taken, by the `kind` of their source and the `reason` (src/http/refusals.ts). */
  refused: Counter<'kind' | 'reason'>;
  /** Visitors who were led on without a click, because their network had made too many by that link. */
  clicksPastLimit: Counter;
  /** Inbox events settled, by `outcome`. */
  settled: Counter<'outcome'>;
  /** Events and resettlements that were settled in one batch. */
  settleBatchItems: Histogram;
  /** Seconds that settling a batch took. */
  settleDuration: Histogram;
  /** Delivery attempts, by `result`: succeeded, failed. */
  deliveries: Counter<'result'>;
  /** Seconds that a delivery attempt took. */
  deliveryDuration: Histogram;
  /** Seconds that a caller waited for a connection to the database, by `pool`. */
  poolWait: Histogram<'pool'>;
  /** Steps of the worker's sweeps, by `chore` and `result`: done, failed. */
  sweepSteps: Counter<'chore' | 'result'>;
  /** When a step of a chore last succeeded, in seconds since 1970, by `chore`. */
  sweepSucceededAt: Gauge<'chore'>;
}

export interface MetricsOptions {
  /** Those of Node and the process, too: memory, the lag of the event loop. Once a process. */
  processMetrics?: boolean;
  queueBackend?: 'redis' | 'postgres';
}

/** Labels hold words of this code alone; what a client sends is never among them. */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const metrics = registerMetrics(registry);
  tellBuild(registry, options.queueBackend ?? 'postgres');
  // The series are there before the first of each, so that the first counts as an increase.
  for (const outcome of outcomes) metrics.settled.inc({ outcome }, 0);
  for (const result of ['succeeded', 'failed']) metrics.deliveries.inc({ result }, 0);
  for (const kind of ['stripe', 'revenuecat', 'postback'])
    metrics.inboxMessages.inc({ kind, verdict: 'unprocessable' }, 0);
  return metrics;
}

function registerMetrics(registry: Registry): Metrics {
  const registers = [registry];
  return {
    ...createBacklogMetrics(registry),
    registry,
    httpDuration: new Histogram({
      name: 'tributary_http_request_duration_seconds',
      help: 'Time to answer, by route',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    inboxGroupRows: new Histogram({
      name: 'tributary_inbox_group_rows',
      help: 'Messages that shared one insert into the inbox',
      buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
      registers,
    }),
    inboxMessages: new Counter({
      name: 'tributary_inbox_messages_total',
      help: 'Messages stored, by the kind of their source and what was made of them',
      labelNames: ['kind', 'verdict'],
      registers,
    }),
    refused: new Counter({
      name: 'tributary_refused_requests_total',
      help: 'Requests with messages that were not taken, by the kind of their source and the reason',
      labelNames: ['kind', 'reason'],
      registers,
    }),
    clicksPastLimit: new Counter({
      name: 'tributary_clicks_past_limit_total',
      help: 'Visitors led on without a click, past the limit of a network and link',
      registers,
    }),
    settled: new Counter({
      name: 'tributary_settled_total',
      help: 'Inbox events settled, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    settleBatchItems: new Histogram({
      name: 'tributary_settle_batch_items',
      help: 'Events and resettlements that were settled in one batch',
      buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
      registers,
    }),
    settleDuration: new Histogram({
      name: 'tributary_settle_batch_duration_seconds',
      help: 'Time to settle one batch',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    deliveries: new Counter({
      name: 'tributary_delivery_attempts_total',
      help: 'Attempts to deliver a message, by result',
      labelNames: ['result'],
      registers,
    }),
    deliveryDuration: new Histogram({
      name: 'tributary_delivery_attempt_duration_seconds',
      help: 'Time that one attempt took',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
      registers,
    }),
    poolWait: new Histogram({
      name: 'tributary_db_pool_wait_seconds',
      help: 'Time that callers waited for a connection to the database',
      labelNames: ['pool'],
      buckets: [0.0001, 0.001, 0.005, 0.025, 0.1, 0.5, 2],
      registers,
    }),
    sweepSteps: new Counter({
      name: 'tributary_sweep_steps_total',
      help: "Steps of the worker's sweeps, by chore and result",
      labelNames: ['chore', 'result'],
      registers,
    }),
    sweepSucceededAt: new Gauge({
      name: 'tributary_sweep_last_success_timestamp_seconds',
      help: 'When a step of a chore last succeeded',
      labelNames: ['chore'],
      registers,
    }),
  };
}

function tellBuild(registry: Registry, queue: 'redis' | 'postgres'): void {
  const build = new Gauge({
    name: 'tributary_build_info',
    help: 'Always 1: which code runs, on which Node, with which queue',
    labelNames: ['version', 'node', 'queue'],
    registers: [registry],
  });
  build.set({ version, node: process.version, queue }, 1);
}
