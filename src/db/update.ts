/**
 * The `set` list of an update: a column for each value that is not undefined. With nothing to change it still is a valid
 * list (it sets nothing new), so that callers need no second path.
 */
export function buildUpdate(values: Record<string, unknown>): { sql: string; bindings: unknown[] } {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  if (given.length === 0) return { sql: 'id = id', bindings: [] };
  return {
    sql: given.map(([column]) => `${column} = ?`).join(', '),
    bindings: given.map(([, value]) => value),
  };
}

/** Any of these fields; undefined leaves a field as it is. */
export type ChangesOf<T> = { [K in keyof T]?: T[K] | undefined };
