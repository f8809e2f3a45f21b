import { Readable } from 'node:stream';
import { z } from 'zod';
import { AppError, found } from '../domain/errors.ts';
import { currency, reference, wordsOf } from '../http/fields.ts';
import { paymentFormats, renderPayments, type PaymentFormat } from '../ledger/payment-files.ts';
import { listPayments } from '../ledger/payments.ts';
import { findBatch, MAX_BATCH_PAYOUTS } from '../ledger/payout-batches.ts';
import type { PayoutFilter } from '../ledger/payouts.ts';
import { toAffiliateId } from './named.ts';
import { payoutStatuses } from './payouts.ts';
import { defineRoute, StreamedReply, type ApiDeps, type Route } from './route.ts';

const format = z
  .enum(paymentFormats)
  .default('plain')
  .meta({ description: 'Whose upload the file is for: PayPal Payouts, Wise batch payments by e-mail, or people' });

const description =
  'CSV to be given to whoever makes the payments. Amounts are in major units. An affiliate without `paymentEmail` is paid at ' +
  'their `email`. A text that a spreadsheet would take for a formula is led by an apostrophe. ' +
  `At most ${MAX_BATCH_PAYOUTS} payouts a file; PayPal takes one currency a file, Wise 1000 lines.`;

const file = {
  method: 'get',
  access: 'read',
  tag: 'Payouts',
  description,
  status: 200,
  answer: z.string(),
  answerType: 'text/csv; charset=utf-8',
} as const;

export const paymentRoutes: Route[] = [
  defineRoute({
    ...file,
    path: '/payouts/payments.csv',
    summary: 'Payouts as a file of payments',
    query: z.strictObject({
      format,
      status: wordsOf(payoutStatuses).optional(),
      currency: currency.optional(),
      affiliateId: reference.optional(),
    }),
    handle: async (deps, { principal, livemode, reach, query }) => {
      const affiliateId = await toAffiliateId(deps.db, reach, query.affiliateId);
      const filter = { affiliateId, currency: query.currency, statuses: query.status ?? (['pending'] as const) };
      return writeFile(deps, livemode ? principal.programId : null, filter, query.format, 'payouts');
    },
  }),
  defineRoute({
    ...file,
    path: '/payouts/batches/:id/payments.csv',
    summary: 'The payouts of a batch as a file of payments',
    query: z.strictObject({ format, status: wordsOf(payoutStatuses).optional() }),
    handle: async (deps, { principal, livemode, params, query }) => {
      const { programId } = principal;
      const { id: batchId } = found(livemode ? await findBatch(deps.db, programId, params.id) : null, 'Payout batch');
      return writeFile(deps, programId, { batchId, statuses: query.status }, query.format, batchId);
    },
  }),
];

/** Test money is never payable: a program that is null has no payments. */
async function writeFile(
  { db }: ApiDeps,
  programId: string | null,
  filter: PayoutFilter,
  wanted: PaymentFormat,
  name: string,
): Promise<StreamedReply> {
  const payments = programId === null ? [] : await listPayments(db, programId, filter, MAX_BATCH_PAYOUTS + 1);
  if (payments.length > MAX_BATCH_PAYOUTS) {
    throw new AppError(
      'CONFLICT',
      `These are more than ${MAX_BATCH_PAYOUTS} payouts: narrow them by currency or batch`,
    );
  }
  const currencies = [...new Set(payments.map((payment) => payment.currency))];
  if (wanted === 'paypal' && currencies.length > 1) {
    throw new AppError(
      'CONFLICT',
      `PayPal takes one currency a file, and these are in ${currencies.join(', ')}: add currency=`,
    );
  }
  return new StreamedReply(`${name}-${wanted}.csv`, Readable.from([renderPayments(payments, wanted)]));
}
