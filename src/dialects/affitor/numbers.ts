import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { perDatabase } from '../../db/expiring-cache.ts';
import { openSharedStatement } from './shared-statement.ts';

/** Affitor's ids are numbers; each kind counts from 1 within a program, programs themselves within the hub. */
export type NumberedKind = 'sale' | 'event' | 'program';

/**
 * The number of an object, given to it when it is first asked for. Concurrent callers share one statement: a program's
 * sequence is one row, and callers with statements of their own would wait for each other's commits.
 */
export async function numberOf(db: Db, programId: string, kind: NumberedKind, objectId: string): Promise<number> {
  const wanted: Wanted = { db, programId: kind === 'program' ? HUB : programId, kind, objectId, number: null };
  await statementOf(db).add(wanted);
  if (wanted.number === null) throw new Error(`no number for ${kind} ${objectId}`);
  return wanted.number;
}

/** Takes the next `count` numbers of a program, for objects that keep theirs themselves; gives the last of them. */
export async function takeNumbers(db: Db, programId: string, kind: NumberedKind, count: number): Promise<number> {
  const [row] = await runSql<{ last: bigint }>(
    db,
    'takeNumbers',
    `insert into affitor_sequences as s (program_id, kind, last_number) values (:programId, :kind, :count)
     on conflict (program_id, kind) do update set last_number = s.last_number + excluded.last_number
     returning last_number as last`,
    { programId, kind, count },
  );
  return Number(row?.last);
}

/** The program that a client names by its id or by its number; null where there is none such. */
export async function findProgramId(db: Db, idOrNumber: string | number): Promise<string | null> {
  const text = String(idOrNumber);
  const [row] = /^\d{1,15}$/.test(text)
    ? await runSql<{ id: string }>(
        db,
        'findProgramByNumber',
        `select object_id as id from affitor_numbers where program_id = '' and kind = 'program' and number = :number`,
        { number: text },
      )
    : await runSql<{ id: string }>(db, 'findProgramById', `select id from programs where id = :id`, { id: text });
  return row?.id ?? null;
}

/** Stands for the program where programs are numbered. */
const HUB = '';

interface Wanted {
  db: Db;
  programId: string;
  kind: NumberedKind;
  objectId: string;
  /** Filled in by the group's statement. */
  number: number | null;
}

const statementOf = perDatabase(() => openSharedStatement<Wanted>(giveNumbers));

async function giveNumbers(group: readonly Wanted[]): Promise<void> {
  const [first] = group;
  if (!first) return;
  const rows = await runSql<{ programId: string; kind: NumberedKind; objectId: string; number: bigint }>(
    first.db,
    'giveNumbers',
    `select program_id as "programId", kind, object_id as "objectId", number
     from give_affitor_numbers(:programIds::text[], :kinds::text[], :objectIds::text[])`,
    {
      programIds: group.map(({ programId }) => programId),
      kinds: group.map(({ kind }) => kind),
      objectIds: group.map(({ objectId }) => objectId),
    },
  );
  const numbers = new Map(rows.map((row) => [nameOf(row), Number(row.number)]));
  for (const wanted of group) wanted.number = numbers.get(nameOf(wanted)) ?? null;
}

function nameOf({ programId, kind, objectId }: Pick<Wanted, 'programId' | 'kind' | 'objectId'>): string {
  return `${programId} ${kind} ${objectId}`;
}
