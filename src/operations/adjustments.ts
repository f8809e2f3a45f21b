import { inTransaction, type Db } from '../db/db.ts';
import type { Actor } from '../domain/actor.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { formatMajorAmount } from '../domain/money.ts';
import type { Scope } from '../domain/scope.ts';
import { normalizeAdjustment, refOf, type AdjustmentMessage } from '../inbound/adjustment/normalize.ts';
import type { Inbox, InboxMessage } from '../inbound/inbox/inbox.ts';
import { adjustmentView } from '../ledger/adjustment-view.ts';
import { findAdjustmentByRef, type Adjustment } from '../ledger/adjustments.ts';
import { recordAuditEvents } from '../program/audit-events.ts';

export interface AdjustmentInput {
  affiliateId: string;
  /** Added to the balance; negative: taken from it. Never 0. */
  amountMinor: number;
  currency: string;
  reason: string;
  reference: string | null;
  occurredAt: Date;
}

/** The call by which it is made. */
export interface AdjustingCall {
  actor: Actor;
  headers: Record<string, string>;
  receivedAt: Date;
  /** Names it and every retry of it; null: only itself. */
  callId: string | null;
}

export type AdjustmentResult =
  | { kind: 'made' | 'known'; adjustment: Adjustment }
  /** No result in time; it is recorded and will count. */
  | { kind: 'processing'; inboxEventId: string };

/**
 * Adds to an affiliate's balance, or takes from it: recorded with who and why like any other message, then settled. Of a
 * reference that is known nothing is made. Throws CONFLICT where that one says otherwise.
 */
export async function makeAdjustment(
  { db, inbox }: { db: Db; inbox: Inbox },
  scope: Scope,
  input: AdjustmentInput,
  { actor, headers, receivedAt, callId }: AdjustingCall,
): Promise<AdjustmentResult> {
  const call = callId ?? newId('ibx').slice('ibx_'.length);
  const ref = refOf({ reference: input.reference, call });
  const known = await findAdjustmentByRef(db, scope, ref);
  if (known) return { kind: 'known', adjustment: sameAs(known, input) };
  const message = adjustmentMessage(scope, input, { by: nameActor(actor), call, headers, receivedAt });
  const { id, settled } = await inbox.appendAndWait(message);
  if (settled === null || settled.outcome === 'failed') return { kind: 'processing', inboxEventId: id };
  const adjustment = await findAdjustmentByRef(db, scope, ref);
  if (!adjustment) throw new Error(`the adjustment ${ref} was settled, and is not there`);
  // Of two simultaneous calls with one reference the first makes it.
  if (settled.outcome === 'duplicate') return { kind: 'known', adjustment: sameAs(adjustment, input) };
  const { amountMinor, ...after } = adjustmentView(adjustment);
  await inTransaction(db, (trx) =>
    recordAuditEvents(trx, scope, actor, [
      {
        action: 'adjustment.created',
        objectType: 'adjustment',
        objectId: adjustment.id,
        before: null,
        after: { amountMinor, ...after },
      },
    ]),
  );
  return { kind: 'made', adjustment };
}

/** The message of an adjustment, to be stored. */
export function adjustmentMessage(
  { programId, livemode }: Scope,
  { occurredAt, ...input }: AdjustmentInput,
  call: { by: string; call: string; headers: Record<string, string>; receivedAt: Date },
): InboxMessage {
  const said: AdjustmentMessage = { ...input, occurredAt: occurredAt.toISOString(), by: call.by, call: call.call };
  return {
    programId,
    sourceId: null,
    kind: 'adjustment',
    raw: Buffer.from(JSON.stringify(said)),
    headers: call.headers,
    normalized: normalizeAdjustment(said, { livemode }),
    receivedAt: call.receivedAt,
  };
}

/** Who decided, as facts name them: the API key's id, else what kind of caller it was. */
export function nameActor({ kind, id }: Actor): string {
  return id ?? kind;
}

function sameAs(known: Adjustment, { affiliateId, amountMinor, currency, reference }: AdjustmentInput): Adjustment {
  const { commissionMinor, commissionCurrency } = known;
  const isSame =
    known.affiliateId === affiliateId && commissionMinor === BigInt(amountMinor) && commissionCurrency === currency;
  if (isSame) return known;
  const stands = `${formatMajorAmount(commissionMinor, commissionCurrency ?? currency)} ${commissionCurrency} for ${known.affiliateId}`;
  const by = reference === null ? 'was made under this Idempotency-Key' : `has the reference '${reference}'`;
  throw new AppError(
    'CONFLICT',
    `The adjustment ${known.id} ${by} and stands at ${stands}: use another one to make one more, or to take it back`,
  );
}
