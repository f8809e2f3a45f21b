import type { Db } from '../db/db.ts';
import type { Actor } from '../domain/actor.ts';
import { commissionIdOf } from '../domain/ids.ts';
import { describeChange } from '../program/audited-changes.ts';
import type { AuditedChange } from '../program/audit-events.ts';
import type { Inbox } from '../inbound/inbox/inbox.ts';
import { AppError } from '../domain/errors.ts';
import { isInForce, normalizeDecision, type Decision } from './decision-fact.ts';
import type { Conversion } from '../ledger/conversions.ts';
import { findConversion, readConversionDetail, readHalves } from '../ledger/conversions.ts';
import { findObjection, objectToAssigning } from '../pipeline/rules/decisions.ts';

export interface DecidedBy {
  programId: string;
  livemode: boolean;
  /** What is recorded with the decision: the request as it came, and its headers. */
  raw: Buffer;
  headers: Record<string, string>;
  receivedAt: Date;
  actor: Actor;
}

export type DecisionResult =
  | { kind: 'decided'; conversion: Conversion }
  /** No result in time; the decision is recorded and will count. */
  | { kind: 'processing'; inboxEventId: string };

/**
 * Approves or rejects the commission of a conversion, or assigns it to another affiliate where a review asks whose it is. The
 * decision is treated like any other message: recorded with who and when, then settled. Throws CONFLICT where the
 * commission's state does not admit it; a decision that is in force already changes nothing.
 */
export async function decideCommission(
  deps: { db: Db; inbox: Pick<Inbox, 'appendAndWait'> },
  conversion: Conversion,
  decision: Decision,
  by: DecidedBy,
): Promise<DecisionResult> {
  if ('status' in decision && isInForce(conversion, decision.status)) return { kind: 'decided', conversion };
  const { facts } = await readConversionDetail(deps.db, conversion.id);
  const objection =
    'status' in decision ? findObjection(conversion, decision.status, facts) : objectToAssigning(conversion);
  if (objection) throw new AppError('CONFLICT', objection);
  const halves = await readHalves(deps.db, conversion.id);
  const openGrounds = conversion.review?.grounds ?? [];
  const { id, settled } = await deps.inbox.appendAndWait({
    programId: by.programId,
    sourceId: null,
    kind: 'decision',
    raw: by.raw,
    headers: by.headers,
    normalized: normalizeDecision({ halves, livemode: conversion.livemode, openGrounds }, decision, by.receivedAt),
    receivedAt: by.receivedAt,
    audited: { actor: by.actor, changes: auditDecision(conversion, decision) },
  });
  if (settled === null || settled.outcome === 'failed') return { kind: 'processing', inboxEventId: id };
  const after = await findConversion(deps.db, by.programId, by.livemode, conversion.id);
  return { kind: 'decided', conversion: after ?? conversion };
}

/** How the audit log tells of a decision: what the commission was, and what it was said to be. */
export function auditDecision(conversion: Conversion, decision: Decision): AuditedChange[] {
  const object = { type: 'commission', id: commissionIdOf(conversion.id) };
  if (!('status' in decision)) {
    const [was, is] = [{ affiliateId: conversion.affiliateId }, { affiliateId: decision.affiliateId }];
    return describeChange(object, was, is, { action: 'assigned' });
  }
  const { status, reason } = decision;
  const reviews = conversion.review === null ? {} : { review: conversion.review.reasons };
  const [was, is] = [
    { status: conversion.status, ...reviews },
    { status, ...(reason === null ? {} : { reason }) },
  ];
  return describeChange(object, was, is, { action: status });
}
