import type { Trx } from '../../db/db.ts';
import { commissionIdOf, conversionIdOf } from '../../domain/ids.ts';
import { storeMessages, type InboxMessage } from '../../inbound/inbox/inbox.ts';
import { listCommissions } from '../../ledger/commissions.ts';
import { findObjection } from '../../pipeline/rules/decisions.ts';
import { recordAuditEvents } from '../../program/audit-events.ts';
import { isInForce, normalizeDecision } from '../decision-fact.ts';
import { readDecidable, type DecidableCommission } from './decidable-commissions.ts';
import type { JobPage } from './job-page.ts';
import type { JobError, JobOf } from './job-rows.ts';

type DecisionsJob = JobOf<'commission_decisions'>;

/** As many as one batch of a worker settles. */
const PAGE_SIZE = 500;

/**
 * Decides about the next commissions as PATCH does about one: what has nothing against it is recorded as a message, with who and
 * when, and settled. The id of its fact names job and order, so that nothing counts twice whatever happens.
 */
export async function decidePage(trx: Trx, job: DecisionsJob, now: Date): Promise<JobPage> {
  const { commissionIds, cursor, isLast } = await nextCommissions(trx, job);
  const known = await readDecidable(
    trx,
    job,
    commissionIds.flatMap((id) => conversionIdOf(id) ?? []),
  );
  const errors: JobError[] = [];
  const decided: DecidableCommission[] = [];
  for (const id of commissionIds) {
    const commission = known.get(conversionIdOf(id) ?? '');
    const objection = commission ? objectTo(commission, job) : 'There is no such commission';
    if (objection !== null) errors.push({ id, result: 'skipped', reason: objection });
    else if (commission) decided.push(commission);
  }
  const eventIds = await storeMessages(
    trx,
    decided.map((commission) => toMessage(job, commission, now)),
    now,
  );
  const { status, reason } = job.input;
  await recordAuditEvents(
    trx,
    job,
    job.actor,
    decided.map((commission) => ({
      action: `commission.${status}`,
      objectType: 'commission',
      objectId: commissionIdOf(commission.id),
      before: { status: commission.status },
      after: { status, reason, jobId: job.id },
    })),
  );
  const inFlight = decided.map(({ id }, index): [string, string] => [eventIds[index] ?? '', commissionIdOf(id)]);
  return { cursor, isLast, succeeded: 0, errors, inFlight, deliveryIds: [] };
}

async function nextCommissions(
  trx: Trx,
  { programId, input, cursor }: DecisionsJob,
): Promise<{ commissionIds: string[]; cursor: string; isLast: boolean }> {
  const { ids, filter } = input;
  if (ids) {
    const end = Number(cursor) + PAGE_SIZE;
    return { commissionIds: ids.slice(Number(cursor), end), cursor: String(end), isLast: end >= ids.length };
  }
  if (!filter) throw new Error('a job of decisions has ids or a filter');
  const page = await listCommissions(trx, programId, filter, { limit: PAGE_SIZE, beforeId: cursor || null });
  return {
    commissionIds: page.items.map(({ id }) => commissionIdOf(id)),
    cursor: page.items.at(-1)?.id ?? cursor,
    isLast: !page.hasMore,
  };
}

/** Why it is left as it is; null where it can be decided. */
function objectTo(commission: DecidableCommission, { input }: DecisionsJob): string | null {
  if (isInForce(commission, input.status)) return `The commission is ${input.status} already`;
  return findObjection(commission, input.status, commission.facts);
}

function toMessage(job: DecisionsJob, commission: DecidableCommission, now: Date): InboxMessage {
  const { status, reason, by, headers } = job.input;
  const said = { jobId: job.id, commissionId: commissionIdOf(commission.id), status, reason };
  return {
    programId: job.programId,
    sourceId: null,
    kind: 'decision',
    raw: Buffer.from(JSON.stringify(said)),
    headers,
    normalized: normalizeDecision(
      { halves: commission.halves, livemode: job.livemode, openGrounds: commission.review?.grounds ?? [] },
      { status, reason, by },
      now,
      `decision:${job.id}:${commission.id}`,
    ),
    receivedAt: now,
  };
}
