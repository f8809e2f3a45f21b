import { z } from 'zod';
import { destinationUrl, reference } from '../../http/fields.ts';
import { toAffiliateId, toOfferId } from '../../api/named.ts';
import type { Deps } from '../../deps.ts';
import { found, notFound } from '../../domain/errors.ts';
import { assertMayChange, changeableBy } from '../../program/principals.ts';
import { findAffiliate } from '../../program/affiliates.ts';
import { findOffer } from '../../program/offers.ts';
import {
  countLinkResults,
  findTrackingLink,
  listTrackingLinks,
  type LinkCounts,
  type TrackingLink,
} from '../../program/tracking-links.ts';
import { createTrackingLinkAs, updateTrackingLinkAs } from '../../operations/link-changes.ts';
import { answer, defineDialectRoute } from '../dialect.ts';
import { offsetPageQuery } from '../pages.ts';
import { blankAsNull, toSeconds } from '../values.ts';
import { limitsOf, pageLimits } from './limits.ts';
import { answerPage } from './page.ts';

export const trackingLinkRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/tracking-links',
    auth: 'key',
    access: 'read',
    limits: limitsOf('reads'),
    query: z.object({
      ...offsetPageQuery(pageLimits),
      affiliateId: reference.optional(),
      offerId: reference.optional(),
    }),
    handle: async ({ db, config }, { principal: { programId }, livemode, reach, query }) => {
      const filter = {
        affiliateId: await toAffiliateId(db, reach, query.affiliateId),
        offerId: await toOfferId(db, reach, query.offerId),
      };
      const page = await listTrackingLinks(db, reach, filter, { ...query, counted: true });
      const ids = page.items.map(({ id }) => id);
      const counts = await countLinkResults(db, programId, livemode, ids);
      return answerPage(page, query, (link) => linkView(config.publicUrl, link, counts.get(link.id)));
    },
  }),
  defineDialectRoute({
    method: 'post',
    path: '/tracking-links',
    auth: 'key',
    access: 'write',
    limits: limitsOf('writes'),
    body: z.object({ affiliateId: reference, offerId: reference, customUrl: blankAsNull(destinationUrl.nullish()) }),
    handle: async ({ db, config }, { principal: { programId }, livemode, reach, body, actor }) => {
      const [affiliate, offer] = await Promise.all([
        findAffiliate(db, reach, body.affiliateId),
        findOffer(db, reach, body.offerId),
      ]);
      if (!affiliate) throw notFound('Affiliate');
      if (!offer) throw notFound('Offer');
      const input = { affiliateId: affiliate.id, offerId: offer.id, customUrl: body.customUrl };
      const link = await createTrackingLinkAs(db, actor, { programId, livemode }, input);
      return answer(201, { data: linkView(config.publicUrl, link) });
    },
  }),
  defineDialectRoute({
    method: 'get',
    path: '/tracking-links/:id',
    auth: 'key',
    access: 'read',
    limits: limitsOf('reads'),
    handle: async (deps, { principal: { programId }, livemode, reach, params }) => {
      const link = found(await findTrackingLink(deps.db, reach, params['id'] ?? ''), 'Tracking link');
      return answer(200, { data: await viewWithCounts(deps, programId, livemode, link) });
    },
  }),
  defineDialectRoute({
    method: 'patch',
    path: '/tracking-links/:id',
    auth: 'key',
    access: 'write',
    limits: limitsOf('writes'),
    body: z.object({ customUrl: blankAsNull(destinationUrl.nullish()) }),
    handle: async (deps, { principal, livemode, reach, params, body, actor }) => {
      const link = found(await findTrackingLink(deps.db, reach, params['id'] ?? ''), 'Tracking link');
      assertMayChange(principal, link);
      const { customUrl } = body;
      const changed = await updateTrackingLinkAs(deps.db, actor, changeableBy(principal), link.id, { customUrl });
      const shown = found(changed, 'Tracking link');
      return answer(200, { data: await viewWithCounts(deps, principal.programId, livemode, shown) });
    },
  }),
];

async function viewWithCounts(
  { db, config }: Pick<Deps, 'db' | 'config'>,
  programId: string,
  livemode: boolean,
  link: TrackingLink,
) {
  const counts = await countLinkResults(db, programId, livemode, [link.id]);
  return linkView(config.publicUrl, link, counts.get(link.id));
}

function linkView(
  publicUrl: string,
  link: TrackingLink,
  counts: Pick<LinkCounts, 'clicks' | 'conversions'> = { clicks: 0, conversions: 0 },
) {
  return {
    id: link.id,
    affiliateId: link.affiliateId,
    offerId: link.offerId,
    code: link.code,
    trackingUrl: `${publicUrl}/r/${link.code}`,
    destinationUrl: link.destinationUrl,
    clicks: counts.clicks,
    conversions: counts.conversions,
    createdAt: toSeconds(link.createdAt),
  };
}
