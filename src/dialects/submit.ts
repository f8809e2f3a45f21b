import type { Deps } from '../deps.ts';
import { keyInField } from '../domain/errors.ts';
import { findKeyIn } from '../domain/keys.ts';
import type { Normalized } from '../domain/facts.ts';
import { auditedCall } from '../http/audited-headers.ts';
import type { InboxMessage } from '../inbound/inbox/inbox.ts';
import type { ReadOutcome } from '../inbound/inbox/read-outcomes.ts';
import { redactRaw } from '../inbound/inbox/redaction.ts';
import { SURFACE_HEADER } from '../audit/renormalize.ts';
import type { Principal } from '../program/principals.ts';
import type { AuthMode, DialectRequest } from './dialect.ts';

export interface SubmittedMessage {
  /** Of the inbox event. */
  id: string;
  /** Null: no result in time; nothing is lost. */
  settled: ReadOutcome | null;
}

/**
 * Stores what a request says and waits, in bounded time, for what becomes of it: every dialect's way to the ledger. The body
 * is kept as it came, without keys; `normalized` is what it means. Throws UNAVAILABLE.
 */
export async function submitRequest(
  deps: Pick<Deps, 'inbox'>,
  request: DialectRequest<unknown, unknown, unknown, AuthMode>,
  message: Pick<InboxMessage, 'programId' | 'kind' | 'normalized' | 'audited'>,
): Promise<SubmittedMessage> {
  const { raw, given, receivedAt } = request;
  refuseKeys(message.normalized);
  const headers = auditRequest(request);
  return await deps.inbox.appendAndWait({
    ...message,
    sourceId: null,
    raw: redactRaw(raw, given),
    headers,
    receivedAt,
  });
}

/** Of the fields that mean something; others are kept without keys. */
function refuseKeys(normalized: Normalized): void {
  if (normalized.kind === 'facts' && findKeyIn(normalized.facts)) throw keyInField('');
}

/** What is stored of a request beside its body: by which surface and key it came; never a credential. */
export function auditRequest({
  surface,
  principal,
  req,
}: Pick<DialectRequest<unknown, unknown, unknown, AuthMode>, 'surface' | 'principal' | 'req'>): Record<string, string> {
  const caller: Principal | null = principal;
  return auditedCall(req, caller?.keyId, { [SURFACE_HEADER]: surface });
}
