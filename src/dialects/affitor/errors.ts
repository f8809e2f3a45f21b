import type { z } from 'zod';
import { validate } from '../../http/validate.ts';
import { AppError } from '../../domain/errors.ts';
import { answer, type DialectAnswer } from '../dialect.ts';

/**
 * Affitor's errors: `{"error": "text"}`, with the sentences of https://docs.affitor.com/api-reference/errors (read
 * 2026-11). Its pages document 400, 401, 404, 409 and 500, and know no keys that may only read: those are answered 401. Ours
 * is the 403 of a program that takes no leads from browsers.
 */
export function renderAffitorError(error: AppError): DialectAnswer {
  if (isBrowserLeadsOff(error)) return answer(403, { error: error.message });
  const status = error.code === 'INSUFFICIENT_PERMISSIONS' ? 401 : error.status;
  return answer(status, { error: textOf(error) });
}

const BROWSER_LEADS_OFF = 'browser_leads_off';

/** A lead without a key, in a program that has not switched them on. */
export function browserLeadsOff(): AppError {
  return new AppError(
    'INSUFFICIENT_PERMISSIONS',
    'Leads without an API key are off in this program. Switch them on with PATCH /api/v1/program {"browserLeads": true} ' +
      '(a live key that may write), or send leads from your server with the API key.',
    { details: { reason: BROWSER_LEADS_OFF } },
  );
}

function isBrowserLeadsOff({ details }: AppError): boolean {
  return details?.['reason'] === BROWSER_LEADS_OFF;
}

/** A request that breaks a rule, in the page's own sentence. */
export function badRequest(sentence: string): AppError {
  return new AppError('VALIDATION_ERROR', sentence);
}

/** What a schema makes of a body that is known to be an object. Throws VALIDATION_ERROR. */
export function readBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  return validate(schema, body, 'The body');
}

function textOf(error: AppError): string {
  switch (error.code) {
    case 'UNAUTHORIZED':
      return 'Missing or malformed Authorization header';
    case 'INVALID_API_KEY':
      return 'Invalid API token';
    case 'INSUFFICIENT_PERMISSIONS':
      return 'This API token may not do this';
    case 'INTERNAL_ERROR':
      return 'Internal server error';
    default:
      return firstMistake(error) ?? error.message;
  }
}

/** The first field that is wrong. Where the page has a sentence for it the schema has the same. */
function firstMistake({ details = {} }: AppError): string | null {
  const [first] = Object.entries(details).filter(([field]) => field !== 'reason');
  if (!first) return null;
  const [field, text] = first;
  return text.startsWith(field) ? text : `${field} ${text}`;
}
