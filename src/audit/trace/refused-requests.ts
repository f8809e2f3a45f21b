import type { Db } from '../../db/db.ts';
import type { Scope } from '../../domain/scope.ts';
import type { Refusal } from '../../http/refusals.ts';
import { findRefusals } from '../../inbound/refusals/rows.ts';

/** A request that was turned away before it was stored, as far as it is kept. */
export interface RefusedRequest {
  id: string;
  sourceId: string | null;
  /** Why, in a word. */
  reason: Refusal;
  /** What the sender was told. */
  message: string;
  /** How often the same came. */
  count: number;
  /** The first and the last time. ISO 8601 UTC. */
  firstAt: string;
  lastAt: string;
}

/** Requests that carried this id, newest first, a handful. */
export async function findRefusedRequests(db: Db, asked: Scope & { reference: string }): Promise<RefusedRequest[]> {
  const found = await findRefusals(db, asked, SHOWN);
  return found.map(({ id, sourceId, reason, message, count, firstAt, lastAt }) => ({
    id,
    sourceId,
    reason,
    message,
    count,
    firstAt: firstAt.toISOString(),
    lastAt: lastAt.toISOString(),
  }));
}

const SHOWN = 5;
