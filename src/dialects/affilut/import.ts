import { z } from 'zod';
import { code, email } from '../../http/fields.ts';
import { cents, maybeTime, maybeWord, minorAmount, word } from '../../import/fields.ts';
import { defineKind, nobody, plainAffiliate, type ImportFormat, type ImportRecord } from '../../import/records.ts';
import { readPercent } from '../values.ts';

/** What `GET /affiliates` and `GET /conversions` of affilut answer. Amounts are in the program's currency. */
const affiliate = z.object({
  id: word,
  name: word,
  email,
  shortCode: code.nullish(),
  status: z.enum(['pending', 'active', 'paused', 'banned']).default('active'),
  commissionOverride: z
    .string()
    .nullish()
    .transform((value, context) => {
      const rateBps = value === null || value === undefined ? null : readPercent(value);
      if (rateBps !== null) return { rateBps };
      if (value !== null && value !== undefined) {
        context.addIssue({ code: 'custom', message: 'must be a percentage from 0 to 100 as text, such as "12.5"' });
      }
      return null;
    }),
  createdAt: maybeTime,
  activatedAt: maybeTime,
});

const conversion = z.object({
  /** Null: nothing to know it again by. */
  stripeChargeId: maybeWord,
  affiliateId: maybeWord,
  amountCents: cents.nullish(),
  createdAt: maybeTime,
});

export const affilutFormat: ImportFormat = {
  kinds: [
    defineKind(
      'conversion',
      [['stripeChargeId'], ['amountCents']],
      conversion,
      (row, { currency }) => {
        if (row.stripeChargeId === null) return [];
        return [
          {
            kind: 'order',
            ...nobody,
            // What the merchant reported stands as `manual:<external_id>`.
            orderId: row.stripeChargeId.replace(/^manual:/, ''),
            affiliate: row.affiliateId,
            clickId: null,
            offer: null,
            amount: minorAmount(row.amountCents, currency),
            occurredAt: row.createdAt,
          },
        ];
      },
      { affiliate: 'affiliateId', orderId: 'stripeChargeId' },
    ),
    defineKind(
      'affiliate',
      [['name', 'email']],
      affiliate,
      (row): ImportRecord[] => [
        {
          kind: 'affiliate',
          ...plainAffiliate,
          id: row.id,
          displayName: row.name,
          email: row.email,
          status: row.status,
          referralCode: row.shortCode ?? null,
          commissionOverride: row.commissionOverride,
          createdAt: row.createdAt,
          activatedAt: row.activatedAt,
        },
        // The short code is the affiliate's link, too; it leads to the program's default offer.
        ...(row.shortCode
          ? [
              {
                kind: 'link' as const,
                id: null,
                code: row.shortCode,
                affiliate: row.id,
                offer: null,
                url: null,
              },
            ]
          : []),
      ],
      { referralCode: 'shortCode', linkCode: 'shortCode' },
    ),
  ],
};
