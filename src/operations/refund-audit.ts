import type { Normalized } from '../domain/facts.ts';
import type { Conversion } from '../ledger/conversions.ts';
import type { AuditedChange } from '../program/audit-events.ts';
import { describeChange } from '../program/audited-changes.ts';

/** How the audit log tells of a refund that somebody asked for: how much was refunded before, and how much more is. */
export function auditRefund(conversion: Conversion, normalized: Normalized, reason?: string | null): AuditedChange[] {
  const [fact] = normalized.kind === 'facts' ? normalized.facts : [];
  if (fact?.type !== 'refund') return [];
  const before = Number(conversion.refundedMinor);
  const amount = fact.amount && 'minor' in fact.amount ? fact.amount.minor : Number(conversion.grossMinor) - before;
  const after = { refundedMinor: before + amount, refundId: fact.refundId, ...(reason ? { reason } : {}) };
  const object = { type: 'conversion', id: conversion.id };
  return describeChange(object, { refundedMinor: before }, after, { action: 'refunded' });
}
