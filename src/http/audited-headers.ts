import type { Request } from 'express';
import { maskKeys } from '../domain/keys.ts';
import { requestIdOf } from './errors.ts';

/** The headers of its own that may be kept of a request: none of them can hold a credential. */
export type AuditedHeader = 'content-type' | 'user-agent';

/** The longest value of a header that is kept whole. */
export const MAX_AUDITED_LENGTH = 255;

/**
 * What is stored of a request's headers beside its raw body, for audits and replays: the named ones, cut to 255 characters,
 * and what the surface adds. Whatever is absent is left out.
 */
export function auditedHeaders(
  req: Request,
  names: readonly AuditedHeader[],
  added: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of names) {
    const value = req.headers[name];
    if (value) kept[name] = maskKeys(value.slice(0, MAX_AUDITED_LENGTH));
  }
  for (const [name, value] of Object.entries(added)) if (value !== undefined) kept[name] = value;
  return kept;
}

/** The same of an API call: which request it was, and by which key. */
export function auditedCall(
  req: Request,
  keyId: string | undefined,
  added: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  return auditedHeaders(req, ['user-agent'], { 'x-request-id': requestIdOf(req), 'key-id': keyId, ...added });
}

/** `t=1700000000` of a signature header `t=…,v1=…`: enough to tell a retry from a first attempt, and no proof of anything. */
export function timeOfSignature(signature: string | undefined): string | undefined {
  return /(?:^|,)\s*(t=\d+)/.exec(signature ?? '')?.[1];
}
