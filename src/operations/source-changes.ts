import { inTransaction, type Db } from '../db/db.ts';
import { lockRow } from '../db/lock-row.ts';
import type { SecretBox } from '../db/secret-box.ts';
import type { Actor } from '../domain/actor.ts';
import type { Reach } from '../domain/scope.ts';
import { recordChange } from '../program/audited-changes.ts';
import {
  createSource,
  deleteSource,
  forgetSource,
  getSource,
  updateSource,
  type Source,
  type SourceChanges,
  type SourceInput,
} from '../program/sources.ts';

/** Opens a source, as somebody. Throws like `createSource`. */
export function createSourceAs(
  db: Db,
  secrets: SecretBox,
  actor: Actor,
  programId: string,
  input: SourceInput,
): Promise<Source> {
  return inTransaction(db, async (trx) => {
    const source = await createSource(trx, secrets, programId, input);
    await recordChange(trx, source, actor, named(source), null, shownOf(source), { secrets: namesOf(input.secrets) });
    return source;
  });
}

/** Changes a source, as somebody; null where there is no such source in reach. */
export async function updateSourceAs(
  db: Db,
  secrets: SecretBox,
  actor: Actor,
  reach: Reach,
  sourceId: string,
  changes: SourceChanges,
): Promise<Source | null> {
  const changed = await inTransaction(db, async (trx) => {
    await lockRow(trx, 'sources', reach.programId, sourceId);
    const before = await getSource(trx, reach, sourceId);
    const after = before && (await updateSource(trx, secrets, reach, before.id, changes));
    if (!after) return null;
    await recordChange(trx, after, actor, named(after), shownOf(before), shownOf(after), {
      secrets: namesOf(changes.secrets),
    });
    return after;
  });
  forgetSource(db, sourceId);
  return changed;
}

/** Closes a source, as somebody. False where there is no such source in reach. */
export async function deleteSourceAs(db: Db, actor: Actor, reach: Reach, sourceId: string): Promise<boolean> {
  const deleted = await inTransaction(db, async (trx) => {
    const before = await getSource(trx, reach, sourceId);
    if (!before || !(await deleteSource(trx, reach, before.id))) return false;
    await recordChange(trx, before, actor, named(before), shownOf(before), null);
    return true;
  });
  forgetSource(db, sourceId);
  return deleted;
}

/** Not by its id, which opens it. */
function named({ ref }: Source) {
  return { type: 'source', id: ref };
}

function shownOf({ kind, name, orderScope, livemode, settings }: Source): object {
  return { kind, name, orderScope, livemode, ...settings };
}

function namesOf(secrets: SourceInput['secrets'] | undefined): string[] {
  return Object.entries(secrets ?? {}).flatMap(([name, value]) => (value === null ? [] : [name]));
}
