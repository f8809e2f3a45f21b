import { z } from 'zod';
import { validationError } from './errors.ts';

/** How an offer pays. Rates are integer basis points (1000 = 10 %), amounts integer minor units of the offer's currency. */
const amountMinor = z.int().min(0).max(100_000_000_000_000);
const rateBps = z.int().min(0).max(10_000);
/** Calendar months from the first payment; null for life. */
const durationMonths = z.int().min(1).max(1200).nullable();

export const commissionTermsSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('cpa'), amountMinor }),
  z.strictObject({ type: z.literal('cps'), rateBps }),
  z.strictObject({ type: z.literal('revshare'), rateBps, durationMonths: durationMonths.default(null) }),
]);
export type CommissionTerms = z.infer<typeof commissionTermsSchema>;

/** What is left out stays as it is. */
export const commissionChangesSchema = z.strictObject({
  type: z.enum(['cpa', 'cps', 'revshare']).optional(),
  amountMinor: amountMinor.optional(),
  rateBps: rateBps.optional(),
  durationMonths: durationMonths.optional(),
});
export type CommissionChanges = z.infer<typeof commissionChangesSchema>;

const fieldsOf = { cpa: ['amountMinor'], cps: ['rateBps'], revshare: ['rateBps', 'durationMonths'] } as const;

/**
 * The terms with the changes. Another type takes over what it has in common with the one before, such as the rate. Throws
 * VALIDATION_ERROR where the type has no such field, or needs one that is nowhere.
 */
export function changeTerms(before: CommissionTerms, changes: CommissionChanges): CommissionTerms {
  const type = changes.type ?? before.type;
  const allowed: readonly string[] = fieldsOf[type];
  for (const [field, value] of Object.entries(changes)) {
    if (field === 'type' || value === undefined || allowed.includes(field)) continue;
    throw refuse(field, `is no part of ${type}, which has ${allowed.join(' and ')}`);
  }
  const known: CommissionChanges = { ...before, ...dropUndefined(changes) };
  if (type === 'cpa') return { type, amountMinor: known.amountMinor ?? missing('amountMinor', type) };
  const rate = known.rateBps ?? missing('rateBps', type);
  if (type === 'cps') return { type, rateBps: rate };
  return { type, rateBps: rate, durationMonths: known.durationMonths ?? null };
}

function dropUndefined(changes: CommissionChanges): CommissionChanges {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

function missing(field: string, type: string): never {
  throw refuse(field, `is required of ${type}`);
}

function refuse(field: string, message: string): Error {
  return validationError(`commission.${field} ${message}`, { [`commission.${field}`]: message });
}

/** An affiliate's own terms, which beat the offer's: a rate for CPS and RevShare, an amount for CPA. */
export const commissionOverrideSchema = z.union([z.strictObject({ rateBps }), z.strictObject({ amountMinor })]);
export type CommissionOverride = z.infer<typeof commissionOverrideSchema>;
