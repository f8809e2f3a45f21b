import type { Db, Trx } from '../db/db.ts';
import { insertList, selectList, updateList, type ChangesOf, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import type { Reach, Scope } from '../domain/scope.ts';
import type { CommissionOverride } from '../domain/terms.ts';
import { deleteCodes, readTakenCode, replaceCouponCodes, replaceReferralCode } from './affiliate-codes.ts';
import { foldCode } from '../domain/codes.ts';
import { makeReferralCode, MAX_CODE_TRIES } from './codes.ts';
import { conditionOf, type Condition } from '../db/conditions.ts';
import { wordsWanted } from '../db/words.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { findUniqueViolation } from '../db/pg-errors.ts';

export type AffiliateStatus = 'pending' | 'active' | 'paused' | 'banned';
export type AffiliateType = 'external' | 'internal';

export interface Affiliate {
  id: string;
  programId: string;
  /** False: a test key made it, and it serves test traffic only. */
  livemode: boolean;
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
  /** By which `/r` knows them, in lower case: the referral code where that was free in the hub. */
  linkCode: string;
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

export type AffiliateChanges = ChangesOf<Omit<AffiliateInput, 'id'>> & {
  /** Takes over what a test key made, with its codes. */
  livemode?: true | undefined;
};

export interface AffiliateFilter {
  /** Any of these. */
  statuses?: readonly AffiliateStatus[] | undefined;
  type?: AffiliateType | undefined;
  email?: string | undefined;
  referralCode?: string | undefined;
  /** Beginnings of words of their name, e-mail, company or referral code, all of them; or the beginning of a coupon code. */
  text?: string | undefined;
}

/** Throws CONFLICT where a code is taken in the scope (or an imported id in the hub). */
export async function createAffiliate(trx: Trx, scope: Scope, input: AffiliateInput): Promise<Affiliate> {
  const { programId, livemode } = scope;
  const affiliateId = input.id ?? newId('aff');
  const referralCode = input.referralCode?.trim() ?? (await findFreeReferralCode(trx, scope, input.displayName));
  const rows = await runSql<{ id: string }>(
    trx,
    'createAffiliate',
    `insert into affiliates ${inserted} on conflict (id, program_id) do nothing returning id`,
    {
      id: affiliateId,
      programId,
      livemode,
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
  await replaceReferralCode(trx, scope, affiliateId, referralCode);
  await replaceCouponCodes(trx, scope, affiliateId, input.couponCodes ?? []);
  return await getAffiliate(trx, programId, affiliateId);
}

/**
 * Changes what is given; null where there is no such affiliate in reach. Throws CONFLICT where a code is taken. Customers
 * keep the terms with which they were bound.
 */
export async function updateAffiliate(
  trx: Trx,
  reach: Reach,
  affiliateId: string,
  changes: AffiliateChanges,
): Promise<{ before: Affiliate; after: Affiliate } | null> {
  const before = await lockAffiliate(trx, reach, affiliateId);
  if (!before) return null;
  const { programId } = reach;
  const livemode = changes.livemode ?? before.livemode;
  if (livemode !== before.livemode) await takeOverAffiliate(trx, before, changes);
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
  const codesChange = changes.couponCodes !== undefined;
  await runSql(
    trx,
    'updateAffiliate',
    `update affiliates set ${update.sql}, updated_at = ${codesChange ? 'now()' : update.updatedAt},
       activated_at = coalesce(activated_at, case when :statusAfter = 'active' then now() end)
     where program_id = :programId and id = :affiliateId`,
    { ...update.bindings, statusAfter: changes.status ?? before.status, programId, affiliateId },
  );
  const scope = { programId, livemode };
  if (changes.referralCode !== undefined) {
    await replaceReferralCode(trx, scope, affiliateId, changes.referralCode.trim());
  }
  if (changes.couponCodes !== undefined) await replaceCouponCodes(trx, scope, affiliateId, changes.couponCodes);
  return { before, after: await getAffiliate(trx, programId, affiliateId) };
}

/** By id or by referral code in either case; where both are somebody's, the id counts. */
export async function findAffiliate(db: Db, { programId, modes }: Reach, idOrCode: string): Promise<Affiliate | null> {
  const [row] = await runSql<Affiliate>(
    db,
    'findAffiliate',
    `select ${selected} from affiliates a
     where a.program_id = :programId and a.id = coalesce(
       (select id from affiliates where program_id = :programId and id = :id and livemode = any(:modes::boolean[])),
       (select affiliate_id from affiliate_codes
        where program_id = :programId and kind = 'referral' and code = :code and livemode = any(:modes::boolean[])
        order by array_position(:modes::boolean[], livemode) limit 1))`,
    { programId, modes, id: idOrCode, code: foldCode(idOrCode) },
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
  reach: Reach,
  filter: AffiliateFilter,
  page: PageRequest,
): Promise<Page<Affiliate>> {
  const list = {
    name: 'listAffiliates',
    select: `select ${selected} from affiliates a`,
    id: 'a.id',
    createdAt: {
      column: 'a.created_at',
      ofBefore: 'select created_at from affiliates where program_id = :programId and id = :beforeId',
    },
  };
  return selectPage<Affiliate>(db, list, conditionsOf(reach, filter), page);
}

const columns: Columns<Exclude<keyof Affiliate, 'couponCodes' | 'linkCode'>> = {
  id: 'id',
  programId: 'program_id',
  livemode: 'livemode',
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
  (select c.link_code from affiliate_codes c where c.affiliate_id = a.id and c.kind = 'referral') as "linkCode",
  array(select c.display from affiliate_codes c where c.affiliate_id = a.id and c.kind = 'coupon' order by c.position)
    as "couponCodes"`;

function conditionsOf({ programId, modes }: Reach, filter: AffiliateFilter): Condition[] {
  return [
    ...conditionOf('a.program_id = :programId', programId),
    ...conditionOf('a.livemode = any(:modes::boolean[])', modes),
    ...conditionOf('a.status = any(:statuses)', filter.statuses),
    ...conditionOf('a.type = :type', filter.type),
    ...conditionOf('lower(a.email) = :email', filter.email?.toLowerCase()),
    ...conditionOf(
      `a.id in (select affiliate_id from affiliate_codes c
        where c.program_id = a.program_id and c.kind = 'referral' and c.code = :referralCode)`,
      filter.referralCode === undefined ? undefined : foldCode(filter.referralCode),
    ),
    ...(filter.text === undefined ? [] : [havingText(filter.text)]),
  ];
}

/** Each of the two is found by its index. The highest character there is ends the codes that begin so. */
function havingText(text: string): Condition {
  const code = foldCode(text);
  return {
    sql: `a.id in (
      select id from affiliates where program_id = :programId and ${searched} @@ to_tsquery('simple', :words)
      union
      select affiliate_id from affiliate_codes
      where program_id = :programId and kind in ('referral', 'coupon') and code >= :code and code < :codeEnd
        and livemode = any(:modes::boolean[]))`,
    bindings: { words: wordsWanted(text), code, codeEnd: `${code}\u{10ffff}` },
  };
}

/** As the index has it. */
const searched = `words_of(display_name || ' ' || email || ' ' || coalesce(company_name, '') || ' ' || referral_code)`;

async function getAffiliate(trx: Trx, programId: string, affiliateId: string): Promise<Affiliate> {
  const [row] = await runSql<Affiliate>(
    trx,
    'getAffiliate',
    `select ${selected} from affiliates a where a.program_id = :programId and a.id = :affiliateId`,
    { programId, affiliateId },
  );
  return row as Affiliate;
}

async function lockAffiliate(trx: Trx, { programId, modes }: Reach, affiliateId: string): Promise<Affiliate | null> {
  const [row] = await runSql<Affiliate>(
    trx,
    'lockAffiliate',
    `select ${selected} from affiliates a
     where a.program_id = :programId and a.id = :affiliateId and a.livemode = any(:modes::boolean[]) for update of a`,
    { programId, modes, affiliateId },
  );
  return row ?? null;
}

/**
 * Makes an affiliate of a test key live. Its codes go with it, but for those that the same call replaces: of them no
 * conflict can come.
 */
async function takeOverAffiliate(
  trx: Trx,
  { id, programId, referralCode }: Affiliate,
  { referralCode: otherCode, couponCodes: otherCoupons }: AffiliateChanges,
): Promise<void> {
  if (otherCode !== undefined) await deleteCodes(trx, id, 'referral');
  if (otherCoupons !== undefined) await deleteCodes(trx, id, 'coupon');
  try {
    await runSql(
      trx,
      'takeOverAffiliate',
      `update affiliates set livemode = true where program_id = :programId and id = :id`,
      { programId, id },
    );
  } catch (error) {
    if (findUniqueViolation(error) === null) throw error;
    throw new AppError('CONFLICT', `The referral code '${referralCode}', or a coupon code, is taken in this program`, {
      details: { livemode: 'cannot be true: a live affiliate has one of the codes' },
      cause: error,
    });
  }
}

/**
 * In practice the first code is free: its random part has 887 million values. It is looked up all the same, because a
 * violated constraint would end the caller's transaction.
 */
async function findFreeReferralCode(trx: Trx, scope: Scope, displayName: string): Promise<string> {
  for (let tries = 0; tries < MAX_CODE_TRIES; tries += 1) {
    const code = makeReferralCode(displayName);
    if ((await readTakenCode(trx, scope, 'referral', code)) === null) return code;
  }
  throw new Error(`No free referral code was found for '${displayName}' in ${MAX_CODE_TRIES} tries`);
}
