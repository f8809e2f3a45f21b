import { z } from 'zod';
import type { Deps } from '../../deps.ts';
import { found } from '../../domain/errors.ts';
import { createAffiliateAndAnnounce, updateAffiliateAndAnnounce } from '../../operations/affiliate-changes.ts';
import { httpUrl, text } from '../../http/fields.ts';
import { assertMayChange, changeableBy } from '../../program/principals.ts';
import { findAffiliate, listAffiliates, type Affiliate, type AffiliateStatus } from '../../program/affiliates.ts';
import { getProgram } from '../../program/programs.ts';
import { answer, defineDialectRoute } from '../dialect.ts';
import { offsetPageQuery } from '../pages.ts';
import { blankAsNull, toSeconds } from '../values.ts';
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
const optionalText = blankAsNull(text().nullish());

const fields = {
  displayName: text(),
  email,
  type: types,
  companyName: optionalText,
  website: blankAsNull(httpUrl.nullish()),
  paymentEmail: blankAsNull(email.nullish()),
  commissionOverride: z
    .union([z.number(), z.object({ type: z.enum(['percentage', 'fixed']), value: z.number() })])
    .nullish(),
};
const newAffiliate = z.object(fields);
const affiliateChanges = z.object({ ...fields, status: z.enum(['active', 'pending', 'inactive']) }).partial();

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
    handle: async (deps, { principal: { programId }, livemode, body, actor }) => {
      const { commissionOverride, ...input } = body;
      const currency = await currencyOf(deps, programId);
      const override = readOverride(commissionOverride ?? null, currency);
      const affiliate = await createAffiliateAndAnnounce(
        deps,
        { programId, livemode },
        { ...input, commissionOverride: override },
        actor,
      );
      return answer(201, { data: wholeView(affiliate, currency) });
    },
  }),
  defineDialectRoute({
    method: 'get',
    path: '/affiliates/:id',
    auth: 'key',
    access: 'read',
    limits: limitsOf('reads'),
    handle: async (deps, { principal: { programId }, reach, params }) => {
      const affiliate = found(await findAffiliate(deps.db, reach, params['id'] ?? ''), 'Affiliate');
      return answer(200, { data: wholeView(affiliate, await currencyOf(deps, programId)) });
    },
  }),
  defineDialectRoute({
    method: 'patch',
    path: '/affiliates/:id',
    auth: 'key',
    access: 'write',
    limits: limitsOf('writes'),
    body: affiliateChanges,
    handle: async (deps, { principal, reach, params, body, actor }) => {
      const affiliate = found(await findAffiliate(deps.db, reach, params['id'] ?? ''), 'Affiliate');
      assertMayChange(principal, affiliate);
      const { commissionOverride, status, ...changes } = body;
      const currency = await currencyOf(deps, principal.programId);
      const said = {
        ...changes,
        commissionOverride: commissionOverride === undefined ? undefined : readOverride(commissionOverride, currency),
        status: status && changeStatus(affiliate, status),
      };
      const changed = await updateAffiliateAndAnnounce(deps, changeableBy(principal), affiliate.id, said, actor);
      return answer(200, { data: wholeView(found(changed, 'Affiliate'), currency) });
    },
  }),
];

async function currencyOf({ db }: Pick<Deps, 'db'>, programId: string): Promise<string> {
  return (await getProgram(db, programId)).currency;
}

/** Who is inactive for a reason of their own (banned) stays so. */
function changeStatus({ status }: Affiliate, wanted: keyof typeof ourStatuses): AffiliateStatus {
  if (wanted !== 'inactive') return wanted;
  return status === 'banned' ? 'banned' : 'paused';
}

/** With what the list leaves out; fixed overrides are in the program's currency. */
function wholeView(affiliate: Affiliate, currency: string) {
  const { website, paymentEmail, commissionOverride } = affiliate;
  return {
    ...affiliateView(affiliate),
    website,
    paymentEmail,
    commissionOverride: describeOverride(commissionOverride, currency),
  };
}

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
