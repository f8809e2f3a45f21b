/**
 * A review holds a commission that nobody may pay before a person decided. It is a mark beside the status: while it lasts
 * nothing is approved by time, and what a person approved is left out of payouts.
 */
export type ReviewReason =
  /** An amount in a currency that cannot be set against the payment. */
  | 'currency_mismatch'
  /** Two halves that only their amount joins name different affiliates. */
  | 'joined_affiliates_differ'
  /** What was paid to one affiliate would move to another. */
  | 'paid_to_another'
  /** Buyer and affiliate have addresses of one organization, and the program asks for a review of that. */
  | 'same_domain';

/** Why a review is open, with what exactly: a person settles these grounds, and a new one opens it again. */
export interface Ground {
  reason: ReviewReason;
  /** What it is about, the same whenever the same facts are looked at. */
  key: string;
}

export interface Review {
  reasons: ReviewReason[];
  /** The keys of the open grounds: a decision names them. */
  grounds: string[];
}

export function groundOf(reason: ReviewReason, about: readonly string[]): Ground {
  return { reason, key: [reason, ...about].join(' ') };
}

/** What a ground stands on, read back from its key. */
export type Basis =
  /** Facts whose amounts are in another currency than the payment. */
  | { reason: 'currency_mismatch'; factIds: string[] }
  /** The affiliates whom the two halves name. */
  | { reason: 'joined_affiliates_differ'; affiliateIds: string[] }
  /** Who is credited, and who was paid or is named beside them; null: nobody. */
  | { reason: 'paid_to_another'; creditedTo: string | null; because: 'paid' | 'named'; other: string | null }
  /** Where buyer and affiliate both have an address. */
  | { reason: 'same_domain'; domains: string[] };

export function basisOf(ground: string): Basis {
  const [reason, ...about] = ground.split(' ');
  if (reason === 'currency_mismatch') return { reason, factIds: about };
  if (reason === 'joined_affiliates_differ') return { reason, affiliateIds: about };
  if (reason === 'same_domain') return { reason, domains: about };
  const [keeper = '', why, other = NOBODY] = about;
  const because = why === 'named' ? 'named' : 'paid';
  return {
    reason: 'paid_to_another',
    creditedTo: keeper || null,
    because,
    other: other === NOBODY ? null : other,
  };
}

/** Of evidence that outvoted whoever was credited and names no affiliate of the program. */
const NOBODY = 'nobody';

export const reviewReasons = [
  'currency_mismatch',
  'joined_affiliates_differ',
  'paid_to_another',
  'same_domain',
] as const satisfies readonly ReviewReason[];

/** The review that the grounds ask for; null where people have settled them all. */
export function openReview(grounds: readonly Ground[], settled: ReadonlySet<string>): Review | null {
  const open = grounds.filter(({ key }) => !settled.has(key));
  if (open.length === 0) return null;
  return {
    reasons: [...new Set(open.map(({ reason }) => reason))].sort(),
    grounds: open.map(({ key }) => key).sort(),
  };
}
