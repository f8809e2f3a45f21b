import type { Request } from 'express';
import { notFound } from '../domain/errors.ts';

/** The ids in a path. Throws NOT_FOUND for a malformed one, without a query: it may hold bytes that PostgreSQL rejects. */
export function readParams(req: Request): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [name, value] of Object.entries(req.params)) {
    if (typeof value !== 'string' || value.length > 255 || value.includes('\0') || !value.isWellFormed()) {
      throw notFound('Resource');
    }
    params[name] = value;
  }
  return params;
}
