import type { Deps } from '../deps.ts';
import type { Scope } from '../domain/scope.ts';
import { normalizeConversion } from '../inbound/conversion/normalize.ts';
import { hintAtMisspelt } from '../inbound/fields/misspelt.ts';
import { defaultFieldNames } from '../inbound/fields/names.ts';
import { answerConversion, type ConversionAnswer } from '../inbound/inbox/conversion-answer.ts';
import { withoutNewIds } from '../inbound/inbox/dry-run.ts';
import type { InboxMessage } from '../inbound/inbox/inbox.ts';
import { redactRaw } from '../inbound/inbox/redaction.ts';

/** A conversion as a caller reports it. */
export interface ReportedConversion {
  body: Record<string, unknown>;
  /** The bytes of the body as they came. */
  raw: Buffer;
  headers: Record<string, string>;
  receivedAt: Date;
  /** Names the call and every retry of it; null: only itself. */
  callId: string | null;
}

/**
 * Stores a conversion and waits, bounded, for what becomes of it. Throws VALIDATION_ERROR for what cannot be read or was refused
 * after it was stored, and UNAVAILABLE where it is not stored. It is stored in the order in which this is called.
 */
export async function reportConversion(
  { inbox }: Pick<Deps, 'inbox'>,
  scope: Scope,
  reported: ReportedConversion,
): Promise<ConversionAnswer> {
  const message = toMessage(scope, reported);
  const { id, settled } = await inbox.appendAndWait(message);
  return answerConversion(id, settled, sentOf(message, reported));
}

/** What that would answer, with null for ids that would be new. Nothing is written. */
export async function dryRunConversion(
  { dryRun }: Pick<Deps, 'dryRun'>,
  scope: Scope,
  reported: ReportedConversion,
): Promise<{ status: number; body: unknown }> {
  const message = toMessage(scope, reported);
  const { settled, newIds } = await dryRun(message);
  const { status, body } = answerConversion('', settled, sentOf(message, reported));
  return { status, body: withoutNewIds(body, newIds) };
}

function toMessage(
  { programId, livemode }: Scope,
  { body, raw, headers, receivedAt, callId }: ReportedConversion,
): InboxMessage {
  return {
    programId,
    sourceId: null,
    kind: 'conversion',
    raw: redactRaw(raw, body),
    headers,
    normalized: normalizeConversion(body, { livemode, receivedAt, callId: callId ?? undefined }),
    receivedAt,
  };
}

function sentOf({ normalized }: InboxMessage, { body }: ReportedConversion) {
  return {
    livemode: normalized.livemode,
    hint: () => hintAtMisspelt(Object.keys(body), defaultFieldNames),
  };
}
