import type { Clock } from '../domain/clock.ts';
import type { Db, Trx } from '../db/db.ts';
import type { Logger } from 'pino';
import type { Queues } from '../queue/queues.ts';
import type { Actor } from '../domain/actor.ts';
import { AppError } from '../domain/errors.ts';
import { commitAndAnnounce } from '../outbound/messages/commit-and-announce.ts';
import type { MessageDraft } from '../outbound/messages/write-messages.ts';
import { requestResettlements } from '../pipeline/rows/resettlement-rows.ts';
import { recordAuditEvents, type AuditedChange } from '../program/audit-events.ts';
import {
  changePayouts,
  createPayout,
  payoutView,
  type NamedPayouts,
  type Payout,
  type PayoutChanges,
  type PayoutInput,
} from '../ledger/payouts.ts';
import { settleNow } from './settle-now.ts';

/** What a change that subscribers hear of, and that is settled at once, needs. */
export interface ChangeDeps {
  db: Db;
  queues: Pick<Queues, 'enqueue'>;
  clock: Clock;
  log: Logger;
}

/** Creates a payout of all that is payable and tells subscribers. Throws CONFLICT where nothing is. */
export function createPayoutAndAnnounce(
  deps: ChangeDeps,
  programId: string,
  input: PayoutInput,
  actor: Actor,
): Promise<Payout> {
  return commitAndAnnounce(deps, async (trx) => {
    const payout = await create(trx, programId, input, deps.clock.now(), actor);
    if (!payout) throw new AppError('CONFLICT', 'Nothing is payable to this affiliate in this currency');
    return { result: payout, drafts: [draftCreated(programId, payout)] };
  });
}

/** Moves a payout to paid or failed and tells subscribers; the commissions that it pays are `paid` when this returns. */
export function finishPayoutAndAnnounce(
  deps: ChangeDeps,
  programId: string,
  payoutId: string,
  status: 'paid' | 'failed',
  actor: Actor,
): Promise<Payout | null> {
  return changePayoutAndAnnounce(deps, programId, payoutId, { status }, actor);
}

/** The same with what is said about the payment. Null for an unknown payout. */
export async function changePayoutAndAnnounce(
  deps: ChangeDeps,
  programId: string,
  payoutId: string,
  changes: PayoutChanges,
  actor: Actor,
): Promise<Payout | null> {
  const { payouts, resettlementIds } = await commitAndAnnounce<Finished>(deps, async (trx) => {
    const { drafts, ...result } = await finish(trx, programId, { payoutId }, changes, deps.clock.now(), actor);
    return { result, drafts };
  });
  await settleNow(deps, resettlementIds);
  return payouts[0]?.after ?? null;
}

/**
 * Creates a payout and pays it at once, in one transaction, and tells subscribers of both as of any other. False where
 * nothing is payable.
 */
export async function payAtOnceAndAnnounce(
  deps: ChangeDeps,
  programId: string,
  input: PayoutInput,
  actor: Actor,
): Promise<boolean> {
  const resettlementIds = await commitAndAnnounce<string[] | null>(deps, async (trx) => {
    const now = deps.clock.now();
    const created = await create(trx, programId, input, now, actor);
    if (!created) return { result: null, drafts: [] };
    const paid = await finish(trx, programId, { payoutId: created.id }, { status: 'paid' }, now, actor);
    return { result: paid.resettlementIds, drafts: [draftCreated(programId, created), ...paid.drafts] };
  });
  if (resettlementIds === null) return false;
  await settleNow(deps, resettlementIds);
  return true;
}

async function create(
  trx: Trx,
  programId: string,
  input: PayoutInput,
  now: Date,
  actor: Actor,
): Promise<Payout | null> {
  const payout = await createPayout(trx, programId, input, now);
  if (payout) await recordAuditEvents(trx, { programId, livemode: true }, actor, [auditCreated(payout, input.orderId)]);
  return payout;
}

interface Finished {
  payouts: { before: Payout; after: Payout }[];
  resettlementIds: string[];
}

/** What is to be told of payouts and settled again; nothing of those that had this status already. */
export async function finish(
  trx: Trx,
  programId: string,
  named: NamedPayouts,
  changes: PayoutChanges,
  now: Date,
  actor: Actor,
): Promise<Finished & { drafts: MessageDraft[] }> {
  const { changed, orderIds } = await changePayouts(trx, programId, named, changes, now);
  const scope = { programId, livemode: true };
  await recordAuditEvents(trx, scope, actor, changed.flatMap(auditChanged));
  const requests = orderIds.map((orderId) => ({ scope, customerId: null, orderId }));
  const resettlementIds = await requestResettlements(trx, requests);
  const drafts = changed
    .filter(({ before, after }) => before.status !== after.status)
    .map(({ before, after }): MessageDraft => ({
      ...scope,
      type: after.status === 'paid' ? 'payout.paid' : 'payout.failed',
      data: payoutView(after),
      previous: { status: before.status },
    }));
  return { payouts: changed, resettlementIds, drafts };
}

export function draftCreated(programId: string, payout: Payout): MessageDraft {
  return { programId, livemode: true, type: 'payout.created', data: payoutView(payout) };
}

/** `orderId`: only what this order had unpaid is in it. */
export function auditCreated(
  { id, affiliateId, amountMinor, currency, batchId }: Payout,
  orderId?: string,
): AuditedChange {
  const common = { affiliateId, amountMinor: Number(amountMinor), currency, batchId, status: 'pending' };
  const after = orderId === undefined ? common : { ...common, conversionId: orderId };
  return { action: 'payout.created', objectType: 'payout', objectId: id, before: null, after };
}

/** `payout.paid` and `payout.failed`, or `payout.updated` where only its words changed; nothing where nothing did. */
function auditChanged({ before, after }: { before: Payout; after: Payout }): AuditedChange[] {
  const fields = (['status', 'reference', 'note'] as const).filter((field) => before[field] !== after[field]);
  if (fields.length === 0) return [];
  const pick = (payout: Payout) => Object.fromEntries(fields.map((field) => [field, payout[field]]));
  const action = before.status === after.status ? 'payout.updated' : `payout.${after.status}`;
  return [{ action, objectType: 'payout', objectId: after.id, before: pick(before), after: pick(after) }];
}
