import { z } from 'zod';

/** How an offer pays. Rates are integer basis points (1000 = 10 %), amounts integer minor units of the offer's currency. */
export const commissionTermsSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('cpa'), amountMinor: z.int().min(0).max(100_000_000_000_000) }),
  z.strictObject({ type: z.literal('cps'), rateBps: z.int().min(0).max(10_000) }),
  z.strictObject({
    type: z.literal('revshare'),
    rateBps: z.int().min(0).max(10_000),
    /** Calendar months from the first payment; null for life. */
    durationMonths: z.int().min(1).max(1200).nullable().default(null),
  }),
]);
export type CommissionTerms = z.infer<typeof commissionTermsSchema>;

/** An affiliate's own terms, which beat the offer's: a rate for CPS and RevShare, an amount for CPA. */
export const commissionOverrideSchema = z.union([
  z.strictObject({ rateBps: z.int().min(0).max(10_000) }),
  z.strictObject({ amountMinor: z.int().min(0).max(100_000_000_000_000) }),
]);
export type CommissionOverride = z.infer<typeof commissionOverrideSchema>;
