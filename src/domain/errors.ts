/**
 * The one catalogue of errors. Handlers throw an `AppError`; each surface (native API, each dialect, the intake routes)
 * has one translator that turns it into its own wire form. `message` is public; what must stay inside goes into `cause`.
 */
export const errorStatus = {
  VALIDATION_ERROR: 400,
  UNAUTHORIZED: 401,
  INVALID_API_KEY: 401,
  INSUFFICIENT_PERMISSIONS: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  IDEMPOTENCY_MISMATCH: 422,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RATE_LIMITED: 429,
  INTERNAL_ERROR: 500,
  UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof errorStatus;

/** Field name to message; `reason` carries a machine-readable word of the outcome vocabulary. */
export type ErrorDetails = Record<string, string>;

/** A body may hold a hundred thousand mistakes: enough of them are told to mend it, and the answer stays small. */
export const MAX_DETAILS = 20;
const MAX_MESSAGE = 4_000;

function keepFew(details: ErrorDetails): ErrorDetails {
  const names = Object.keys(details);
  if (names.length <= MAX_DETAILS) return details;
  const { reason } = details;
  const few = names.filter((name) => name !== 'reason').slice(0, reason === undefined ? MAX_DETAILS : MAX_DETAILS - 1);
  const kept = Object.fromEntries(few.map((name) => [name, details[name] ?? '']));
  return reason === undefined ? kept : { ...kept, reason };
}

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails | undefined;
  /** Seconds after which the caller may try again; sent as Retry-After. */
  readonly retryAfterS: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: ErrorDetails; retryAfterS?: number; cause?: unknown } = {},
  ) {
    super(message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details && keepFew(options.details);
    this.retryAfterS = options.retryAfterS;
  }

  get status(): number {
    return errorStatus[this.code];
  }
}

export function validationError(message: string, details?: ErrorDetails): AppError {
  return new AppError('VALIDATION_ERROR', message, details ? { details } : {});
}

/** The words about a field that holds an API key. */
export const KEY_IN_FIELD = 'holds an API key, which does not belong there: take it out, and revoke the key';

export function keyInField(path: string): AppError {
  const details = { ...(path === '' ? {} : { [path]: KEY_IN_FIELD }), reason: 'key_in_field' };
  return validationError(`${path || 'The body'} ${KEY_IN_FIELD}`, details);
}

/** `what` is the noun the caller asked for, as in "Affiliate not found". */
export function notFound(what: string): AppError {
  return new AppError('NOT_FOUND', `${what} not found`);
}

/** What was looked for. Throws NOT_FOUND where it is not there. */
export function found<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw notFound(what);
  return value;
}
