import { z } from 'zod';
import type { Db } from '../db/db.ts';
import { found, validationError } from '../domain/errors.ts';
import { getProgram } from '../program/programs.ts';
import {
  countLinkResults,
  createTrackingLink,
  findTrackingLink,
  listTrackingLinks,
  updateTrackingLink,
  type TrackingLink,
} from '../program/tracking-links.ts';
import { httpUrl, reference, timestamp } from '../http/fields.ts';
import { requireAffiliate, requireOffer, toAffiliateId, toOfferId } from './named.ts';
import { listOf, one, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';

const statuses = ['active', 'paused'] as const;

const linkSchema = z
  .strictObject({
    id: z.string(),
    affiliateId: z.string(),
    offerId: z.string(),
    code: z.string(),
    customUrl: z.string().nullable(),
    trackingUrl: z.string().meta({ description: 'What the affiliate shares' }),
    status: z.enum(statuses),
    destinationUrl: z.string().meta({ description: "The custom URL, else the offer's" }),
    clicks: z.int(),
    conversions: z.int().meta({ description: 'Pending, approved or paid; leads do not count' }),
    createdAt: timestamp,
  })
  .meta({ id: 'TrackingLink' });

const named = {
  affiliateId: reference.meta({ description: 'Id or referral code' }),
  offerId: reference.meta({ description: 'Id or code' }),
  customUrl: httpUrl.nullable().optional().meta({ description: "Leads here instead of the offer's URL" }),
  code: z
    .string()
    .trim()
    .regex(/^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,64}$/, 'must be 1 to 64 letters, digits or . _ ~ -')
    .optional()
    .meta({ description: 'What stands behind `/r/`; unique in the whole hub, made when absent' }),
  status: z.enum(statuses).optional().meta({ description: 'A paused link leads on without a click; default active' }),
};

export const trackingLinkRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/tracking-links',
    access: 'write',
    tag: 'Tracking links',
    summary: 'Create a tracking link',
    description: "Without an offer it leads to the program's default offer of this moment.",
    body: z.strictObject({ ...named, offerId: named.offerId.optional() }).meta({ id: 'TrackingLinkInput' }),
    status: 201,
    answer: one(linkSchema),
    handle: async (deps, { principal, body }) => {
      const { db } = deps;
      const { programId } = principal;
      const [affiliate, offerId] = await Promise.all([
        requireAffiliate(db, programId, body.affiliateId),
        body.offerId === undefined
          ? requireDefaultOfferId(db, programId)
          : requireOffer(db, programId, body.offerId).then(({ id }) => id),
      ]);
      const { customUrl, code, status } = body;
      const input = { affiliateId: affiliate.id, offerId, customUrl, code, status };
      const link = await createTrackingLink(db, programId, input);
      return { data: linkView(deps, link, { clicks: 0, conversions: 0 }) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/tracking-links',
    access: 'read',
    tag: 'Tracking links',
    summary: 'List tracking links',
    query: z.strictObject({
      ...pageQuery,
      affiliateId: reference.optional(),
      offerId: reference.optional(),
      code: z.string().optional(),
    }),
    status: 200,
    answer: listOf(linkSchema),
    handle: async (deps, { principal, livemode, query }) => {
      const { programId } = principal;
      const filter = {
        affiliateId: await toAffiliateId(deps.db, programId, query.affiliateId),
        offerId: await toOfferId(deps.db, programId, query.offerId),
        code: query.code,
      };
      const page = await listTrackingLinks(deps.db, programId, filter, toPageRequest('tracking-links', query));
      const ids = page.items.map(({ id }) => id);
      const counts = await countLinkResults(deps.db, programId, livemode, ids);
      return toListBody('tracking-links', page, (link) => linkView(deps, link, counts.get(link.id)));
    },
  }),
  defineRoute({
    method: 'get',
    path: '/tracking-links/:id',
    access: 'read',
    tag: 'Tracking links',
    summary: 'Get a tracking link',
    status: 200,
    answer: one(linkSchema),
    handle: async (deps, { principal, livemode, params }) => {
      const link = found(await findTrackingLink(deps.db, principal.programId, params.id), 'Tracking link');
      return { data: await withCounts(deps, principal.programId, livemode, link) };
    },
  }),
  defineRoute({
    method: 'patch',
    path: '/tracking-links/:id',
    access: 'write',
    tag: 'Tracking links',
    summary: 'Change a tracking link',
    description: 'Clicks that were made stay whose they are. With another code the one before leads nowhere any more.',
    body: z
      .strictObject({ ...named, affiliateId: named.affiliateId.optional(), offerId: named.offerId.optional() })
      .meta({ id: 'TrackingLinkChanges' }),
    status: 200,
    answer: one(linkSchema),
    handle: async (deps, { principal, livemode, params, body }) => {
      const { programId } = principal;
      found(await findTrackingLink(deps.db, programId, params.id), 'Tracking link');
      const { affiliateId, offerId, customUrl, code, status } = body;
      const changes = {
        affiliateId: affiliateId && (await requireAffiliate(deps.db, programId, affiliateId)).id,
        offerId: offerId && (await requireOffer(deps.db, programId, offerId)).id,
        customUrl,
        code,
        status,
      };
      const link = found(await updateTrackingLink(deps.db, programId, params.id, changes), 'Tracking link');
      return { data: await withCounts(deps, programId, livemode, link) };
    },
  }),
];

async function requireDefaultOfferId(db: Db, programId: string): Promise<string> {
  const { defaultOfferId } = await getProgram(db, programId);
  if (defaultOfferId !== null) return defaultOfferId;
  const message = 'is required: the program has no default offer';
  throw validationError(`offerId ${message}`, { offerId: message });
}

async function withCounts(deps: ApiDeps, programId: string, livemode: boolean, link: TrackingLink) {
  const counts = await countLinkResults(deps.db, programId, livemode, [link.id]);
  return linkView(deps, link, counts.get(link.id));
}

function linkView(
  { config }: ApiDeps,
  link: TrackingLink,
  counts: { clicks: number; conversions: number } = { clicks: 0, conversions: 0 },
): z.input<typeof linkSchema> {
  return {
    id: link.id,
    affiliateId: link.affiliateId,
    offerId: link.offerId,
    code: link.code,
    customUrl: link.customUrl,
    trackingUrl: `${config.publicUrl}/r/${link.code}`,
    status: link.status,
    destinationUrl: link.destinationUrl,
    ...counts,
    createdAt: link.createdAt.toISOString(),
  };
}
