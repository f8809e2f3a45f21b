import { z } from 'zod';
import { countCrawlerVisits } from '../program/crawler-visits.ts';
import { resolvePeriod } from '../program/period.ts';
import type { Db } from '../db/db.ts';
import { found } from '../domain/errors.ts';
import { readNames } from '../program/names.ts';
import { findProgram } from '../program/programs.ts';
import { dimensions, readBreakdown, type BreakdownRequest } from '../statistics/breakdown.ts';
import { readStatistics, readStatisticsSeries, type StatisticsFilter } from '../statistics/statistics.ts';
import { amountMinor, periodQuery, reference } from '../http/fields.ts';
import { toAffiliateId, toOfferId } from './named.ts';
import { one, pageQuery } from './pagination.ts';
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
  funnel: z
    .strictObject({
      clicks: z.int(),
      pageviews: z.int(),
      registrations: z.int(),
      leads: z
        .int()
        .meta({ description: 'Conversions of kind lead that are pending, approved or paid, earning or not' }),
      sales: z.int().meta({ description: 'Sales and actions that are pending, approved or paid; renewals are none' }),
    })
    .meta({ id: 'Funnel', description: 'How far visitors come' }),
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

const breakdownSchema = z
  .strictObject({
    by: z.enum(dimensions),
    items: z.array(
      z
        .strictObject({
          key: z.string().nullable().meta({
            description: 'Id of the affiliate, offer or source, or the sub1; null: clicks and conversions without one',
          }),
          name: z.string().nullable().meta({ description: 'Of an affiliate or offer' }),
          ...figures,
        })
        .meta({ id: 'StatsBreakdownItem' }),
    ),
    other: z
      .strictObject(figures)
      .meta({ id: 'StatsBreakdownOther' })
      .nullable()
      .meta({ description: 'The sum of all that are not among the first; null: there are none' }),
  })
  .meta({ id: 'StatsBreakdown' });

const statsSchema = z
  .strictObject({
    ...figures,
    breakdown: breakdownSchema
      .optional()
      .meta({ description: 'With breakdown: the first ones by revenue (or clicks), and the others together' }),
    series: z
      .array(
        z.strictObject({ date: z.string().meta({ example: '2026-01-31' }), ...figures }).meta({ id: 'StatsBucket' }),
      )
      .optional()
      .meta({ description: 'With groupBy: an item for each interval in which something happened, oldest first' }),
  })
  .meta({ id: 'Stats' });
export type StatsView = z.output<typeof statsSchema>;

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
      breakdown: z
        .enum(dimensions)
        .optional()
        .meta({
          description:
            'What each affiliate, offer, source or sub1 brought. A source is that of the message which first told of a ' +
            'conversion, and has no clicks. By source at most 20 000 conversions are counted, by sub1 200 000 clicks and ' +
            'conversions: past that 400, for a shorter period',
          example: 'affiliate',
        }),
      limit: pageQuery.limit.meta({ description: 'With breakdown: how many are told by themselves' }),
      sort: z.enum(['revenue', 'clicks']).default('revenue').meta({
        description: "With breakdown: by what they are ranked; revenue in the program's currency, then clicks",
      }),
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
      const { groupBy, breakdown } = query;
      return {
        data: {
          ...(await readStatistics(db, programId, filter)),
          ...(groupBy && { series: await readStatisticsSeries(db, programId, filter, groupBy) }),
          ...(breakdown && { breakdown: await breakDown(db, programId, filter, { ...query, by: breakdown }) }),
        },
      };
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

async function breakDown(
  db: Db,
  programId: string,
  filter: StatisticsFilter,
  request: Omit<BreakdownRequest, 'currency'>,
): Promise<z.input<typeof breakdownSchema>> {
  const { by, limit, sort } = request;
  const currency = found(await findProgram(db, programId), 'Program').currency;
  const { items, other } = await readBreakdown(db, programId, filter, { by, limit, sort, currency });
  const ids = items.flatMap(({ key }) => key ?? []);
  const names =
    by === 'affiliate' || by === 'offer' ? await readNames(db, programId, by, ids) : new Map<string, string>();
  return { by, items: items.map((item) => ({ ...item, name: names.get(item.key ?? '') ?? null })), other };
}
