/**
 * The columns of a table, each named once: by the field of a row that it is read into, and by its name in SQL. What a
 * statement selects, inserts or sets is written from this one list.
 */
export type Columns<Field extends string> = Readonly<Record<Field, string>>;

/** For `select` and `returning`: each column under its field's name, of the table that is called `alias`. */
export function selectList(columns: Columns<string>, alias?: string): string {
  return Object.entries(columns)
    .map(([field, column]) => {
      const value = alias === undefined ? column : `${alias}.${column}`;
      return field === column ? value : `${value} as "${field}"`;
    })
    .join(', ');
}

/**
 * For `insert into …`: `(id, program_id) values (:id, :programId)`. What is omitted gets its default; a value that is not
 * simply what is bound to its field is given as SQL.
 */
export function insertList<Field extends string>(
  columns: Columns<Field>,
  omitted: readonly NoInfer<Field>[] = [],
  values: { readonly [F in NoInfer<Field>]?: string } = {},
): string {
  const fields = (Object.keys(columns) as Field[]).filter((field) => !omitted.includes(field));
  const names = fields.map((field) => columns[field]).join(', ');
  return `(${names}) values (${fields.map((field) => values[field] ?? `:${field}`).join(', ')})`;
}

/** Any of these fields; undefined leaves a field as it is. */
export type ChangesOf<T> = { [K in keyof T]?: T[K] | undefined };

/**
 * For `update … set`: a column for each value that is not undefined, bound by its field's name, which the rest of the
 * statement must not use for anything else. With nothing to change it is still a valid list, one that changes nothing, so
 * that callers need no second path. `updatedAt` is what `updated_at` becomes: now, unless nothing is given.
 */
export function updateList<Field extends string>(
  columns: Columns<Field>,
  changes: { readonly [F in NoInfer<Field>]?: unknown },
): { sql: string; bindings: Record<string, unknown>; updatedAt: 'now()' | 'updated_at' } {
  const given = (Object.keys(changes) as Field[]).filter((field) => changes[field] !== undefined);
  if (given.length === 0) return { sql: 'id = id', bindings: {}, updatedAt: 'updated_at' };
  return {
    updatedAt: 'now()',
    sql: given.map((field) => `${columns[field]} = :${field}`).join(', '),
    bindings: Object.fromEntries(given.map((field) => [field, changes[field]])),
  };
}
