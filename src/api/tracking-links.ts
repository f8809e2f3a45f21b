import { z } from 'zod';
import type { Db } from '../db/db.ts';
import { pastedForms } from '../domain/codes.ts';
import { found, validationError } from '../domain/errors.ts';
import { namedBy, type Scope } from '../domain/scope.ts';
import { assertMayChange, changeableBy } from '../program/principals.ts';
import { readNames } from '../program/names.ts';
import { findDefaultOfferId } from '../program/offers.ts';
import {
  countLinkResults,
  findTrackingLink,
  listTrackingLinks,
  type LinkCounts,
  type TrackingLink,
  type TrackingLinkInput,
} from '../program/tracking-links.ts';
import { createTrackingLinkAs, updateTrackingLinkAs } from '../operations/link-changes.ts';
import { configurationMode, destinationUrl, reference, takeOver, timestamp, wordsOf } from '../http/fields.ts';
import { requireAffiliate, requireOffer, toAffiliateId, toOfferId } from './named.ts';
import { listOf, one, pageQuery, sortQuery, textQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';

const statuses = ['active', 'paused'] as const;

const shown = {
  id: z.string(),
  livemode: configurationMode,
  affiliateId: z.string(),
  offerId: z.string(),
  code: z.string(),
  customUrl: z.string().nullable(),
  trackingUrl: z.string().meta({ description: 'What the affiliate shares' }),
  status: z.enum(statuses),
  destinationUrl: z.string().meta({ description: "The custom URL, else the offer's" }),
  clicks: z.int(),
  conversions: z.int().meta({ description: 'Pending, approved or paid; leads do not count' }),
  crawlerVisits: z.int().meta({ description: 'Crawlers, previews and prefetches, which are no clicks' }),
  createdAt: timestamp,
};
const linkSchema = z.strictObject(shown).meta({ id: 'TrackingLink' });

const included = ['names'] as const;
const include = wordsOf(included).optional();
const linkWithNamesSchema = z
  .strictObject({
    ...shown,
    affiliateName: z.string().nullable().optional().meta({ description: 'With include=names' }),
    offerName: z.string().nullable().optional().meta({ description: 'With include=names' }),
  })
  .meta({ id: 'TrackingLinkWithNames' });
export type TrackingLinkView = z.output<typeof linkWithNamesSchema>;

const named = {
  affiliateId: reference.meta({ description: 'Id or referral code' }),
  offerId: reference.meta({ description: 'Id or code' }),
  customUrl: destinationUrl
    .nullable()
    .optional()
    .meta({ description: "Leads here instead of the offer's URL; may hold the same macros" }),
  code: z
    .string()
    .trim()
    .regex(/^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,64}$/, 'must be 1 to 64 letters, digits or . _ ~ -')
    // Else whoever has `ann.` would get the visitors of a link to `ann` that ends a sentence.
    .refine((code) => pastedForms(code).length === 1, 'must not begin with _, or end with . or _')
    .optional()
    .meta({ description: 'What stands behind `/r/`; unique in the whole hub, made when absent' }),
  status: z.enum(statuses).optional().meta({ description: 'A paused link leads on without a click; default active' }),
};

/** What a link is made of; also for the command line. */
export const trackingLinkInput = z
  .strictObject({ ...named, offerId: named.offerId.optional() })
  .meta({ id: 'TrackingLinkInput' });

