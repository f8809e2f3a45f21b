import { z } from 'zod';
import { code, destinationUrl, email, httpUrl } from '../http/fields.ts';
import { validationError } from '../domain/errors.ts';
import type { FactAmount } from '../domain/facts.ts';
import { parseMajorAmount } from '../domain/money.ts';
import type { CommissionTerms } from '../domain/terms.ts';
import { maybeCurrency, maybeTime, maybeWord, time, word } from './fields.ts';
import { defineKind, type ImportFormat, type ImportKind } from './records.ts';

/** A kind of CSV file. Other columns are refused, so that a misspelt one is not overlooked. */
export type CsvKind = ImportKind & { columns: readonly string[] };

const list = z
  .string()
  .default('')
  .transform((value) => value.split(/[\s;|]+/).filter((each) => each !== ''))
  .pipe(z.array(code).max(100));

const wholeNumber = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a whole number')
  .transform(Number);

const percent = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,2})?$/, 'must be a percentage such as 12.5')
  .transform((value) => Math.round(Number(value) * 100))
  .pipe(z.int().max(10_000, 'must be at most 100'));

const amount = z.string().regex(/^\d{1,15}(\.\d{1,4})?$/, 'must be a plain number of major units such as 149.90');

const buyer = { customer_id: maybeWord, customer_email: email.optional(), subscription_id: maybeWord };
const referrer = { affiliate: maybeWord, click_id: maybeWord, offer: maybeWord };

const offer = z.object({
  offer_name: word,
  id: maybeWord,
  code: code.optional(),
  url: destinationUrl.optional(),
  description: z.string().max(5000).optional(),
  commission_type: z.enum(['cpa', 'cps', 'revshare']),
  commission_amount: amount.optional(),
  commission_percent: percent.optional(),
  duration_months: wholeNumber.pipe(z.int().min(1).max(1200)).optional(),
  currency: maybeCurrency,
  window_days: wholeNumber.pipe(z.int().min(1).max(3650)).optional(),
  daily_cap: wholeNumber.optional(),
  status: z.enum(['draft', 'published', 'paused', 'archived']).default('published'),
});

const affiliate = z.object({
  name: word,
  email,
  id: maybeWord,
  referral_code: code.optional(),
  coupon_codes: list,
  type: z.enum(['external', 'internal']).default('external'),
  status: z.enum(['pending', 'active', 'paused', 'banned']).default('active'),
  company: maybeWord,
  website: httpUrl.optional(),
  payment_email: email.optional(),
  payment_method: maybeWord,
  payment_details: maybeWord,
  commission_percent: percent.optional(),
  created_at: maybeTime,
});

const link = z.object({
  link_code: code,
  affiliate: word,
  id: maybeWord,
  offer: maybeWord,
  url: destinationUrl.optional(),
});

const click = z.object({
  click_id: word,
  clicked_at: time,
  affiliate: maybeWord,
  link: maybeWord,
  offer: maybeWord,
  source_url: z.string().max(2048).optional(),
  sub1: maybeWord,
  sub2: maybeWord,
  sub3: maybeWord,
  sub4: maybeWord,
  sub5: maybeWord,
});

const customer = z.object({ ...buyer, ...referrer, since: maybeTime });

const order = z.object({
  order_id: word,
  ...referrer,
  ...buyer,
  amount: amount.optional(),
  currency: maybeCurrency,
  ordered_at: maybeTime,
});

const names = {
  referralCode: 'referral_code',
  couponCodes: 'coupon_codes',
  clickId: 'click_id',
  orderId: 'order_id',
  linkCode: 'link_code',
};

