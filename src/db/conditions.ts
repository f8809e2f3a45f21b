import { namesIn, type Bindings } from './sql.ts';

/** A part of a statement, with what its names stand for. */
export interface Condition {
  sql: string;
  bindings: Bindings;
}

/** Binds `value` to the one name in `sql`. Undefined or null is no condition. */
export function conditionOf(sql: string, value: unknown): Condition[] {
  if (value === undefined || value === null) return [];
  const [name, ...others] = namesIn(sql);
  if (name === undefined || others.length > 0) throw new Error(`a condition on one value has one name: ${sql}`);
  return [{ sql, bindings: { [name]: value } }];
}

/** All of them, as one. */
export function joinConditions(conditions: readonly Condition[]): Condition {
  return {
    sql: conditions.map(({ sql }) => sql).join(' and ') || 'true',
    bindings: joinBindings(conditions.map(({ bindings }) => bindings)),
  };
}

/** The bindings of a statement that is put together from parts. Throws where one name stands for two values. */
export function joinBindings(parts: readonly Bindings[]): Bindings {
  const joined: Record<string, unknown> = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part)) {
      if (Object.hasOwn(joined, name) && joined[name] !== value) {
        throw new Error(`:${name} stands for two values of one statement`);
      }
      joined[name] = value;
    }
  }
  return joined;
}
