import type { Clock } from '../domain/clock.ts';
import type { Db } from '../db/db.ts';
import type { Actor } from '../domain/actor.ts';
import { changedFields } from '../domain/changed-fields.ts';
import type { MessageDraft } from '../outbound/events/message-draft.ts';
import type { Reach, Scope } from '../domain/scope.ts';
import type { Config } from '../process/config.ts';
import { forgetLinkTargets } from '../program/link-targets.ts';
import type { Queues } from '../queue/queues.ts';
import { recordChange } from '../program/audited-changes.ts';
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
  config: Pick<Config, 'publicUrl'>;
  db: Db;
  queues: Pick<Queues, 'enqueue'>;
  clock: Clock;
}

/** Creates an affiliate and tells subscribers (`affiliate.created`). Throws CONFLICT where a code is taken. */
export async function createAffiliateAndAnnounce(
  deps: ChangeDeps,
  scope: Scope,
  input: AffiliateInput,
  actor: Actor,
): Promise<Affiliate> {
  const created = await commitAndAnnounce(deps, async (trx) => {
    const affiliate = await createAffiliate(trx, scope, input);
    const data = affiliateView(affiliate, deps.config.publicUrl);
    await recordChange(trx, scope, actor, { type: 'affiliate', id: affiliate.id }, null, auditedFields(affiliate));
    return { result: affiliate, drafts: [{ ...scope, type: 'affiliate.created', data }] };
  });
  forgetLinkTargets(deps.db, scope.programId);
  return created;
}

/**
 * Changes an affiliate and tells subscribers (`affiliate.updated`) where that made a difference; null for one that is out of
 * reach. The message is live or test as the affiliate is from then on.
 */
export async function updateAffiliateAndAnnounce(
  deps: ChangeDeps,
  reach: Reach,
  affiliateId: string,
  changes: AffiliateChanges,
  actor: Actor,
): Promise<Affiliate | null> {
  const { publicUrl } = deps.config;
  const updated = await commitAndAnnounce(deps, async (trx) => {
    const changed = await updateAffiliate(trx, reach, affiliateId, changes);
    if (!changed) return { result: null, drafts: [] };
    const data = affiliateView(changed.after, publicUrl);
    // When it was last changed is no news by itself.
    const { updatedAt: _, ...previous } = changedFields(affiliateView(changed.before, publicUrl), data);
    const { programId, livemode } = changed.after;
    const [was, is] = [auditedFields(changed.before), auditedFields(changed.after)];
    await recordChange(trx, changed.after, actor, { type: 'affiliate', id: affiliateId }, was, is);
    const draft: MessageDraft = { programId, livemode, type: 'affiliate.updated', data, previous };
    return { result: changed.after, drafts: Object.keys(previous).length === 0 ? [] : [draft] };
  });
  forgetLinkTargets(deps.db, reach.programId);
  return updated;
}

/** Which code of the hub is theirs follows from the referral code. */
function auditedFields(affiliate: Affiliate): object {
  const { linkCode: _, ...fields } = affiliate;
  return fields;
}
