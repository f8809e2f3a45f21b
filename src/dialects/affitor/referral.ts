import type { Db } from '../../db/db.ts';
import { everythingOf, namedBy } from '../../domain/scope.ts';
import { findAffiliate } from '../../program/affiliates.ts';
import { findCodeOwners } from '../../program/affiliate-codes.ts';
import { ExpiringCache, perDatabase } from '../../db/expiring-cache.ts';
import { findOffer } from '../../program/offers.ts';
import { findProgram } from '../../program/programs.ts';
import { findLinkTarget } from '../../program/link-targets.ts';

/** Where the `aff` of a landing URL leads: a tracking link, or an affiliate by referral code (or id). */
export interface Referral {
  programId: string;
  affiliateId: string;
  /** The link's; null for a referral code, whose offer is chosen when something converts. */
  offerId: string | null;
  linkId: string | null;
  /** Whether clicks count: an active affiliate, and an offer that is open. */
  active: boolean;
  /** The attribution window, which is the cookie's too. */
  windowDays: number;
}

/**
 * Codes of links are unique in the hub, and lead where they lead whatever the caller calls its program. Referral codes are
 * unique within a program: where several programs have a code, `programId` says which is meant. Null where nothing has the
 * code, or several do. Tests look among what is test, then among what is live; others find nothing that is test.
 * Remembered for a few seconds.
 */
export async function findReferral(
  db: Db,
  code: string,
  programId: string | null,
  test: boolean,
): Promise<Referral | null> {
  const name = `${test ? 'test' : 'live'} ${programId ?? ''} ${code}`;
  const found = await cacheOf(db).get(name, () => loadReferral(db, code, programId, test));
  // Only hits are remembered: a new partner must be found at once.
  if (!found) cacheOf(db).delete(name);
  return found;
}

/** Days after a click within which it counts, by the offer or the program's default one. */
export async function readWindowDays(db: Db, programId: string, offerId: string | null): Promise<number> {
  const id = offerId ?? (await findProgram(db, programId))?.defaultOfferId;
  return (id ? await findOffer(db, everythingOf(programId), id) : null)?.attributionWindowDays ?? USUAL_WINDOW_DAYS;
}

const USUAL_WINDOW_DAYS = 30;

const cacheOf = perDatabase(() => new ExpiringCache<Referral>({ ttlMs: 4_000, maxEntries: 10_000 }));

async function loadReferral(db: Db, code: string, programId: string | null, test: boolean): Promise<Referral | null> {
  const found = await findOwner(db, code, programId, test);
  if (!found) return null;
  const { paused, ...owner } = found;
  const reach = everythingOf(owner.programId);
  const affiliate = await findAffiliate(db, reach, owner.affiliateId);
  const offer = owner.offerId === null ? null : await findOffer(db, reach, owner.offerId);
  const isOpen = offer === null || offer.status === 'published';
  return {
    ...owner,
    active: affiliate?.status === 'active' && isOpen && !paused,
    windowDays: await readWindowDays(db, owner.programId, owner.offerId),
  };
}

type Owner = Pick<Referral, 'programId' | 'affiliateId' | 'offerId' | 'linkId'> & { paused: boolean };

async function findOwner(db: Db, code: string, programId: string | null, test: boolean): Promise<Owner | null> {
  const target = await findLinkTarget(db, code);
  // By an affiliate's own code the affiliate is found below, in the program that is meant.
  const isLink = target !== null && target.linkId !== null && (target.livemode || test);
  const byLink = isLink
    ? {
        programId: target.programId,
        affiliateId: target.affiliateId,
        offerId: target.offerId,
        linkId: target.linkId,
        paused: target.status === 'paused',
      }
    : null;
  if (programId !== null) {
    if (byLink?.programId === programId) return byLink;
    const affiliate = await findAffiliate(db, namedBy({ programId, livemode: !test }), code);
    if (!affiliate) return byLink;
    // What the program has of its own comes first: a link of another program must not take its partners' visitors.
    return { programId, affiliateId: affiliate.id, offerId: null, linkId: null, paused: false };
  }
  if (byLink) return byLink;
  const owners = test ? await findCodeOwners(db, code, false) : [];
  const [owner, another] = owners.length > 0 ? owners : await findCodeOwners(db, code);
  return owner && !another ? { ...owner, offerId: null, linkId: null, paused: false } : null;
}
