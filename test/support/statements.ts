import { statementsSent } from '../../src/db/sql.ts';

/** The names of the statements that this process sends while `act` runs. */
export async function statementsOf(act: () => Promise<unknown>): Promise<string[]> {
  const names: string[] = [];
  const note = (statement: unknown): void => void names.push((statement as { name: string }).name);
  statementsSent.subscribe(note);
  try {
    await act();
  } finally {
    statementsSent.unsubscribe(note);
  }
  return names;
}
