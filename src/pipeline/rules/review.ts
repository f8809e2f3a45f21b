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

/** The review that the grounds ask for; null where people have settled them all. */
export function openReview(grounds: readonly Ground[], settled: ReadonlySet<string>): Review | null {
  const open = grounds.filter(({ key }) => !settled.has(key));
  if (open.length === 0) return null;
  return {
    reasons: [...new Set(open.map(({ reason }) => reason))].sort(),
    grounds: open.map(({ key }) => key).sort(),
  };
}
