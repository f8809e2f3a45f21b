import { z } from 'zod';
import type { Db } from '../db/db.ts';
import { found, validationError } from '../domain/errors.ts';
import { keylessRef } from '../domain/keyless.ts';
import { namedBy, type Scope } from '../domain/scope.ts';
import { conversionView } from '../ledger/conversion-view.ts';
import { listConversions, listConversionsOfCustomers, type Conversion } from '../ledger/conversions.ts';
import { findCustomer, listCustomers, type Customer } from '../ledger/customers.ts';
import { readOwnScopes } from '../audit/trace/find-named.ts';
import { readKeyNames } from '../program/key-names.ts';
import { restoreSourceIds } from '../program/source-refs.ts';
import { rebindCustomer } from '../operations/customer-binding.ts';
import { conversionSchema } from './conversion-schemas.ts';
import { email, livemode, moment, reference, text, timestamp } from '../http/fields.ts';
import { refuseFarAhead } from './far-ahead.ts';
import { requireAffiliate, requireOffer } from './named.ts';
import { listOf, one, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { processingAnswer, replyProcessing } from './processing.ts';
import { defineRoute, type Route } from './route.ts';

const HISTORY_LENGTH = 100;

const customerSchema = z
  .strictObject({
    id: z.string(),
    email: z.string().nullable(),
    livemode,
    references: z.array(z.string()).meta({ description: 'Every id that the customer is known by' }),
    mergedInto: z.string().nullable().meta({ description: 'The customer that this one turned out to be' }),
    binding: z
      .strictObject({
        affiliateId: z.string(),
        offerId: z.string().nullable(),
        clickId: z.string().nullable(),
        boundAt: timestamp,
        boundBy: z.string().nullable().meta({ description: 'The conversion that bound them, or the fact' }),
        reason: z.string().nullable().meta({ description: 'Why a person bound them; null: nobody did' }),
        decidedBy: z.string().nullable().meta({ description: 'The API key by which a person bound them' }),
        decidedByName: z.string().nullable().meta({ description: 'The name of that key' }),
      })
      .nullable()
      .meta({
        description: 'Who earns from this customer: made by their earliest attributed order, or by a person (`reason`)',
      }),
    conversions: z.array(conversionSchema).meta({ description: `The ${HISTORY_LENGTH} newest, newest first` }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Customer' });

const LIST_HISTORY_LENGTH = 20;

export const customerRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/customers',
    access: 'read',
    tag: 'Customers',
    summary: 'Find customers by an e-mail, or by an id that somebody calls them by',
    description:
      'One of the two is required. Everybody whom a message told of with that e-mail (exact, whatever its case) or id; each as ' +
      `\`GET /customers/:id\` answers them, with the ${LIST_HISTORY_LENGTH} newest conversions.`,
    query: z.strictObject({
      ...pageQuery,
      email: email.toLowerCase().optional().meta({ description: 'The whole e-mail', example: 'ann@example.com' }),
      reference: reference.optional().meta({ description: 'Your own id of the customer, or a Stripe customer id' }),
    }),
    status: 200,
    answer: listOf(customerSchema),
    handle: async ({ db }, { principal, livemode, scope, query }) => {
      const { programId } = principal;
      const references = await toReferences(db, scope, query);
      const page = await listCustomers(db, programId, livemode, references, toPageRequest('customers', query));
      const ids = page.items.map(({ id }) => id);
      const conversions = await listConversionsOfCustomers(db, scope, ids, LIST_HISTORY_LENGTH);
      const names = await readDeciders(db, programId, page.items);
      return toListBody('customers', page, (customer) =>
        customerView(customer, conversions.get(customer.id) ?? [], names),
      );
    },
  }),
  defineRoute({
    method: 'get',
    path: '/customers/:id',
    access: 'read',
    tag: 'Customers',
    summary: 'Get a customer, their binding and history',
    description: 'The id, your own id of the customer, or a Stripe customer id.',
    status: 200,
    answer: one(customerSchema),
    handle: async ({ db }, { principal, livemode, params }) => {
      const named = await restoreSourceIds(db, principal.programId, params.id);
      const customer = await findCustomer(db, principal.programId, livemode, named);
      return { data: await detailView(db, principal.programId, found(customer, 'Customer')) };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/customers/:id/binding',
    access: 'write',
    tag: 'Customers',
    summary: 'Bind a customer to another affiliate',
    description:
      'A decision with who and why, for what they buy from `since` on: renewals too, of subscriptions that began before. An ' +
      'order that names an affiliate of its own or was clicked for stays whose it is (correct that one by itself). Orders ' +
      'since then are settled again at once. 409: the customer turned out to be another, or the affiliate is not active.',
    body: z
      .strictObject({
        affiliateId: reference.meta({ description: 'The affiliate, by id or referral code', example: 'ann' }),
        offerId: reference.optional().meta({
          description: 'The offer, by id or code; the one that they are bound to when absent, else the default',
        }),
        reason: text(1000).meta({ description: 'Why: kept for good, and shown', example: 'Moved to the new partner' }),
        since: moment.optional().meta({ description: 'For what they bought from then on; now when absent' }),
      })
      .meta({ id: 'BindingInput' }),
    status: 201,
    answer: one(customerSchema),
    otherAnswers: {
      202: {
        description: 'No result in time; the decision is recorded',
        schema: processingAnswer('BindingProcessing'),
      },
    },
    handle: async (deps, { scope, params, body, raw, headers, receivedAt, callId, actor }) => {
      const { programId, livemode } = scope;
      const { db } = deps;
      const named = await restoreSourceIds(db, programId, params.id);
      const customer = found(await findCustomer(db, programId, livemode, named), 'Customer');
      if (body.since) refuseFarAhead('since', body.since, receivedAt);
      const binding = {
        affiliate: await requireAffiliate(db, namedBy(scope), body.affiliateId),
        offer: body.offerId === undefined ? null : await requireOffer(db, namedBy(scope), body.offerId),
        since: body.since ?? receivedAt,
        reason: body.reason,
      };
      const call = { actor, raw, headers, receivedAt, callId };
      const result = await rebindCustomer(deps, scope, customer, binding, call);
      if (result.kind === 'processing') return replyProcessing(result.inboxEventId);
      const after = await findCustomer(db, programId, livemode, customer.id);
      return { data: await detailView(db, programId, after ?? customer) };
    },
  }),
];

async function detailView(db: Db, programId: string, customer: Customer) {
  const filter = { livemode: customer.livemode, customerId: customer.id };
  const { items } = await listConversions(db, programId, filter, { limit: HISTORY_LENGTH });
  return customerView(customer, items, await readDeciders(db, programId, [customer]));
}

/** What the keys are called by which people bound them, by id. */
function readDeciders(db: Db, programId: string, customers: readonly Customer[]): Promise<Record<string, string>> {
  return readKeyNames(
    db,
    programId,
    customers.flatMap(({ boundByKey }) => boundByKey ?? []),
  );
}

/** Every reference that is meant. Throws VALIDATION_ERROR unless exactly one of the two is given. */
async function toReferences(
  db: Db,
  scope: Scope,
  { email, reference }: { email?: string | undefined; reference?: string | undefined },
): Promise<string[]> {
  if ((email === undefined) === (reference === undefined)) {
    throw validationError('Say email or reference, and not both', { email: 'is required, or reference' });
  }
  const id = reference === undefined ? '' : await restoreSourceIds(db, scope.programId, reference);
  const own = email === undefined ? [id, `id:${id}`, `stripe:${id}`] : [`email:${email}`];
  const sources = await readOwnScopes(db, scope);
  return [...own, ...sources.flatMap((source) => own.map((ref) => keylessRef(source, ref)))];
}

function customerView(customer: Customer, conversions: readonly Conversion[], names: Record<string, string>) {
  const { affiliateId, offerId, clickId, boundAt, boundBy, boundReason: reason, boundByKey: decidedBy } = customer;
  const decidedByName = names[decidedBy ?? ''] ?? null;
  return {
    id: customer.id,
    email: customer.email,
    livemode: customer.livemode,
    references: customer.references,
    mergedInto: customer.mergedInto,
    binding:
      affiliateId && boundAt
        ? { affiliateId, offerId, clickId, boundAt: boundAt.toISOString(), boundBy, reason, decidedBy, decidedByName }
        : null,
    conversions: conversions.map(conversionView),
    createdAt: customer.createdAt.toISOString(),
    updatedAt: customer.updatedAt.toISOString(),
  };
}
