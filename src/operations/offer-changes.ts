import { inTransaction, type Db } from '../db/db.ts';
import { lockRow } from '../db/lock-row.ts';
import type { Actor } from '../domain/actor.ts';
import type { Reach, Scope } from '../domain/scope.ts';
import { recordChange } from '../program/audited-changes.ts';
import { forgetLinkTargets } from '../program/link-targets.ts';
import {
  createOffer,
  findDefaultOfferId,
  findOffer,
  updateOffer,
  type Offer,
  type OfferChanges,
  type OfferInput,
} from '../program/offers.ts';

/** Creates an offer, as somebody. Throws like `createOffer`. */
export async function createOfferAs(db: Db, actor: Actor, scope: Scope, input: OfferInput): Promise<Offer> {
  const created = await inTransaction(db, async (trx) => {
    await lockRow(trx, 'programs', scope.programId, scope.programId);
    const defaultBefore = await findDefaultOfferId(trx, live(scope));
    const offer = await createOffer(trx, scope, input);
    await recordChange(trx, offer, actor, { type: 'offer', id: offer.id }, null, offer);
    await recordDefault(trx, actor, scope, defaultBefore);
    return offer;
  });
  forgetLinkTargets(db, scope.programId);
  return created;
}

/** Changes an offer, as somebody; null where there is no such offer in reach. Throws like `updateOffer`. */
export async function updateOfferAs(
  db: Db,
  actor: Actor,
  reach: Reach,
  offerId: string,
  changes: OfferChanges,
): Promise<Offer | null> {
  const changed = await inTransaction(db, async (trx) => {
    // Before the offer, as whoever changes the program does.
    if (changes.livemode) await lockRow(trx, 'programs', reach.programId, reach.programId);
    await lockRow(trx, 'offers', reach.programId, offerId);
    const before = await findOffer(trx, reach, offerId);
    if (!before) return null;
    const defaultBefore = await findDefaultOfferId(trx, live(reach));
    const after = await updateOffer(trx, reach, before.id, changes);
    if (!after) return null;
    await recordChange(trx, after, actor, { type: 'offer', id: after.id }, before, after);
    if (changes.livemode) await recordDefault(trx, actor, after, defaultBefore);
    return after;
  });
  forgetLinkTargets(db, reach.programId);
  return changed;
}

function live({ programId }: { programId: string }): Scope {
  return { programId, livemode: true };
}

/** The first live offer of a program becomes its default: a change of the program, too. */
async function recordDefault(
  trx: Parameters<typeof recordChange>[0],
  actor: Actor,
  { programId }: { programId: string },
  before: string | null,
): Promise<void> {
  const after = await findDefaultOfferId(trx, live({ programId }));
  const program = { type: 'program', id: programId };
  await recordChange(trx, live({ programId }), actor, program, { defaultOfferId: before }, { defaultOfferId: after });
}
