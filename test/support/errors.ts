import type { ErrorCode } from '../../src/domain/errors.ts';
import { AppError } from '../../src/domain/errors.ts';

/** For `assert.rejects` and `assert.throws`: an AppError of this code. */
export function hasErrorCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof AppError && error.code === code;
}
