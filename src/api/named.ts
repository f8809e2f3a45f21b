import type { Db } from '../db/db.ts';
import { AppError } from '../domain/errors.ts';
import type { Reach } from '../domain/scope.ts';
import { findAffiliate, type Affiliate } from '../program/affiliates.ts';
import { findOffer, type Offer } from '../program/offers.ts';

/** The affiliate that a body names by id or referral code. Throws VALIDATION_ERROR where there is none such in reach. */
export async function requireAffiliate(
  db: Db,
  reach: Reach,
  idOrCode: string,
  field = 'affiliateId',
): Promise<Affiliate> {
  return (await findAffiliate(db, reach, idOrCode)) ?? refuse(field, 'Affiliate');
}

/** The offer that a body names by id or code. Throws VALIDATION_ERROR where there is none such in reach. */
export async function requireOffer(db: Db, reach: Reach, idOrCode: string, field = 'offerId'): Promise<Offer> {
  return (await findOffer(db, reach, idOrCode)) ?? refuse(field, 'Offer');
}

/** For filters: the id of an affiliate that is named by id or code; one that no row has where there is none such. */
export async function toAffiliateId(db: Db, reach: Reach, idOrCode: string | undefined): Promise<string | undefined> {
  if (idOrCode === undefined) return undefined;
  return (await findAffiliate(db, reach, idOrCode))?.id ?? NO_SUCH_ID;
}

export async function toOfferId(db: Db, reach: Reach, idOrCode: string | undefined): Promise<string | undefined> {
  if (idOrCode === undefined) return undefined;
  return (await findOffer(db, reach, idOrCode))?.id ?? NO_SUCH_ID;
}

const NO_SUCH_ID = '-';

function refuse(field: string, what: 'Affiliate' | 'Offer'): never {
  throw new AppError('VALIDATION_ERROR', `${what} not found`, {
    details: { [field]: `is not an ${what.toLowerCase()} of this program` },
  });
}
