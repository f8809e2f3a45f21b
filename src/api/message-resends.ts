import { z } from 'zod';
import { namedBy } from '../domain/scope.ts';
import { getEndpoint } from '../outbound/endpoints/endpoints.ts';
import { countMessages } from '../outbound/messages/message-rows.ts';
import { assertEnabled } from '../outbound/recovery/redelivery.ts';
import { assertMayChange } from '../program/principals.ts';
import { eitherIdsOrFilter, manyIds, MAX_IDS, MAX_VALUES } from './ids-or-filter.ts';
import { answerJob, countOnly, jobAnswers } from './jobs.ts';
import { messageQuery, toMessageFilter } from './messages.ts';
import { defineRoute, type Route } from './route.ts';

const inputSchema = z
  .strictObject({
    endpointId: z
      .string()
      .meta({ description: 'Where they are sent', example: 'whe_01a1f8c4d18770008000000000000008' }),
    ids: manyIds('evt_01a1f8c4d18770008000000000000009'),
    filter: z.strictObject(messageQuery).meta({ id: 'MessageFilter' }).optional(),
    countOnly,
  })
  .superRefine(eitherIdsOrFilter)
  .meta({ id: 'MessageResendsInput' });

export const messageResendRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/messages/resends',
    access: 'write',
    tag: 'Messages',
    summary: 'Send many messages to an endpoint again',
    description:
      `Those of \`ids\` (at most ${MAX_IDS}) or all that match \`filter\`, which takes what the list takes; a \`status\` in it is ` +
      'that of the delivery to this endpoint unless it names another. Each is due once, at its turn. It is a job: it is ' +
      'completed when all are due, and a small one is so when this answers.',
    body: inputSchema,
    maxValues: MAX_VALUES,
    ...jobAnswers,
    handle: async (deps, request) => {
      const { principal, scope, body } = request;
      const endpoint = await getEndpoint(deps, namedBy(scope), body.endpointId);
      assertMayChange(principal, endpoint);
      assertEnabled(endpoint);
      const ids = body.ids ? [...new Set(body.ids)] : null;
      const asked = body.filter && (await toMessageFilter(deps.db, scope.programId, body.filter));
      const now = deps.clock.now();
      const filter = asked
        ? {
            ...asked,
            until: asked.until && asked.until < now ? asked.until : now,
            endpointId: asked.endpointId ?? (asked.status === undefined ? undefined : endpoint.id),
          }
        : null;
      const total = ids ? ids.length : await countMessages(deps.db, scope, filter ?? {});
      const input = { endpointId: endpoint.id, ids, filter };
      return answerJob(deps, request, { kind: 'message_resends', input, total });
    },
  }),
];
