import { z } from 'zod';
import { like, type ErrorShapes } from '../conformance.ts';

/** The answers of https://refgrow.com/docs/endpoints as schemas, read 2026-11. */

const time = z.iso.datetime({ precision: 0 });
const status = z.enum(['active', 'pending', 'blocked']);
const commissionStatus = z.enum(['pending', 'approved', 'paid', 'rejected']);

const listed = {
  id: 'aff_123456',
  email: 'affiliate@example.com',
  name: 'John Doe',
  status,
  createdAt: time,
  totalEarnings: 1250.75,
  pendingEarnings: 350.25,
  paidEarnings: 900.5,
  conversionRate: 0.12,
  clickCount: z.int(),
  conversionCount: z.int(),
};
const page = { total: z.int(), limit: z.int(), offset: z.int() };
export const affiliateList = like({ success: z.literal(true), data: { affiliates: [listed], ...page } });
export const affiliate = like({
  success: z.literal(true),
  data: {
    affiliate: {
      ...listed,
      referralCode: 'JOHNDOE10',
      paymentMethod: z.string().nullable(),
      paymentDetails: z.string().nullable(),
    },
  },
});
export const newAffiliate = like({
  success: z.literal(true),
  data: {
    affiliate: {
      id: z.string().startsWith('aff_'),
      email: 'affiliate@example.com',
      name: 'John Doe',
      status: z.literal('active'),
      createdAt: time,
      referralCode: 'JOHNDOE10',
    },
  },
});
export const click = like({
  success: z.literal(true),
  data: { clickId: 'click_abcdef12345', referralCode: 'JOHNDOE10', affiliateId: 'aff_123456', timestamp: time },
});
export const conversion = like({
  success: z.literal(true),
  data: {
    conversionId: 'conv_xyz789',
    affiliateId: 'aff_123456',
    referralCode: 'JOHNDOE10',
    amount: 99.99,
    commission: 20.0,
    orderId: z.string().nullable(),
    timestamp: time,
  },
});
const shownCommission = {
  id: z.string().startsWith('com_'),
  affiliateId: 'aff_123456',
  orderId: z.string().nullable(),
  amount: 20.0,
  status: commissionStatus,
  createdAt: time,
  paidAt: time.nullable(),
  conversionAmount: 99.99,
};
export const commissionList = like({
  success: z.literal(true),
  data: { commissions: [{ ...shownCommission, reason: z.string().optional() }], ...page },
});
export const commission = like({
  success: z.literal(true),
  data: { commission: { ...shownCommission, updatedAt: time } },
});
/** Where somebody said why. */
export const explainedCommission = (reason: string) =>
  like({
    success: z.literal(true),
    data: { commission: { ...shownCommission, updatedAt: time, reason: z.literal(reason) } },
  });

export const failure = (code: string, field?: string) =>
  z.strictObject({
    success: z.literal(false),
    error: z.strictObject({
      code: z.literal(code),
      message: z.string().min(1),
      ...(field === ''
        ? {}
        : { details: z.strictObject({ field: field ? z.literal(field) : z.string(), issue: z.string().min(1) }) }),
    }),
  });
/** A body that is no object has no field to name. */
const invalid = z.union([failure('invalid_request'), failure('invalid_request', '')]);

export const errors: ErrorShapes = {
  noKey: { status: 401, body: failure('authentication_error') },
  wrongKey: { status: 401, body: failure('authentication_error') },
  readOnlyKey: { status: 403, body: failure('permission_denied') },
  invalid: { status: 400, body: invalid },
  malformedJson: { status: 400, body: invalid },
  tooLarge: { status: 400, body: invalid },
  wrongMediaType: { status: 400, body: invalid },
  unknown: { status: 404, body: failure('resource_not_found', 'id') },
  unknownInBody: { status: 404, body: failure('resource_not_found') },
};
