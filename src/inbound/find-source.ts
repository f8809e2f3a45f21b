import type { Request } from 'express';
import type { Db } from '../db/db.ts';
import { notFound } from '../domain/errors.ts';
import { findSource, type Source, type SourceKind } from '../program/sources.ts';

/**
 * The source of this kind that a URL names. Throws NOT_FOUND. A malformed id is a 404 without a query; it may hold bytes
 * that PostgreSQL rejects. The request's log line then says the source's ref.
 */
export async function findSourceByUrl<K extends SourceKind>(
  db: Db,
  kind: K,
  req: Request<{ id: string }>,
): Promise<Extract<Source, { kind: K }>> {
  const { id } = req.params;
  const source = /^[\w-]{1,100}$/.test(id) ? await findSource(db, id) : null;
  if (source?.kind !== kind) throw notFound('Source');
  req.sourceRef = source.ref;
  return source as Extract<Source, { kind: K }>;
}
