import { z } from 'zod';
import { found } from '../domain/errors.ts';
import { explainRefusal, refusalWords } from '../http/refusals.ts';
import { periodQuery, reference, timestamp, wordsOf } from '../http/fields.ts';
import { listRefusedRequests, type RefusedRequest } from '../inbound/refusals/rows.ts';
import { resolvePeriod } from '../program/period.ts';
import { getSourceOfAnyTime } from '../program/sources.ts';
import { listOf, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

export const refusalReason = z.enum(refusalWords).meta({
  description: refusalWords.map((word) => `\`${word}\`: ${explainRefusal(word)}`).join('. '),
});

const refusalSchema = z
  .strictObject({
    id: z.string(),
    sourceId: z.string().meta({ description: 'Its ref to whoever may not know the id' }),
    livemode: z.boolean().meta({ description: 'That of the source' }),
    reason: refusalReason,
    status: z.int().meta({ description: 'Of the answer', example: 400 }),
    message: z.string().meta({ description: 'What the sender was told' }),
    method: z.string(),
    network: z.string().nullable().meta({ description: 'The address that it came from; of IPv6 its /64' }),
    query: z.string().nullable().meta({ description: 'The query of its URL without secrets, cut to 2 048 characters' }),
    body: z.string().nullable().meta({ description: 'The body without secrets, cut to 2 048 characters' }),
    contentType: z.string().nullable(),
    userAgent: z.string().nullable(),
    references: z.array(z.string()).meta({
      description:
        'Ids that it carried, at most 20: of orders, clicks, customers, Stripe, RevenueCat; codes; e-mails in lower case',
    }),
    count: z.int().meta({ description: 'How often it came, as far as a flood lets one message be told from the next' }),
    firstAt: timestamp,
    lastAt: timestamp,
  })
  .meta({ id: 'RefusedRequest' });
export type RefusalView = z.output<typeof refusalSchema>;

export const refusalRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/sources/:id/refusals',
    mayBeBehind: ({ reference: named }) => named === undefined,
    access: 'read',
    tag: 'Sources',
    summary: 'List what was turned away at a source',
    description:
      'The last that came first, for thirty days, of a deleted source too: the newest 100 that differ, without keys, ' +
      'signatures and other secrets. They are written within about a second. A test key sees those of test sources.',
    query: z.strictObject({
      ...pageQuery,
      ...periodQuery,
      reason: wordsOf(refusalWords).optional(),
      reference: reference.optional().meta({ description: 'An id that it carried', example: 'evt_1Example' }),
    }),
    status: 200,
    answer: listOf(refusalSchema),
    handle: async ({ db }, { principal, livemode, reach, params, query }) => {
      const { programId } = principal;
      const source = found(await getSourceOfAnyTime(db, reach, params.id), 'Source');
      const list = `refusals-of-${source.ref}`;
      // What live senders sent is live, as what was taken of them is.
      if (!livemode && source.livemode) return toListBody(list, { items: [], hasMore: false }, refusalView);
      const filter = {
        reasons: query.reason,
        reference: query.reference,
        ...(await resolvePeriod(db, programId, query)),
      };
      const page = await listRefusedRequests(db, programId, source.id, filter, toPageRequest(list, query));
      return toListBody(list, page, refusalView, ({ place }) => place);
    },
  }),
];

function refusalView({
  place: _place,
  ...refused
}: RefusedRequest & { place?: string }): z.input<typeof refusalSchema> {
  return { ...refused, firstAt: refused.firstAt.toISOString(), lastAt: refused.lastAt.toISOString() };
}
