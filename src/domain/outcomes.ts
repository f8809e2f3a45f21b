/** What became of an inbound message. One vocabulary, which every surface translates into its own words. */
export const outcomes = [
  'recorded',
  'updated',
  'duplicate',
  'not_tracked',
  'parked',
  'ignored',
  'rejected',
  'unprocessable',
  'failed',
] as const;
export type Outcome = (typeof outcomes)[number];

/** Why a conversion pays nothing. */
export const notTrackedReasons = {
  cpa_customer_limit: 'This customer already converted under this CPA offer.',
  cpa_click_limit: 'This click already converted for this goal of the CPA offer.',
  cap_exceeded: 'The daily cap of the offer was used up.',
  max_duration: 'The revenue share of this customer has run out.',
  renewal_not_paid: 'The offer pays the first payment only, and this is a renewal.',
  self_referral: 'The affiliate and the buyer are the same person.',
  outside_window: 'The click is older than the attribution window of the offer.',
  affiliate_not_active: 'The affiliate is not active.',
  offer_not_active: 'The offer is not active.',
  amount_required: 'The offer pays a percentage, and no amount is known.',
  amount_invalid: 'The amount cannot be read in its currency, or is none: zero, negative or beyond all bounds.',
  imported: 'The system that this order was imported from has settled it.',
  unknown_status: 'The tracker sent a status word that the source does not map.',
} as const;
export type NotTrackedReason = keyof typeof notTrackedReasons;

/** Why a message by an authenticated caller was refused after it was stored. */
export const rejections = {
  click_not_found: 'Click not found',
  affiliate_not_found: 'Affiliate not found',
  offer_not_found: 'Offer not found',
  offer_not_active: 'Offer not active',
  amount_required: 'An amount is required for CPS and RevShare offers',
  amount_invalid: 'The amount is not valid in its currency',
  occurred_at_in_future: 'occurredAt is more than a year ahead',
  order_not_found: 'Order not found',
} as const;
export type Rejection = keyof typeof rejections;

/** The words in which the hub itself says why a conversion pays nothing. */
export const conversionReasons: readonly string[] = [...Object.keys(notTrackedReasons), 'no_attribution', 'rejected'];

/** All the words of the hub about a message: why it pays nothing, adds nothing, or was refused. */
export const messageReasons: readonly string[] = [
  ...new Set([...conversionReasons, ...Object.keys(rejections), 'duplicate_order', 'duplicate_event']),
];

/** A reason for not paying, in words for people; null for any other word. */
export function explainNotTracked(reason: string): string | null {
  return Object.hasOwn(notTrackedReasons, reason) ? notTrackedReasons[reason as NotTrackedReason] : null;
}

/** A reason for refusing, in words for people; null for any other word. */
export function explainRejection(reason: string): string | null {
  return Object.hasOwn(rejections, reason) ? rejections[reason as Rejection] : null;
}
