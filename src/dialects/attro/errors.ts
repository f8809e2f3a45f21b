import type { Request } from 'express';
import { AppError, type ErrorCode, type ErrorDetails } from '../../domain/errors.ts';
import type { DialectAnswer, RequestPart } from '../dialect.ts';

/** The status is HTTP's own; the code the page's, or the nearest that it has. */
const codes: Record<ErrorCode, string> = {
  VALIDATION_ERROR: 'VALIDATION_ERROR',
  UNAUTHORIZED: 'INVALID_API_KEY',
  INVALID_API_KEY: 'INVALID_API_KEY',
  INSUFFICIENT_PERMISSIONS: 'INSUFFICIENT_PERMISSIONS',
  NOT_FOUND: 'NOT_FOUND',
  METHOD_NOT_ALLOWED: 'NOT_FOUND',
  CONFLICT: 'CONFLICT',
  IDEMPOTENCY_MISMATCH: 'VALIDATION_ERROR',
  PAYLOAD_TOO_LARGE: 'VALIDATION_ERROR',
  UNSUPPORTED_MEDIA_TYPE: 'VALIDATION_ERROR',
  RATE_LIMITED: 'RATE_LIMITED',
  INTERNAL_ERROR: 'INTERNAL_ERROR',
  UNAVAILABLE: 'INTERNAL_ERROR',
};

const messages: Partial<Record<ErrorCode, string>> = {
  UNAUTHORIZED: 'Missing API key',
  INVALID_API_KEY: 'Invalid API key',
  INSUFFICIENT_PERMISSIONS: 'API key lacks required permission',
  RATE_LIMITED: 'Rate limit exceeded',
  INTERNAL_ERROR: 'Server error',
};

/** `{"error": {code, message, details?, retryAfter?}}`; `retryAfter` in seconds, as the page's own client reads it. */
export function renderError(error: AppError, req: Request): DialectAnswer {
  const details = error.code === 'VALIDATION_ERROR' ? tidy(error.details) : undefined;
  const invalid = details && describePart(req.method === 'GET' ? 'query' : 'body');
  const message = invalid ?? messages[error.code] ?? error.message;
  const retryAfter = error.code === 'RATE_LIMITED' ? error.retryAfterS : undefined;
  const code = error.details?.['reason'] === DUPLICATE ? 'DUPLICATE_CONVERSION' : codes[error.code];
  return { status: error.status, body: { error: { code, message, details, retryAfter } } };
}

const DUPLICATE = 'duplicate_order';

export function duplicateConversion(externalId: string): AppError {
  const message = `Conversion with externalId '${externalId}' already exists`;
  return new AppError('CONFLICT', message, { details: { reason: DUPLICATE } });
}

/** `details` is empty where the mistake is in no field (the body is not an object). */
export function describeInvalid(part: RequestPart, details: ErrorDetails): AppError {
  return new AppError('VALIDATION_ERROR', describePart(part), { details });
}

function describePart(part: RequestPart): string {
  return part === 'body' ? 'Invalid request body' : 'Invalid request parameters';
}

/** Field -> a sentence of its own: `is required` is "Required", `must be a number` "Must be a number". */
function tidy(details: ErrorDetails | undefined): ErrorDetails | undefined {
  const entries = Object.entries(details ?? {}).filter(([field]) => field !== 'reason');
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([field, message]) => [field, toSentence(message)]));
}

function toSentence(message: string): string {
  const text = message.replace(/^is required/, 'required');
  return text.charAt(0).toUpperCase() + text.slice(1);
}
