import type { Request } from 'express';
import type { Db } from '../db/db.ts';
import { notFound } from '../domain/errors.ts';
import { findSourceOfUrl, type Source, type SourceKind } from '../program/sources.ts';
import { noteRefusal } from './refusals/catch-refusals.ts';
import type { Refusals } from './refusals/recorder.ts';

/**
 * The source of this kind that a URL names. Throws NOT_FOUND. A malformed id is a 404 without a query; it may hold bytes
 * that PostgreSQL rejects. The request's log line then says the source's ref.
 */
export async function findSourceByUrl<K extends SourceKind>(
  { db, refusals }: { db: Db; refusals: Refusals },
  kind: K,
  req: Request<{ id: string }>,
): Promise<Extract<Source, { kind: K }>> {
  const { id } = req.params;
  const known = /^[\w-]{1,100}$/.test(id) ? await findSourceOfUrl(db, id) : null;
  if (known === null) throw notFound('Source');
  const { source, isDeleted } = known;
  if (isDeleted || source.kind !== kind) {
    const missing = notFound('Source');
    // To the sender it is as unknown as any other; whose it is may know of it.
    req.refusal = isDeleted ? 'source_deleted' : 'wrong_kind';
    noteRefusal(refusals, req, source, missing);
    throw missing;
  }
  req.sourceRef = source.ref;
  return source as Extract<Source, { kind: K }>;
}
