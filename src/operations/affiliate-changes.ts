import type { Clock } from '../domain/clock.ts';
import type { Db } from '../db/db.ts';
import type { Queues } from '../queue/queues.ts';
import { commitAndAnnounce } from '../outbound/messages/commit-and-announce.ts';
import { affiliateView } from '../program/affiliate-view.ts';
import {
  createAffiliate,
  updateAffiliate,
  type Affiliate,
  type AffiliateChanges,
  type AffiliateInput,
} from '../program/affiliates.ts';

interface ChangeDeps {
  db: Db;
  queues: Queues;
  clock: Clock;
}

/** Whose affiliate; `livemode` marks the messages, since affiliates themselves are neither live nor test. */
export interface Owner {
  programId: string;
  livemode: boolean;
}

/** Creates an affiliate and tells subscribers (`affiliate.created`). Throws CONFLICT where a code is taken. */
export function createAffiliateAndAnnounce(deps: ChangeDeps, owner: Owner, input: AffiliateInput): Promise<Affiliate> {
  return commitAndAnnounce(deps, async (trx) => {
    const affiliate = await createAffiliate(trx, owner.programId, input);
    return { result: affiliate, drafts: [{ ...owner, type: 'affiliate.created', data: affiliateView(affiliate) }] };
  });
}

/** Changes an affiliate and tells subscribers (`affiliate.updated`) where that made a difference; null for an unknown one. */
export function updateAffiliateAndAnnounce(
  deps: ChangeDeps,
  owner: Owner,
  affiliateId: string,
  changes: AffiliateChanges,
): Promise<Affiliate | null> {
  return commitAndAnnounce(deps, async (trx) => {
    const changed = await updateAffiliate(trx, owner.programId, affiliateId, changes);
    if (!changed) return { result: null, drafts: [] };
    const data = affiliateView(changed.after);
    const previous = findChangedFields(affiliateView(changed.before), data);
    const drafts = Object.keys(previous).length === 0 ? [] : [{ ...owner, type: 'affiliate.updated', data, previous }];
    return { result: changed.after, drafts };
  });
}

/** The fields that differ, with their old values; when it was last changed is no news by itself. */
function findChangedFields(before: object, after: object): Record<string, unknown> {
  const later = new Map(Object.entries(after));
  return Object.fromEntries(
    Object.entries(before).filter(
      ([field, value]) => field !== 'updatedAt' && JSON.stringify(value) !== JSON.stringify(later.get(field)),
    ),
  );
}
