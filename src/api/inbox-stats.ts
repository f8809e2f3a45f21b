import { z } from 'zod';
import { validationError } from '../domain/errors.ts';
import { outcomes } from '../domain/outcomes.ts';
import { periodQuery, reference, timestamp, word } from '../http/fields.ts';
import { readInboxCounts, type InboxCount } from '../inbound/inbox/inbox-counts.ts';
import { resolvePeriod } from '../program/period.ts';
import { restoreSourceIds } from '../program/source-refs.ts';
import { messageReason } from './conversion-schemas.ts';
import { one } from './pagination.ts';
import { defineRoute } from './route.ts';

const DAY_MS = 86_400_000;
const USUAL_DAYS = 7;
/** As many quarters of an hour are added up in a few milliseconds. */
const MAX_DAYS = 32;
/** Reasons are words of the hub and sentences of its readings; there are not many. */
const MAX_REASONS = 50;

const counts = (description: string, example: Record<string, number>) =>
  z.record(z.string(), z.int()).meta({ description, example });

const inboxStatsSchema = z
  .strictObject({
    from: timestamp.meta({ description: 'The beginning of the period, to the quarter of an hour' }),
    until: timestamp.meta({ description: 'Its end, exclusive' }),
    countedTo: timestamp.nullable().meta({
      description: 'Null: everything is in it. Else more came lately than is counted at once: this far it is counted',
    }),
    total: z.int(),
    statuses: counts('By status', { processed: 120, ignored: 31 }),
    outcomes: counts('By outcome; what is not settled yet has none', { recorded: 100, duplicate: 20 }),
    kinds: counts('By kind', { stripe: 90, postback: 61 }),
    reasons: z
      .array(z.strictObject({ reason: messageReason, outcome: word(outcomes), count: z.int() }))
      .meta({ description: `The ${MAX_REASONS} most frequent reasons` }),
  })
  .meta({ id: 'InboxStatistics' });

export const inboxStatsRoute = defineRoute({
  method: 'get',
  path: '/inbox-events/stats',
  mayBeBehind: () => true,
  access: 'read',
  tag: 'Inbox',
  summary: 'Count what came in, and what became of it',
  description:
    `Of the last ${USUAL_DAYS} days unless said, and at most ${MAX_DAYS} days, by quarters of an hour. Read from counts that the ` +
    'worker makes, and from the messages that are not counted yet.',
  query: z.strictObject({
    ...periodQuery,
    sourceId: reference.optional().meta({ description: 'Id or ref' }),
  }),
  status: 200,
  answer: one(inboxStatsSchema),
  handle: async ({ db, clock }, { scope, query }) => {
    const { programId } = scope;
    const given = await resolvePeriod(db, programId, query);
    const until = given.until ?? new Date(clock.now().getTime() + 1);
    const from = given.from ?? new Date(until.getTime() - USUAL_DAYS * DAY_MS);
    if (until.getTime() - from.getTime() > MAX_DAYS * DAY_MS) {
      const message = `the period has more than ${MAX_DAYS} days`;
      throw validationError(`startDate: ${message}`, { startDate: message });
    }
    const sourceId = query.sourceId && (await restoreSourceIds(db, programId, query.sourceId));
    const read = await readInboxCounts(db, { ...scope, sourceId, from, until });
    return {
      data: {
        from: from.toISOString(),
        until: until.toISOString(),
        countedTo: read.countedTo?.toISOString() ?? null,
        total: read.counts.reduce((sum, { count }) => sum + count, 0),
        statuses: sumBy(read.counts, ({ status }) => status),
        outcomes: sumBy(read.counts, ({ outcome }) => outcome),
        kinds: sumBy(read.counts, ({ kind }) => kind),
        reasons: reasonsOf(read.counts),
      },
    };
  },
});

function sumBy(counted: readonly InboxCount[], keyOf: (count: InboxCount) => string): Record<string, number> {
  const sums = new Map<string, number>();
  for (const each of counted) {
    const key = keyOf(each);
    if (key !== '') sums.set(key, (sums.get(key) ?? 0) + each.count);
  }
  return Object.fromEntries(sums);
}

function reasonsOf(counted: readonly InboxCount[]): { reason: string; outcome: string; count: number }[] {
  const sums = new Map<string, { reason: string; outcome: string; count: number }>();
  for (const { reason, outcome, count } of counted) {
    if (reason === '') continue;
    const known = sums.get(`${outcome} ${reason}`);
    if (known) known.count += count;
    else sums.set(`${outcome} ${reason}`, { reason, outcome, count });
  }
  return [...sums.values()].sort((a, b) => b.count - a.count).slice(0, MAX_REASONS);
}
