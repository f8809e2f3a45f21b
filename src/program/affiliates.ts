import type { Db, Trx } from '../db/db.ts';
import { insertList, selectList, updateList, type ChangesOf, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import type { CommissionOverride } from '../domain/terms.ts';
import { readTakenCode, replaceCouponCodes, replaceReferralCode } from './affiliate-codes.ts';
import { foldCode } from '../domain/codes.ts';
import { makeReferralCode, MAX_CODE_TRIES } from './codes.ts';
import { conditionOf, type Condition } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';

export type AffiliateStatus = 'pending' | 'active' | 'paused' | 'banned';
export type AffiliateType = 'external' | 'internal';

export interface Affiliate {
  id: string;
  programId: string;
  displayName: string;
  email: string;
  type: AffiliateType;
  status: AffiliateStatus;
  companyName: string | null;
  website: string | null;
  paymentEmail: string | null;
  paymentMethod: string | null;
  paymentDetails: string | null;
  referralCode: string;
  couponCodes: string[];
  commissionOverride: CommissionOverride | null;
  /** A template of their own tracker's URL; a trigger keeps its endpoint in step. */
  postbackUrl: string | null;
  customFields: Record<string, unknown>;
  /** When they first became active. */
  activatedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface AffiliateInput {
  /** An imported affiliate keeps its id. */
  id?: string | undefined;
  displayName: string;
  email: string;
  type?: AffiliateType | undefined;
  status?: AffiliateStatus | undefined;
  companyName?: string | null | undefined;
  website?: string | null | undefined;
  paymentEmail?: string | null | undefined;
  paymentMethod?: string | null | undefined;
  paymentDetails?: string | null | undefined;
  /** Made from the name when absent. */
  referralCode?: string | undefined;
  couponCodes?: string[] | undefined;
  commissionOverride?: CommissionOverride | null | undefined;
  postbackUrl?: string | null | undefined;
  customFields?: Record<string, unknown> | undefined;
}

export type AffiliateChanges = ChangesOf<Omit<AffiliateInput, 'id'>>;

export interface AffiliateFilter {
  /** Any of these. */
  statuses?: readonly AffiliateStatus[] | undefined;
  type?: AffiliateType | undefined;
  email?: string | undefined;
  referralCode?: string | undefined;
}

/** Throws CONFLICT where a code (or an imported id) is taken in the program. */
export async function createAffiliate(trx: Trx, programId: string, input: AffiliateInput): Promise<Affiliate> {
  const affiliateId = input.id ?? newId('aff');
  const referralCode = input.referralCode?.trim() ?? (await findFreeReferralCode(trx, programId, input.displayName));
  const rows = await runSql<{ id: string }>(
    trx,
    'createAffiliate',
    `insert into affiliates ${inserted} on conflict (id) do nothing returning id`,
    {
      id: affiliateId,
      programId,
      displayName: input.displayName,
      email: input.email,
      type: input.type ?? 'external',
      status: input.status ?? 'active',
      companyName: input.companyName ?? null,
      website: input.website ?? null,
      paymentEmail: input.paymentEmail ?? null,
      paymentMethod: input.paymentMethod ?? null,
      paymentDetails: input.paymentDetails ?? null,
      referralCode,
      commissionOverride: input.commissionOverride ? JSON.stringify(input.commissionOverride) : null,
      postbackUrl: input.postbackUrl ?? null,
      customFields: JSON.stringify(input.customFields ?? {}),
    },
  );
  if (rows.length === 0) throw new AppError('CONFLICT', 'An affiliate with this id exists already');
  await replaceReferralCode(trx, programId, affiliateId, referralCode);
  await replaceCouponCodes(trx, programId, affiliateId, input.couponCodes ?? []);
  return await getAffiliate(trx, programId, affiliateId);
}

/**
 * Changes what is given; null where the program has no such affiliate. Throws CONFLICT where a code is taken. Customers
 * keep the terms with which they were bound.
 */
export async function updateAffiliate(
  trx: Trx,
  programId: string,
  affiliateId: string,
  changes: AffiliateChanges,
): Promise<{ before: Affiliate; after: Affiliate } | null> {
  const before = await lockAffiliate(trx, programId, affiliateId);
  if (!before) return null;
  const update = updateList(columns, {
    displayName: changes.displayName,
    email: changes.email,
    type: changes.type,
    status: changes.status,
    companyName: changes.companyName,
    website: changes.website,
    paymentEmail: changes.paymentEmail,
    paymentMethod: changes.paymentMethod,
    paymentDetails: changes.paymentDetails,
    referralCode: changes.referralCode?.trim(),
    commissionOverride: changes.commissionOverride && JSON.stringify(changes.commissionOverride),
    postbackUrl: changes.postbackUrl,
    customFields: changes.customFields && JSON.stringify(changes.customFields),
  });
  await runSql(
    trx,
    'updateAffiliate',
    `update affiliates set ${update.sql}, updated_at = now(),
       activated_at = coalesce(activated_at, case when :statusAfter = 'active' then now() end)
     where program_id = :programId and id = :affiliateId`,
    { ...update.bindings, statusAfter: changes.status ?? before.status, programId, affiliateId },
  );
  if (changes.referralCode !== undefined) {
    await replaceReferralCode(trx, programId, affiliateId, changes.referralCode.trim());
  }
  if (changes.couponCodes !== undefined) await replaceCouponCodes(trx, programId, affiliateId, changes.couponCodes);
  return { before, after: await getAffiliate(trx, programId, affiliateId) };
}

/** By id or by referral code in either case; where both are somebody's, the id counts. */
export async function findAffiliate(db: Db, programId: string, idOrCode: string): Promise<Affiliate | null> {
  const [row] = await runSql<Affiliate>(
    db,
    'findAffiliate',
    `select ${selected} from affiliates a
     where a.program_id = :programId and a.id = coalesce(
       (select id from affiliates where program_id = :programId and id = :id),
       (select affiliate_id from affiliate_codes
        where program_id = :programId and kind = 'referral' and code = :code))`,
    { programId, id: idOrCode, code: foldCode(idOrCode) },
  );
  return row ?? null;
}

/** In the spelling that it was given; null where the program has no such affiliate. */
export async function readReferralCode(db: Db, programId: string, affiliateId: string): Promise<string | null> {
  const [row] = await runSql<{ code: string }>(
    db,
    'readReferralCode',
    `select referral_code as code from affiliates where program_id = :programId and id = :affiliateId`,
    { programId, affiliateId },
  );
  return row?.code ?? null;
}

/** Newest first. */
export function listAffiliates(
  db: Db,
  programId: string,
  filter: AffiliateFilter,
  page: PageRequest,
): Promise<Page<Affiliate>> {
  const list = { name: 'listAffiliates', select: `select ${selected} from affiliates a`, id: 'a.id' };
  return selectPage<Affiliate>(db, list, conditionsOf(programId, filter), page);
}

const columns: Columns<Exclude<keyof Affiliate, 'couponCodes'>> = {
  id: 'id',
  programId: 'program_id',
  displayName: 'display_name',
  email: 'email',
  type: 'type',
  status: 'status',
  companyName: 'company_name',
  website: 'website',
  paymentEmail: 'payment_email',
  paymentMethod: 'payment_method',
  paymentDetails: 'payment_details',
  referralCode: 'referral_code',
  commissionOverride: 'commission_override',
  postbackUrl: 'postback_url',
  customFields: 'custom_fields',
  activatedAt: 'activated_at',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
};

const inserted = insertList(columns, ['createdAt', 'updatedAt'], {
  activatedAt: `case when :status = 'active' then now() end`,
});

// Coupons in the order in which they were given.
const selected = `${selectList(columns, 'a')},
  array(select c.display from affiliate_codes c where c.affiliate_id = a.id and c.kind = 'coupon' order by c.position)
    as "couponCodes"`;

function conditionsOf(programId: string, filter: AffiliateFilter): Condition[] {
  return [
    ...conditionOf('a.program_id = :programId', programId),
    ...conditionOf('a.status = any(:statuses)', filter.statuses),
    ...conditionOf('a.type = :type', filter.type),
    ...conditionOf('lower(a.email) = :email', filter.email?.toLowerCase()),
    ...conditionOf(
      `a.id in (select affiliate_id from affiliate_codes c
        where c.program_id = a.program_id and c.kind = 'referral' and c.code = :referralCode)`,
      filter.referralCode === undefined ? undefined : foldCode(filter.referralCode),
    ),
  ];
}

async function getAffiliate(trx: Trx, programId: string, affiliateId: string): Promise<Affiliate> {
  const [row] = await runSql<Affiliate>(
    trx,
    'getAffiliate',
    `select ${selected} from affiliates a where a.program_id = :programId and a.id = :affiliateId`,
    { programId, affiliateId },
  );
  return row as Affiliate;
}

async function lockAffiliate(trx: Trx, programId: string, affiliateId: string): Promise<Affiliate | null> {
  const [row] = await runSql<Affiliate>(
    trx,
    'lockAffiliate',
    `select ${selected} from affiliates a where a.program_id = :programId and a.id = :affiliateId for update of a`,
    { programId, affiliateId },
  );
  return row ?? null;
}

/**
 * In practice the first code is free: its random part has 887 million values. It is looked up all the same, because a
 * violated constraint would end the caller's transaction.
 */
async function findFreeReferralCode(trx: Trx, programId: string, displayName: string): Promise<string> {
  for (let tries = 0; tries < MAX_CODE_TRIES; tries += 1) {
    const code = makeReferralCode(displayName);
    if ((await readTakenCode(trx, programId, 'referral', code)) === null) return code;
  }
  throw new Error(`No free referral code was found for '${displayName}' in ${MAX_CODE_TRIES} tries`);
}
