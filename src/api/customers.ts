import { z } from 'zod';
import { notFound } from '../domain/errors.ts';
import { conversionView } from '../ledger/conversion-view.ts';
import { listConversions } from '../ledger/conversions.ts';
import { restoreSourceIds } from '../program/source-refs.ts';
import { findCustomer } from '../ledger/customers.ts';
import { conversionSchema } from './conversion-schemas.ts';
import { livemode, timestamp } from '../http/fields.ts';
import { one } from './pagination.ts';
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
      })
      .nullable()
      .meta({ description: 'Who earns from this customer: made by their earliest attributed order' }),
    conversions: z.array(conversionSchema).meta({ description: `The ${HISTORY_LENGTH} newest, newest first` }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Customer' });

export const customerRoutes: Route[] = [
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
      if (!customer) throw notFound('Customer');
      const filter = { livemode, customerId: customer.id };
      const { items } = await listConversions(db, principal.programId, filter, { limit: HISTORY_LENGTH });
      const { affiliateId, offerId, clickId, boundAt, boundBy } = customer;
      return {
        data: {
          id: customer.id,
          email: customer.email,
          livemode: customer.livemode,
          references: customer.references,
          mergedInto: customer.mergedInto,
          binding:
            affiliateId && boundAt ? { affiliateId, offerId, clickId, boundAt: boundAt.toISOString(), boundBy } : null,
          conversions: items.map(conversionView),
          createdAt: customer.createdAt.toISOString(),
          updatedAt: customer.updatedAt.toISOString(),
        },
      };
    },
  }),
];
