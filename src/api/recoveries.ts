import { z } from 'zod';
import { AppError, found, notFound, validationError } from '../domain/errors.ts';
import { moment, timestamp } from '../http/fields.ts';
import { getEndpoint } from '../outbound/endpoints/endpoints.ts';
import {
  beginRecovery,
  cancelRecovery,
  countRecoverable,
  findRecovery,
  listRecoveries,
  type Recovery,
} from '../outbound/recovery/recoveries.ts';
import { assertEnabled } from '../outbound/recovery/redelivery.ts';
import { countOnly, countSchema } from './jobs.ts';
import { listOf, one, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, Reply, type ApiDeps, type Route } from './route.ts';
import { getChangeable, type EndpointRequest } from './webhook-endpoints.ts';

const recoverySchema = z
  .strictObject({
    id: z.string(),
    endpointId: z.string(),
    kind: z.enum(['failed', 'missing']),
    since: timestamp,
    status: z.enum(['running', 'completed', 'cancelled']),
    recovered: z.int().meta({ description: 'Deliveries made due so far' }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Recovery' });
export type RecoveryView = z.output<typeof recoverySchema>;

const since = moment.meta({ description: 'Messages created from then on' });

const tag = 'Webhook endpoints';

export const recoveryRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/webhook-endpoints/:id/recover',
    access: 'write',
    tag,
    summary: 'Send again all that failed, or was held, since a time',
    description: 'Goes on in the background; each delivery once. `countOnly` tells how many there are.',
    body: z.strictObject({ since, countOnly }).meta({ id: 'RecoveryInput' }),
    status: 202,
    answer: one(recoverySchema),
    otherAnswers: { 200: { description: 'countOnly: nothing is sent', schema: one(countSchema) } },
    handle: async (deps, request) => {
      if (!request.body.countOnly) return recover(deps, request, 'failed', request.body.since);
      const endpoint = await getChangeable(deps, request);
      return new Reply(200, { data: { count: await countRecoverable(deps.db, endpoint.id, request.body.since) } });
    },
  }),
  defineRoute({
    method: 'post',
    path: '/webhook-endpoints/:id/replay-missing',
    access: 'write',
    tag,
    summary: 'Send all that it was never meant to get since a time',
    description:
      'Messages of its event types from before it existed, or asked for them; to a test endpoint test messages only.',
    body: z.strictObject({ since }).meta({ id: 'ReplayInput' }),
    status: 202,
    answer: one(recoverySchema),
    handle: (deps, request) => recover(deps, request, 'missing', request.body.since),
  }),
  defineRoute({
    method: 'get',
    path: '/webhook-endpoints/:id/recoveries',
    access: 'read',
    tag,
    summary: 'List recoveries and replays of an endpoint',
    description: 'Those that are over are kept as long as messages.',
    query: z.strictObject(pageQuery),
    status: 200,
    answer: listOf(recoverySchema),
    handle: async (deps, { reach, params, query }) => {
      const endpoint = await getEndpoint(deps, reach, params.id);
      const page = await listRecoveries(deps.db, endpoint.id, toPageRequest('recoveries', query));
      return toListBody('recoveries', page, recoveryView);
    },
  }),
  defineRoute({
    method: 'get',
    path: '/webhook-endpoints/:id/recoveries/:recoveryId',
    access: 'read',
    tag,
    summary: 'How far a recovery or replay has come',
    status: 200,
    answer: one(recoverySchema),
    handle: async (deps, { reach, params }) => {
      const endpoint = await getEndpoint(deps, reach, params.id);
      const recovery = await findRecovery(deps.db, endpoint.id, params.recoveryId);
      if (!recovery) throw notFound('Recovery');
      return { data: recoveryView(recovery) };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/webhook-endpoints/:id/recoveries/:recoveryId/cancel',
    access: 'write',
    tag,
    summary: 'Stop a recovery or replay',
    description: 'What is due already is still sent. One that is over stays as it is.',
    status: 200,
    answer: one(recoverySchema),
    handle: async (deps, request) => {
      const endpoint = await getChangeable(deps, request);
      const cancelled = await cancelRecovery(
        deps.db,
        endpoint.id,
        request.params.recoveryId,
        deps.clock.now(),
        request.actor,
      );
      return { data: recoveryView(found(cancelled, 'Recovery')) };
    },
  }),
];

/** Does the first page at once; the workers do the others. */
async function recover(deps: ApiDeps, request: EndpointRequest, kind: Recovery['kind'], from: Date): Promise<object> {
  const endpoint = await getChangeable(deps, request);
  assertEnabled(endpoint);
  if (kind === 'missing' && endpoint.kind === 'postback') {
    throw new AppError('CONFLICT', 'A postback is fired by conversions as they change: there is nothing to replay');
  }
  const now = deps.clock.now();
  if (from > now) throw validationError('since is in the future', { since: 'is in the future' });
  return { data: recoveryView(await beginRecovery(deps, endpoint.id, kind, from, now, request.actor)) };
}

function recoveryView({ since: from, until: _until, createdAt, updatedAt, ...recovery }: Recovery) {
  return {
    ...recovery,
    since: from.toISOString(),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
