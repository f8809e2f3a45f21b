import { z } from 'zod';
import { MOST_HITS, search, searchKinds } from '../audit/search.ts';
import { text } from '../http/fields.ts';
import { defineRoute, type Route } from './route.ts';

const hitSchema = z
  .strictObject({
    kind: z.enum(searchKinds).meta({ description: 'What it is' }),
    id: z.string().meta({ description: 'Its id' }),
    title: z.string().meta({ description: 'What it is called', example: 'sale A-1001: approved' }),
    mode: z.enum(['live', 'test']).meta({ description: 'Which of them it is' }),
  })
  .meta({ id: 'SearchHit' });
export type SearchHitView = z.output<typeof hitSchema>;

export const searchRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/search',
    access: 'read',
    tag: 'Look-up',
    summary: 'Find anything by an id, a code, an e-mail or a name',
    description:
      `At most ${MOST_HITS}, the exact id first: conversions by every id of their order, adjustments by theirs, customers by id and e-mail, clicks, affiliates ` +
      'by code, e-mail or how their name begins, offers, links, sources, endpoints, payouts, messages.',
    query: z.strictObject({ q: text(255).meta({ description: 'What to look for', example: 'A-1001' }) }),
    status: 200,
    answer: z.strictObject({ data: z.array(hitSchema).meta({ description: 'What was found' }) }),
    handle: async ({ db }, { scope, reach, query }) => ({ data: await search(db, scope, reach, query.q) }),
  }),
];
