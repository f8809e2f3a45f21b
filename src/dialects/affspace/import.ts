import { z } from 'zod';
import { destinationUrl } from '../../http/fields.ts';
import { validationError } from '../../domain/errors.ts';
import type { CommissionTerms } from '../../domain/terms.ts';
import { cents, maybeCurrency, maybeTime, maybeWord, minorAmount, word } from '../../import/fields.ts';
import { defineKind, nobody, type ImportFormat } from '../../import/records.ts';
import { readPercent } from '../values.ts';

/** What `GET /api/v1/offers`, `/offers/{code}` and `/conversions` of AffSpace answer. */
const offer = z.object({
  code: word,
  name: word,
  status: z.enum(['published', 'paused', 'draft', 'archived']).default('published'),
  currency: maybeCurrency,
  /** Only GET one has it. */
  primaryUrl: destinationUrl.nullish(),
  /** Only the list has it. */
  commissionType: z.enum(['cpa', 'cps', 'revshare']).nullish(),
  payoutTerms: z.object({
    advertiserPayoutCents: cents.nullish(),
    advertiserPayoutPercent: z.number().nullish(),
    durationMonths: z.int().min(1).max(1200).nullish(),
  }),
});

const conversion = z.object({
  /** Null: nothing to know it again by. */
  vendorTxId: maybeWord,
  offerCode: maybeWord,
  currency: maybeCurrency,
  saleAmountCents: cents.nullish(),
  createdAt: maybeTime,
});

export const affspaceFormat: ImportFormat = {
  kinds: [
    defineKind(
      'conversion',
      [['vendorTxId'], ['saleAmountCents']],
      conversion,
      (row) => {
        if (row.vendorTxId === null) return [];
        return [
          {
            kind: 'order',
            ...nobody,
            orderId: row.vendorTxId,
            affiliate: null,
            clickId: null,
            offer: row.offerCode,
            amount: minorAmount(row.saleAmountCents, row.currency),
            occurredAt: row.createdAt,
          },
        ];
      },
      { offer: 'offerCode', orderId: 'vendorTxId' },
    ),
    defineKind(
      'offer',
      [['payoutTerms', 'code']],
      offer,
      (row) => [
        {
          kind: 'offer',
          id: null,
          code: row.code,
          name: row.name,
          url: row.primaryUrl ?? null,
          description: null,
          commission: readTerms(row),
          currency: row.currency,
          attributionWindowDays: null,
          dailyCap: null,
          status: row.status,
        },
      ],
      { url: 'primaryUrl' },
    ),
  ],
};

/** A fixed payout, or a percentage as this hub's own answers show it; the page shows fixed ones only. */
function readTerms({ commissionType, payoutTerms }: z.output<typeof offer>): CommissionTerms {
  const { advertiserPayoutCents, advertiserPayoutPercent, durationMonths } = payoutTerms;
  const type = commissionType ?? (typeof advertiserPayoutCents === 'number' ? 'cpa' : 'cps');
  if (type === 'cpa') {
    if (typeof advertiserPayoutCents === 'number') return { type, amountMinor: advertiserPayoutCents };
    throw refuse('payoutTerms.advertiserPayoutCents', 'is required for cpa');
  }
  const field = 'payoutTerms.advertiserPayoutPercent';
  if (typeof advertiserPayoutPercent !== 'number') throw refuse(field, `is required for ${type}`);
  const rateBps = readPercent(advertiserPayoutPercent);
  if (rateBps === null) throw refuse(field, 'must be a percentage from 0 to 100 with at most 2 decimals');
  if (type === 'cps' && durationMonths === undefined) return { type, rateBps };
  return { type: 'revshare', rateBps, durationMonths: durationMonths ?? null };
}

function refuse(field: string, message: string): Error {
  return validationError(`${field} ${message}`, { [field]: message });
}
