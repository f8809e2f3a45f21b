import { settleNow } from '../../operations/settle-now.ts';
import type { Deps } from '../../deps.ts';
import { commitAndAnnounce } from '../../outbound/messages/commit-and-announce.ts';
import { requestResettlements } from '../../pipeline/rows/resettlement-rows.ts';
import { createPayout, finishPayout, payoutView, type PayoutInput } from '../../ledger/payouts.ts';

/**
 * Pays what one commission still has unpaid: a payout that is made and paid at once, of which subscribers are told as of
 * any other. False where nothing of it is payable.
 */
export async function payCommission(
  deps: Pick<Deps, 'db' | 'queues' | 'clock' | 'log'>,
  programId: string,
  input: PayoutInput & { orderId: string },
): Promise<boolean> {
  const scope = { programId, livemode: true };
  const resettlementIds = await commitAndAnnounce<string[] | null>(deps, async (trx) => {
    const now = deps.clock.now();
    const made = await createPayout(trx, programId, input, now);
    const paid = made && (await finishPayout(trx, programId, made.id, 'paid', now));
    if (!paid) return { result: null, drafts: [] };
    const requests = paid.orderIds.map((orderId) => ({ scope, customerId: null, orderId }));
    return {
      result: await requestResettlements(trx, requests),
      drafts: [
        { ...scope, type: 'payout.created', data: payoutView(made) },
        { ...scope, type: 'payout.paid', data: payoutView(paid.after), previous: { status: made.status } },
      ],
    };
  });
  if (resettlementIds === null) return false;
  await settleNow(deps, resettlementIds);
  return true;
}
