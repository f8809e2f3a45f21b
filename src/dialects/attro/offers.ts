import { z } from 'zod';
import { destinationUrl, text } from '../../http/fields.ts';
import { found, validationError } from '../../domain/errors.ts';
import type { CommissionTerms } from '../../domain/terms.ts';
import { assertMayChange, changeableBy } from '../../program/principals.ts';
import { createOfferAs, updateOfferAs } from '../../operations/offer-changes.ts';
import { findOffer, listOffers, type Offer, type OfferStatus } from '../../program/offers.ts';
import { getProgram } from '../../program/programs.ts';
import { answer, defineDialectRoute } from '../dialect.ts';
import { offsetPageQuery } from '../pages.ts';
import { blankAsNull, toSeconds } from '../values.ts';
import { describeTerms, readTerms, type CommissionType } from './commission.ts';
import { limitsOf, pageLimits } from './limits.ts';
import { answerPage } from './page.ts';

const inactive: readonly OfferStatus[] = ['draft', 'paused', 'archived'];

const fields = {
  name: text(),
  url: destinationUrl,
  description: blankAsNull(text(5000).nullish()),
  defaultCommissionType: z.enum(['percentage', 'fixed']),
  defaultCommissionValue: z.number().nonnegative('must not be negative'),
  attributionWindowDays: z.int().min(1).max(3650).optional(),
  dailyCap: z.int().min(0).max(1_000_000_000).optional(),
  isActive: z.boolean().optional(),
};
const newOffer = z.object(fields);
const offerChanges = newOffer.partial();

export const offerRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/offers',
    auth: 'key',
    access: 'read',
    limits: limitsOf('reads'),
    query: z.object({ ...offsetPageQuery(pageLimits), isActive: z.enum(['true', 'false']).optional() }),
    handle: async ({ db }, { reach, query }) => {
      const { isActive } = query;
      const statuses = isActive === 'true' ? (['published'] as const) : isActive === 'false' ? inactive : undefined;
      const page = await listOffers(db, reach, { statuses }, { ...query, counted: true });
      return answerPage(page, query, offerView);
    },
  }),
  defineDialectRoute({
    method: 'post',
    path: '/offers',
    auth: 'key',
    access: 'write',
    limits: limitsOf('writes'),
    body: newOffer,
    handle: async ({ db }, { principal: { programId }, livemode, body, actor }) => {
      const { isActive = true, defaultCommissionType: type, defaultCommissionValue: value, ...input } = body;
      const currency = type === 'fixed' ? (await getProgram(db, programId)).currency : '';
      const commission = readTerms(type, value, currency, 'defaultCommissionValue');
      const status = isActive ? 'published' : 'paused';
      const offer = await createOfferAs(db, actor, { programId, livemode }, { ...input, commission, status });
      return answer(201, { data: offerView(offer) });
    },
  }),
  defineDialectRoute({
    method: 'get',
    path: '/offers/:id',
    auth: 'key',
    access: 'read',
    limits: limitsOf('reads'),
    handle: async ({ db }, { reach, params }) => {
      return answer(200, { data: offerView(found(await findOffer(db, reach, params['id'] ?? ''), 'Offer')) });
    },
  }),
  defineDialectRoute({
    method: 'patch',
    path: '/offers/:id',
    auth: 'key',
    access: 'write',
    limits: limitsOf('writes'),
    body: offerChanges,
    handle: async ({ db }, { principal, reach, params, body, actor }) => {
      const offer = found(await findOffer(db, reach, params['id'] ?? ''), 'Offer');
      assertMayChange(principal, offer);
      const { isActive, defaultCommissionType: type, defaultCommissionValue: value, ...changes } = body;
      const commission = changeTerms(offer, type, value);
      const status = isActive === undefined ? undefined : statusOf(offer, isActive);
      const said = { ...changes, commission, status };
      const changed = await updateOfferAs(db, actor, changeableBy(principal), offer.id, said);
      return answer(200, { data: offerView(found(changed, 'Offer')) });
    },
  }),
];

/** A value alone keeps the kind of the terms, a revenue share's duration included; another type needs its own value. */
function changeTerms(
  { commission, currency }: Offer,
  type: CommissionType | undefined,
  value: number | undefined,
): CommissionTerms | undefined {
  const before = describeTerms(commission, currency);
  const after = type ?? before.type;
  if (value === undefined) {
    if (after === before.type) return undefined;
    const message = 'is required with another defaultCommissionType';
    throw validationError(`defaultCommissionValue ${message}`, { defaultCommissionValue: message });
  }
  const terms = readTerms(after, value, currency, 'defaultCommissionValue');
  return commission.type === 'revshare' && terms.type === 'cps' ? { ...commission, rateBps: terms.rateBps } : terms;
}

/** An offer that is not active for a reason of its own (a draft, archived) stays what it is. */
function statusOf(offer: Offer, isActive: boolean): OfferStatus {
  if (isActive) return 'published';
  return offer.status === 'published' ? 'paused' : offer.status;
}

function offerView(offer: Offer) {
  const { type, value } = describeTerms(offer.commission, offer.currency);
  return {
    id: offer.id,
    name: offer.name,
    url: offer.url,
    description: offer.description,
    defaultCommissionType: type,
    defaultCommissionValue: value,
    attributionWindowDays: offer.attributionWindowDays,
    dailyCap: offer.dailyCap,
    isActive: offer.status === 'published',
    createdAt: toSeconds(offer.createdAt),
  };
}
