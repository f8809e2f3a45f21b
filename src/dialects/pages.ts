import { z } from 'zod';

/** Query parameters of pages: the three forms that the documented systems have. */

/** `limit` and `offset`, with a total. */
export function offsetPageQuery(limits: PageLimits) {
  return { limit: limitParameter(limits), offset: wholeNumber(0, MAX_OFFSET).default(0) };
}

/** `page` (from 1) and `limit`. */
export function numberedPageQuery(limits: PageLimits) {
  return { page: wholeNumber(1, 1_000_000).default(1), limit: limitParameter(limits) };
}

/** `limit` and `cursor`, which is read and written as the native API's (api/pagination.ts). */
export function cursorPageQuery(limits: PageLimits) {
  return { limit: limitParameter(limits), cursor: z.string().optional() };
}

export interface PageLimits {
  usual: number;
  most: number;
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
