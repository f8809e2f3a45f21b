import { z } from 'zod';
import { createAffiliateAndAnnounce } from '../../operations/affiliate-changes.ts';
import { code, email, text } from '../../http/fields.ts';
import type { Deps } from '../../deps.ts';
import { readAffiliateResults, type AffiliateResults } from '../../statistics/affiliate-results.ts';
import { findAffiliate, listAffiliates, type Affiliate } from '../../program/affiliates.ts';
import { findProgram } from '../../program/programs.ts';
import { answer, defineDialectRoute } from '../dialect.ts';
import { offsetPageQuery } from '../pages.ts';
import { blankAsNull, toMajorNumber, toSeconds } from '../values.ts';
import { resourceNotFound } from './errors.ts';
import { pageLimits, readLimits, writeLimits } from './limits.ts';

/** The page's three states. A paused affiliate earns nothing either, and is shown as blocked. */
const ourStatuses = { active: ['active'], pending: ['pending'], blocked: ['banned', 'paused'] } as const;

const listQuery = z.object({
  ...offsetPageQuery(pageLimits),
  status: z.enum(['active', 'pending', 'blocked']).optional(),
});

const newAffiliate = z.object({
  email,
  name: text(),
  referralCode: blankAsNull(code.regex(/^(?!aff_[0-9a-f]{32}$)/i, 'must not look like an affiliate ID').nullish()),
  customFields: z
    .record(z.string().max(64), z.unknown())
    .refine((fields) => JSON.stringify(fields).length <= 16_384, 'must have at most 16 KiB')
    .nullish(),
});

export const affiliateRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/affiliates',
    auth: 'key',
    access: 'read',
    limits: readLimits,
    query: listQuery,
    handle: async ({ db }, { principal: { programId }, livemode, reach, query: { limit, offset, status } }) => {
      const filter = { statuses: status && ourStatuses[status] };
      const { items, total } = await listAffiliates(db, reach, filter, { limit, offset, counted: true });
      const affiliates = await describeAffiliates(db, programId, livemode, items);
      return answer(200, { success: true, data: { affiliates, total, limit, offset } });
    },
  }),
  defineDialectRoute({
    method: 'get',
    path: '/affiliates/:id',
    auth: 'key',
    access: 'read',
    limits: readLimits,
    handle: async ({ db }, { principal: { programId }, livemode, reach, params }) => {
      const found = await findAffiliate(db, reach, params['id'] ?? '');
      if (!found) throw resourceNotFound('Affiliate', 'id');
      const [shown] = await describeAffiliates(db, programId, livemode, [found]);
      const affiliate = {
        ...shown,
        referralCode: found.referralCode,
        ...describePayment(found),
      };
      return answer(200, { success: true, data: { affiliate } });
    },
  }),
  defineDialectRoute({
    method: 'post',
    path: '/affiliates',
    auth: 'key',
    access: 'write',
    limits: writeLimits,
    body: newAffiliate,
    handle: async (deps, { principal: { programId }, livemode, body, actor }) => {
      const made = await createAffiliateAndAnnounce(
        deps,
        { programId, livemode },
        {
          email: body.email,
          displayName: body.name,
          referralCode: body.referralCode ?? undefined,
          customFields: body.customFields ?? undefined,
        },
        actor,
      );
      const affiliate = { ...identify(made), referralCode: made.referralCode };
      return answer(201, { success: true, data: { affiliate } });
    },
  }),
];

function identify(affiliate: Affiliate) {
  return {
    id: affiliate.id,
    email: affiliate.email,
    name: affiliate.displayName,
    status: affiliate.status === 'active' || affiliate.status === 'pending' ? affiliate.status : 'blocked',
    createdAt: toSeconds(affiliate.createdAt),
  };
}

/** Where only a payment e-mail is known it is PayPal's, as on the page. */
function describePayment({ paymentMethod, paymentDetails, paymentEmail }: Affiliate) {
  const byEmail = paymentMethod === null && paymentDetails === null && paymentEmail !== null;
  return { paymentMethod: byEmail ? 'paypal' : paymentMethod, paymentDetails: paymentDetails ?? paymentEmail };
}

/** With their earnings: one number each, so those in the program's currency. */
async function describeAffiliates(db: Deps['db'], programId: string, livemode: boolean, affiliates: Affiliate[]) {
  const ids = affiliates.map(({ id }) => id);
  const currency = (await findProgram(db, programId))?.currency ?? 'USD';
  const results = await readAffiliateResults(db, programId, livemode, ids, currency);
  return affiliates.map((affiliate) => ({
    ...identify(affiliate),
    ...describeResults(results.get(affiliate.id), currency),
  }));
}

function describeResults(
  { clicks, conversions, earnedMinor, paidMinor }: AffiliateResults = {
    clicks: 0,
    conversions: 0,
    earnedMinor: 0n,
    paidMinor: 0n,
  },
  currency: string,
) {
  return {
    totalEarnings: toMajorNumber(earnedMinor, currency),
    pendingEarnings: toMajorNumber(earnedMinor - paidMinor, currency),
    paidEarnings: toMajorNumber(paidMinor, currency),
    // A fraction with four decimals, as the native statistics have it.
    conversionRate: clicks === 0 ? 0 : Math.round((conversions / clicks) * 10_000) / 10_000,
    clickCount: clicks,
    conversionCount: conversions,
  };
}
