import { AppError } from '../domain/errors.ts';
import { isOutage } from './outage.ts';

// What an error of PostgreSQL means to us; the codes have the names that its manual gives them. Whether the database is
// away altogether, which shows in sockets and pools as well, is told by outage.ts.

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';
const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';
const UNDEFINED_TABLE = '42P01';
const INVALID_SQL_STATEMENT_NAME = '26000';
const FEATURE_NOT_SUPPORTED = '0A000';
const QUERY_CANCELED = '57014';
const IN_FAILED_SQL_TRANSACTION = '25P02';
const LOCK_NOT_AVAILABLE = '55P03';
const INSUFFICIENT_PRIVILEGE = '42501';
const CHARACTER_NOT_IN_REPERTOIRE = '22021';
const UNTRANSLATABLE_CHARACTER = '22P05';

/** The name of the unique constraint or index that refused a row, or null where the error is another one. */
export function findUniqueViolation(error: unknown): string | null {
  return readConstraint(error, UNIQUE_VIOLATION);
}

/** The name of the foreign key that refused a row, or null where the error is another one. */
export function findForeignKeyViolation(error: unknown): string | null {
  return readConstraint(error, FOREIGN_KEY_VIOLATION);
}

/**
 * Two transactions got into each other's way, or a prepared statement outlived a migration, and this one was ended: it may
 * succeed when it is run again.
 */
export function isCollision(error: unknown): boolean {
  const code = codeOf(error);
  return code === SERIALIZATION_FAILURE || code === DEADLOCK_DETECTED || isStalePlan(error);
}

/** A prepared statement would give other columns than when it was prepared, or the connection does not know it. */
export function isStalePlan(error: unknown): boolean {
  const code = codeOf(error);
  if (code === INVALID_SQL_STATEMENT_NAME) return true;
  return code === FEATURE_NOT_SUPPORTED && (error as { routine?: unknown }).routine === 'RevalidateCachedQuery';
}

/** An earlier statement of the transaction failed: that one's error says why. */
export function isAborted(error: unknown): boolean {
  return codeOf(error) === IN_FAILED_SQL_TRANSACTION;
}

export function isUndefinedTable(error: unknown): boolean {
  return codeOf(error) === UNDEFINED_TABLE;
}

/** A lock was not given within `lock_timeout`. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === LOCK_NOT_AVAILABLE;
}

/** A statement took longer than `statement_timeout`. */
export function isCanceled(error: unknown): boolean {
  return codeOf(error) === QUERY_CANCELED;
}

/** The role may not do that. */
export function isForbidden(error: unknown): boolean {
  return codeOf(error) === INSUFFICIENT_PRIVILEGE;
}

/**
 * Any thrown value as an AppError: one passes as it is, a lost or exhausted database becomes UNAVAILABLE (503, try
 * again in two seconds), so does a statement that took longer than it may (in ten seconds), a NUL that reached a text column
 * VALIDATION_ERROR, all else INTERNAL_ERROR with its cause.
 */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isOutage(error) || isCollision(error)) {
    return new AppError('UNAVAILABLE', 'The hub cannot reach its database just now. Send it again shortly.', {
      retryAfterS: 2,
      cause: error,
    });
  }
  const code = codeOf(error);
  if (code === QUERY_CANCELED) {
    return new AppError('UNAVAILABLE', 'The database did not finish this in time. Send it again later.', {
      retryAfterS: 10,
      cause: error,
    });
  }
  if (code === CHARACTER_NOT_IN_REPERTOIRE || code === UNTRANSLATABLE_CHARACTER) {
    return new AppError('VALIDATION_ERROR', 'Text must not contain a NUL character', { cause: error });
  }
  return new AppError('INTERNAL_ERROR', 'Something went wrong on our side', { cause: error });
}

function readConstraint(error: unknown, code: string): string | null {
  if (codeOf(error) !== code) return null;
  const { constraint } = error as { constraint?: unknown };
  return typeof constraint === 'string' ? constraint : '';
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
