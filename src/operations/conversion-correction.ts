import { inTransaction, type Db } from '../db/db.ts';
import type { Actor } from '../domain/actor.ts';
import { AppError } from '../domain/errors.ts';
import type { FactAmount } from '../domain/facts.ts';
import type { Scope } from '../domain/scope.ts';
import type { Inbox } from '../inbound/inbox/inbox.ts';
import { findConversion, findMergedConversion, readHalves, type Conversion } from '../ledger/conversions.ts';
import { findPendingPayoutOf } from '../ledger/payout-entries.ts';
import { objectToCorrecting } from '../pipeline/rules/decisions.ts';
import type { Affiliate } from '../program/affiliates.ts';
import { recordAuditEvents, type AuditedChange } from '../program/audit-events.ts';
import type { DecisionResult } from './commission-decision.ts';
import { nameActor } from './adjustments.ts';
import { normalizeCorrection } from './correction-facts.ts';

export interface CorrectionInput {
  amount: { gross: FactAmount; net: FactAmount | null } | null;
  affiliate: Affiliate | null;
  reason: string;
}

/** The request by which a person decides. */
export interface DecidingCall {
  actor: Actor;
  /** What is recorded with the decision: the request as it came, and its headers. */
  raw: Buffer;
  headers: Record<string, string>;
  receivedAt: Date;
  callId: string | null;
}

/**
 * Corrects a conversion's amount, or says whose it is, at any time: recorded like any other message, then settled. Refunds and
 * disputes go on counting, now against the corrected amount; what was paid already is netted by the next payout. Throws
 * CONFLICT where its state does not admit it.
 */
export async function correctConversion(
  { db, inbox }: { db: Db; inbox: Inbox },
  scope: Scope,
  conversion: Conversion,
  { amount, affiliate, reason }: CorrectionInput,
  { actor, raw, headers, receivedAt, callId }: DecidingCall,
): Promise<DecisionResult> {
  const { programId, livemode } = scope;
  await refuse(db, scope, conversion, amount !== null);
  if (affiliate) refuseInactive(affiliate);
  const order = {
    halves: await readHalves(db, conversion.id),
    livemode,
    offerId: conversion.offerId,
    openGrounds: affiliate ? (conversion.review?.grounds ?? []).filter(isAboutWhom) : [],
  };
  const correction = { amount, affiliateId: affiliate?.id ?? null, reason, by: nameActor(actor) };
  const { id, settled } = await inbox.appendAndWait({
    programId,
    sourceId: null,
    kind: 'decision',
    raw,
    headers,
    normalized: normalizeCorrection(order, correction, { decidedAt: receivedAt, callId }),
    receivedAt,
  });
  const after = (await findConversion(db, programId, livemode, conversion.id)) ?? conversion;
  const isSettled = settled !== null && settled.outcome !== 'failed';
  const change = describeChange(conversion, isSettled ? after : null, { amount, affiliate, reason });
  await inTransaction(db, (trx) => recordAuditEvents(trx, scope, actor, [change]));
  return isSettled ? { kind: 'decided', conversion: after } : { kind: 'processing', inboxEventId: id };
}

async function refuse(db: Db, { programId, livemode }: Scope, conversion: Conversion, amount: boolean): Promise<void> {
  const [pendingPayoutId, survivor] = await Promise.all([
    findPendingPayoutOf(db, programId, conversion.id),
    conversion.mergedInto === null ? null : findMergedConversion(db, programId, livemode, conversion.id),
  ]);
  const objection = objectToCorrecting(
    { ...conversion, pendingPayoutId, mergedInto: survivor?.id ?? conversion.mergedInto },
    { amount },
  );
  if (objection !== null) throw new AppError('CONFLICT', objection);
}

/** Nothing would be credited to them. Throws CONFLICT. */
export function refuseInactive({ id, status }: Affiliate): void {
  if (status === 'active') return;
  throw new AppError(
    'CONFLICT',
    `The affiliate ${id} is ${status}, so nothing can be credited to them: set their status to active first`,
  );
}

/** Of a review, the grounds that ask whose the order is; the others are about the amount. */
function isAboutWhom(ground: string): boolean {
  return ground.startsWith('joined_affiliates_differ') || ground.startsWith('paid_to_another');
}

/** `after` null: not settled yet, so what was asked for is told. */
function describeChange(
  before: Conversion,
  after: Conversion | null,
  { amount, affiliate, reason }: CorrectionInput,
): AuditedChange {
  const asked = { ...(amount ? { amount } : {}), ...(affiliate ? { affiliateId: affiliate.id } : {}) };
  return {
    action: 'conversion.corrected',
    objectType: 'conversion',
    objectId: before.id,
    before: amountsOf(before),
    after: { ...(after ? amountsOf(after) : asked), reason },
  };
}

function amountsOf({ grossMinor, netMinor, affiliateId, commissionMinor }: Conversion) {
  return {
    grossMinor: Number(grossMinor),
    amountMinor: Number(netMinor),
    affiliateId,
    commissionMinor: Number(commissionMinor),
  };
}
