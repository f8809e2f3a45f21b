import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { oneLine } from '../../domain/printable.ts';

/** The option of commands that are about one program. */
export const programOption = ['--program <id>', 'the program (default: the only one that there is)'] as const;

/** The program that was named, else the hub's only one. Throws where it is not there, where there is none, or a choice. */
export async function chooseProgram(db: Db, named: string | undefined): Promise<string> {
  if (named !== undefined) return requireProgram(db, named);
  const [first, second] = await runSql<{ id: string }>(
    db,
    'readFirstPrograms',
    `select id from programs order by id limit 2`,
  );
  if (!first) throw new Error('There is no program yet. Make one: tributary program create --name NAME');
  if (second) throw new Error('--program is required: there are several (tributary program list)');
  return first.id;
}

/** The id itself. Throws where no program has it: a mistyped id must not look like a program without rows. */
export async function requireProgram(db: Db, id: string): Promise<string> {
  const [program] = await runSql(db, 'findProgramForCommand', 'select 1 from programs where id = :id', { id });
  if (!program) throw new Error(`There is no program ${oneLine(id)} (tributary program list has all)`);
  return id;
}

/** The same of a source, by its id or its ref; deleted ones, too, whose messages are still there. */
export async function requireSource(db: Db, named: string): Promise<string> {
  const [source] = await runSql(db, 'findSourceByName', 'select 1 from sources where id = :named or ref = :named', {
    named,
  });
  if (!source) throw new Error(`There is no source ${oneLine(named)} (tributary source list has those of a program)`);
  return named;
}
