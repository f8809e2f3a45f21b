import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What a process counts; served at /metrics. Each process has its own registry, so that tests can run several hubs. */
export interface Metrics {
  registry: Registry;
  /** Seconds, by `method`, `route` (the pattern, never the path) and `status`. */
  httpDuration: Histogram<'method' | 'route' | 'status'>;
  /** Rows that shared one insert. */
  inboxGroupRows: Histogram;
  /** Rows accepted and not settled yet; read from the database when scraped. */
  inboxWaitingRows: Gauge;
  /** Visitors who were led on without a click, because their network had made too many by that link. */
  clicksPastLimit: Counter;
  /** Inbox events settled, by `outcome`. */
  settled: Counter<'outcome'>;
  /** Seconds that settling a batch took. */
  settleDuration: Histogram;
  /** Delivery attempts, by `result`: succeeded, failed. */
  deliveries: Counter<'result'>;
  /** Seconds that a delivery attempt took. */
  deliveryDuration: Histogram;
}

export function createMetrics(options: { processMetrics?: boolean } = {}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  return {
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
    inboxWaitingRows: new Gauge({
      name: 'tributary_inbox_waiting_rows',
      help: 'Messages accepted and not settled yet, in the whole hub',
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
  };
}
