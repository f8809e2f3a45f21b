import type { Fact, Normalized } from '../domain/facts.ts';
import { newId } from '../domain/ids.ts';

/** What a person decided about a conversion: whether its commission is due, or whose it is. */
export type Decision = Verdict | Assignment;

interface Verdict {
  status: 'approved' | 'rejected';
  reason: string | null;
  /** The id of the API key. */
  by: string;
}

/** Whose the commission is, where a review asks that. */
interface Assignment {
  affiliateId: string;
  by: string;
}

/**
 * A decision as a fact. Each is a fact of its own, so that a second decision is no repeat of the first. It settles the
 * grounds of the review that were open when it was made, and no others.
 */
export function normalizeDecision(
  conversion: { references: string[]; livemode: boolean; openGrounds: string[] },
  decision: Decision,
  decidedAt: Date,
): Normalized {
  const common = {
    id: `decision:${newId('ibx').slice('ibx_'.length)}`,
    // One is enough: naming all would join for good orders that are only paired (pipeline/rules/pair-unlinked.ts).
    refs: conversion.references.slice(0, 1),
    occurredAt: decidedAt.toISOString(),
    customer: null,
    evidence: {},
    settles: conversion.openGrounds,
  };
  const fact: Fact =
    'status' in decision
      ? { ...common, ...decision, type: 'decision' }
      : { ...common, ...decision, type: 'assignment' };
  return { kind: 'facts', livemode: conversion.livemode, facts: [fact] };
}
