import { z } from 'zod';
import { adjustmentRef } from '../../domain/adjustment-ref.ts';
import type { Normalized } from '../../domain/facts.ts';

/**
 * An adjustment as its message keeps it: what a person asked for, with the affiliate's id in place of a code, which may be
 * somebody else's later, and with who asked.
 */
const adjustmentMessage = z.strictObject({
  affiliateId: z.string(),
  /** Added to the balance; negative: taken from it. Never 0. */
  amountMinor: z.int(),
  currency: z.string(),
  reason: z.string(),
  /** The caller's own id of it: a repeat adds nothing. Null: each call is one of its own. */
  reference: z.string().nullable(),
  /** When it is of; ISO 8601 UTC. */
  occurredAt: z.iso.datetime(),
  /** The id of the API key, or `command`. */
  by: z.string(),
  /** Names the call. */
  call: z.string(),
});
export type AdjustmentMessage = z.output<typeof adjustmentMessage>;

/** What an adjustment says, as one fact, which is an order by itself. Throws where it is none. */
export function normalizeAdjustment(message: unknown, { livemode }: { livemode: boolean }): Normalized {
  const { amountMinor, currency, call, ...said } = adjustmentMessage.parse(message);
  const ref = refOf({ reference: said.reference, call });
  const { occurredAt, affiliateId, reason, reference, by } = said;
  return {
    kind: 'facts',
    livemode,
    facts: [
      {
        id: ref,
        refs: [ref],
        occurredAt,
        customer: null,
        evidence: {},
        type: 'adjustment',
        affiliateId,
        amount: { minor: amountMinor, currency },
        reason,
        reference,
        by,
      },
    ],
  };
}

/** By what the ledger knows it. */
export function refOf({ reference, call }: Pick<AdjustmentMessage, 'reference' | 'call'>): string {
  return adjustmentRef(reference === null ? { call } : { reference });
}
