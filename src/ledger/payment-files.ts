import { csvRow, type CsvValue } from '../domain/csv-text.ts';
import { formatMajorAmount } from '../domain/money.ts';
import type { Payment } from './payments.ts';

/** Which service's upload a file of payments is written for; `plain` is for people. */
export const paymentFormats = ['paypal', 'wise', 'plain'] as const;
export type PaymentFormat = (typeof paymentFormats)[number];

/**
 * Payments as CSV (RFC 4180: commas, CRLF), amounts in major units with the currency's decimals and a point. Texts that a
 * spreadsheet would take for a formula are led by an apostrophe; numbers are left as they are.
 *
 * - `paypal`: Payouts Web. No header; recipient, amount, currency, customer id, note, wallet. One currency and at most 5 000
 *   lines a file; the customer id has at most 30 characters and no spaces, so it is the beginning of the payout's id.
 *   https://developer.paypal.com/payouts/use-payouts/send-money/use-web-ui (read 2026-11)
 * - `wise`: the batch template that sends by e-mail. `amountCurrency` target: the recipient gets exactly the amount. At most
 *   1 000 lines a file. https://wise.com/help/articles/2663302/how-do-i-fill-in-my-batch-template (read 2026-11)
 * - `plain`: every field, with a header.
 */
export function renderPayments(payments: readonly Payment[], format: PaymentFormat): string {
  const { header, row } = formats[format];
  return [...(header ? [header] : []), ...payments.map(row)].map(csvRow).join('');
}

const formats: Record<PaymentFormat, { header: string[] | null; row: (payment: Payment) => CsvValue[] }> = {
  paypal: {
    header: null,
    row: (payment) => [
      payment.email,
      amountOf(payment),
      payment.currency,
      paypalCustomerId(payment.payoutId),
      payment.note?.replaceAll(/\s+/g, ' ').slice(0, PAYPAL_NOTE) ?? null,
      'PAYPAL',
    ],
  },
  wise: {
    header: [
      'name',
      'recipientEmail',
      'paymentReference',
      'receiverType',
      'amountCurrency',
      'amount',
      'sourceCurrency',
      'targetCurrency',
    ],
    row: (payment) => [
      payment.companyName ?? payment.name,
      payment.email,
      payment.reference ?? payment.payoutId.slice(-10),
      payment.companyName === null ? 'PERSON' : 'INSTITUTION',
      'target',
      amountOf(payment),
      payment.currency,
      payment.currency,
    ],
  },
  plain: {
    header: [
      'payoutId',
      'batchId',
      'affiliateId',
      'name',
      'companyName',
      'email',
      'paymentMethod',
      'paymentDetails',
      'amount',
      'currency',
      'status',
      'reference',
      'note',
      'createdAt',
    ],
    row: (payment) => [
      payment.payoutId,
      payment.batchId,
      payment.affiliateId,
      payment.name,
      payment.companyName,
      payment.email,
      payment.paymentMethod,
      payment.paymentDetails,
      amountOf(payment),
      payment.currency,
      payment.status,
      payment.reference,
      payment.note,
      payment.createdAt.toISOString(),
    ],
  },
};

const PAYPAL_NOTE = 400;

/** The id without its prefix, of which 30 digits are as good as all 32. */
function paypalCustomerId(payoutId: string): string {
  return payoutId.slice('pay_'.length, 'pay_'.length + 30);
}

/** Exact decimals, which no spreadsheet takes for anything else. */
function amountOf({ amountMinor, currency }: Payment): string {
  return formatMajorAmount(amountMinor, currency);
}
