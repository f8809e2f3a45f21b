import { z } from 'zod';
import { code, email } from '../../http/fields.ts';
import { majorAmount, majorUnits, maybeTime, maybeWord, time, word } from '../../import/fields.ts';
import { defineKind, nobody, plainAffiliate, type ImportFormat } from '../../import/records.ts';

/**
 * What `GET /affiliates`, `/affiliates/:id` (which alone tells the referral code) and `/commissions` of Refgrow answer, and
 * `POST /referrals/track` of clicks. Amounts are in the program's currency.
 */
const affiliate = z.object({
  id: word,
  email,
  name: word,
  status: z.enum(['active', 'pending', 'blocked']).default('active'),
  createdAt: maybeTime,
  referralCode: code.nullish(),
  paymentMethod: maybeWord,
  paymentDetails: maybeWord,
  customFields: z.record(z.string().max(64), z.unknown()).nullish(),
});

const commission = z.object({
  /** Null: nothing to know it again by. */
  orderId: maybeWord,
  affiliateId: maybeWord,
  conversionAmount: majorUnits.nullish(),
  createdAt: maybeTime,
});

const click = z.object({
  clickId: word,
  affiliateId: maybeWord,
  referralCode: maybeWord,
  timestamp: time,
  sourceUrl: z.string().max(2048).nullish(),
});

export const refgrowFormat: ImportFormat = {
  kinds: [
    defineKind(
      'commission',
      [['orderId'], ['conversionAmount']],
      commission,
      (row, { currency }) => {
        if (row.orderId === null) return [];
        return [
          {
            kind: 'order',
            ...nobody,
            orderId: row.orderId,
            affiliate: row.affiliateId,
            clickId: null,
            offer: null,
            amount: majorAmount(row.conversionAmount, currency, 'conversionAmount'),
            occurredAt: row.createdAt,
          },
        ];
      },
      { affiliate: 'affiliateId' },
    ),
    defineKind(
      'click',
      [['clickId']],
      click,
      (row) => [
        {
          kind: 'click',
          id: row.clickId,
          affiliate: row.affiliateId ?? row.referralCode,
          link: null,
          offer: null,
          occurredAt: row.timestamp,
          subs: [],
          sourceUrl: row.sourceUrl ?? null,
        },
      ],
      { affiliate: 'affiliateId', clickId: 'clickId' },
    ),
    defineKind('affiliate', [['name', 'email']], affiliate, (row) => [
      {
        kind: 'affiliate',
        ...plainAffiliate,
        id: row.id,
        displayName: row.name,
        email: row.email,
        status: row.status === 'blocked' ? 'banned' : row.status,
        paymentMethod: row.paymentMethod,
        paymentDetails: row.paymentDetails,
        referralCode: row.referralCode ?? null,
        customFields: row.customFields ?? {},
        createdAt: row.createdAt,
        activatedAt: row.status === 'active' ? row.createdAt : null,
      },
    ]),
  ],
};
