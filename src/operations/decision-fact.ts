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
 * grounds of the review that were open when it was made, and no others. Of an order whose halves nothing links
 * (pipeline/rules/pair-unlinked.ts) it is a fact of each half: what was decided of both stands for both, should they part.
 * `id` is what the facts are known by, where a decision may be recorded again.
 */
export function normalizeDecision(
  conversion: { halves: readonly string[]; livemode: boolean; openGrounds: string[] },
  decision: Decision,
  decidedAt: Date,
  id = `decision:${newId('ibx').slice('ibx_'.length)}`,
): Normalized {
  const common = {
    occurredAt: decidedAt.toISOString(),
    customer: null,
    evidence: {},
    settles: conversion.openGrounds,
  };
  const facts = conversion.halves.map((half, index): Fact => {
    // One reference of each: naming several in one fact would join for good what is only paired.
    const own = { ...common, id: index === 0 ? id : `${id}:${index + 1}`, refs: [half] };
    return 'status' in decision
      ? { ...own, ...decision, type: 'decision' }
      : { ...own, ...decision, type: 'assignment' };
  });
  return { kind: 'facts', livemode: conversion.livemode, facts };
}

/** Whether nothing would change by it: a review that is open waits for a person, whatever the commission's state. */
export function isInForce(commission: { status: string; review: unknown }, status: Verdict['status']): boolean {
  return commission.status === status && commission.review === null;
}
