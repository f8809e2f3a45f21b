import type { Db, Trx } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import type { CommissionOverride } from '../domain/terms.ts';
import { readTakenCode, replaceCouponCodes, replaceReferralCode } from './affiliate-codes.ts';
import { foldCode, makeReferralCode } from './codes.ts';
import { conditionOf, selectPage, type Condition, type Page, type PageRequest } from '../db/page.ts';
import { buildUpdate, type ChangesOf } from '../db/update.ts';

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

/** Call it in a transaction. Throws CONFLICT where a code (or an imported id) is taken in the program. */
export async function createAffiliate(trx: Trx, programId: string, input: AffiliateInput): Promise<Affiliate> {
  const affiliateId = input.id ?? newId('aff');
  const status = input.status ?? 'active';
  const referralCode = input.referralCode?.trim() ?? (await findFreeReferralCode(trx, programId, input.displayName));
  const rows = await runPositional<{ id: string }>(
    trx,
    `insert into affiliates (id, program_id, display_name, email, type, status, company_name, website, payment_email,
       payment_method, payment_details, referral_code, commission_override, postback_url, custom_fields, activated_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, case when ? = 'active' then now() end)
     on conflict (id) do nothing returning id`,
    [
      affiliateId,
      programId,
      input.displayName,
      input.email,
      input.type ?? 'external',
      status,
      input.companyName ?? null,
      input.website ?? null,
      input.paymentEmail ?? null,
      input.paymentMethod ?? null,
      input.paymentDetails ?? null,
      referralCode,
      input.commissionOverride ? JSON.stringify(input.commissionOverride) : null,
      input.postbackUrl ?? null,
      JSON.stringify(input.customFields ?? {}),
      status,
    ],
  );
  if (rows.length === 0) throw new AppError('CONFLICT', 'An affiliate with this id exists already');
  await replaceReferralCode(trx, programId, affiliateId, referralCode);
  await replaceCouponCodes(trx, programId, affiliateId, input.couponCodes ?? []);
  return await getAffiliate(trx, programId, affiliateId);
}

/**
 * Changes what is given; null where the program has no such affiliate. Call it in a transaction. Throws CONFLICT where a
 * code is taken. Terms that customers were bound with stay as they were.
 */
export async function updateAffiliate(
  trx: Trx,
  programId: string,
  affiliateId: string,
  changes: AffiliateChanges,
): Promise<{ before: Affiliate; after: Affiliate } | null> {
  const before = await lockAffiliate(trx, programId, affiliateId);
  if (!before) return null;
  const update = buildUpdate({
    display_name: changes.displayName,
    email: changes.email,
    type: changes.type,
    status: changes.status,
    company_name: changes.companyName,
    website: changes.website,
    payment_email: changes.paymentEmail,
    payment_method: changes.paymentMethod,
    payment_details: changes.paymentDetails,
    referral_code: changes.referralCode?.trim(),
    commission_override: changes.commissionOverride && JSON.stringify(changes.commissionOverride),
    postback_url: changes.postbackUrl,
    custom_fields: changes.customFields && JSON.stringify(changes.customFields),
  });
  await runPositional(
    trx,
    `update affiliates set ${update.sql}, updated_at = now(),
       activated_at = coalesce(activated_at, case when ? = 'active' then now() end)
     where program_id = ? and id = ?`,
    [...update.bindings, changes.status ?? before.status, programId, affiliateId],
  );
  if (changes.referralCode !== undefined) {
    await replaceReferralCode(trx, programId, affiliateId, changes.referralCode.trim());
  }
  if (changes.couponCodes !== undefined) await replaceCouponCodes(trx, programId, affiliateId, changes.couponCodes);
  return { before, after: await getAffiliate(trx, programId, affiliateId) };
}

/** By id or referral code (codes without case; an id goes first). */
export async function findAffiliate(db: Db, programId: string, idOrCode: string): Promise<Affiliate | null> {
  const [row] = await runPositional<Affiliate>(
    db,
    `select ${columns} from affiliates a
     where a.program_id = ? and a.id = coalesce(
       (select id from affiliates where program_id = ? and id = ?),
       (select affiliate_id from affiliate_codes where program_id = ? and kind = 'referral' and code = ?))`,
    [programId, programId, idOrCode, programId, foldCode(idOrCode)],
  );
  return row ?? null;
}

/** The code as it is written; null where the program has no such affiliate. */
export async function readReferralCode(db: Db, programId: string, affiliateId: string): Promise<string | null> {
  const [row] = await runPositional<{ code: string }>(
    db,
    `select referral_code as code from affiliates where program_id = ? and id = ?`,
    [programId, affiliateId],
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
  return selectPage<Affiliate>(
    db,
    `select ${columns} from affiliates a`,
    'a.id',
    conditionsOf(programId, filter),
    page,
  );
}

// Coupons in the order that they were given.
const columns = `a.id, a.program_id as "programId", a.display_name as "displayName", a.email, a.type, a.status,
  a.company_name as "companyName", a.website, a.payment_email as "paymentEmail", a.payment_method as "paymentMethod",
  a.payment_details as "paymentDetails", a.referral_code as "referralCode",
  array(select c.display from affiliate_codes c where c.affiliate_id = a.id and c.kind = 'coupon' order by c.position)
    as "couponCodes",
  a.commission_override as "commissionOverride", a.postback_url as "postbackUrl", a.custom_fields as "customFields",
  a.activated_at as "activatedAt", a.created_at as "createdAt", a.updated_at as "updatedAt"`;

function conditionsOf(programId: string, filter: AffiliateFilter): Condition[] {
  return [
    { sql: 'a.program_id = ?', bindings: [programId] },
    ...conditionOf('a.status = any(?)', filter.statuses),
    ...conditionOf('a.type = ?', filter.type),
    ...conditionOf('lower(a.email) = ?', filter.email?.toLowerCase()),
    ...conditionOf(
      `a.id in (select affiliate_id from affiliate_codes c
        where c.program_id = a.program_id and c.kind = 'referral' and c.code = ?)`,
      filter.referralCode === undefined ? undefined : foldCode(filter.referralCode),
    ),
  ];
}

async function getAffiliate(trx: Trx, programId: string, affiliateId: string): Promise<Affiliate> {
  const [row] = await runPositional<Affiliate>(
    trx,
    `select ${columns} from affiliates a where a.program_id = ? and a.id = ?`,
    [programId, affiliateId],
  );
  return row as Affiliate;
}

async function lockAffiliate(trx: Trx, programId: string, affiliateId: string): Promise<Affiliate | null> {
  const [row] = await runPositional<Affiliate>(
    trx,
    `select ${columns} from affiliates a where a.program_id = ? and a.id = ? for update of a`,
    [programId, affiliateId],
  );
  return row ?? null;
}

/** Random enough never to meet another in practice; asked all the same, since a constraint would end the transaction. */
async function findFreeReferralCode(trx: Trx, programId: string, displayName: string): Promise<string> {
  for (;;) {
    const code = makeReferralCode(displayName);
    if ((await readTakenCode(trx, programId, 'referral', code)) === null) return code;
  }
}
