import { z } from 'zod';
import { badInput } from '../conformance.ts';
import { newAffiliate, newOffer, newConversion } from './shapes.ts';

const envelope = (code: string, message: z.ZodType = z.string()) =>
  z.strictObject({ error: z.strictObject({ code: z.literal(code), message }) });
const invalid = z.strictObject({
  error: z.strictObject({
    code: z.literal('VALIDATION_ERROR'),
    message: z.string(),
    details: z.record(z.string(), z.string()).optional(),
  }),
});

/** What every endpoint refuses, and how. */
export const mistakes = badInput(
  [
    {
      method: 'GET',
      path: () => '/affiliates',
      wrongQueries: ['limit=101', 'limit=0', 'limit=ten', 'offset=-1', 'offset=1.5', 'status=gone', 'type=friend'],
    },
    {
      method: 'POST',
      path: () => '/affiliates',
      body: () => newAffiliate,
      required: ['displayName', 'email', 'type'],
      wrong: {
        displayName: 7,
        email: 'nobody',
        type: 'friend',
        website: 'acme',
        paymentEmail: '@',
        companyName: [],
        commissionOverride: '20%',
      },
    },
    {
      method: 'GET',
      path: (program) => `/affiliates/${program.affiliateId}`,
      unknown: [() => '/affiliates/aff_unknown', (program) => `/affiliates/${program.other.affiliateId}`],
    },
    {
      method: 'PATCH',
      path: (program) => `/affiliates/${program.affiliateId}`,
      body: () => ({ displayName: 'John Smith' }),
      wrong: {
        displayName: '',
        email: 'nobody',
        type: 'friend',
        status: 'banned',
        website: 7,
        commissionOverride: 101,
      },
      unknown: [() => '/affiliates/aff_unknown', (program) => `/affiliates/${program.other.affiliateId}`],
    },
    {
      method: 'GET',
      path: (program) => `/offers/${program.offerId}`,
      unknown: [() => '/offers/off_unknown', (program) => `/offers/${program.other.offerId}`],
    },
    {
      method: 'GET',
      path: () => '/offers',
      wrongQueries: ['limit=101', 'offset=x', 'isActive=yes'],
    },
    {
      method: 'POST',
      path: () => '/offers',
      body: () => newOffer,
      required: ['name', 'url', 'defaultCommissionType', 'defaultCommissionValue'],
      wrong: {
        url: 'nowhere',
        defaultCommissionType: 'cps',
        defaultCommissionValue: '20',
        attributionWindowDays: 0,
        dailyCap: -1,
        isActive: 'true',
      },
    },
    {
      method: 'PATCH',
      path: (program) => `/offers/${program.offerId}`,
      body: () => ({ dailyCap: 200 }),
      wrong: { dailyCap: 'many', defaultCommissionValue: -1, name: '' },
      unknown: [() => '/offers/off_unknown', (program) => `/offers/${program.other.offerId}`, () => '/offers/%00'],
    },
    {
      method: 'GET',
      path: () => '/tracking-links',
      wrongQueries: ['limit=1000', 'offset=none'],
    },
    {
      method: 'POST',
      path: () => '/tracking-links',
      body: ({ affiliateId, offerId }) => ({ affiliateId, offerId }),
      required: ['affiliateId', 'offerId'],
      wrong: { affiliateId: 5, offerId: {}, customUrl: 'javascript:alert(1)' },
      unknownInBody: [
        () => ({ affiliateId: 'aff_unknown' }),
        () => ({ offerId: 'off_unknown' }),
        ({ other }) => ({ affiliateId: other.affiliateId }),
        ({ other }) => ({ offerId: other.offerId }),
      ],
    },
    {
      method: 'GET',
      path: ({ kept }) => `/tracking-links/${kept['link']}`,
      unknown: [() => '/tracking-links/lnk_unknown'],
    },
    {
      method: 'PATCH',
      path: ({ kept }) => `/tracking-links/${kept['link']}`,
      body: () => ({ customUrl: 'https://yourapp.com/other' }),
      wrong: { customUrl: 'javascript:alert(1)' },
      unknown: [() => '/tracking-links/lnk_unknown'],
    },
    {
      method: 'GET',
      path: () => '/conversions',
      wrongQueries: ['limit=101', 'offset=-1', 'status=lost', 'limit=5&limit=6'],
    },
    {
      method: 'POST',
      path: () => '/conversions',
      body: (program) => ({ ...newConversion(program), externalId: 'never-recorded' }),
      required: ['affiliateId', 'offerId', 'externalId', 'amount'],
      wrong: {
        amount: '99.00',
        externalId: 12_345,
        currency: 'dollars',
        customerEmail: 'nobody',
        metadata: 'premium',
        externalSource: true,
      },
      unknownInBody: [
        () => ({ affiliateId: 'aff_unknown' }),
        () => ({ offerId: 'off_unknown' }),
        ({ other }) => ({ affiliateId: other.affiliateId }),
        ({ other }) => ({ offerId: other.offerId }),
      ],
    },
    { method: 'GET', path: () => '/balances', wrongQueries: ['limit=101', 'offset=-1', 'currency=dollars'] },
    { method: 'GET', path: () => '/payouts', wrongQueries: ['limit=101', 'status=sent'] },
    {
      method: 'POST',
      path: () => '/payouts',
      body: ({ affiliateId }) => ({ affiliateId }),
      required: ['affiliateId'],
      wrong: { currency: 'dollars' },
      unknownInBody: [() => ({ affiliateId: 'aff_unknown' }), ({ other }) => ({ affiliateId: other.affiliateId })],
    },
    {
      method: 'GET',
      path: ({ kept }) => `/payouts/${kept['payout']}`,
      unknown: [() => '/payouts/pay_unknown'],
    },
    {
      method: 'PATCH',
      path: ({ kept }) => `/payouts/${kept['payout']}`,
      body: () => ({ status: 'paid' }),
      required: ['status'],
      wrong: { status: 'pending' },
      unknown: [() => '/payouts/pay_unknown'],
    },
    {
      method: 'GET',
      path: () => '/analytics',
      wrongQueries: ['groupBy=hour', 'startDate=yesterday', 'startDate=2026-02-01&endDate=2026-01-01'],
    },
  ],
  {
    noKey: { status: 401, body: envelope('INVALID_API_KEY') },
    wrongKey: { status: 401, body: envelope('INVALID_API_KEY') },
    readOnlyKey: { status: 403, body: envelope('INSUFFICIENT_PERMISSIONS') },
    invalid: { status: 400, body: invalid },
    malformedJson: { status: 400, body: invalid },
    tooLarge: { status: 413, body: invalid },
    wrongMediaType: { status: 415, body: invalid },
    unknown: { status: 404, body: envelope('NOT_FOUND') },
    unknownInBody: { status: 404, body: envelope('NOT_FOUND') },
  },
);
