import type { Db } from '../db/db.ts';
import { AppError } from '../domain/errors.ts';
import type { Inbox } from '../inbound/inbox/inbox.ts';
import { findConversion, type Conversion } from '../ledger/conversions.ts';
import { decideCommission, type DecidedBy } from './commission-decision.ts';
import type { Decision } from './decision-fact.ts';

/** What became of one of many decisions. */
export type DecidedReview =
  | { outcome: 'decided'; conversion: Conversion }
  /** No result in time; the decision is recorded and will count. */
  | { outcome: 'processing'; inboxEventId: string }
  | { outcome: 'refused'; error: AppError };

/** Messages of a moment share one commit and one batch, so a few at once are faster than one by one. */
const AT_ONCE = 20;

/**
 * Decides the reviews of these conversions, each by itself: what is refused (nothing is open, the state does not admit it)
 * keeps no other from being decided. The results are in the order of the ids.
 */
export async function decideReviews(
  deps: { db: Db; inbox: Inbox },
  conversionIds: readonly string[],
  decision: Decision,
  by: DecidedBy,
): Promise<DecidedReview[]> {
  const results: DecidedReview[] = [];
  for (let start = 0; start < conversionIds.length; start += AT_ONCE) {
    const few = conversionIds.slice(start, start + AT_ONCE);
    results.push(...(await Promise.all(few.map((id) => decideReview(deps, id, decision, by)))));
  }
  return results;
}

async function decideReview(
  deps: { db: Db; inbox: Inbox },
  conversionId: string,
  decision: Decision,
  by: DecidedBy,
): Promise<DecidedReview> {
  try {
    const conversion = await findConversion(deps.db, by.programId, by.livemode, conversionId);
    if (!conversion?.affiliateId) throw new AppError('NOT_FOUND', 'Commission not found');
    if (conversion.review === null) {
      throw new AppError('CONFLICT', 'Nothing is open about this commission: PATCH /api/v1/commissions/:id decides it');
    }
    const result = await decideCommission(deps, conversion, decision, by);
    if (result.kind === 'decided') return { outcome: 'decided', conversion: result.conversion };
    return { outcome: 'processing', inboxEventId: result.inboxEventId };
  } catch (error) {
    if (error instanceof AppError && error.status < 500) return { outcome: 'refused', error };
    throw error;
  }
}
