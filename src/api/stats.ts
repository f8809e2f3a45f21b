import { z } from 'zod';
import { countCrawlerVisits } from '../program/crawler-visits.ts';
import { resolvePeriod } from '../program/period.ts';
import { readStatistics, readStatisticsSeries } from '../statistics/statistics.ts';
import { amountMinor, periodQuery, reference } from '../http/fields.ts';
import { toAffiliateId, toOfferId } from './named.ts';
import { one } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

const figures = {
  clicks: z.int(),
  conversions: z.int().meta({ description: 'Pending, approved or paid; leads do not count' }),
  conversionRate: z.number().meta({
    description: 'conversions / clicks; 0 without clicks. One visitor may buy often, so it may be more than 1',
  }),
  buyerRate: z
    .number()
    .nullable()
    .meta({
      description:
        'buyers / clicks; 0 without clicks. A buyer is a customer, or whoever made the click. Null where more than 100 000 ' +
        'conversions are asked for',
    }),
  amounts: z.array(
    z
      .strictObject({
        currency: z.string(),
        revenueMinor: amountMinor.meta({ description: 'Net amounts of the conversions, refunds taken off' }),
        commissionMinor: amountMinor,
      })
      .meta({ id: 'CurrencyAmounts' }),
  ),
};

/** What `GET /affiliates/:id` shows as `stats`, too. */
export const statisticsSchema = z.strictObject(figures).meta({ id: 'Statistics' });

const statsSchema = z
  .strictObject({
    ...figures,
    series: z
      .array(
        z.strictObject({ date: z.string().meta({ example: '2026-01-31' }), ...figures }).meta({ id: 'StatsBucket' }),
      )
      .optional()
      .meta({ description: 'With groupBy: an item for each interval in which something happened, oldest first' }),
  })
  .meta({ id: 'Stats' });

const scopeQuery = { ...periodQuery, offerId: reference.optional(), affiliateId: reference.optional() };

export const statsRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/stats',
    mayBeBehind: () => true,
    access: 'read',
    tag: 'Statistics',
    summary: 'Clicks, conversions and amounts',
    query: z.strictObject({
      ...scopeQuery,
      groupBy: z.enum(['day', 'week', 'month']).optional().meta({ description: "By the program's time zone" }),
    }),
    status: 200,
    answer: one(statsSchema),
    handle: async ({ db }, { principal, livemode, reach, query }) => {
      const { programId } = principal;
      const filter = {
        livemode,
        ...(await resolvePeriod(db, programId, query)),
        offerId: await toOfferId(db, reach, query.offerId),
        affiliateId: await toAffiliateId(db, reach, query.affiliateId),
      };
      const totals = await readStatistics(db, programId, filter);
      if (query.groupBy === undefined) return { data: totals };
      return { data: { ...totals, series: await readStatisticsSeries(db, programId, filter, query.groupBy) } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/stats/crawlers',
    mayBeBehind: () => true,
    access: 'read',
    tag: 'Statistics',
    summary: 'Visits that are no clicks',
    description: 'Crawlers, link previews and prefetches, which links lead on without a click. By quarters of an hour.',
    query: z.strictObject(scopeQuery),
    status: 200,
    answer: one(z.strictObject({ crawlerVisits: z.int() }).meta({ id: 'CrawlerStats' })),
    handle: async ({ db }, { principal, livemode, reach, query }) => {
      const { programId } = principal;
      const filter = {
        livemode,
        ...(await resolvePeriod(db, programId, query)),
        offerId: await toOfferId(db, reach, query.offerId),
        affiliateId: await toAffiliateId(db, reach, query.affiliateId),
      };
      return { data: { crawlerVisits: await countCrawlerVisits(db, programId, filter) } };
    },
  }),
];
