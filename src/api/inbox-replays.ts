import { z } from 'zod';
import { countInboxEvents } from '../inbound/inbox/inbox-events.ts';
import { eventQuery, toEventFilter } from './inbox-events.ts';
import { answerJob, countOnly, jobAnswers, progressRoutes } from './jobs.ts';
import { defineRoute, type Route } from './route.ts';

export const inboxReplayRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/inbox-events/replays',
    access: 'write',
    tag: 'Inbox',
    summary: 'Settle all inbox events that match once more',
    description:
      '`filter` takes what the list takes; `{}` means all. Each is read again with the code and settings of today, once; what ' +
      'came after the call is not among them. It is a job: a small one is finished when this answers.',
    body: z
      .strictObject({ filter: z.strictObject(eventQuery).meta({ id: 'InboxEventFilter' }), countOnly })
      .meta({ id: 'InboxReplaysInput' }),
    ...jobAnswers,
    handle: async (deps, request) => {
      const { scope, body } = request;
      const asked = await toEventFilter(deps.db, scope, body.filter);
      const now = deps.clock.now();
      const filter = { ...asked, until: asked.until && asked.until < now ? asked.until : now };
      const total = await countInboxEvents(deps.db, scope.programId, filter);
      return answerJob(deps, request, { kind: 'inbox_replays', input: { filter }, total });
    },
  }),
  ...progressRoutes('/inbox-events/replays', 'Inbox', 'a replay', 'inbox_replays'),
];
