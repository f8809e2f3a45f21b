import type { Clock } from '../domain/clock.ts';
import type { Db, Trx } from '../db/db.ts';
import type { Logger } from 'pino';
import type { Queues } from '../queue/queues.ts';
import type { Actor } from '../domain/actor.ts';
import { AppError } from '../domain/errors.ts';
import { commitAndAnnounce } from '../outbound/messages/commit-and-announce.ts';
import type { MessageDraft } from '../outbound/messages/write-messages.ts';
import { requestResettlements } from '../pipeline/rows/resettlement-rows.ts';
import { recordChange } from '../program/audited-changes.ts';
import { createPayout, finishPayout, payoutView, type Payout, type PayoutInput } from '../ledger/payouts.ts';
import { settleNow } from './settle-now.ts';

interface ChangeDeps {
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
export async function finishPayoutAndAnnounce(
  deps: ChangeDeps,
  programId: string,
  payoutId: string,
  status: 'paid' | 'failed',
  actor: Actor,
): Promise<Payout | null> {
  const { payout, resettlementIds } = await commitAndAnnounce<Finished>(deps, async (trx) => {
    const { drafts, ...result } = await finish(trx, programId, payoutId, status, deps.clock.now(), actor);
    return { result, drafts };
  });
  await settleNow(deps, resettlementIds);
  return payout;
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
    const paid = await finish(trx, programId, created.id, 'paid', now, actor);
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
  if (payout) {
    const { affiliateId, currency, amountMinor, status } = payoutView(payout);
    const { orderId } = input;
    const fields = { affiliateId, currency, amountMinor, status, ...(orderId ? { conversionId: orderId } : {}) };
    await recordChange(trx, { programId, livemode: true }, actor, { type: 'payout', id: payout.id }, null, fields);
  }
  return payout;
}

interface Finished {
  payout: Payout | null;
  resettlementIds: string[];
}

/** What is to be told of it and settled again; nothing where the payout had this status already. */
async function finish(
  trx: Trx,
  programId: string,
  payoutId: string,
  status: 'paid' | 'failed',
  now: Date,
  actor: Actor,
): Promise<Finished & { drafts: MessageDraft[] }> {
  const finished = await finishPayout(trx, programId, payoutId, status, now);
  if (!finished) return { payout: null, resettlementIds: [], drafts: [] };
  const { before, after, orderIds } = finished;
  const scope = { programId, livemode: true };
  const [was, is] = [{ status: before.status }, { status: after.status }];
  await recordChange(trx, scope, actor, { type: 'payout', id: payoutId }, was, is, { action: status });
  const requests = orderIds.map((orderId) => ({ scope, customerId: null, orderId }));
  const resettlementIds = await requestResettlements(trx, requests);
  const draft: MessageDraft = {
    ...scope,
    type: `payout.${status}`,
    data: payoutView(after),
    previous: { status: before.status },
  };
  return { payout: after, resettlementIds, drafts: before.status === after.status ? [] : [draft] };
}

function draftCreated(programId: string, payout: Payout): MessageDraft {
  return { programId, livemode: true, type: 'payout.created', data: payoutView(payout) };
}
