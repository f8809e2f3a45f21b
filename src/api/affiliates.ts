import { z } from 'zod';
import type { Db } from '../db/db.ts';
import { found } from '../domain/errors.ts';
import type { Scope } from '../domain/scope.ts';
import { commissionOverrideSchema } from '../domain/terms.ts';
import { listBalancesOf } from '../ledger/balances.ts';
import { assertPostbackUrl } from '../outbound/postbacks/postback-check.ts';
import { assertMayChange, changeableBy } from '../program/principals.ts';
import { affiliateView } from '../program/affiliate-view.ts';
import { findAffiliate, listAffiliates } from '../program/affiliates.ts';
import { readStatisticsOf } from '../statistics/breakdown.ts';
import { readLastConversions } from '../statistics/last-conversions.ts';
import { readStatistics } from '../statistics/statistics.ts';
import { createAffiliateAndAnnounce, updateAffiliateAndAnnounce } from '../operations/affiliate-changes.ts';
import { code, configurationMode, email, httpUrl, takeOver, text, timestamp, wordsOf } from '../http/fields.ts';
import { balanceSchema, balanceView } from './balances.ts';
import { listOf, one, pageQuery, sortQuery, textQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';
import { statisticsSchema } from './stats.ts';

const types = ['external', 'internal'] as const;
const statuses = ['pending', 'active', 'paused', 'banned'] as const;

const shown = {
  id: z.string(),
  livemode: configurationMode,
  displayName: z.string(),
  email: z.string(),
  type: z.enum(types),
  status: z.enum(statuses),
  companyName: z.string().nullable(),
  website: z.string().nullable(),
  paymentEmail: z.string().nullable(),
  paymentMethod: z.string().nullable(),
  paymentDetails: z.string().nullable(),
  referralCode: z.string(),
  trackingUrl: z.string().meta({
    description:
      "The affiliate's own link, `/r/REFERRALCODE` where that was free in the hub; leads to the default offer",
  }),
  couponCodes: z.array(z.string()),
  commissionOverride: commissionOverrideSchema.nullable(),
  postbackUrl: z.string().nullable(),
  customFields: z.record(z.string(), z.unknown()),
  activatedAt: timestamp.nullable(),
  createdAt: timestamp,
  updatedAt: timestamp,
};
const affiliateSchema = z.strictObject(shown).meta({ id: 'Affiliate' });
const affiliateWithStatsSchema = z
  .strictObject({ ...shown, stats: statisticsSchema })
  .meta({ id: 'AffiliateWithStats' });

export type AffiliateDetailView = z.output<typeof affiliateWithStatsSchema>;

const included = ['stats', 'balance', 'lastConversion'] as const;
const listedAffiliateSchema = z
  .strictObject({
    ...shown,
    stats: statisticsSchema.optional().meta({ description: 'With include=stats' }),
    balances: z
      .array(balanceSchema)
      .optional()
      .meta({ description: 'With include=balance: one a currency, live money only' }),
    lastConversionAt: timestamp.nullable().optional().meta({
      description:
        'With include=lastConversion: when the newest one occurred that is pending, approved or paid; null: none is',
    }),
  })
  .meta({ id: 'ListedAffiliate' });
export type ListedAffiliateView = z.output<typeof listedAffiliateSchema>;

/** A code that looks like an affiliate id would never be found. */
const referralCode = code.regex(/^(?![Aa][Ff][Ff]_[0-9A-Fa-f]{32}$)/, 'must not look like an affiliate id');

const ownEmail = email.meta({
  description: 'Need not be unique: several affiliates may have one e-mail. `GET /affiliates?email=` lists them',
});

const changeable = {
  displayName: text(),
  email: ownEmail,
  type: z.enum(types).optional(),
  companyName: text().nullable().optional(),
  website: httpUrl.nullable().optional(),
  paymentEmail: email.nullable().optional(),
  paymentMethod: text(64).nullable().optional(),
  paymentDetails: text(2000).nullable().optional(),
  referralCode: referralCode
    .optional()
    .meta({ description: 'Unique in the program and mode, without case; made when absent' }),
  couponCodes: z
    .array(code)
    .max(100)
    .refine(areDistinct, 'must not repeat a code')
    .optional()
    .meta({ description: 'Each unique in the program and mode, without case' }),
  status: z.enum(statuses).optional(),
  commissionOverride: commissionOverrideSchema
    .nullable()
    .optional()
    .meta({ description: "Beats the offer's terms: rateBps for CPS and RevShare, amountMinor for CPA; null: none" }),
  postbackUrl: z
    .string()
    .trim()
    .min(1)
    .max(2048)
    .regex(/^https?:\/\/./i, 'must be an http or https URL, macros and all')
    .nullable()
    .optional()
    .meta({ description: 'A URL of their own tracker, with macros (see /postback-macros); null clears it' }),
  customFields: z.record(z.string().max(64), z.unknown()).refine(isSmall, 'must have at most 16 KiB').optional(),
};

/** What an affiliate is made of; also for the command line. */
export const affiliateInput = z.strictObject(changeable).meta({ id: 'AffiliateInput' });

export const affiliateChanges = z
  .strictObject({
    ...changeable,
    displayName: changeable.displayName.optional(),
    email: ownEmail.optional(),
    livemode: takeOver,
  })
  .meta({ id: 'AffiliateChanges' });

export const affiliateRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/affiliates',
    access: 'write',
    tag: 'Affiliates',
    summary: 'Create an affiliate',
    body: affiliateInput,
    status: 201,
    answer: one(affiliateSchema),
    handle: async (deps, { scope, body, actor }) => {
      await assertPostbackUrl(deps.config, body.postbackUrl);
      return { data: affiliateView(await createAffiliateAndAnnounce(deps, scope, body, actor), deps.config.publicUrl) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/affiliates',
    access: 'read',
    tag: 'Affiliates',
    summary: 'List affiliates',
    description: 'By creation; imported ones stand where they were created.',
    query: z.strictObject({
      ...pageQuery,
      ...sortQuery,
      q: textQuery.meta({
        description:
          'Beginnings of words of the name, e-mail, company or referral code, all of them; or the beginning of a coupon code',
        example: 'jane exa',
      }),
      include: wordsOf(included).optional(),
      status: wordsOf(statuses).optional(),
      type: z.enum(types).optional(),
      email: z.string().optional(),
      referralCode: z.string().optional(),
    }),
    status: 200,
    answer: listOf(listedAffiliateSchema),
    handle: async (deps, { scope, reach, query }) => {
      const { status, type, email, referralCode, q, include = [] } = query;
      const filter = { statuses: status, type, email, referralCode, text: q };
      const page = await listAffiliates(deps.db, reach, filter, toPageRequest('affiliates', query));
      const further = await readIncluded(deps.db, scope, page.items, new Set(include));
      return toListBody('affiliates', page, (affiliate) => ({
        ...affiliateView(affiliate, deps.config.publicUrl),
        ...further.get(affiliate.id),
      }));
    },
  }),
  defineRoute({
    method: 'get',
    path: '/affiliates/:id',
    access: 'read',
    tag: 'Affiliates',
    summary: 'Get an affiliate, with what came by them so far',
    description: 'The id or the referral code.',
    status: 200,
    answer: one(affiliateWithStatsSchema),
    handle: async ({ db, config }, { principal, livemode, reach, params }) => {
      const affiliate = found(await findAffiliate(db, reach, params.id), 'Affiliate');
      const stats = await readStatistics(db, principal.programId, { livemode, affiliateId: affiliate.id });
      return { data: { ...affiliateView(affiliate, config.publicUrl), stats } };
    },
  }),
  defineRoute({
    method: 'patch',
    path: '/affiliates/:id',
    access: 'write',
    tag: 'Affiliates',
    summary: 'Change an affiliate',
    description:
      'The id or the referral code. Terms that customers were bound with stay as they were. ' +
      'A test key changes what is test; a live one takes it over by `{"livemode": true}`, 409 where a code is taken.',
    body: affiliateChanges,
    status: 200,
    answer: one(affiliateSchema),
    handle: async (deps, { principal, reach, params, body, actor }) => {
      const affiliate = found(await findAffiliate(deps.db, reach, params.id), 'Affiliate');
      assertMayChange(principal, affiliate, body);
      await assertPostbackUrl(deps.config, body.postbackUrl);
      const changed = await updateAffiliateAndAnnounce(deps, changeableBy(principal), affiliate.id, body, actor);
      return { data: affiliateView(found(changed, 'Affiliate'), deps.config.publicUrl) };
    },
  }),
];

/** By affiliate; in a few statements for all of them. */
async function readIncluded(
  db: Db,
  { programId, livemode }: Scope,
  affiliates: readonly { id: string }[],
  include: ReadonlySet<string>,
) {
  const ids = affiliates.map(({ id }) => id);
  const stats = include.has('stats') ? await readStatisticsOf(db, programId, livemode, ids) : null;
  const balances = include.has('balance') && livemode ? await listBalancesOf(db, programId, ids) : [];
  const last = include.has('lastConversion') ? await readLastConversions(db, programId, livemode, ids) : null;
  return new Map(
    ids.map((id) => [
      id,
      {
        ...(stats && { stats: stats.get(id) }),
        ...(include.has('balance') && {
          balances: balances.filter(({ affiliateId }) => affiliateId === id).map(balanceView),
        }),
        ...(last && { lastConversionAt: last.get(id)?.toISOString() ?? null }),
      },
    ]),
  );
}

function areDistinct(codes: string[]): boolean {
  return new Set(codes.map((each) => each.toLowerCase())).size === codes.length;
}

function isSmall(fields: object): boolean {
  return JSON.stringify(fields).length <= 16_384;
}
