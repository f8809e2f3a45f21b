import type { Db } from '../../db/db.ts';
import { findAffiliate } from '../../program/affiliates.ts';
import { findCodeOwners } from '../../program/affiliate-codes.ts';
import { ExpiringCache, perDatabase } from '../../db/expiring-cache.ts';
import { findOffer } from '../../program/offers.ts';
import { findProgram } from '../../program/programs.ts';
import { findLinkTarget } from '../../program/tracking-links.ts';

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
 * code, or several do. Remembered for a few seconds.
 */
export async function findReferral(db: Db, code: string, programId: string | null): Promise<Referral | null> {
  const name = `${programId ?? ''} ${code}`;
  const found = await cacheOf(db).get(name, () => loadReferral(db, code, programId));
  // Only hits are remembered: a new partner must be found at once.
  if (!found) cacheOf(db).delete(name);
  return found;
}

/** Days after a click within which it counts, by the offer or the program's default one. */
export async function readWindowDays(db: Db, programId: string, offerId: string | null): Promise<number> {
  const id = offerId ?? (await findProgram(db, programId))?.defaultOfferId;
  return (id ? await findOffer(db, programId, id) : null)?.attributionWindowDays ?? USUAL_WINDOW_DAYS;
}

const USUAL_WINDOW_DAYS = 30;

const cacheOf = perDatabase(() => new ExpiringCache<Referral>({ ttlMs: 4_000, maxEntries: 10_000 }));

async function loadReferral(db: Db, code: string, programId: string | null): Promise<Referral | null> {
  const owner = await findOwner(db, code, programId);
  if (!owner) return null;
  const affiliate = await findAffiliate(db, owner.programId, owner.affiliateId);
  const offer = owner.offerId === null ? null : await findOffer(db, owner.programId, owner.offerId);
  const isOpen = offer === null || offer.status === 'published';
  return {
    ...owner,
    active: affiliate?.status === 'active' && isOpen,
    windowDays: await readWindowDays(db, owner.programId, owner.offerId),
  };
}

type Owner = Pick<Referral, 'programId' | 'affiliateId' | 'offerId' | 'linkId'>;

async function findOwner(db: Db, code: string, programId: string | null): Promise<Owner | null> {
  const target = await findLinkTarget(db, code);
  const byLink = target && {
    programId: target.programId,
    affiliateId: target.affiliateId,
    offerId: target.offerId,
    linkId: target.linkId,
  };
  if (programId !== null) {
    if (byLink?.programId === programId) return byLink;
    const affiliate = await findAffiliate(db, programId, code);
    // What the program has of its own comes first: a link of another program must not take its partners' visitors.
    return affiliate ? { programId, affiliateId: affiliate.id, offerId: null, linkId: null } : byLink;
  }
  if (byLink) return byLink;
  const [owner, another] = await findCodeOwners(db, code);
  return owner && !another ? { ...owner, offerId: null, linkId: null } : null;
}
