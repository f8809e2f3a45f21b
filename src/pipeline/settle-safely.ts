import type { Db } from '../db/db.ts';
import type { Logger } from 'pino';
import { runPositional } from '../db/sql.ts';
import { isOutage } from '../db/outage.ts';
import { isCollision } from '../db/pg-errors.ts';
import type { Clock } from '../domain/clock.ts';
import { outcomes } from '../domain/outcomes.ts';
import { settleBatch, type BatchResult } from './settle-batch.ts';
import { announceOutcomes } from './work/finish-work.ts';

export interface SettleDeps {
  db: Db;
  clock: Clock;
  log: Logger;
}

export interface SettleWork {
  eventIds: string[];
  resettlementIds: string[];
}

/** An event that fails this often is `failed`: visible, replayable, and in nobody's way. */
export const MAX_ATTEMPTS = 5;

const TRIES_BEFORE_HALVING = 3;

/**
 * Settles a batch so that no single event can hold up the others: a collision with another worker is tried again, then
 * in halves; any other failure event by event. An event that fails alone is tried again later, five times in all. An
 * outage of the database throws: nothing is lost, the sweep enqueues again.
 */
export async function settleWithCare(deps: SettleDeps, work: SettleWork): Promise<BatchResult> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await settleBatch(deps.db, work, deps.clock.now());
    } catch (error) {
      if (isOutage(error)) throw error;
      if (isCollision(error) && tries < TRIES_BEFORE_HALVING) continue;
      if (work.eventIds.length + work.resettlementIds.length > 1) return settleParts(deps, splitWork(work, error));
      await recordFailure(deps, work, error);
      return { outcomes: {}, deliveryIds: [], resettlementIds: [] };
    }
  }
}

/** Settles events and whatever that asks to be settled again, for callers without a queue. */
export async function settleCompletely(deps: SettleDeps, eventIds: string[]): Promise<void> {
  let work: SettleWork = { eventIds, resettlementIds: [] };
  while (work.eventIds.length + work.resettlementIds.length > 0) {
    const { resettlementIds } = await settleWithCare(deps, work);
    work = { eventIds: [], resettlementIds };
  }
}

async function settleParts(deps: SettleDeps, parts: SettleWork[]): Promise<BatchResult> {
  const whole: BatchResult = { outcomes: {}, deliveryIds: [], resettlementIds: [] };
  for (const part of parts) {
    const result = await settleWithCare(deps, part);
    for (const outcome of outcomes) {
      const count = result.outcomes[outcome];
      if (count !== undefined) whole.outcomes[outcome] = (whole.outcomes[outcome] ?? 0) + count;
    }
    whole.deliveryIds.push(...result.deliveryIds);
    whole.resettlementIds.push(...result.resettlementIds);
  }
  return whole;
}

/** After a collision in halves; after a failure one by one, so that the poison is found in one go. */
function splitWork({ eventIds, resettlementIds }: SettleWork, error: unknown): SettleWork[] {
  const events = eventIds.map((id): SettleWork => ({ eventIds: [id], resettlementIds: [] }));
  const again = resettlementIds.map((id): SettleWork => ({ eventIds: [], resettlementIds: [id] }));
  const singles = [...events, ...again];
  if (!isCollision(error)) return singles;
  const middle = Math.ceil(singles.length / 2);
  return [singles.slice(0, middle), singles.slice(middle)].map((half) => ({
    eventIds: half.flatMap((one) => one.eventIds),
    resettlementIds: half.flatMap((one) => one.resettlementIds),
  }));
}

async function recordFailure(deps: SettleDeps, work: SettleWork, error: unknown): Promise<void> {
  const [eventId] = work.eventIds;
  deps.log.error({ err: error, eventId, resettlementId: work.resettlementIds[0] }, 'settling failed');
  if (eventId === undefined) return;
  const message = describeError(error);
  const [row] = await runPositional<{ status: string; awaited: boolean }>(
    deps.db,
    `update inbox_events set attempts = attempts + 1, error = ?,
       next_enqueue_at = now() + (2 ^ attempts) * interval '5 seconds',
       status = case when attempts + 1 >= ? then 'failed' else status end,
       outcome = case when attempts + 1 >= ? then 'failed' else outcome end,
       settled_at = case when attempts + 1 >= ? then now() else settled_at end
     where id = ? and status = 'received' returning status, awaited`,
    [message.slice(0, 2_000), MAX_ATTEMPTS, MAX_ATTEMPTS, MAX_ATTEMPTS, eventId],
  );
  if (row?.status === 'failed' && row.awaited) await announceOutcomes(deps.db, [eventId]);
}

/** What the database said, for people: knex puts the whole statement before it. */
function describeError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.slice(message.lastIndexOf(' - ') + 1).replace(/^- /, '');
}
