import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { HIDDEN_SOURCE, replaceSourceIds, sourceIdsIn, sourceRefsIn } from '../domain/source-ids.ts';
import type { Principal } from './principals.ts';
import type { Source } from './sources.ts';

/** Who is told the id of a source, which opens it. All others find its ref, which opens nothing, in the same place. */
export function mayKnowId(principal: Principal, source: Pick<Source, 'programId' | 'livemode'>): boolean {
  if (!principal.scopes.has('sources:write') || principal.programId !== source.programId) return false;
  return principal.mode === 'live' || !source.livemode;
}

/**
 * A text as this reader may see it; null reads without a key. Ids of sources stand in many places: in fields, in the
 * references of orders and customers that are a source's own, hence in facts and explanations, in URLs that are kept with raw
 * messages, in answers that Idempotency-Key kept. So they are replaced where an answer leaves, and not view by view.
 */
export async function hideSourceIds(db: Db, principal: Principal | null, text: string): Promise<string> {
  const ids = sourceIdsIn(text);
  if (ids.length === 0) return text;
  if (principal === null) return replaceSourceIds(text, () => HIDDEN_SOURCE);
  if (principal.scopes.has('sources:write') && principal.mode === 'live') return text;
  const refs = new Map<string, string>();
  for (const source of await readNamed(db, principal.programId, ids)) {
    if (!mayKnowId(principal, source)) refs.set(source.id, source.ref);
  }
  // What is no source of this program is text that somebody wrote.
  return replaceSourceIds(text, (id) => refs.get(id) ?? id);
}

/** A text that names sources by their refs, as it is stored: with their ids. `programId` null: of every program. */
export async function restoreSourceIds(db: Db, programId: string | null, text: string): Promise<string> {
  const refs = sourceRefsIn(text);
  if (refs.length === 0) return text;
  const rows = await runSql<{ id: string; ref: string }>(
    db,
    'restoreSourceIds',
    `select id, ref from sources where ref = any(:refs) and (:programId::text is null or program_id = :programId)`,
    { refs, programId },
  );
  return rows.reduce((restored, { id, ref }) => restored.replaceAll(ref, id), text);
}

/** The ref of the source that a text names by its id; undefined where it names none of this program. */
export async function findSourceRef(db: Db, programId: string, text: string): Promise<string | undefined> {
  const ids = sourceIdsIn(text);
  return ids.length === 0 ? undefined : (await readNamed(db, programId, ids))[0]?.ref;
}

/** Deleted ones too: their messages are still there. */
function readNamed(
  db: Db,
  programId: string,
  ids: string[],
): Promise<Pick<Source, 'id' | 'ref' | 'programId' | 'livemode'>[]> {
  return runSql(
    db,
    'readNamedSources',
    `select id, ref, program_id as "programId", livemode from sources where program_id = :programId and id = any(:ids)`,
    { programId, ids },
  );
}
