import type { Fact } from '../../domain/facts.ts';
import { compareInstants } from '../../domain/orderings.ts';

/** A fact together with the inbox event that first brought it; inbox ids sort by time of receipt. */
export interface KnownFact {
  fact: Fact;
  inboxId: string;
  /** Whether the ledger has taken it into account. Facts wait while their order is not attributed. */
  posted: boolean;
}

/** What is known of an order: its facts, by id. All the rest is computed from them. */
export type FactSet = ReadonlyMap<string, KnownFact>;

export const noFacts: FactSet = new Map();

/**
 * Adds a fact to what is known. It is a set, so the order in which facts are added does not matter, and a fact that is
 * added twice changes nothing. Of two messages with the same fact the one received first is kept.
 */
export function addFact(facts: FactSet, known: KnownFact): FactSet {
  const present = facts.get(known.fact.id);
  if (present && present.inboxId <= known.inboxId) return facts;
  const next = new Map(facts);
  next.set(known.fact.id, present?.posted ? { ...known, posted: true } : known);
  return next;
}

export function addFacts(known: Iterable<KnownFact>): FactSet {
  let facts = noFacts;
  for (const one of known) facts = addFact(facts, one);
  return facts;
}

/** Facts in the order in which they happened: (occurredAt, id), never the order of processing. */
export function inOrder(facts: FactSet): KnownFact[] {
  return [...facts.values()].sort((a, b) => compareInstants(a.fact, b.fact));
}
