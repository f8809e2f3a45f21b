import { z } from 'zod';
import { found, notFound } from '../domain/errors.ts';
import { livemode, timestamp, wordsOf } from '../http/fields.ts';
import { countDone, isFinished } from '../operations/jobs/job-page.ts';
import {
  findJob,
  jobKinds,
  jobStatuses,
  listJobs,
  MAX_JOB_ERRORS,
  type Job,
  type JobKind,
  type NewJob,
} from '../operations/jobs/job-rows.ts';
import { startJob, stopJob } from '../operations/jobs/start-job.ts';
import { listOf, one, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, Reply, type ApiDeps, type ApiRequest, type Route } from './route.ts';

export const jobSchema = z
  .strictObject({
    id: z.string(),
    kind: z.enum(jobKinds),
    livemode,
    status: z.enum(jobStatuses).meta({ description: '`queued` and `running` go on; the others stay as they are' }),
    total: z.int().meta({ description: 'Items, as counted at the start; once completed, as many as there were' }),
    done: z.int().meta({ description: 'Items whose outcome is known: succeeded, skipped or failed' }),
    succeeded: z.int(),
    skipped: z.int().meta({ description: 'Items that their state did not admit' }),
    failed: z.int(),
    errors: z
      .array(
        z.strictObject({
          id: z.string().nullable().meta({ description: 'Of the item; null: of the job itself' }),
          result: z.enum(['skipped', 'failed']),
          reason: z.string(),
        }),
      )
      .meta({ description: `The first ${MAX_JOB_ERRORS} of what was skipped or failed, and why` }),
    request: z.record(z.string(), z.unknown()).meta({ description: 'What was asked for; ids are only counted' }),
    actor: z
      .strictObject({ kind: z.string(), id: z.string().nullable(), name: z.string().nullable() })
      .meta({ description: 'Who asked for it' }),
    location: z.string().meta({ description: 'Where its progress is told' }),
    createdAt: timestamp,
    updatedAt: timestamp,
    finishedAt: timestamp.nullable(),
  })
  .meta({ id: 'Job' });
export type JobView = z.output<typeof jobSchema>;

export const countSchema = z.strictObject({ count: z.int() }).meta({ id: 'Count' });

/** In bodies that start something long. */
export const countOnly = z
  .boolean()
  .optional()
  .meta({ description: 'true: answers how many it would be about, and does nothing', example: false });

/** The answers of a call that starts a job. */
export const jobAnswers = {
  status: 202,
  answer: one(jobSchema),
  otherAnswers: {
    200: {
      description: 'The finished job, where it was small; with countOnly `{count}`',
      schema: one(z.union([jobSchema, countSchema])),
    },
  },
};

type JobRequest = Pick<
  ApiRequest<unknown, { countOnly?: boolean | undefined }, object>,
  'scope' | 'actor' | 'callId' | 'body'
>;

/** Starts the job, or tells its count; 200 where it is finished already. */
export async function answerJob<Kind extends JobKind>(
  deps: ApiDeps,
  { scope, actor, callId, body }: JobRequest,
  job: Pick<NewJob<Kind>, 'kind' | 'input' | 'total'>,
): Promise<Reply> {
  if (body.countOnly) return new Reply(200, { data: { count: job.total } });
  const started = await startJob(deps, scope, { ...job, actor, callId });
  return new Reply(isFinished(started) ? 200 : 202, { data: jobView(started) });
}

export const jobRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/jobs',
    access: 'read',
    tag: 'Jobs',
    summary: 'List what was asked to be done with many objects',
    description: 'Finished jobs are kept for 90 days.',
    query: z.strictObject({ ...pageQuery, kind: z.enum(jobKinds).optional(), status: wordsOf(jobStatuses).optional() }),
    status: 200,
    answer: listOf(jobSchema),
    handle: async ({ db }, { scope, query }) => {
      const filter = { kind: query.kind, statuses: query.status };
      return toListBody('jobs', await listJobs(db, scope, filter, toPageRequest('jobs', query)), jobView);
    },
  }),
  ...progressRoutes('/jobs', 'Jobs', 'a job'),
];

/** What is told of jobs of one kind, or of any, under their own path. */
export function progressRoutes(path: string, tag: string, what: string, kind?: JobKind): Route[] {
  const find = async (
    deps: ApiDeps,
    { scope, params }: Pick<ApiRequest<unknown, unknown, { id: string }>, 'scope' | 'params'>,
  ) => {
    const job = found(await findJob(deps.db, scope, params.id), 'Job');
    if (kind !== undefined && job.kind !== kind) throw notFound('Job');
    return job;
  };
  return [
    defineRoute({
      method: 'get',
      path: `${path}/:id`,
      access: 'read',
      tag,
      summary: `How far ${what} has come`,
      status: 200,
      answer: one(jobSchema),
      handle: async (deps, request) => ({ data: jobView(await find(deps, request)) }),
    }),
    defineRoute({
      method: 'post',
      path: `${path}/:id/cancel`,
      access: 'write',
      tag,
      summary: `Stop ${what}`,
      description: 'What was done stays done, and what was begun is finished. One that is finished stays as it is.',
      status: 200,
      answer: one(jobSchema),
      handle: async (deps, request) => {
        const { id } = await find(deps, request);
        return { data: jobView(found(await stopJob(deps, request.scope, id, request.actor), 'Job')) };
      },
    }),
  ];
}

function jobView(job: Job): z.input<typeof jobSchema> {
  return {
    id: job.id,
    kind: job.kind,
    livemode: job.livemode,
    status: job.status,
    total: job.total,
    done: countDone(job),
    succeeded: job.succeeded,
    skipped: job.skipped,
    failed: job.failed,
    errors: job.errors,
    request: requestView(job.input),
    actor: { kind: job.actor.kind, id: job.actor.id, name: job.actor.name },
    location: `/api/v1${pathOfKind[job.kind] ?? '/jobs'}/${job.id}`,
    createdAt: job.createdAt.toISOString(),
    updatedAt: job.updatedAt.toISOString(),
    finishedAt: job.finishedAt?.toISOString() ?? null,
  };
}

const pathOfKind: Partial<Record<JobKind, string>> = { inbox_replays: '/inbox-events/replays' };

/** Without what is nobody's business, and what would fill pages. */
function requestView(input: object): Record<string, unknown> {
  const {
    headers: _headers,
    ids,
    ...rest
  } = input as {
    headers?: unknown;
    ids?: unknown[] | null;
    filter?: { among?: unknown[] } | null;
  };
  const among = rest.filter?.among;
  return {
    ...rest,
    ...(among ? { filter: { ...rest.filter, among: among.length } } : {}),
    ...(ids ? { ids: ids.length } : {}),
  };
}
