import type { Db } from '../db/db.ts';
import type { Actor } from '../domain/actor.ts';
import { AppError } from '../domain/errors.ts';
import type { FactAmount } from '../domain/facts.ts';
import type { Scope } from '../domain/scope.ts';
import type { Inbox } from '../inbound/inbox/inbox.ts';
import { findConversion, findMergedConversion, readHalves, type Conversion } from '../ledger/conversions.ts';
import { findPendingPayoutOf } from '../ledger/payout-entries.ts';
import { objectToCorrecting } from '../pipeline/rules/decisions.ts';
import type { Affiliate } from '../program/affiliates.ts';
import type { AuditedChange } from '../program/audit-events.ts';
import { describeChange } from '../program/audited-changes.ts';
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
    audited: { actor, changes: auditCorrection(conversion, { amount, affiliate, reason }) },
  });
  if (settled === null || settled.outcome === 'failed') return { kind: 'processing', inboxEventId: id };
  const after = await findConversion(db, programId, livemode, conversion.id);
  return { kind: 'decided', conversion: after ?? conversion };
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

/** How the audit log tells of a correction: of what was corrected, how it was and how a person says that it is. */
function auditCorrection(conversion: Conversion, { amount, affiliate, reason }: CorrectionInput): AuditedChange[] {
  const { grossMinor, netMinor, affiliateId } = conversion;
  const was = {
    ...(amount ? { grossMinor: Number(grossMinor) } : {}),
    ...(amount?.net ? { amountMinor: Number(netMinor) } : {}),
    ...(affiliate ? { affiliateId } : {}),
  };
  const is = {
    ...(amount ? { grossMinor: numberOf(amount.gross) } : {}),
    ...(amount?.net ? { amountMinor: numberOf(amount.net) } : {}),
    ...(affiliate ? { affiliateId: affiliate.id } : {}),
    reason,
  };
  return describeChange({ type: 'conversion', id: conversion.id }, was, is, { action: 'corrected' });
}

/** Minor units; text in major units only where no currency is known. */
function numberOf(amount: FactAmount): number | string {
  return 'minor' in amount ? amount.minor : amount.major;
}
