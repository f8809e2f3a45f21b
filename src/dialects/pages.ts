import { z } from 'zod';
import { AppError } from '../domain/errors.ts';

/** Query parameters of pages: the three forms that the documented systems have. */

/** `limit` and `offset`, with a total. */
export function offsetPageQuery(limits: PageLimits) {
  return { limit: limitParameter(limits), offset: wholeNumber(0, MAX_OFFSET).default(0) };
}

/** `page` (from 1) and `limit`. */
export function numberedPageQuery(limits: PageLimits) {
  return { page: wholeNumber(1, 1_000_000).default(1), limit: limitParameter(limits) };
}

/** `limit` and `cursor`; see `readCursor`. */
export function cursorPageQuery(limits: PageLimits) {
  return { limit: limitParameter(limits), cursor: z.string().optional() };
}

export interface PageLimits {
  usual: number;
  most: number;
}

/** The cursor of the page that follows the row `id` of a list. */
export function writeCursor(list: string, id: string): string {
  return Buffer.from(`${list} ${id}`).toString('base64url');
}

/** The id in a cursor of this list; null without one. Throws VALIDATION_ERROR for what is no cursor of it. */
export function readCursor(list: string, cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const text = /^[\w-]{1,400}$/.test(cursor) ? Buffer.from(cursor, 'base64url').toString() : '';
  const [given, id, ...rest] = text.split(' ');
  if (given === list && id && rest.length === 0 && !id.includes('\0') && writeCursor(list, id) === cursor) return id;
  throw new AppError('VALIDATION_ERROR', 'cursor is not valid', {
    details: { cursor: 'is not a cursor of this list' },
  });
}

/** A whole number in a query, within bounds; a schema. */
export function wholeNumber(least: number, most: number) {
  const message = `must be a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .pipe(z.int().min(least, message).max(most, message));
}

const MAX_OFFSET = 1_000_000_000;

function limitParameter({ usual, most }: PageLimits) {
  return wholeNumber(1, most).default(usual);
}
