import type { Db } from '../../src/db/db.ts';
import { runSql as runNamed } from '../../src/db/sql.ts';

/** A test's own statement, with a `?` for each binding. */
export function runSql<Row>(db: Db, text: string, bindings: readonly unknown[] = []): Promise<Row[]> {
  let at = 0;
  const named = text.replaceAll('?', () => `:bound${at++}`);
  return runNamed<Row>(db, 'test', named, Object.fromEntries(bindings.map((value, index) => [`bound${index}`, value])));
}
