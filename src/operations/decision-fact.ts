import type { Fact, Normalized } from '../domain/facts.ts';
import { newId } from '../domain/ids.ts';

/** What a person decided about a conversion's commission, as the fact that it is recorded by. */
export interface Decision {
  status: 'approved' | 'rejected';
  reason: string | null;
  /** The API key. */
  by: string;
}

/** Each decision is one of its own: deciding twice is no repeat. The newest counts. */
export function normalizeDecision(
  conversion: { references: string[]; livemode: boolean },
  decision: Decision,
  decidedAt: Date,
): Normalized {
  const fact: Fact = {
    ...decision,
    type: 'decision',
    id: `decision:${newId('ibx').slice('ibx_'.length)}`,
    // One of them will do: naming all would join for good what only a hint joins (pipeline/hints.ts).
    refs: conversion.references.slice(0, 1),
    occurredAt: decidedAt.toISOString(),
    customer: null,
    evidence: {},
  };
  return { kind: 'facts', livemode: conversion.livemode, facts: [fact] };
}
