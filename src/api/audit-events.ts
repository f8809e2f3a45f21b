import { z } from 'zod';
import { listAuditEvents, type AuditEvent } from '../program/audit-events.ts';
import { resolvePeriod } from '../program/period.ts';
import { getProgram } from '../program/programs.ts';
import { findSourceRef } from '../program/source-refs.ts';
import { livemode, periodQuery, reference, timestamp } from '../http/fields.ts';
import { listOf, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';

const changed = z.record(z.string(), z.unknown()).nullable();

const auditEventSchema = z
  .strictObject({
    id: z.string(),
    action: z.string().meta({ description: 'The kind of object, and what was done', example: 'affiliate.updated' }),
    objectType: z.string().meta({ example: 'affiliate' }),
    objectId: z.string().meta({ description: 'Of a source its ref' }),
    before: changed.meta({ description: 'The fields that differ, as they were; null: there was nothing' }),
    after: changed.meta({
      description: 'The same as they are; null: there is nothing any more. Of secrets: `changed`',
    }),
    actor: z
      .strictObject({
        kind: z.enum(['key', 'admin', 'session', 'command']).meta({
          description: 'An API key, the admin token, a person in the console, the command line on the server',
        }),
        id: z.string().nullable().meta({ description: 'Of the key' }),
        name: z.string().nullable(),
        address: z.string().nullable().meta({ description: 'The network address that the request came from' }),
        requestId: z.string().nullable().meta({ description: 'X-Request-Id of the answer' }),
      })
      .meta({ id: 'AuditActor' }),
    livemode,
    createdAt: timestamp,
  })
  .meta({ id: 'AuditEvent' });
export type AuditEventView = z.output<typeof auditEventSchema>;

const filters = z.strictObject({
  ...pageQuery,
  ...periodQuery,
  objectId: reference.optional().meta({ description: 'Of a source its id or ref' }),
  objectType: reference.optional().meta({ description: '`affiliate`, `offer`, `commission`, …' }),
  action: reference.optional().meta({ description: '`affiliate.updated`, `commission.approved`, …' }),
  actorId: reference.optional().meta({ description: 'The id of an API key' }),
});

const description =
  'Newest first. Every change of configuration and every decision, kept for good; nothing in it can be changed or deleted.';

export const auditEventRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/audit-events',
    access: 'read',
    tag: 'Audit log',
    summary: 'List who changed or decided what',
    description: `${description} A test key sees what concerns test data and configuration.`,
    query: filters,
    status: 200,
    answer: listOf(auditEventSchema),
    // What test keys see of live configuration is its state, and not the decisions about live money.
    handle: (deps, { principal, livemode, reach, query }) =>
      list(deps, principal.programId, livemode ? reach.modes : [false], query),
  }),
  defineRoute({
    method: 'get',
    path: '/programs/:id/audit-events',
    access: 'admin',
    tag: 'Audit log',
    summary: 'List who changed or decided what in a program',
    description,
    query: filters,
    status: 200,
    answer: listOf(auditEventSchema),
    handle: async (deps, { params, query }) => {
      const { id } = await getProgram(deps.db, params.id);
      return await list(deps, id, [true, false], query);
    },
  }),
];

async function list(
  { db }: ApiDeps,
  programId: string,
  modes: readonly boolean[],
  { objectId, objectType, action, actorId, ...query }: z.output<typeof filters>,
): Promise<object> {
  const sourceRef = objectId === undefined ? undefined : await findSourceRef(db, programId, objectId);
  const period = await resolvePeriod(db, programId, query);
  const filter = { modes, objectId: sourceRef ?? objectId, objectType, action, actorId, ...period };
  const page = await listAuditEvents(db, programId, filter, toPageRequest('audit-events', query));
  return toListBody('audit-events', page, auditEventView);
}

function auditEventView(event: AuditEvent): z.input<typeof auditEventSchema> {
  return {
    id: event.id,
    action: event.action,
    objectType: event.objectType,
    objectId: event.objectId,
    before: event.before,
    after: event.after,
    actor: {
      kind: event.actorKind,
      id: event.actorId,
      name: event.actorName,
      address: event.address,
      requestId: event.requestId,
    },
    livemode: event.livemode,
    createdAt: event.createdAt.toISOString(),
  };
}