/** The CSV files of an import, by the columns of src/docs/importing.md: every system's lists may come as these. */
export const csvFormat = {
  kinds: [
    defineFile('order', [['order_id']], order, (row) => [
      {
        kind: 'order',
        orderId: row.order_id,
        ...readReferrer(row),
        ...readBuyer(row),
        amount: readAmount(row),
        occurredAt: row.ordered_at,
      },
    ]),
    defineFile('click', [['clicked_at']], click, (row) => [
      {
        kind: 'click',
        id: row.click_id,
        affiliate: row.affiliate,
        link: row.link,
        offer: row.offer,
        occurredAt: row.clicked_at,
        subs: [row.sub1, row.sub2, row.sub3, row.sub4, row.sub5],
        sourceUrl: row.source_url ?? null,
      },
    ]),
    defineFile('customer', [['customer_id'], ['customer_email'], ['subscription_id']], customer, (row) => [
      { kind: 'customer', ...readReferrer(row), ...readBuyer(row), since: row.since },
    ]),
    defineFile('link', [['link_code']], link, (row) => [
      {
        kind: 'link',
        id: row.id,
        code: row.link_code,
        affiliate: row.affiliate,
        offer: row.offer,
        url: row.url ?? null,
      },
    ]),
    defineFile('offer', [['offer_name'], ['commission_type']], offer, (row, { currency }) => [
      {
        kind: 'offer',
        id: row.id,
        code: row.code ?? null,
        name: row.offer_name,
        url: row.url ?? null,
        description: row.description ?? null,
        commission: readTerms(row, row.currency ?? currency),
        currency: row.currency,
        attributionWindowDays: row.window_days ?? null,
        dailyCap: row.daily_cap ?? null,
        status: row.status,
      },
    ]),
    defineFile('affiliate', [['name', 'email']], affiliate, (row) => [
      {
        kind: 'affiliate',
        id: row.id,
        displayName: row.name,
        email: row.email,
        type: row.type,
        status: row.status,
        companyName: row.company,
        website: row.website ?? null,
        paymentEmail: row.payment_email ?? null,
        paymentMethod: row.payment_method,
        paymentDetails: row.payment_details,
        referralCode: row.referral_code ?? null,
        couponCodes: row.coupon_codes,
        commissionOverride: row.commission_percent === undefined ? null : { rateBps: row.commission_percent },
        customFields: {},
        createdAt: row.created_at,
        activatedAt: row.status === 'active' ? row.created_at : null,
      },
    ]),
  ],
} satisfies ImportFormat;

function defineFile<S extends z.ZodObject>(
  what: string,
  marks: ImportKind['marks'],
  schema: S,
  toRecords: Parameters<typeof defineKind<S>>[3],
): CsvKind {
  return { ...defineKind(what, marks, schema, toRecords, names), columns: Object.keys(schema.shape) };
}

function readReferrer(row: { affiliate: string | null; click_id: string | null; offer: string | null }) {
  return { affiliate: row.affiliate, clickId: row.click_id, offer: row.offer };
}

function readBuyer(row: {
  customer_id: string | null;
  customer_email?: string | undefined;
  subscription_id: string | null;
}) {
  return {
    customerId: row.customer_id,
    email: row.customer_email ?? null,
    subscriptionId: row.subscription_id,
  };
}

/** Without a currency the amount is in the offer's. */
function readAmount(row: { amount?: string | undefined; currency: string | null }): FactAmount | null {
  if (row.amount === undefined || /^0+(\.0*)?$/.test(row.amount)) return null;
  if (row.currency === null) return { major: row.amount, currency: null };
  return { minor: readMinor('amount', row.amount, row.currency), currency: row.currency };
}

function readTerms(row: z.output<typeof offer>, currency: string): CommissionTerms {
  if (row.commission_type === 'cpa') {
    if (row.commission_amount === undefined) throw refuse('commission_amount', 'is required for cpa');
    return { type: 'cpa', amountMinor: readMinor('commission_amount', row.commission_amount, currency) };
  }
  if (row.commission_percent === undefined) throw refuse('commission_percent', 'is required for cps and revshare');
  if (row.commission_type === 'cps') return { type: 'cps', rateBps: row.commission_percent };
  return { type: 'revshare', rateBps: row.commission_percent, durationMonths: row.duration_months ?? null };
}

function readMinor(field: string, text: string, currency: string): number {
  const parsed = parseMajorAmount(text, currency);
  if (!parsed.ok) throw refuse(field, parsed.problem);
  return Number(parsed.amountMinor);
}

function refuse(field: string, message: string): Error {
  return validationError(`${field} ${message}`, { [field]: message });
}
