import type { Db } from '../../db/db.ts';
import type { Scope } from '../../domain/scope.ts';

/** A request that was turned away before it was stored, as far as it is kept. */
export interface RefusedRequest {
  id: string;
  sourceId: string | null;
  /** Why, in a word of src/http/refusals.ts. */
  reason: string;
  /** What the sender was told. */
  message: string;
  /** How often the same came. */
  count: number;
  /** The first and the last time. ISO 8601 UTC. */
  firstAt: string;
  lastAt: string;
}

/** Requests that carried this id, newest first, a handful. Nothing keeps them yet. */
export function findRefusedRequests(_db: Db, _asked: Scope & { reference: string }): Promise<RefusedRequest[]> {
  return Promise.resolve([]);
}
