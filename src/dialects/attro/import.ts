import { z } from 'zod';
import { code, destinationUrl, email, httpUrl } from '../../http/fields.ts';
import { majorAmount, majorUnits, maybeCurrency, maybeTime, maybeWord, word } from '../../import/fields.ts';
import { defineKind, nobody, plainAffiliate, type ImportFormat } from '../../import/records.ts';
import { readOverride, readTerms } from './commission.ts';

/** What `GET /affiliates`, `/offers`, `/tracking-links` and `/conversions` of Attro's REST API answer. */
const affiliate = z.object({
  id: maybeWord,
  displayName: word,
  email,
  companyName: maybeWord,
  type: z.enum(['external', 'internal']).default('external'),
  status: z.enum(['active', 'pending', 'inactive']).default('active'),
  website: httpUrl.nullish(),
  paymentEmail: email.nullish(),
  commissionOverride: z
    .union([z.number(), z.object({ type: z.enum(['percentage', 'fixed']), value: z.number() })])
    .nullish(),
  createdAt: maybeTime,
});

const offer = z.object({
  id: maybeWord,
  name: word,
  url: destinationUrl.nullish(),
  description: z.string().max(5000).nullish(),
  defaultCommissionType: z.enum(['percentage', 'fixed']),
  defaultCommissionValue: z.number(),
  attributionWindowDays: z.int().min(1).max(3650).nullish(),
  dailyCap: z.int().min(0).max(1_000_000_000).nullish(),
  isActive: z.boolean().default(true),
});

const link = z.object({
  id: maybeWord,
  affiliateId: word,
  offerId: maybeWord,
  code,
  destinationUrl: destinationUrl.nullish(),
});

const conversion = z.object({
  /** Null: nothing to know it again by. */
  externalId: maybeWord,
  affiliateId: maybeWord,
  offerId: maybeWord,
  amount: majorUnits.nullish(),
  currency: maybeCurrency,
  customerEmail: email.nullish(),
  createdAt: maybeTime,
});

export const attroFormat: ImportFormat = {
  kinds: [
    defineKind(
      'link',
      [['code', 'affiliateId']],
      link,
      (row) => [
        {
          kind: 'link',
          id: row.id,
          code: row.code,
          affiliate: row.affiliateId,
          offer: row.offerId,
          url: row.destinationUrl ?? null,
        },
      ],
      { affiliate: 'affiliateId', offer: 'offerId', linkCode: 'code' },
    ),
    defineKind('offer', [['defaultCommissionType']], offer, (row, { currency }) => [
      {
        kind: 'offer',
        id: row.id,
        code: null,
        name: row.name,
        url: row.url ?? null,
        description: row.description ?? null,
        commission: readTerms(
          row.defaultCommissionType,
          row.defaultCommissionValue,
          currency,
          'defaultCommissionValue',
        ),
        currency: null,
        attributionWindowDays: row.attributionWindowDays ?? null,
        dailyCap: row.dailyCap ?? null,
        status: row.isActive ? 'published' : 'paused',
      },
    ]),
    defineKind(
      'conversion',
      [['externalId'], ['affiliateId', 'amount']],
      conversion,
      (row) => {
        if (row.externalId === null) return [];
        return [
          {
            kind: 'order',
            ...nobody,
            orderId: row.externalId,
            affiliate: row.affiliateId,
            clickId: null,
            offer: row.offerId,
            email: row.customerEmail ?? null,
            amount: majorAmount(row.amount, row.currency ?? 'USD', 'amount'),
            occurredAt: row.createdAt,
          },
        ];
      },
      { affiliate: 'affiliateId', offer: 'offerId', orderId: 'externalId' },
    ),
    defineKind('affiliate', [['displayName']], affiliate, (row, { currency }) => [
      {
        kind: 'affiliate',
        ...plainAffiliate,
        id: row.id,
        displayName: row.displayName,
        email: row.email,
        type: row.type,
        status: row.status === 'inactive' ? 'paused' : row.status,
        companyName: row.companyName,
        website: row.website ?? null,
        paymentEmail: row.paymentEmail ?? null,
        commissionOverride: readOverride(row.commissionOverride ?? null, currency),
        createdAt: row.createdAt,
        activatedAt: row.status === 'active' ? row.createdAt : null,
      },
    ]),
  ],
};
