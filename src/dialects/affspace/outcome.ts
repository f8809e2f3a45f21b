import type { Db } from '../../db/db.ts';
import { withoutSource } from '../../domain/keyless.ts';
import { validationError, type AppError } from '../../domain/errors.ts';
import type { Normalized } from '../../domain/facts.ts';
import { explainNotTracked } from '../../domain/outcomes.ts';
import type { ReadOutcome } from '../../inbound/inbox/read-outcomes.ts';
import { findAnyClick } from '../../program/clicks.ts';
import { answer, type DialectAnswer } from '../dialect.ts';
import { answerData } from './envelope.ts';
import { toStatus } from './status.ts';

/** What was reported, and whose. */
export interface Reported {
  programId: string;
  normalized: Normalized;
}

/**
 * What became of a conversion: tracked inside `data`, not tracked at the top level, as the page has it. Throws
 * VALIDATION_ERROR in the page's words for what was refused.
 */
export async function answerConversion(
  db: Db,
  reported: Reported,
  inboxEventId: string,
  settled: ReadOutcome | null,
): Promise<DialectAnswer> {
  const outcome = settled?.outcome ?? 'failed';
  const conversion = settled?.conversion ?? null;
  switch (outcome) {
    case 'recorded':
    case 'updated':
      return answerData({
        tracked: true,
        conversionId: conversion?.id ?? null,
        status: conversion && toStatus(conversion.status),
        currency: conversion?.currency ?? conversion?.commissionCurrency ?? null,
      });
    case 'duplicate':
      return isByClick(reported.normalized)
        ? answerUntracked('cpa_click_limit', 'This click already converted.')
        : answerUntracked('duplicate_txid', 'A conversion with this transaction ID is already recorded.');
    case 'parked':
      return answerUntracked('no_attribution', 'Nothing tells which affiliate referred it.');
    case 'not_tracked':
    case 'ignored': {
      const reason = settled?.reason ?? conversion?.reason ?? outcome;
      return answerUntracked(reason, explainNotTracked(reason) ?? settled?.error ?? 'It pays nothing.');
    }
    case 'rejected':
    case 'unprocessable':
      throw await refusal(db, reported, settled);
    default:
      return answerLater(inboxEventId);
  }
}

/** What became of a funnel event: always inside `data`, with the reason where it is not tracked. */
export async function answerEvent(
  db: Db,
  reported: Reported,
  inboxEventId: string,
  settled: ReadOutcome | null,
): Promise<DialectAnswer> {
  const outcome = settled?.outcome ?? 'failed';
  if (outcome === 'rejected' || outcome === 'unprocessable') throw await refusal(db, reported, settled);
  if (outcome === 'failed') return answerLater(inboxEventId);
  const tracked = outcome === 'recorded' || outcome === 'updated';
  const reason = outcome === 'duplicate' ? 'duplicate_event' : (settled?.reason ?? outcome);
  return answerData({ tracked, event_id: inboxEventId, reason: tracked ? null : reason });
}

/** Stored, and not settled in time: nothing is lost, and the same transaction ID again tells what became of it. */
function answerLater(inboxEventId: string): DialectAnswer {
  return answerData({ tracked: null, status: 'processing', event_id: inboxEventId }, 202);
}

function answerUntracked(reason: string, explanation: string): DialectAnswer {
  return answer(200, { success: true, tracked: false, reason, message: `Conversion received. ${explanation}` });
}

/** Postbacks without a transaction ID are told apart by click and goal. */
function isByClick(normalized: Normalized): boolean {
  return (
    normalized.kind === 'facts' &&
    normalized.facts.some(({ refs: [ref = ''] }) => withoutSource(ref).startsWith('click:'))
  );
}

async function refusal(db: Db, { programId, normalized }: Reported, settled: ReadOutcome | null): Promise<AppError> {
  const reason = settled?.reason ?? '';
  const clickId = normalized.kind === 'facts' ? normalized.facts[0]?.evidence.clickId : undefined;
  const click = reason === 'click_not_found' && clickId !== undefined ? await findAnyClick(db, clickId) : null;
  if (click && click.programId !== programId) {
    return validationError('Unauthorized - click belongs to different vendor');
  }
  return validationError(messages[reason] ?? settled?.error ?? 'Invalid request');
}

const messages: Readonly<Record<string, string>> = {
  click_not_found: 'Click not found',
  offer_not_found: 'Offer not found',
  offer_not_active: 'Offer not active',
  amount_required: 'amount required for CPS/RevShare/percentage offers',
};
