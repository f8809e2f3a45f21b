import { inTransaction, type Db } from '../db/db.ts';
import { lockRow } from '../db/lock-row.ts';
import type { Actor } from '../domain/actor.ts';
import type { Reach, Scope } from '../domain/scope.ts';
import { recordChange } from '../program/audited-changes.ts';
import { forgetLinkTargets } from '../program/link-targets.ts';
import {
  createTrackingLink,
  findTrackingLink,
  updateTrackingLink,
  type TrackingLink,
  type TrackingLinkChanges,
  type TrackingLinkInput,
} from '../program/tracking-links.ts';

/** Creates a tracking link, as somebody. Throws like `createTrackingLink`. */
export async function createTrackingLinkAs(
  db: Db,
  actor: Actor,
  scope: Scope,
  input: TrackingLinkInput,
): Promise<TrackingLink> {
  const created = await inTransaction(db, async (trx) => {
    const link = await createTrackingLink(trx, scope, input);
    await recordChange(trx, link, actor, { type: 'tracking_link', id: link.id }, null, ownFields(link));
    return link;
  });
  forgetLinkTargets(db, scope.programId);
  return created;
}

/** Changes a tracking link, as somebody; null where there is no such link in reach. Throws like `updateTrackingLink`. */
export async function updateTrackingLinkAs(
  db: Db,
  actor: Actor,
  reach: Reach,
  linkId: string,
  changes: TrackingLinkChanges,
): Promise<TrackingLink | null> {
  const changed = await inTransaction(db, async (trx) => {
    await lockRow(trx, 'tracking_links', reach.programId, linkId);
    const before = await findTrackingLink(trx, reach, linkId);
    const after = before && (await updateTrackingLink(trx, reach, linkId, changes));
    if (!after) return null;
    await recordChange(trx, after, actor, { type: 'tracking_link', id: linkId }, ownFields(before), ownFields(after));
    return after;
  });
  forgetLinkTargets(db, reach.programId);
  return changed;
}

/** Where it leads follows from its custom URL, or from the offer. */
function ownFields(link: TrackingLink): object {
  const { destinationUrl: _, ...fields } = link;
  return fields;
}
