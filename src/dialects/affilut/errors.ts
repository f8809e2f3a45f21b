import type { AppError } from '../../domain/errors.ts';
import { answer, type DialectAnswer } from '../dialect.ts';

/**
 * affilut's errors: `{"error": "text"}`. The page documents 400, 401, 404, 409 and 429 and knows no keys that may only
 * read: those are answered as a wrong key. https://affilut.com/docs, read 2026-11.
 */
export function renderAffilutError(error: AppError): DialectAnswer {
  const status = error.code === 'INSUFFICIENT_PERMISSIONS' ? 401 : error.status;
  return answer(status, { error: textOf(error) });
}

function textOf(error: AppError): string {
  switch (error.code) {
    case 'UNAUTHORIZED':
      return 'Missing API key';
    case 'INVALID_API_KEY':
      return 'Invalid API key';
    case 'RATE_LIMITED':
      return 'Rate limit exceeded';
    case 'INTERNAL_ERROR':
      return 'Internal error';
    default:
      return error.message;
  }
}
