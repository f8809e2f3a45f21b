import { z } from 'zod';
import { AppError } from '../domain/errors.ts';
import type { Page, PageRequest } from '../db/page.ts';
import { rendersAs } from '../http/json-schema.ts';

/** Query parameters of every list. */
export const pageQuery = {
  limit: z
    .string()
    .regex(/^(?:[1-9]\d?|100)$/, 'must be a whole number from 1 to 100')
    .transform(Number)
    .default(20)
    .meta({
      description: 'Items a page',
      ...rendersAs({ type: 'integer', minimum: 1, maximum: 100, default: 20, pattern: undefined }),
    }),
  cursor: z.string().optional().meta({ description: '`pagination.nextCursor` of the page before' }),
};

/** Query parameter of lists that can be read from either end. */
export const sortQuery = {
  sort: z.enum(['-createdAt', 'createdAt']).optional().meta({
    description: '-createdAt (default): newest first, by creation; createdAt: oldest first',
    example: 'createdAt',
  }),
};

/** Query parameter of lists that a text is looked for in. */
export const textQuery = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/[\p{L}\p{N}]/u, 'must hold a letter or a digit')
  .optional();

/** A list's answer: items newest first, and where the next page begins. */
export function listOf<S extends z.ZodType>(item: S) {
  return z.strictObject({
    data: z.array(item),
    pagination: z.strictObject({ hasMore: z.boolean(), nextCursor: z.string().nullable() }),
  });
}

/** One object's answer. */
export function one<S extends z.ZodType>(item: S) {
  return z.strictObject({ data: item });
}

/** `list` names the list, so that a cursor of another one is refused. Throws VALIDATION_ERROR for a bad cursor. */
export function toPageRequest(
  list: string,
  query: { limit: number; cursor?: string | undefined; sort?: '-createdAt' | 'createdAt' | undefined },
): PageRequest {
  return { limit: query.limit, beforeId: readCursor(list, query.cursor), oldestFirst: query.sort === 'createdAt' };
}

/** The body of a list's answer. `keyOf` gives what the list is sorted by. */
export function toListBody<T extends { id: string }, V>(
  list: string,
  page: Page<T>,
  view: (item: T) => V,
  keyOf: (item: T) => string = ({ id }) => id,
) {
  const last = page.items.at(-1);
  const nextCursor = page.hasMore && last ? writeCursor(list, keyOf(last)) : null;
  return { data: page.items.map(view), pagination: { hasMore: page.hasMore, nextCursor } };
}

function writeCursor(list: string, id: string): string {
  return Buffer.from(`${list} ${id}`).toString('base64url');
}

function readCursor(list: string, cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const text = /^[\w-]{1,400}$/.test(cursor) ? Buffer.from(cursor, 'base64url').toString() : '';
  const [given, id, ...rest] = text.split(' ');
  if (given === list && id && rest.length === 0 && writeCursor(list, id) === cursor && !id.includes('\0')) return id;
  throw new AppError('VALIDATION_ERROR', 'cursor is not a cursor of this list', {
    details: { cursor: 'is not a cursor of this list' },
  });
}
