import type { Fact, FactAmount, Normalized } from '../domain/facts.ts';
import { newId } from '../domain/ids.ts';

/** What a person says of a conversion: its amount, whose it is, or both. */
export interface Correction {
  amount: { gross: FactAmount; net: FactAmount | null } | null;
  affiliateId: string | null;
  reason: string;
  /** The id of the API key, or what kind of caller it was. */
  by: string;
}

/** A decision of a person, by which a retry of its call is known. */
export interface DecidedCall {
  decidedAt: Date;
  /** Null: each call is one of its own. */
  callId: string | null;
}

/**
 * A correction as facts: each call is a decision of its own, and the newest counts. Of an order whose halves nothing links it is
 * said of each half, as every decision (decision-fact.ts). It settles the grounds of the review that ask whose the order is.
 */
export function normalizeCorrection(
  order: { halves: readonly string[]; livemode: boolean; offerId: string | null; openGrounds: string[] },
  { amount, affiliateId, reason, by }: Correction,
  call: DecidedCall,
): Normalized {
  const id = decisionId(call);
  const common = { occurredAt: call.decidedAt.toISOString(), customer: null, evidence: {} };
  const facts = order.halves.flatMap((half, index): Fact[] => {
    const suffix = index === 0 ? '' : `:${index + 1}`;
    const own = { ...common, refs: [half], reason, by };
    return [
      ...(amount ? [{ ...own, ...amount, type: 'correction' as const, id: `correction:${id}${suffix}` }] : []),
      ...(affiliateId === null
        ? []
        : [
            {
              ...own,
              type: 'assignment' as const,
              id: `assignment:${id}${suffix}`,
              affiliateId,
              ...(order.offerId === null ? {} : { offerId: order.offerId }),
              settles: order.openGrounds,
            },
          ]),
    ];
  });
  return { kind: 'facts', livemode: order.livemode, facts };
}

/** Whom a person binds a customer to. */
export interface Rebinding {
  affiliateId: string;
  offerId: string | null;
  /** For what they buy from then on. */
  since: Date;
  reason: string;
  by: string;
}

/** A rebinding as a fact about the customer, who is known by one reference of theirs. */
export function normalizeRebinding(
  customer: { reference: { ref: string } | { email: string }; livemode: boolean },
  { affiliateId, offerId, since, reason, by }: Rebinding,
  call: DecidedCall,
): Normalized {
  const { reference, livemode } = customer;
  const fact: Fact = {
    id: `binding:${decisionId(call)}`,
    type: 'binding',
    refs: [],
    occurredAt: call.decidedAt.toISOString(),
    // One is enough: naming all would join for good records that only stand for one another.
    customer: 'ref' in reference ? { refs: [reference.ref], email: null } : { refs: [], email: reference.email },
    evidence: { affiliate: affiliateId, ...(offerId === null ? {} : { offer: offerId }) },
    since: since.toISOString(),
    reason,
    by,
  };
  return { kind: 'facts', livemode, facts: [fact] };
}

function decisionId({ callId }: DecidedCall): string {
  return callId ?? newId('ibx').slice('ibx_'.length);
}
