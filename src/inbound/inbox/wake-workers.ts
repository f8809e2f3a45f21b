import { setTimeout as pause } from 'node:timers/promises';
import type { Queues } from '../../queue/queues.ts';

// Larger batches settle no faster and lock more at once.
const MAX_JOB_EVENTS = 500;

// Under load, jobs are this far apart, so each carries many events. The first goes at once.
const GATHER_JOBS_MS = 20;

// After a job of so many events the next is gathered for several such turns, unless a caller waits for one of its events: a
// job costs PostgreSQL as much as a hundred rows of the inbox (measured: its share of an event fell by a quarter).
const BUSY_JOB = 50;
const BUSY_TURNS = 5;

/** What is kept of a committed message until its job is enqueued: not the message, since a queue may be away for long. */
export interface StoredEvent {
  id: string;
  /** Whether a caller waits for its outcome. */
  awaited: boolean;
}

/**
 * Tells the workers which events were committed, in as few jobs as the queue has time for: while one enqueue is under way
 * the next job is gathered. The answers to the senders do not wait for it. What the queue does not take `tell` hears of;
 * beyond that the workers' sweep finds it.
 */
export function openWaker(
  queues: Pick<Queues, 'enqueue'>,
  tell: (eventIds: string[]) => Promise<void>,
): (events: StoredEvent[]) => Promise<void> {
  let gathered: StoredEvent[] = [];
  let running: Promise<void> | null = null;
  async function drain(): Promise<void> {
    while (gathered.length > 0) {
      const eventIds = gathered.map(({ id }) => id);
      gathered = [];
      const jobs = [];
      for (let start = 0; start < eventIds.length; start += MAX_JOB_EVENTS) {
        jobs.push({ eventIds: eventIds.slice(start, start + MAX_JOB_EVENTS), resettlementIds: [] });
      }
      if (!(await queues.enqueue('intake', jobs))) await tell(eventIds);
      if (gathered.length > 0) await gatherMore(eventIds.length >= BUSY_JOB ? BUSY_TURNS : 1);
    }
    running = null;
  }
  async function gatherMore(turns: number): Promise<void> {
    for (let turn = 0; turn < turns; turn += 1) {
      await pause(GATHER_JOBS_MS);
      if (gathered.length >= MAX_JOB_EVENTS || gathered.some(({ awaited }) => awaited)) return;
    }
  }
  return (events) => {
    gathered.push(...events);
    if (gathered.length > 0) running ??= drain();
    return running ?? Promise.resolve();
  };
}
