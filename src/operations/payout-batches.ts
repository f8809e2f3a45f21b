import type { Db } from '../db/db.ts';
import type { Actor } from '../domain/actor.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { commitAndAnnounce } from '../outbound/messages/commit-and-announce.ts';
import { recordAuditEvents } from '../program/audit-events.ts';
import { findPayees, sumPayable } from '../ledger/payable.ts';
import { describeBatch, insertBatch, MAX_BATCH_PAYOUTS, type PayoutBatch } from '../ledger/payout-batches.ts';
import { createPayouts, type Payout, type PayoutChanges, type PayoutDetails } from '../ledger/payouts.ts';
import { auditCreated, draftCreated, finish, type ChangeDeps } from './payout-changes.ts';
import { settleNow } from './settle-now.ts';

export interface BatchInput extends PayoutDetails {
  currency: string;
  minimumMinor: bigint;
  /** Those alone; null: everybody who has something payable. */
  affiliateIds: readonly string[] | null;
  /** The API key. */
  createdBy: string;
}

/** What a batch would take of each, now; writes and locks nothing. */
export async function previewBatch(
  db: Db,
  programId: string,
  input: BatchInput,
): Promise<{ affiliateId: string; amountMinor: bigint }[]> {
  const affiliateIds = await choosePayees(db, programId, input);
  return sumPayable(db, programId, { ...input, affiliateIds });
}

/**
 * Pays out all that is payable to each of the affiliates, in one transaction whose statements do not grow with them, and tells
 * subscribers of each payout. Throws CONFLICT where nothing is payable, or to too many for one batch.
 */
export async function createBatchAndAnnounce(
  deps: ChangeDeps,
  programId: string,
  input: BatchInput,
  actor: Actor,
): Promise<{ batch: PayoutBatch; payouts: Payout[] }> {
  const affiliateIds = await choosePayees(deps.db, programId, input);
  const now = deps.clock.now();
  const { currency, minimumMinor, createdBy, reference = null, note = null } = input;
  const batch = { id: newId('pab'), programId, currency, minimumMinor, reference, note, createdBy, createdAt: now };
  return commitAndAnnounce(deps, async (trx) => {
    await insertBatch(trx, batch);
    const { made } = await createPayouts(trx, programId, { ...batch, affiliateIds, batchId: batch.id }, now);
    if (made.length === 0) {
      throw new AppError('CONFLICT', 'Nothing is payable in this currency to these affiliates: dryRun shows what is');
    }
    await recordAuditEvents(trx, { programId, livemode: true }, actor, [
      {
        action: 'payout_batch.created',
        objectType: 'payout_batch',
        objectId: batch.id,
        before: null,
        after: { currency, minimumMinor: Number(minimumMinor), reference, note, payouts: made.length },
      },
      ...made.map((payout) => auditCreated(payout)),
    ]);
    const payouts = made.toSorted((a, b) => (a.affiliateId < b.affiliateId ? -1 : 1));
    return { result: { batch, payouts }, drafts: made.map((payout) => draftCreated(programId, payout)) };
  });
}

/**
 * Marks all pending payouts of a batch as paid or failed and tells subscribers; says what is known of the payments. False for an
 * unknown batch. Throws CONFLICT where none is pending and one has the other status.
 */
export async function changeBatchAndAnnounce(
  deps: ChangeDeps,
  programId: string,
  batchId: string,
  changes: PayoutChanges,
  actor: Actor,
): Promise<boolean> {
  const resettlementIds = await commitAndAnnounce<string[] | null>(deps, async (trx) => {
    const now = deps.clock.now();
    if (!(await describeBatch(trx, programId, batchId, changes, now))) return { result: null, drafts: [] };
    const finished = await finish(trx, programId, { batchId }, changes, now, actor);
    return { result: finished.resettlementIds, drafts: finished.drafts };
  });
  if (resettlementIds === null) return false;
  await settleNow(deps, resettlementIds);
  return true;
}

async function choosePayees(db: Db, programId: string, input: BatchInput): Promise<string[]> {
  const { affiliateIds, currency, minimumMinor } = input;
  if (affiliateIds) return [...new Set(affiliateIds)].toSorted();
  const payees = await findPayees(db, programId, { currency, minimumMinor, limit: MAX_BATCH_PAYOUTS + 1 });
  if (payees.length <= MAX_BATCH_PAYOUTS) return payees;
  throw new AppError(
    'CONFLICT',
    `More than ${MAX_BATCH_PAYOUTS} affiliates could be paid, too many for one batch: raise minimumMinor or name affiliateIds`,
  );
}
