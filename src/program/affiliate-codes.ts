import type { Db, Trx } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import type { Scope } from '../domain/scope.ts';
import { foldCode } from '../domain/codes.ts';
import { findUniqueViolation } from '../db/pg-errors.ts';

export type CodeKind = 'referral' | 'coupon';

/** Gives an affiliate this referral code instead of the one before. Throws CONFLICT where its scope has it already. */
export async function replaceReferralCode(trx: Trx, scope: Scope, affiliateId: string, code: string): Promise<void> {
  await deleteCodes(trx, affiliateId, 'referral');
  await insertCodes(trx, scope, affiliateId, 'referral', [code]);
}

/** Gives an affiliate these coupon codes instead of those before, in this order. Throws CONFLICT. */
export async function replaceCouponCodes(
  trx: Trx,
  scope: Scope,
  affiliateId: string,
  codes: readonly string[],
): Promise<void> {
  await deleteCodes(trx, affiliateId, 'coupon');
  if (codes.length > 0) await insertCodes(trx, scope, affiliateId, 'coupon', codes);
}

/** The affiliate that has a code; null where it is free. */
export async function readTakenCode(
  db: Db,
  { programId, livemode }: Scope,
  kind: CodeKind,
  code: string,
): Promise<string | null> {
  const [row] = await runSql<{ affiliateId: string }>(
    db,
    'readTakenCode',
    `select affiliate_id as "affiliateId" from affiliate_codes
     where program_id = :programId and livemode = :livemode and kind = :kind and code = :code`,
    { programId, livemode, kind, code: foldCode(code) },
  );
  return row?.affiliateId ?? null;
}

/**
 * The affiliates of any program that an id or a referral code may mean: for callers without a key, whose traffic is live
 * unless they say that it is a test. Gives two at most, since whoever finds more than one cannot tell which is meant.
 */
export function findCodeOwners(
  db: Db,
  idOrCode: string,
  livemode = true,
): Promise<{ programId: string; affiliateId: string }[]> {
  return runSql(
    db,
    'findCodeOwners',
    `select program_id as "programId", affiliate_id as "affiliateId" from affiliate_codes
     where kind = 'referral' and code = :code and livemode = :livemode
     union select program_id, id from affiliates where id = :id and livemode = :livemode limit 2`,
    { code: foldCode(idOrCode), id: idOrCode, livemode },
  );
}

/** For those that follow at once: an affiliate is never without a referral code. */
export async function deleteCodes(trx: Trx, affiliateId: string, kind: CodeKind): Promise<void> {
  await runSql(trx, 'deleteCodes', `delete from affiliate_codes where affiliate_id = :affiliateId and kind = :kind`, {
    affiliateId,
    kind,
  });
}

/** The primary key decides who has a code; looking first would leave a gap in which another could take it. */
async function insertCodes(
  trx: Trx,
  { programId, livemode }: Scope,
  affiliateId: string,
  kind: CodeKind,
  codes: readonly string[],
): Promise<void> {
  const trimmed = codes.map((code) => code.trim());
  try {
    await runSql(
      trx,
      'insertCodes',
      `insert into affiliate_codes (program_id, livemode, kind, code, affiliate_id, display, position)
       select :programId, :livemode, :kind, code, :affiliateId, display, position
       from unnest(:codes::text[], :displayed::text[]) with ordinality as row (code, display, position)`,
      { programId, livemode, kind, affiliateId, codes: trimmed.map(foldCode), displayed: trimmed },
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
