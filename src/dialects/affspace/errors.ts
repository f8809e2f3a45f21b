import type { AppError, ErrorCode } from '../../domain/errors.ts';
import type { DialectAnswer } from '../dialect.ts';

/**
 * The code is the page's, or the nearest that it has; the status is HTTP's own. A key that may only read is answered like a
 * wrong one: the page knows no such keys, and no 403.
 */
const codes: Record<ErrorCode, string> = {
  VALIDATION_ERROR: 'VALIDATION_ERROR',
  UNAUTHORIZED: 'UNAUTHORIZED',
  INVALID_API_KEY: 'INVALID_API_KEY',
  INSUFFICIENT_PERMISSIONS: 'INVALID_API_KEY',
  NOT_FOUND: 'NOT_FOUND',
  METHOD_NOT_ALLOWED: 'NOT_FOUND',
  CONFLICT: 'VALIDATION_ERROR',
  IDEMPOTENCY_MISMATCH: 'VALIDATION_ERROR',
  PAYLOAD_TOO_LARGE: 'VALIDATION_ERROR',
  UNSUPPORTED_MEDIA_TYPE: 'VALIDATION_ERROR',
  RATE_LIMITED: 'RATE_LIMITED',
  INTERNAL_ERROR: 'INTERNAL_ERROR',
  UNAVAILABLE: 'INTERNAL_ERROR',
};

const messages: Partial<Record<ErrorCode, string>> = {
  UNAUTHORIZED: 'API key required',
  INVALID_API_KEY: 'API key is invalid',
  RATE_LIMITED: 'Too many requests - check Retry-After header',
  INTERNAL_ERROR: 'Server error',
};

/** `{"success": false, "error": {code, message}}`: the message tells the field. */
export function renderError(error: AppError): DialectAnswer {
  // Our own message offers more than a click; the page knows only that.
  const message =
    messages[error.code] ?? error.message.replace(/click_id is required, or [^;]*/, 'click_id is required');
  const status = error.code === 'INSUFFICIENT_PERMISSIONS' ? 401 : error.status;
  return { status, body: { success: false, error: { code: codes[error.code], message } } };
}
