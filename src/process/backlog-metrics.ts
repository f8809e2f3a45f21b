import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * What waits in the whole hub. Read where it is kept, at each scrape: every process tells the same, so take the `max` of them.
 * What could not be read is left out of the scrape, since an old value would look like news.
 */
export interface BacklogMetrics {
  /** Rows accepted and not settled yet. */
  inboxWaitingRows: Gauge;
  /** Seconds since the message that waits for longest was stored, replayed or last tried; 0: none waits. */
  oldestUnsettled: Gauge;
  /** Seconds for which the delivery that waits for longest has been due; 0: none is. */
  oldestDueDelivery: Gauge;
  /** Endpoints for which deliveries wait, and that are left alone for a while, because they failed or asked for it. */
  pausedEndpoints: Gauge;
  /** Jobs, by `queue` and `state`. */
  queueJobs: Gauge<'queue' | 'state'>;
  /** Connections, by `pool` and `state`: used, free, pending (being made). */
  poolConnections: Gauge<'pool' | 'state'>;
  /** Callers that wait for a connection, by `pool`. */
  poolWaiting: Gauge<'pool'>;
  /** What a scrape could not read in time, by `source`: inbox_age, inbox_count, deliveries, queue. */
  scrapeErrors: Counter<'source'>;
}

export function createBacklogMetrics(registry: Registry): BacklogMetrics {
  const registers = [registry];
  return {
    inboxWaitingRows: new Gauge({
      name: 'tributary_inbox_waiting_rows',
      help: 'Messages accepted and not settled yet, in the whole hub',
      registers,
    }),
    oldestUnsettled: new Gauge({
      name: 'tributary_inbox_oldest_unsettled_seconds',
      help: 'Age of the message that has waited for longest to be settled, in the whole hub; 0: none waits',
      registers,
    }),
    oldestDueDelivery: new Gauge({
      name: 'tributary_deliveries_oldest_due_seconds',
      help: 'For how long the oldest due delivery has been due, in the whole hub, without those to paused endpoints; 0: none is',
      registers,
    }),
    pausedEndpoints: new Gauge({
      name: 'tributary_deliveries_paused_endpoints',
      help: 'Endpoints that deliveries wait for and that are left alone for a while, in the whole hub',
      registers,
    }),
    queueJobs: new Gauge({
      name: 'tributary_queue_jobs',
      help: 'Jobs in the queue, by state, in the whole hub',
      labelNames: ['queue', 'state'],
      registers,
    }),
    poolConnections: new Gauge({
      name: 'tributary_db_pool_connections',
      help: 'Connections to the database that this process has, by state',
      labelNames: ['pool', 'state'],
      registers,
    }),
    poolWaiting: new Gauge({
      name: 'tributary_db_pool_waiting',
      help: 'Callers in this process that wait for a connection to the database',
      labelNames: ['pool'],
      registers,
    }),
    scrapeErrors: new Counter({
      name: 'tributary_scrape_errors_total',
      help: 'What a scrape could not read in time, and left out, by source',
      labelNames: ['source'],
      registers,
    }),
  };
}