export const trackingLinkRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/tracking-links',
    access: 'write',
    tag: 'Tracking links',
    summary: 'Create a tracking link',
    description:
      "Without an offer it leads to the program's default offer of this moment; in test, where there is none, to the oldest test offer.",
    body: trackingLinkInput,
    status: 201,
    answer: one(linkSchema),
    handle: async (deps, { scope, body, actor }) => {
      const link = await createTrackingLinkAs(deps.db, actor, scope, await toLinkInput(deps.db, scope, body));
      return { data: linkView(deps, link, noCounts) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/tracking-links',
    access: 'read',
    tag: 'Tracking links',
    summary: 'List tracking links',
    description: 'By creation; imported ones stand where they were created.',
    query: z.strictObject({
      ...pageQuery,
      ...sortQuery,
      affiliateId: reference.optional(),
      offerId: reference.optional(),
      code: z.string().optional(),
      status: wordsOf(statuses).optional(),
      q: textQuery.meta({ description: 'The beginning of the code, in any case', example: 'ann-' }),
      include,
    }),
    status: 200,
    answer: listOf(linkWithNamesSchema),
    handle: async (deps, { principal, livemode, reach, query }) => {
      const filter = {
        affiliateId: await toAffiliateId(deps.db, reach, query.affiliateId),
        offerId: await toOfferId(deps.db, reach, query.offerId),
        code: query.code,
        statuses: query.status,
        text: query.q,
      };
      const page = await listTrackingLinks(deps.db, reach, filter, toPageRequest('tracking-links', query));
      const ids = page.items.map(({ id }) => id);
      const counts = await countLinkResults(deps.db, principal.programId, livemode, ids);
      const namesOf = await readIncluded(deps, principal.programId, page.items, query.include);
      return toListBody('tracking-links', page, (link) => ({
        ...linkView(deps, link, counts.get(link.id)),
        ...namesOf(link),
      }));
    },
  }),
  defineRoute({
    method: 'get',
    path: '/tracking-links/:id',
    access: 'read',
    tag: 'Tracking links',
    summary: 'Get a tracking link',
    query: z.strictObject({ include }),
    status: 200,
    answer: one(linkWithNamesSchema),
    handle: async (deps, { principal, livemode, reach, params, query }) => {
      const link = found(await findTrackingLink(deps.db, reach, params.id), 'Tracking link');
      const namesOf = await readIncluded(deps, principal.programId, [link], query.include);
      return { data: { ...(await withCounts(deps, principal.programId, livemode, link)), ...namesOf(link) } };
    },
  }),
  defineRoute({
    method: 'patch',
    path: '/tracking-links/:id',
    access: 'write',
    tag: 'Tracking links',
    summary: 'Change a tracking link',
    description:
      'Clicks that were made stay whose they are, and test. With another code the one before leads nowhere any more. ' +
      'A test key changes what is test; a live one takes it over by `{"livemode": true}`, 409 while its affiliate or offer ' +
      'is test.',
    body: z
      .strictObject({
        ...named,
        affiliateId: named.affiliateId.optional(),
        offerId: named.offerId.optional(),
        livemode: takeOver,
      })
      .meta({ id: 'TrackingLinkChanges' }),
    status: 200,
    answer: one(linkSchema),
    handle: async (deps, { principal, livemode, reach, params, body, actor }) => {
      const { programId } = principal;
      const before = found(await findTrackingLink(deps.db, reach, params.id), 'Tracking link');
      assertMayChange(principal, before, body);
      const { affiliateId, offerId, customUrl, code, status } = body;
      const named = namedBy({ programId, livemode: body.livemode ?? before.livemode });
      const changes = {
        livemode: body.livemode,
        affiliateId: affiliateId && (await requireAffiliate(deps.db, named, affiliateId)).id,
        offerId: offerId && (await requireOffer(deps.db, named, offerId)).id,
        customUrl,
        code,
        status,
      };
      const changed = await updateTrackingLinkAs(deps.db, actor, changeableBy(principal), before.id, changes);
      const link = found(changed, 'Tracking link');
      return { data: await withCounts(deps, programId, livemode, link) };
    },
  }),
];

/** What a checked body asks for, by ids. Throws VALIDATION_ERROR where it names what is not there. */
export async function toLinkInput(
  db: Db,
  scope: Scope,
  { affiliateId, offerId, customUrl, code, status }: z.output<typeof trackingLinkInput>,
): Promise<TrackingLinkInput> {
  const named = namedBy(scope);
  const [affiliate, offer] = await Promise.all([
    requireAffiliate(db, named, affiliateId),
    offerId === undefined ? requireDefaultOfferId(db, scope) : requireOffer(db, named, offerId).then(({ id }) => id),
  ]);
  return { affiliateId: affiliate.id, offerId: offer, customUrl, code, status };
}

async function requireDefaultOfferId(db: Db, scope: Scope): Promise<string> {
  const offerId = await findDefaultOfferId(db, scope);
  if (offerId !== null) return offerId;
  const message = 'is required: the program has no default offer';
  throw validationError(`offerId ${message}`, { offerId: message });
}

async function withCounts(deps: ApiDeps, programId: string, livemode: boolean, link: TrackingLink) {
  const counts = await countLinkResults(deps.db, programId, livemode, [link.id]);
  return linkView(deps, link, counts.get(link.id));
}

/** What is asked for beside a link; in two statements for all of them. */
async function readIncluded(
  { db }: ApiDeps,
  programId: string,
  links: readonly TrackingLink[],
  asked: readonly (typeof included)[number][] = [],
): Promise<(link: TrackingLink) => { affiliateName?: string | null; offerName?: string | null }> {
  if (!asked.includes('names')) return () => ({});
  const idsOf = (name: 'affiliateId' | 'offerId') => [...new Set(links.map((link) => link[name]))];
  const [affiliates, offers] = await Promise.all([
    readNames(db, programId, 'affiliate', idsOf('affiliateId')),
    readNames(db, programId, 'offer', idsOf('offerId')),
  ]);
  return ({ affiliateId, offerId }) => ({
    affiliateName: affiliates.get(affiliateId) ?? null,
    offerName: offers.get(offerId) ?? null,
  });
}

const noCounts: LinkCounts = { clicks: 0, conversions: 0, crawlerVisits: 0 };

function linkView({ config }: ApiDeps, link: TrackingLink, counts: LinkCounts = noCounts): z.input<typeof linkSchema> {
  return {
    id: link.id,
    livemode: link.livemode,
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
