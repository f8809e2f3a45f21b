import type { Request } from 'express';
import { notFound } from '../domain/errors.ts';

/** Ids in a path are text of a bounded length; what can be none is answered like an unknown one. Throws NOT_FOUND. */
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
