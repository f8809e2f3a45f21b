import { z } from 'zod';
import { getEndpoint, type Endpoint } from '../outbound/endpoints/endpoints.ts';
import {
  readAttemptReports,
  readBacklogs,
  type AttemptCounts,
  type AttemptReport,
  type EndpointBacklog,
} from '../outbound/delivery/endpoint-report.ts';
import { timestamp } from '../http/fields.ts';
import { one } from './pagination.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';

/** What waits for an endpoint, and whether it is left alone. */
export const shownBacklog = {
  failures: z.int().meta({ description: 'In a row; 0: the last attempt succeeded' }),
  pausedUntil: timestamp.nullable().meta({ description: 'Until then it is left alone; null: it is not' }),
  pending: z.int().meta({ description: 'Deliveries that wait for it' }),
  oldestPendingAt: timestamp
    .nullable()
    .meta({ description: 'When the oldest message that waits for it was created; null: none waits' }),
};

const counts = {
  succeeded: z.int().meta({ description: 'Attempts that were answered by 2xx' }),
  failed: z.int().meta({ description: 'All other attempts' }),
  p95DurationMs: z.int().nullable().meta({ description: 'In 95 of 100 attempts the answer took no longer' }),
};

export const endpointHealthSchema = z
  .strictObject({
    endpointId: z.string().meta({ description: 'The endpoint' }),
    state: z
      .enum(['ok', 'failing', 'paused', 'disabled'])
      .meta({ description: '`failing`: the last attempt failed; `paused`: it is left alone until `pausedUntil`' }),
    disabledReason: z
      .enum(['manual', 'gone', 'failing'])
      .nullable()
      .meta({ description: '`gone`: it answered 410; `failing`: five days of only failures' }),
    failingSince: timestamp.nullable().meta({ description: 'The first failure after the last success' }),
    ...shownBacklog,
    ...counts,
    successRate: z.number().nullable().meta({
      description: 'Of the attempts of 24 hours those that succeeded, from 0 to 1; null: there were none',
      example: 0.998,
    }),
    series: z
      .array(z.strictObject({ hour: timestamp.meta({ description: 'Its begin' }), ...counts }))
      .meta({ description: '24 hours, oldest first; the last one is under way' }),
  })
  .meta({ id: 'EndpointHealth' });
export type EndpointHealthView = z.output<typeof endpointHealthSchema>;

export const endpointHealthRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/webhook-endpoints/:id/health',
    mayBeBehind: () => true,
    access: 'read',
    tag: 'Webhook endpoints',
    summary: 'How a webhook endpoint does',
    description:
      'Its state, what waits for it, and the attempts of the last 24 hours by hour. Tests count as attempts.',
    status: 200,
    answer: one(endpointHealthSchema),
    handle: async (deps, { reach, params }) => {
      const endpoint = await getEndpoint(deps, reach, params.id);
      const [data] = await healthViews(deps, reach.programId, [endpoint]);
      return { data };
    },
  }),
];

/** How each of these endpoints does, in their order. */
export async function healthViews(
  { db, clock }: Pick<ApiDeps, 'db' | 'clock'>,
  programId: string,
  endpoints: readonly Endpoint[],
): Promise<z.input<typeof endpointHealthSchema>[]> {
  const now = clock.now();
  const ids = endpoints.map(({ id }) => id);
  const backlogs = await readBacklogs(db, programId, ids, now);
  const reports = await readAttemptReports(db, programId, ids, now);
  return endpoints.map((endpoint) => {
    const backlog = backlogView(backlogs.get(endpoint.id));
    const { total, hours } = reports.get(endpoint.id) as AttemptReport;
    return {
      endpointId: endpoint.id,
      state: stateOf(endpoint, backlog),
      disabledReason: endpoint.disabledReason,
      failingSince: endpoint.failingSince?.toISOString() ?? null,
      ...backlog,
      ...total,
      successRate: rateOf(total),
      series: hours.map(({ hour, ...of }) => ({ hour: hour.toISOString(), ...of })),
    };
  });
}

/** What `shownBacklog` says of each of these endpoints, by id; all of them in one statement. */
export async function backlogViews(
  { db, clock }: Pick<ApiDeps, 'db' | 'clock'>,
  programId: string,
  endpoints: readonly Pick<Endpoint, 'id'>[],
): Promise<Map<string, ReturnType<typeof backlogView>>> {
  const ids = endpoints.map(({ id }) => id);
  const backlogs = await readBacklogs(db, programId, ids, clock.now());
  return new Map(ids.map((id) => [id, backlogView(backlogs.get(id))]));
}

/** Of one that was deleted since it was read. */
const idle = { failures: 0, pausedUntil: null, pending: 0, oldestPendingAt: null };

function backlogView(backlog: Omit<EndpointBacklog, 'endpointId'> = idle) {
  return {
    failures: backlog.failures,
    pausedUntil: backlog.pausedUntil?.toISOString() ?? null,
    pending: backlog.pending,
    oldestPendingAt: backlog.oldestPendingAt?.toISOString() ?? null,
  };
}

function stateOf(
  { disabledAt, failingSince }: Endpoint,
  { pausedUntil }: { pausedUntil: string | null },
): 'ok' | 'failing' | 'paused' | 'disabled' {
  if (disabledAt) return 'disabled';
  if (pausedUntil !== null) return 'paused';
  return failingSince ? 'failing' : 'ok';
}

function rateOf({ succeeded, failed }: AttemptCounts): number | null {
  return succeeded + failed === 0 ? null : succeeded / (succeeded + failed);
}
