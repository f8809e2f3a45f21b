import type { Fact, Normalized } from '../domain/facts.ts';
import { newId } from '../domain/ids.ts';

/** What a person decided about a conversion's commission. */
export interface Decision {
  status: 'approved' | 'rejected';
  reason: string | null;
  /** The id of the API key. */
  by: string;
}

/** A decision as a fact. Each is a fact of its own, so that a second decision is no repeat of the first. */
export function normalizeDecision(
  conversion: { references: string[]; livemode: boolean },
  decision: Decision,
  decidedAt: Date,
): Normalized {
  const fact: Fact = {
    ...decision,
    type: 'decision',
    id: `decision:${newId('ibx').slice('ibx_'.length)}`,
    // One is enough: naming all would join for good orders that are only paired (pipeline/rules/pair-unlinked.ts).
    refs: conversion.references.slice(0, 1),
    occurredAt: decidedAt.toISOString(),
    customer: null,
    evidence: {},
  };
  return { kind: 'facts', livemode: conversion.livemode, facts: [fact] };
}
