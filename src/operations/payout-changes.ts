import type { Clock } from '../domain/clock.ts';
import type { Db } from '../db/db.ts';
import type { Logger } from 'pino';
import type { Queues } from '../queue/queues.ts';
import { AppError } from '../domain/errors.ts';
import { commitAndAnnounce } from '../outbound/messages/commit-and-announce.ts';
import { requestResettlements } from '../pipeline/rows/resettlement-rows.ts';
import { createPayout, finishPayout, payoutView, type Payout, type PayoutInput } from '../ledger/payouts.ts';
import { settleNow } from './settle-now.ts';

interface ChangeDeps {
  db: Db;
  queues: Queues;
  clock: Clock;
  log: Logger;
}

/** Creates a payout of all that is payable and tells subscribers. Throws CONFLICT where nothing is. */
export function createPayoutAndAnnounce(deps: ChangeDeps, programId: string, input: PayoutInput): Promise<Payout> {
  return commitAndAnnounce(deps, async (trx) => {
    const payout = await createPayout(trx, programId, input, deps.clock.now());
    if (!payout) throw new AppError('CONFLICT', 'Nothing is payable to this affiliate in this currency');
    const data = payoutView(payout);
    return { result: payout, drafts: [{ programId, livemode: true, type: 'payout.created', data }] };
  });
}

/** Moves a payout to paid or failed and tells subscribers; the commissions that it pays are `paid` when this returns. */
export async function finishPayoutAndAnnounce(
  deps: ChangeDeps,
  programId: string,
  payoutId: string,
  status: 'paid' | 'failed',
): Promise<Payout | null> {
  const { payout, resettlementIds } = await commitAndAnnounce<Finished>(deps, async (trx) => {
    const finished = await finishPayout(trx, programId, payoutId, status, deps.clock.now());
    if (!finished) return { result: { payout: null, resettlementIds: [] }, drafts: [] };
    const { before, after, orderIds } = finished;
    const scope = { programId, livemode: true };
    const requests = orderIds.map((orderId) => ({ scope, customerId: null, orderId }));
    const ids = await requestResettlements(trx, requests);
    const draft = { ...scope, type: `payout.${status}`, data: payoutView(after), previous: { status: before.status } };
    const drafts = before.status === after.status ? [] : [draft];
    return { result: { payout: after, resettlementIds: ids }, drafts };
  });
  await settleNow(deps, resettlementIds);
  return payout;
}

interface Finished {
  payout: Payout | null;
  resettlementIds: string[];
}
