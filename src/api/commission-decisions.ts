import { z } from 'zod';
import { text } from '../http/fields.ts';
import { listCommissions } from '../ledger/commissions.ts';
import type { ConversionFilter } from '../ledger/conversions.ts';
import { commissionQuery, toCommissionFilter } from './commissions.ts';
import { eitherIdsOrFilter, manyIds, MAX_IDS, MAX_VALUES } from './ids-or-filter.ts';
import { answerJob, countOnly, jobAnswers } from './jobs.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';

const inputSchema = z
  .strictObject({
    status: z.enum(['approved', 'rejected']),
    reason: text(1_000).nullish().meta({ example: 'November, checked' }),
    ids: manyIds('com_01a1f8c4d18770008000000000000004'),
    filter: z.strictObject(commissionQuery).meta({ id: 'CommissionFilter' }).optional(),
    countOnly,
  })
  .superRefine(eitherIdsOrFilter)
  .meta({ id: 'CommissionDecisionsInput' });

export const commissionDecisionRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/commissions/decisions',
    access: 'write',
    tag: 'Commissions',
    summary: 'Approve or reject many commissions',
    description:
      `Those of \`ids\` (at most ${MAX_IDS}) or all that match \`filter\`, which takes what the list takes and means what is ` +
      'pending unless it says a `status`. Each is decided as by PATCH of one; what its state does not admit is skipped, with ' +
      'the reason. Up to 200 are decided when this answers; more are a job, which goes on by itself.',
    body: inputSchema,
    maxValues: MAX_VALUES,
    ...jobAnswers,
    handle: async (deps, request) => {
      const { principal, scope, livemode, reach, body, headers } = request;
      const ids = body.ids ? [...new Set(body.ids)] : null;
      const asked = body.filter ? await toCommissionFilter(deps.db, { livemode, reach }, body.filter) : null;
      const filter: ConversionFilter | null = asked && {
        ...asked,
        statuses: asked.statuses ?? ['pending'],
        knownBy: deps.clock.now(),
      };
      const total = ids ? ids.length : await countCommissions(deps, scope.programId, filter);
      const input = { status: body.status, reason: body.reason ?? null, by: principal.keyId, headers, ids, filter };
      return answerJob(deps, request, { kind: 'commission_decisions', input, total });
    },
  }),
];

async function countCommissions({ db }: ApiDeps, programId: string, filter: ConversionFilter | null): Promise<number> {
  if (!filter) return 0;
  return (await listCommissions(db, programId, filter, { limit: 1, counted: true })).total ?? 0;
}
