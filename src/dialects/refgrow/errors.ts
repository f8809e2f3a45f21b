import { AppError } from '../../domain/errors.ts';
import { answer, type DialectAnswer } from '../dialect.ts';

/**
 * Refgrow's errors: `{success: false, error: {code, message, details: {field, issue}}}`. Its table of codes has one status
 * each; what it has no word for takes the nearest. https://refgrow.com/docs/endpoints, read 2026-11.
 */
export function renderRefgrowError(error: AppError): DialectAnswer {
  const [status, code] = codes[error.code];
  const details = describe(error);
  return answer(status, {
    success: false,
    error: { code, message: messageOf(error), ...(details ? { details } : {}) },
  });
}

/** A mistake in one field, in the page's own words. */
export function invalidField(field: string, issue: string, message = `${field} ${issue}`): AppError {
  return new AppError('VALIDATION_ERROR', message, { details: { [field]: issue } });
}

/** Something that the request names and the program does not have. */
export function resourceNotFound(what: string, field: string): AppError {
  return new AppError('NOT_FOUND', `${what} not found`, { details: { [field]: 'does not exist' } });
}

const invalid = [400, 'invalid_request'] as const;
const codes: Record<AppError['code'], readonly [status: number, code: string]> = {
  VALIDATION_ERROR: invalid,
  CONFLICT: invalid,
  IDEMPOTENCY_MISMATCH: invalid,
  PAYLOAD_TOO_LARGE: invalid,
  UNSUPPORTED_MEDIA_TYPE: invalid,
  UNAUTHORIZED: [401, 'authentication_error'],
  INVALID_API_KEY: [401, 'authentication_error'],
  INSUFFICIENT_PERMISSIONS: [403, 'permission_denied'],
  NOT_FOUND: [404, 'resource_not_found'],
  METHOD_NOT_ALLOWED: [405, 'resource_not_found'],
  RATE_LIMITED: [429, 'rate_limit_exceeded'],
  INTERNAL_ERROR: [500, 'server_error'],
  UNAVAILABLE: [503, 'server_error'],
};

function messageOf(error: AppError): string {
  if (error.code === 'UNAUTHORIZED' || error.code === 'INVALID_API_KEY')
    return 'Invalid API key or authentication token';
  return error.message;
}

/** The first mistake: the envelope has room for one. */
function describe(error: AppError): { field: string; issue: string } | null {
  const own = ownDetails[error.code];
  if (own) return own;
  // A machine's word may stand as `reason`; a sentence there is about the field of this name.
  const isMistake = ([field, text]: [string, string]) => field !== 'reason' || text.includes(' ');
  const [first] = Object.entries(error.details ?? {}).filter(isMistake);
  return first ? { field: theirNames[first[0]] ?? first[0], issue: first[1] } : null;
}

const ownDetails: Partial<Record<AppError['code'], { field: string; issue: string }>> = {
  UNAUTHORIZED: { field: 'Authorization', issue: 'is required: Bearer YOUR_API_KEY' },
  INVALID_API_KEY: { field: 'Authorization', issue: 'is not a valid API key' },
  INSUFFICIENT_PERMISSIONS: { field: 'Authorization', issue: 'is an API key that may not do this' },
};

/** What the native operations call the fields of this page. */
const theirNames: Readonly<Record<string, string>> = {
  click_id: 'clickId',
  affiliate_id: 'referralCode',
  referral_code: 'referralCode',
  order_id: 'orderId',
  customer_id: 'customer.id',
  customer_email: 'customer.email',
};
