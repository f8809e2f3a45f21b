import { z } from 'zod';
import { createAffiliateAndAnnounce } from '../../operations/affiliate-changes.ts';
import { httpUrl, text } from '../../http/fields.ts';
import { listAffiliates, type Affiliate, type AffiliateStatus } from '../../program/affiliates.ts';
import { getProgram } from '../../program/programs.ts';
import { answer, defineDialectRoute } from '../dialect.ts';
import { offsetPageQuery } from '../pages.ts';
import { toSeconds } from '../values.ts';
import { describeOverride, readOverride } from './commission.ts';
import { email } from './fields.ts';
import { limitsOf, pageLimits } from './limits.ts';
import { answerPage } from './page.ts';

/** Attro's states, and ours that each stands for. */
const ourStatuses = {
  active: ['active'],
  pending: ['pending'],
  inactive: ['paused', 'banned'],
} as const satisfies Record<string, readonly AffiliateStatus[]>;

const types = z.enum(['external', 'internal']);
const optionalText = text().nullish();

const newAffiliate = z.object({
  displayName: text(),
  email,
  type: types,
  companyName: optionalText,
  website: httpUrl.nullish(),
  paymentEmail: email.nullish(),
  commissionOverride: z
    .union([z.number(), z.object({ type: z.enum(['percentage', 'fixed']), value: z.number() })])
    .nullish(),
});

export const affiliateRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/affiliates',
    auth: 'key',
    access: 'read',
    limits: limitsOf('reads'),
    query: z.object({
      ...offsetPageQuery(pageLimits),
      status: z.enum(['active', 'pending', 'inactive']).optional(),
      type: types.optional(),
    }),
    handle: async ({ db }, { reach, query }) => {
      const filter = { statuses: query.status && ourStatuses[query.status], type: query.type };
      const page = await listAffiliates(db, reach, filter, { ...query, counted: true });
      return answerPage(page, query, affiliateView);
    },
  }),
  defineDialectRoute({
    method: 'post',
    path: '/affiliates',
    auth: 'key',
    access: 'write',
    limits: limitsOf('writes'),
    body: newAffiliate,
    handle: async (deps, { principal: { programId }, livemode, body }) => {
      const { commissionOverride, ...input } = body;
      const currency = typeof commissionOverride === 'object' ? (await getProgram(deps.db, programId)).currency : '';
      const override = readOverride(commissionOverride ?? null, currency);
      const affiliate = await createAffiliateAndAnnounce(
        deps,
        { programId, livemode },
        { ...input, commissionOverride: override },
      );
      const { website, paymentEmail } = affiliate;
      const given = { website, paymentEmail, commissionOverride: describeOverride(override, currency) };
      return answer(201, { data: { ...affiliateView(affiliate), ...given } });
    },
  }),
];

function affiliateView(affiliate: Affiliate) {
  return {
    id: affiliate.id,
    companyName: affiliate.companyName,
    displayName: affiliate.displayName,
    email: affiliate.email,
    type: affiliate.type,
    status: affiliate.status === 'paused' || affiliate.status === 'banned' ? 'inactive' : affiliate.status,
    createdAt: toSeconds(affiliate.createdAt),
  };
}
