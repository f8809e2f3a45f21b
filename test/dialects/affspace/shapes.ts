import { z } from 'zod';
import { like, type ConformanceProgram } from '../conformance.ts';

/** The examples of AffSpace's page, the shapes that answers like them have, and its requests. */

export const base = '/affspace';

/** The page's own header instead of Bearer. */
const withHeader = (program: ConformanceProgram) =>
  ({ key: 'none', headers: { 'x-api-key': program.keys.live } }) as const;

export const tracked = like({
  success: true,
  data: { tracked: true, conversionId: 'conv_x7k9m2p4', status: 'pending', currency: 'USD' },
});
export const untracked = (reason: string) =>
  z.strictObject({
    success: z.literal(true),
    tracked: z.literal(false),
    reason: z.literal(reason),
    message: z.string().startsWith('Conversion received. '),
  });
export const failure = (code: string, message: z.ZodType = z.string()) =>
  z.strictObject({ success: z.literal(false), error: z.strictObject({ code: z.literal(code), message }) });
export const invalid = (message?: string) =>
  failure('VALIDATION_ERROR', message === undefined ? z.string() : z.literal(message));

const maybeText = z.string().nullable();
export const conversionExample = {
  id: 'conv_x7k9m2p4',
  offerCode: 'MYOFFER123',
  vendorTxId: 'ORDER-98765',
  currency: 'USD',
  saleAmountCents: 14999,
  advertiserPayoutCents: 3000,
  status: 'approved',
  createdAt: 1706234567890,
};
export const page = { pagination: { hasMore: true, nextCursor: maybeText } };
export const conversions = like({ success: true, data: [conversionExample], meta: page }, { vendorTxId: maybeText });

export const post = (what: string, program: ConformanceProgram, body: object) => ({
  path: `/api/v1/${what}`,
  body,
  ...withHeader(program),
});

export const eventBody = like({ success: true, data: { tracked: true, event_id: 'evt_f93xk2m1', reason: null } });
export const fire = (program: ConformanceProgram, endpoint: string, query: string) => ({
  path: `/pb/${program.kept[endpoint] ?? endpoint}?${query}`,
  key: 'none' as const,
});
export const offerExample = {
  code: 'MYOFFER123',
  name: 'My Product Offer',
  status: 'published',
  currency: 'USD',
  commissionType: 'cpa',
  payoutTerms: { advertiserPayoutCents: 3000 },
};
export const get = (path: string) => (program: ConformanceProgram) => ({
  path: `/api/v1${path}`,
  ...withHeader(program),
});
