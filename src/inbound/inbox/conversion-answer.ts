import { AppError } from '../../domain/errors.ts';
import { explainNotTracked, explainRejection } from '../../domain/outcomes.ts';
import type { ReadOutcome, SettledConversion } from './read-outcomes.ts';

/** An answer of `POST /api/v1/conversions`; `/pb` in json mode has the same bodies, always with status 200. */
export interface ConversionAnswer {
  status: 200 | 201 | 202;
  body: { data: ConversionAnswerData };
}

export type ConversionAnswerData =
  | {
      tracked: true;
      conversionId: string | null;
      status: string | null;
      kind: string | null;
      livemode: boolean;
      commission: { amountMinor: number; currency: string | null; status: string } | null;
    }
  | { tracked: false; reason: string; message: string; conversionId?: string }
  | { tracked: null; status: 'processing' | 'failed'; inboxEventId: string; location: string };

/** What the answer tells of the message itself. */
export interface Sent {
  livemode: boolean;
  /** Gives a sentence about names that were probably misspelt, '' where there are none; asked only where nothing was tracked. */
  hint: () => string;
}

/**
 * What became of a conversion, in the words of the API. `settled` null: no result in time. Throws VALIDATION_ERROR with
 * `details.reason` for what was refused after it was stored (an unknown click, affiliate or offer).
 */
export function answerConversion(inboxEventId: string, settled: ReadOutcome | null, sent: Sent): ConversionAnswer {
  if (settled === null) return answerLater(inboxEventId, 'processing');
  const { livemode } = sent;
  const answerUntracked = (reason: string, message: string, about: SettledConversion | null) =>
    untracked(reason, message + sent.hint(), about);
  const { conversion } = settled;
  switch (settled.outcome) {
    case 'recorded':
      return { status: 201, body: { data: describeTracked(conversion, livemode) } };
    case 'updated':
      return { status: 200, body: { data: describeTracked(conversion, livemode) } };
    case 'duplicate':
      return answerUntracked(
        'duplicate_order',
        settled.error ?? 'A conversion with this order is already recorded.',
        conversion,
      );
    case 'parked':
      return answerUntracked(
        'no_attribution',
        settled.error ??
          'Nothing tells which affiliate referred this. It is kept, and attributed should evidence arrive.',
        conversion,
      );
    case 'not_tracked':
    case 'ignored': {
      const reason = settled.reason ?? conversion?.reason ?? settled.outcome;
      return answerUntracked(
        reason,
        explainNotTracked(reason) ?? settled.error ?? 'Received, and not paid.',
        conversion,
      );
    }
    case 'rejected':
    case 'unprocessable':
      throw toRejection(settled, sent);
    default:
      return answerLater(inboxEventId, 'failed');
  }
}

function describeTracked(conversion: SettledConversion | null, livemode: boolean): ConversionAnswerData {
  return {
    tracked: true,
    conversionId: conversion?.id ?? null,
    status: conversion?.status ?? null,
    kind: conversion?.kind ?? null,
    livemode: conversion?.livemode ?? livemode,
    commission: conversion && {
      amountMinor: Number(conversion.commissionMinor),
      currency: conversion.commissionCurrency,
      status: conversion.status,
    },
  };
}

function untracked(reason: string, message: string, conversion: SettledConversion | null): ConversionAnswer {
  const about = conversion ? { conversionId: conversion.id } : {};
  return { status: 200, body: { data: { tracked: false, reason, message, ...about } } };
}

/** It is stored, so nothing is lost: `location` will tell the outcome, and what failed can be replayed there. */
function answerLater(inboxEventId: string, status: 'processing' | 'failed'): ConversionAnswer {
  const location = `/api/v1/inbox-events/${inboxEventId}`;
  return { status: 202, body: { data: { tracked: null, status, inboxEventId, location } } };
}

function toRejection(settled: ReadOutcome, { hint }: Sent): AppError {
  const reason = settled.reason ?? settled.error ?? settled.outcome;
  const message = explainRejection(reason) ?? settled.error ?? 'The conversion was refused';
  const hints = hint();
  return new AppError('VALIDATION_ERROR', hints === '' ? message : `${message}.${hints}`, { details: { reason } });
}
