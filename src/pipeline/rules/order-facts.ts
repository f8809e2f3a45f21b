import { compareInstants } from '../../domain/orderings.ts';
import type { Fact } from '../../domain/facts.ts';

/** A fact together with the inbox event that first brought it; inbox ids sort by time of receipt. */
export interface KnownFact {
  fact: Fact;
  inboxId: string;
  /** Whether the ledger has taken it into account. Facts wait while their order is not attributed. */
  posted: boolean;
}

/** What is known of an order: its set of facts, by id. Nothing else; all the rest is reckoned from it. */
export type OrderState = ReadonlyMap<string, KnownFact>;

export const emptyOrder: OrderState = new Map();

/**
 * Adds a fact to what is known. A set is its own proof: the order of folding does not matter, and a fact folded twice
 * adds nothing. Of two messages with the same fact the one received first is kept.
 */
export function fold(state: OrderState, known: KnownFact): OrderState {
  const present = state.get(known.fact.id);
  if (present && present.inboxId <= known.inboxId) return state;
  const next = new Map(state);
  next.set(known.fact.id, present?.posted ? { ...known, posted: true } : known);
  return next;
}

export function foldAll(facts: Iterable<KnownFact>): OrderState {
  let state = emptyOrder;
  for (const known of facts) state = fold(state, known);
  return state;
}

/** Facts in the order in which they happened: (occurredAt, id), never the order of processing. */
export function inOrderOfFacts(state: OrderState): KnownFact[] {
  return [...state.values()].sort((a, b) => compareInstants(a.fact, b.fact));
}
