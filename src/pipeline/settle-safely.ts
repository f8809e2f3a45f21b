import type { Logger } from 'pino';
import type { Db } from '../db/db.ts';
import { isOutage } from '../db/outage.ts';
import { isCollision } from '../db/pg-errors.ts';
import { runSql } from '../db/sql.ts';
import type { Clock } from '../domain/clock.ts';
import { outcomes } from '../domain/outcomes.ts';
import type { SenderAtHand } from '../outbound/messages/leased.ts';
import { retryAfterS, type IntakeJob } from '../queue/jobs.ts';
import { nothingDone, settleBatch, type BatchResult } from './settle-batch.ts';
import { announceOutcomes } from './work-items/finish-work.ts';

export interface SettleDeps {
  db: Db;
  clock: Clock;
  log: Logger;
  /** What it sends at once is leased to it in the same transaction. */
  sender?: SenderAtHand;
}

/** An event that fails this often is `failed`: visible, replayable, and in nobody's way. */
export const MAX_ATTEMPTS = 5;

const TRIES_BEFORE_HALVING = 3;

/** A guard against orders that reopen each other forever; two rounds are the most expected. */
const MAX_ROUNDS = 1_000;

/**
 * Settles a batch so that no single event can hold up the others: a deadlock with another worker is tried again, then in
 * halves; any other failure event by event. An event that fails alone is tried again later, five times in all. An outage of
 * the database throws: nothing is lost, the sweep enqueues again.
 */
export async function settleSafely(deps: SettleDeps, job: IntakeJob): Promise<BatchResult> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await settleBatch(deps.db, job, deps.clock.now(), deps.sender);
    } catch (error) {
      if (isOutage(error)) throw error;
      if (isCollision(error) && tries < TRIES_BEFORE_HALVING) continue;
      if (job.eventIds.length + job.resettlementIds.length > 1) return settleEach(deps, split(job, error));
      const gaveUp = await recordFailure(deps, job, error);
      return gaveUp ? { ...nothingDone(), outcomes: { failed: 1 } } : nothingDone();
    }
  }
}

/** Settles a job and whatever that asks to be settled again, for callers without a queue. */
export async function settleToTheEnd(deps: SettleDeps, first: IntakeJob): Promise<void> {
  let job = first;
  for (let rounds = 0; job.eventIds.length + job.resettlementIds.length > 0; rounds += 1) {
    if (rounds === MAX_ROUNDS) {
      throw new Error(`${job.resettlementIds.length} orders are still to be settled again after ${MAX_ROUNDS} rounds`);
    }
    const { resettlementIds } = await settleSafely(deps, job);
    job = { eventIds: [], resettlementIds };
  }
}

async function settleEach(deps: SettleDeps, jobs: IntakeJob[]): Promise<BatchResult> {
  const whole = nothingDone();
  for (const job of jobs) {
    const result = await settleSafely(deps, job);
    for (const outcome of outcomes) {
      const count = result.outcomes[outcome];
      if (count !== undefined) whole.outcomes[outcome] = (whole.outcomes[outcome] ?? 0) + count;
    }
    const { deliveryIds, leased } = result.written;
    whole.written.deliveryIds.push(...deliveryIds);
    whole.written.leased.leases.push(...leased.leases);
    whole.written.leased.endpoints.push(...leased.endpoints);
    whole.resettlementIds.push(...result.resettlementIds);
  }
  return whole;
}

/** After a deadlock in halves; after a failure one by one, so that the event that fails is found in one go. */
function split({ eventIds, resettlementIds }: IntakeJob, error: unknown): IntakeJob[] {
  const singles: IntakeJob[] = [
    ...eventIds.map((id) => ({ eventIds: [id], resettlementIds: [] })),
    ...resettlementIds.map((id) => ({ eventIds: [], resettlementIds: [id] })),
  ];
  if (!isCollision(error)) return singles;
  const middle = Math.ceil(singles.length / 2);
  return [singles.slice(0, middle), singles.slice(middle)].map((half) => ({
    eventIds: half.flatMap((one) => one.eventIds),
    resettlementIds: half.flatMap((one) => one.resettlementIds),
  }));
}

/** Tells whether that was its last try. */
async function recordFailure(deps: SettleDeps, job: IntakeJob, error: unknown): Promise<boolean> {
  const [eventId] = job.eventIds;
  deps.log.error({ err: error, eventId, resettlementId: job.resettlementIds[0] }, 'settling failed');
  if (eventId === undefined) return false;
  const [row] = await runSql<{ status: string; awaited: boolean }>(
    deps.db,
    'recordFailure',
    `update inbox_events set attempts = attempts + 1, error = :message,
       next_enqueue_at = now() + ${retryAfterS('(attempts + 1)')} * interval '1 second',
       status = case when attempts + 1 >= :maxAttempts then 'failed' else status end,
       outcome = case when attempts + 1 >= :maxAttempts then 'failed' else outcome end,
       settled_at = case when attempts + 1 >= :maxAttempts then now() else settled_at end
     where id = :eventId and status = 'received' returning status, awaited`,
    { message: describeError(error).slice(0, 2_000), maxAttempts: MAX_ATTEMPTS, eventId },
  );
  if (row?.status === 'failed' && row.awaited) await announceOutcomes(deps.db, [eventId]);
  return row?.status === 'failed';
}

/** What the database said, for people: knex puts the whole statement before it. */
function describeError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.slice(message.lastIndexOf(' - ') + 1).replace(/^- /, '');
}
