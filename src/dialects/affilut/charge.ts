import { withoutSource } from '../../domain/keyless.ts';

/**
 * `stripeChargeId` of the page: the best Stripe id that the order is known by (`ch_…`, else `pi_…`, else `in_…`),
 * `manual:<external_id>` for what was reported by its sender's own id, null for what has neither.
 */
export function chargeIdOf(references: readonly string[]): string | null {
  for (const pattern of stripeIds) {
    const found = references.flatMap((reference) => pattern.exec(reference)?.[1] ?? []);
    if (found[0] !== undefined) return found[0];
  }
  // An order id that is scoped to its source carries the source's id before it.
  const own = references.map(withoutSource).find((reference) => reference.startsWith('order:'));
  return own === undefined ? null : `manual:${own.replace(/^order:(?:src_[0-9a-f]+:)?/, '')}`;
}

// With Connect the account stands between: `stripe:acct_1:ch_2`. `py_` are charges of other payment methods.
const stripeIds = [
  /^stripe:(?:.+:)?(ch_\w+)$/,
  /^stripe:(?:.+:)?(py_\w+)$/,
  /^stripe:(?:.+:)?(pi_\w+)$/,
  /^stripe:(?:.+:)?(in_\w+)$/,
];
