import type { Db } from '../../db/db.ts';
import { z } from 'zod';
import { toOfferId } from '../../api/named.ts';
import { readOfferStatistics, type OfferStatistics } from '../../statistics/offer-statistics.ts';
import { getProgram } from '../../program/programs.ts';
import { readStatisticsSeries } from '../../statistics/statistics.ts';
import { defineDialectRoute } from '../dialect.ts';
import { answerData } from './envelope.ts';
import { epochMs, offerCode, toPeriod } from './fields.ts';
import { statsLimits } from './limits.ts';

const THIRTY_DAYS_MS = 30 * 86_400_000;

export const statsRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/api/v1/stats',
    auth: 'key',
    access: 'read',
    limits: statsLimits,
    mayBeBehind: true,
    query: z.object({
      offer_code: offerCode.optional(),
      start_date: epochMs.optional(),
      end_date: epochMs.optional(),
      group_by: z.enum(['day', 'week', 'month']).optional(),
    }),
    handle: async ({ db }, { principal: { programId }, livemode, reach, query, receivedAt }) => {
      const { end_date = receivedAt } = query;
      const { start_date = new Date(end_date.getTime() - THIRTY_DAYS_MS) } = query;
      const offerId = await toOfferId(db, reach, query.offer_code);
      const filter = { livemode, ...toPeriod({ start_date, end_date }), offerId };
      const [offers, series] = await Promise.all([
        readOfferStatistics(db, programId, filter),
        query.group_by === undefined ? [] : readStatisticsSeries(db, programId, filter, query.group_by),
      ]);
      return answerData({
        summary: summarize(offers, await chooseCurrency(db, programId, offers)),
        byOffer: offers.flatMap(describeOffer),
        timeSeries: series.map(({ date, clicks, conversions }) => ({ date, clicks, conversions })),
      });
    },
  }),
];

function summarize(offers: readonly OfferStatistics[], currency: string | null) {
  const sum = (figure: (offer: OfferStatistics) => number): number =>
    offers.reduce((total, offer) => total + figure(offer), 0);
  const clicks = sum((offer) => offer.clicks);
  const conversions = sum((offer) => conversionsOf(offer));
  return {
    totalClicks: clicks,
    totalConversions: conversions,
    approvedConversions: sum((offer) => addUp(offer.amounts, ({ approved }) => approved)),
    totalRevenueCents: sum((offer) =>
      addUp(offer.amounts, (amount) => (amount.currency === currency ? amount.revenueMinor : 0)),
    ),
    conversionRate: describeRate(conversions, clicks),
  };
}

/** One number cannot add up several currencies: it is in the only one, or of several in the program's. */
async function chooseCurrency(db: Db, programId: string, offers: readonly OfferStatistics[]): Promise<string | null> {
  const currencies = new Set(offers.flatMap(({ amounts }) => amounts.flatMap(({ currency }) => currency ?? [])));
  if (currencies.size > 1) return (await getProgram(db, programId)).currency;
  const [only] = currencies;
  return only ?? null;
}

/** A row for each currency of its sales; clicks, which have no currency, are in the first. */
function describeOffer(offer: OfferStatistics) {
  if (offer.code === null) return [];
  const rows = offer.amounts.length > 0 ? offer.amounts : [{ currency: null, conversions: 0, revenueMinor: 0 }];
  return rows.map(({ currency, conversions, revenueMinor }, index) => ({
    offerCode: offer.code,
    offerName: offer.name,
    currency: currency ?? offer.currency,
    clicks: index === 0 ? offer.clicks : 0,
    conversions,
    revenueCents: revenueMinor,
  }));
}

/** '3.90': percent with two decimals; '0.00' without clicks. */
function describeRate(conversions: number, clicks: number): string {
  return (clicks === 0 ? 0 : Math.round((conversions * 10_000) / clicks) / 100).toFixed(2);
}

function conversionsOf(offer: OfferStatistics): number {
  return addUp(offer.amounts, ({ conversions }) => conversions);
}

function addUp<T>(items: readonly T[], figure: (item: T) => number): number {
  return items.reduce((total, item) => total + figure(item), 0);
}
