import { z } from 'zod';
import { countInboxEvents } from '../inbound/inbox/inbox-events.ts';
import { eitherIdsOrFilter, manyIds, MAX_IDS, MAX_VALUES } from './ids-or-filter.ts';
import { eventQuery, toEventFilter } from './inbox-events.ts';
import { answerJob, countOnly, jobAnswers, progressRoutes } from './jobs.ts';
import { defineRoute, type Route } from './route.ts';

const inputSchema = z
  .strictObject({
    ids: manyIds('ibx_01a1f8c4d18770008000000000000007'),
    filter: z.strictObject(eventQuery).meta({ id: 'InboxEventFilter' }).optional(),
    countOnly,
  })
  .superRefine(eitherIdsOrFilter)
  .meta({ id: 'InboxReplaysInput' });

export const inboxReplayRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/inbox-events/replays',
    access: 'write',
    tag: 'Inbox',
    summary: 'Settle many inbox events once more',
    description:
      `Those of \`ids\` (at most ${MAX_IDS}; unknown ones are left out) or all that match \`filter\`, which takes what the list ` +
      'takes; `{}` means all. Each is read again with the code and settings of today, once; what came after the call is not ' +
      'among them. It is a job: a small one is finished when this answers.',
    body: inputSchema,
    maxValues: MAX_VALUES,
    ...jobAnswers,
    handle: async (deps, request) => {
      const { scope, body } = request;
      const asked = body.ids
        ? { livemode: scope.livemode, among: body.ids }
        : await toEventFilter(deps.db, scope, body.filter ?? {});
      const now = deps.clock.now();
      const filter = { ...asked, until: asked.until && asked.until < now ? asked.until : now };
      const total = await countInboxEvents(deps.db, scope.programId, filter);
      return answerJob(deps, request, { kind: 'inbox_replays', input: { filter }, total });
    },
  }),
  ...progressRoutes('/inbox-events/replays', 'Inbox', 'a replay', 'inbox_replays'),
];
