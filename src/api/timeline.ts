import { z } from 'zod';
import { readStories } from '../audit/stories.ts';
import { keyOf, timelineKinds, timelineOf } from '../audit/timeline.ts';
import { findToldMessages } from '../audit/trace/deliveries.ts';
import { notFound } from '../domain/errors.ts';
import { findConversion } from '../ledger/conversions.ts';
import { timestamp } from '../http/fields.ts';
import { listOf, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

/** An order with more facts than that is no order of a person. */
const MOST_FACTS = 1_000;

const entrySchema = z
  .strictObject({
    id: z.string().meta({ description: 'Unique within the timeline' }),
    at: timestamp.meta({ description: 'When it happened; of a message when it came' }),
    kind: z.enum(timelineKinds).meta({ description: 'What it is' }),
    title: z.string().meta({
      description: 'What happened, in a line',
      example: 'sale of 100.00 USD (net 100.00 USD), says the api: order:A-1',
    }),
    objectId: z.string().nullable().meta({ description: 'The inbox event, ledger entry, message or payout behind it' }),
    state: z
      .string()
      .nullable()
      .meta({ description: 'What became of a message or of its deliveries; where a payout stands' }),
  })
  .meta({ id: 'TimelineEntry' });
export type TimelineEntryView = z.output<typeof entrySchema>;

export const timelineRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/conversions/:id/timeline',
    access: 'read',
    tag: 'Conversions',
    summary: 'List what happened to a conversion',
    description:
      'Messages, facts, decisions, postings, webhooks and payouts in one list, in the order in which they happened: the oldest ' +
      'first. Of an order with more facts than a thousand the first thousand.',
    query: z.strictObject(pageQuery),
    status: 200,
    answer: listOf(entrySchema),
    handle: async ({ db }, { scope, params, query }) => {
      const conversion = await findConversion(db, scope.programId, scope.livemode, params.id);
      if (!conversion) throw notFound('Conversion');
      const { limit, beforeId: after } = toPageRequest('timeline', query);
      const stories = await readStories(db, [conversion.id], MOST_FACTS);
      const told = await findToldMessages(db, scope, stories);
      const all = stories.flatMap((story) => timelineOf(story, told));
      const rest = all.filter((entry) => after === null || after === undefined || keyOf(entry) > after);
      const page = { items: rest.slice(0, limit), hasMore: rest.length > limit };
      return toListBody('timeline', page, (entry) => entry, keyOf);
    },
  }),
];
