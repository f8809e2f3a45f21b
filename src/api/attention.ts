import { z } from 'zod';
import { readFlow } from '../audit/attention/flow.ts';
import { attentionKinds, COUNTED, LATELY_DAYS, readAttention } from '../audit/attention/needs.ts';
import { timestamp } from '../http/fields.ts';
import { one } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

const itemSchema = z
  .strictObject({
    kind: z.enum(attentionKinds).meta({
      description:
        `\`failed_messages\`, \`unprocessable_messages\`, \`exhausted_deliveries\` and \`parked_orders\` are those of the last ` +
        `${LATELY_DAYS} days, \`refused_messages\` of the last 24 hours. \`silent_sources\`: for more than twice as long as ever ` +
        'before, of late. `disabled_endpoints`: by a 410 or by failures alone. `commissions_past_hold`: pending, and only ' +
        'a person approves them',
    }),
    count: z.int().meta({ description: 'How many there are', example: 3 }),
    hasMore: z.boolean().meta({ description: `Whether there are more: most kinds are counted up to ${COUNTED}` }),
    subjects: z
      .array(
        z
          .strictObject({
            id: z.string().meta({ description: 'Of the endpoint; of a source its ref' }),
            name: z.string().meta({ description: 'What it is called, or its kind or URL' }),
            at: timestamp
              .nullable()
              .meta({ description: 'Since when: the last message of a source, the first failure of an endpoint' }),
          })
          .meta({ id: 'AttentionSubject' }),
      )
      .meta({ description: 'The first of them, where they are sources or endpoints' }),
  })
  .meta({ id: 'AttentionItem' });

const p95Ms = z.int().nullable().meta({
  description: 'In milliseconds: 95 of the newest 100 took no longer; null: there was none',
  example: 240,
});
const waiting = z.int().meta({ description: 'How many wait', example: 0 });

const attentionSchema = z
  .strictObject({
    items: z.array(itemSchema).meta({ description: 'What needs a person, without what there is none of' }),
    today: z
      .strictObject({
        since: timestamp.meta({ description: "Midnight in the program's time zone" }),
        received: z
          .strictObject({
            count: z.int().meta({ description: 'Messages that came in' }),
            lastAt: timestamp.nullable().meta({ description: 'When the newest message came, ever; null: none did' }),
          })
          .meta({ description: 'What came in' }),
        settled: z
          .strictObject({ count: z.int().meta({ description: 'Of those that came in' }), waiting, p95Ms })
          .meta({ description: 'What became of it' }),
        delivered: z
          .strictObject({
            count: z.int().meta({ description: 'Messages of today that an endpoint took' }),
            hasMore: z.boolean().meta({ description: 'Whether there are more: 10 000 are counted' }),
            waiting,
            p95Ms,
          })
          .meta({ description: 'Who was told' }),
      })
      .meta({ description: 'What went through the hub today' }),
  })
  .meta({ id: 'Attention' });
export type AttentionView = z.output<typeof attentionSchema>;

export const attentionRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/attention',
    mayBeBehind: () => true,
    access: 'read',
    tag: 'Statistics',
    summary: 'What needs a person, and what went through today',
    description: 'For a first look at a program: each line is a list elsewhere, counted here as far as that is cheap.',
    status: 200,
    answer: one(attentionSchema),
    handle: async ({ db, clock }, { scope }) => {
      const now = clock.now();
      const [items, flow] = await Promise.all([readAttention(db, scope, now), readFlow(db, scope, now)]);
      const { since, received, settled, delivered } = flow;
      const data: z.input<typeof attentionSchema> = {
        items: items.map(({ subjects, ...item }) => ({
          ...item,
          subjects: subjects.map(({ id, name, at }) => ({ id, name, at: at?.toISOString() ?? null })),
        })),
        today: {
          since: since.toISOString(),
          received: { ...received, lastAt: received.lastAt?.toISOString() ?? null },
          settled,
          delivered,
        },
      };
      return { data };
    },
  }),
];
