import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { NoticedOutcome } from '../../queue/outcome-notices.ts';
import type { Outcome } from '../../domain/outcomes.ts';

/** What became of a stored message, with the conversion that it made or touched. */
export interface ReadOutcome {
  outcome: Outcome;
  /** Why nothing is paid, or why the message was rejected, as a word (domain/outcomes.ts). */
  reason: string | null;
  /** In words, for people. */
  error: string | null;
  conversion: SettledConversion | null;
}

export interface SettledConversion {
  id: string;
  kind: string | null;
  status: string;
  reason: string | null;
  livemode: boolean;
  amountMinor: bigint;
  grossMinor: bigint;
  refundedMinor: bigint;
  currency: string | null;
  affiliateId: string | null;
  offerId: string | null;
  customerId: string | null;
  clickId: string | null;
  commissionMinor: bigint;
  commissionCurrency: string | null;
  createdAt: Date;
}

/** The outcomes of those of these inbox events that are settled. */
export async function readOutcomes(db: Db, inboxIds: string[]): Promise<Map<string, ReadOutcome>> {
  const rows = await runSql<OutcomeRow>(
    db,
    'readOutcomes',
    `select e.id as inbox_id, e.outcome, e.reason as event_reason, e.error, o.id, o.kind, o.status, o.reason, o.livemode,
       o.net_minor, o.gross_minor, o.refunded_minor, o.currency, o.affiliate_id, o.offer_id, o.customer_id, o.click_id,
       o.commission_minor, o.commission_currency, o.created_at
     from inbox_events e
     left join orders o on o.program_id = e.program_id and o.id = e.conversion_id
     where e.id = any(:inboxIds) and e.status <> 'received'`,
    { inboxIds },
  );
  return new Map(rows.map((row) => [row.inbox_id, toOutcome(row)]));
}

/** The same, as a worker announced it. */
export function ofNotice({ outcome, reason, error, conversion }: NoticedOutcome): ReadOutcome {
  return {
    outcome: outcome as Outcome,
    reason,
    error,
    conversion: conversion && {
      ...conversion,
      amountMinor: BigInt(conversion.amountMinor),
      grossMinor: BigInt(conversion.grossMinor),
      refundedMinor: BigInt(conversion.refundedMinor),
      commissionMinor: BigInt(conversion.commissionMinor),
      createdAt: new Date(conversion.createdAt),
    },
  };
}

function toOutcome(row: OutcomeRow): ReadOutcome {
  return {
    outcome: row.outcome,
    reason: row.event_reason,
    error: row.error,
    conversion:
      row.id === null
        ? null
        : {
            id: row.id,
            kind: row.kind,
            status: row.status,
            reason: row.reason,
            livemode: row.livemode,
            amountMinor: row.net_minor,
            grossMinor: row.gross_minor,
            refundedMinor: row.refunded_minor,
            currency: row.currency,
            affiliateId: row.affiliate_id,
            offerId: row.offer_id,
            customerId: row.customer_id,
            clickId: row.click_id,
            commissionMinor: row.commission_minor,
            commissionCurrency: row.commission_currency,
            createdAt: row.created_at,
          },
  };
}

interface OutcomeRow {
  inbox_id: string;
  outcome: Outcome;
  event_reason: string | null;
  error: string | null;
  id: string | null;
  kind: string | null;
  status: string;
  reason: string | null;
  livemode: boolean;
  net_minor: bigint;
  gross_minor: bigint;
  refunded_minor: bigint;
  currency: string | null;
  affiliate_id: string | null;
  offer_id: string | null;
  customer_id: string | null;
  click_id: string | null;
  commission_minor: bigint;
  commission_currency: string | null;
  created_at: Date;
}
