import { z } from 'zod';
import { currency, reference, text } from '../../http/fields.ts';
import { toAffiliateId, toOfferId } from '../../api/named.ts';
import { type AppError, notFound, validationError } from '../../domain/errors.ts';
import type { Normalized } from '../../domain/facts.ts';
import { normalizeConversion } from '../../inbound/conversion/normalize.ts';
import { digestId } from '../../inbound/fields/references.ts';
import { listConversions } from '../../ledger/conversions.ts';
import { answer, defineDialectRoute, type DialectAnswer } from '../dialect.ts';
import { offsetPageQuery } from '../pages.ts';
import { blankAsNull } from '../values.ts';
import { submitRequest, type SubmittedMessage } from '../submit.ts';
import { conversionView, everyStatus, shownFields, ourStatuses, statusNames } from './conversion-view.ts';
import { duplicateConversion } from './errors.ts';
import { email, positiveNumber } from './fields.ts';
import { limitsOf, pageLimits } from './limits.ts';
import { answerPage } from './page.ts';

const newConversion = z.object({
  affiliateId: reference,
  offerId: reference,
  externalId: text(),
  amount: positiveNumber,
  externalSource: blankAsNull(text().nullish()),
  currency: currency.default('USD'),
  customerEmail: blankAsNull(email.nullish()),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});
type NewConversion = z.output<typeof newConversion>;

export const conversionRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/conversions',
    auth: 'key',
    access: 'read',
    limits: limitsOf('reads'),
    mayBeBehind: true,
    query: z.object({
      ...offsetPageQuery(pageLimits),
      status: z.enum(statusNames).optional(),
      affiliateId: reference.optional(),
      offerId: reference.optional(),
    }),
    handle: async ({ db }, { principal: { programId }, livemode, reach, query }) => {
      const filter = {
        livemode,
        statuses: query.status === undefined ? everyStatus : ourStatuses[query.status],
        earning: true,
        credited: true,
        affiliateId: await toAffiliateId(db, reach, query.affiliateId),
        offerId: await toOfferId(db, reach, query.offerId),
      };
      const page = await listConversions(db, programId, filter, { ...query, counted: true }, shownFields);
      return answerPage(page, query, conversionView);
    },
  }),
  defineDialectRoute({
    method: 'post',
    path: '/conversions',
    auth: 'key',
    access: 'ingest',
    limits: limitsOf('conversions'),
    body: newConversion,
    handle: async (deps, request) => {
      const { principal, body, livemode, receivedAt } = request;
      const normalized = normalize(body, { livemode, receivedAt });
      const message = { programId: principal.programId, kind: 'conversion', normalized } as const;
      return answerConversion(body, await submitRequest(deps, request, message));
    },
  }),
];

/**
 * A sale by a named affiliate. The external id alone makes the fact: whatever a second report of it says, it is a
 * duplicate, and the first one stands.
 */
function normalize(body: NewConversion, context: { livemode: boolean; receivedAt: Date }): Normalized {
  const { externalId, externalSource = null, metadata = null, ...sale } = body;
  const normalized = normalizeConversion({ ...sale, metadata, externalId }, context);
  if (normalized.kind !== 'facts') return normalized;
  const note = { externalSource, metadata };
  return {
    ...normalized,
    facts: normalized.facts.map((fact) => ({ ...fact, id: digestId('attro', fact.refs), note })),
  };
}

/** `outcome` duplicate is a 409, whoever reported it first. */
function answerConversion(body: NewConversion, { id: inboxEventId, settled }: SubmittedMessage): DialectAnswer {
  const { externalId } = body;
  const outcome = settled?.outcome ?? 'failed';
  if (outcome === 'duplicate') throw duplicateConversion(externalId);
  if (outcome === 'rejected' || outcome === 'unprocessable') {
    throw refuse(settled?.reason ?? null, settled?.error ?? null);
  }
  // Nothing is lost: the same externalId again is a 409 as soon as this one is recorded.
  if (!settled?.conversion) return answer(202, { data: { id: null, externalId, status: 'processing', inboxEventId } });
  const { externalSource = null, metadata = null } = body;
  const customerEmail = body.customerEmail?.toLowerCase() ?? null;
  const note = { externalSource, metadata };
  return answer(201, {
    data: conversionView({
      ...settled.conversion,
      netMinor: settled.conversion.amountMinor,
      orderId: externalId,
      note,
      customerEmail,
      reference: null,
      createdAt: settled.conversion.createdAt.toISOString(),
    }),
  });
}

function refuse(reason: string | null, error: string | null): AppError {
  if (reason === 'affiliate_not_found') return notFound('Affiliate');
  if (reason === 'offer_not_found') return notFound('Offer');
  const field = reason === 'offer_not_active' ? 'offerId' : 'amount';
  const message = reason === 'offer_not_active' ? 'Offer is not active' : (error ?? 'cannot be taken');
  return validationError(`${field} ${message}`, { [field]: message });
}
