import { z } from 'zod';
import { found } from '../domain/errors.ts';
import type { Scope } from '../domain/scope.ts';
import { commissionChangesSchema, commissionTermsSchema } from '../domain/terms.ts';
import { assertMayChange, changeableBy } from '../program/principals.ts';
import { createOfferAs, updateOfferAs } from '../operations/offer-changes.ts';
import { findOffer, listOffers, type Offer } from '../program/offers.ts';
import { readCapUse } from '../statistics/cap-use.ts';
import { destinationMacros } from '../domain/destinations.ts';
import {
  code,
  configurationMode,
  currency,
  destinationUrl,
  takeOver,
  text,
  timestamp,
  wordsOf,
} from '../http/fields.ts';
import { listOf, one, pageQuery, sortQuery, textQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';

const statuses = ['draft', 'published', 'paused', 'archived'] as const;

const shown = {
  id: z.string(),
  livemode: configurationMode,
  name: z.string(),
  url: z.string(),
  code: z.string(),
  description: z.string().nullable(),
  commission: commissionTermsSchema,
  currency: z.string(),
  attributionWindowDays: z.int(),
  dailyCap: z.int(),
  status: z.enum(statuses),
  createdAt: timestamp,
  updatedAt: timestamp,
};
const offerSchema = z.strictObject(shown).meta({ id: 'Offer' });

const included = ['capUsed'] as const;
const include = wordsOf(included).optional();
const offerWithUseSchema = z
  .strictObject({
    ...shown,
    capUsedToday: z.int().optional().meta({
      description: "With include=capUsed: how many conversions the cap of the program's day has let through so far",
    }),
  })
  .meta({ id: 'OfferWithUse' });
export type OfferView = z.output<typeof offerWithUseSchema>;

const changeable = {
  name: text(),
  url: destinationUrl.meta({
    description: `Where tracking links lead; may hold ${Object.keys(destinationMacros)
      .map((name) => `{${name}}`)
      .join(', ')} behind the host`,
  }),
  code: code.optional().meta({ description: 'Unique in the program and mode; made when absent' }),
  description: text(5000).nullable().optional(),
  commission: commissionTermsSchema.meta({
    description: 'cpa: amountMinor. cps: rateBps of a one-off or first sale. revshare: rateBps of all payments',
  }),
  currency: currency.optional().meta({ description: "The program's when absent" }),
  attributionWindowDays: z.int().min(1).max(3650).optional().meta({ description: 'Default 30' }),
  dailyCap: z.int().min(0).max(1_000_000_000).optional().meta({ description: 'Conversions a day that pay; 0: no cap' }),
  status: z.enum(statuses).optional(),
};

export const offerRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/offers',
    access: 'write',
    tag: 'Offers',
    summary: 'Create an offer',
    description:
      "A program's first live offer becomes its default offer. Without one, test traffic takes the oldest test offer.",
    body: z.strictObject(changeable).meta({ id: 'OfferInput' }),
    status: 201,
    answer: one(offerSchema),
    handle: async ({ db }, { scope, body, actor }) => ({
      data: offerView(await createOfferAs(db, actor, scope, body)),
    }),
  }),
  defineRoute({
    method: 'get',
    path: '/offers',
    access: 'read',
    tag: 'Offers',
    summary: 'List offers',
    description: 'By creation; imported ones stand where they were created.',
    query: z.strictObject({
      ...pageQuery,
      ...sortQuery,
      status: wordsOf(statuses).optional(),
      code: z.string().optional(),
      q: textQuery.meta({ description: 'Beginnings of words of the name or the code, all of them' }),
      include,
    }),
    status: 200,
    answer: listOf(offerWithUseSchema),
    handle: async (deps, { scope, reach, query }) => {
      const filter = { statuses: query.status, code: query.code, text: query.q };
      const page = await listOffers(deps.db, reach, filter, toPageRequest('offers', query));
      const further = await readIncluded(deps, scope, page.items, query.include);
      return toListBody('offers', page, (offer) => ({ ...offerView(offer), ...further(offer) }));
    },
  }),
  defineRoute({
    method: 'get',
    path: '/offers/:id',
    access: 'read',
    tag: 'Offers',
    summary: 'Get an offer',
    description: 'The id or the code.',
    query: z.strictObject({ include }),
    status: 200,
    answer: one(offerWithUseSchema),
    handle: async (deps, { scope, reach, params, query }) => {
      const offer = found(await findOffer(deps.db, reach, params.id), 'Offer');
      const further = await readIncluded(deps, scope, [offer], query.include);
      return { data: { ...offerView(offer), ...further(offer) } };
    },
  }),
  defineRoute({
    method: 'patch',
    path: '/offers/:id',
    access: 'write',
    tag: 'Offers',
    summary: 'Change an offer',
    description:
      'The id or the code. What is left out stays. Terms that customers were bound with stay as they were. ' +
      'A test key changes what is test; a live one takes it over by `{"livemode": true}`, 409 where the code is taken.',
    body: z
      .strictObject({
        ...changeable,
        name: changeable.name.optional(),
        url: changeable.url.optional(),
        commission: commissionChangesSchema.optional().meta({
          description: 'What is left out stays; another type takes over what it has in common with the one before',
        }),
        livemode: takeOver,
      })
      .meta({ id: 'OfferChanges' }),
    status: 200,
    answer: one(offerSchema),
    handle: async ({ db }, { principal, reach, params, body, actor }) => {
      const offer = found(await findOffer(db, reach, params.id), 'Offer');
      assertMayChange(principal, offer, body);
      const changed = await updateOfferAs(db, actor, changeableBy(principal), offer.id, body);
      return { data: offerView(found(changed, 'Offer')) };
    },
  }),
];

/** What is asked for beside an offer; in one statement for all of them. */
async function readIncluded(
  { db, clock }: ApiDeps,
  { programId, livemode }: Scope,
  offers: readonly Offer[],
  asked: readonly (typeof included)[number][] = [],
): Promise<(offer: Offer) => { capUsedToday?: number }> {
  if (!asked.includes('capUsed')) return () => ({});
  const ids = offers.map(({ id }) => id);
  const used = await readCapUse(db, programId, livemode, ids, clock.now());
  return ({ id }) => ({ capUsedToday: used.get(id) ?? 0 });
}

function offerView(offer: Offer): z.input<typeof offerSchema> {
  return {
    id: offer.id,
    livemode: offer.livemode,
    name: offer.name,
    url: offer.url,
    code: offer.code,
    description: offer.description,
    commission: offer.commission,
    currency: offer.currency,
    attributionWindowDays: offer.attributionWindowDays,
    dailyCap: offer.dailyCap,
    status: offer.status,
    createdAt: offer.createdAt.toISOString(),
    updatedAt: offer.updatedAt.toISOString(),
  };
}
