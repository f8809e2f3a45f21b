import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';

/** The option of commands that are about one program. */
export const programOption = ['--program <id>', 'the program (default: the only one that there is)'] as const;

/** The program that was named, else the hub's only one. Throws where there is none, or a choice. */
export async function chooseProgram(db: Db, named: string | undefined): Promise<string> {
  if (named !== undefined) return named;
  const [first, second] = await runSql<{ id: string }>(
    db,
    'readFirstPrograms',
    `select id from programs order by id limit 2`,
  );
  if (!first) throw new Error('There is no program yet. Make one: tributary program create --name NAME');
  if (second) throw new Error('--program is required: there are several (tributary program list)');
  return first.id;
}
