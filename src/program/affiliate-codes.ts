import type { Db, Trx } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { foldCode } from '../domain/codes.ts';
import { findUniqueViolation } from '../db/pg-errors.ts';

export type CodeKind = 'referral' | 'coupon';

/** Gives an affiliate this referral code instead of the one before. Throws CONFLICT where the program has it already. */
export async function replaceReferralCode(
  trx: Trx,
  programId: string,
  affiliateId: string,
  code: string,
): Promise<void> {
  await deleteCodes(trx, affiliateId, 'referral');
  await insertCodes(trx, programId, affiliateId, 'referral', [code]);
}

/** Gives an affiliate these coupon codes instead of those before, in this order. Throws CONFLICT. */
export async function replaceCouponCodes(
  trx: Trx,
  programId: string,
  affiliateId: string,
  codes: readonly string[],
): Promise<void> {
  await deleteCodes(trx, affiliateId, 'coupon');
  if (codes.length > 0) await insertCodes(trx, programId, affiliateId, 'coupon', codes);
}

/** The affiliate that has a code; null where it is free. */
export async function readTakenCode(db: Db, programId: string, kind: CodeKind, code: string): Promise<string | null> {
  const [row] = await runSql<{ affiliateId: string }>(
    db,
    'readTakenCode',
    `select affiliate_id as "affiliateId" from affiliate_codes
     where program_id = :programId and kind = :kind and code = :code`,
    { programId, kind, code: foldCode(code) },
  );
  return row?.affiliateId ?? null;
}

/**
 * The affiliates of any program that an id or a referral code may mean: for callers without a key. Gives two at most, since
 * whoever finds more than one cannot tell which is meant.
 */
export function findCodeOwners(db: Db, idOrCode: string): Promise<{ programId: string; affiliateId: string }[]> {
  return runSql(
    db,
    'findCodeOwners',
    `select program_id as "programId", affiliate_id as "affiliateId" from affiliate_codes
     where kind = 'referral' and code = :code
     union select program_id, id from affiliates where id = :id limit 2`,
    { code: foldCode(idOrCode), id: idOrCode },
  );
}

async function deleteCodes(trx: Trx, affiliateId: string, kind: CodeKind): Promise<void> {
  await runSql(trx, 'deleteCodes', `delete from affiliate_codes where affiliate_id = :affiliateId and kind = :kind`, {
    affiliateId,
    kind,
  });
}

/** The primary key decides who has a code; looking first would leave a gap in which another could take it. */
async function insertCodes(
  trx: Trx,
  programId: string,
  affiliateId: string,
  kind: CodeKind,
  codes: readonly string[],
): Promise<void> {
  const trimmed = codes.map((code) => code.trim());
  try {
    await runSql(
      trx,
      'insertCodes',
      `insert into affiliate_codes (program_id, kind, code, affiliate_id, display, position)
       select :programId, :kind, code, :affiliateId, display, position
       from unnest(:codes::text[], :displayed::text[]) with ordinality as row (code, display, position)`,
      { programId, kind, affiliateId, codes: trimmed.map(foldCode), displayed: trimmed },
    );
  } catch (error) {
    if (findUniqueViolation(error) === null) throw error;
    const field = kind === 'referral' ? 'referralCode' : 'couponCodes';
    const taken = kind === 'referral' ? `The referral code '${trimmed[0]}'` : 'A coupon code';
    throw new AppError('CONFLICT', `${taken} is taken in this program`, {
      details: { [field]: 'is taken in this program' },
      cause: error,
    });
  }
}
