import { namesIn, type Bindings } from './sql.ts';

/** A part of a statement, with what its names stand for. */
export interface Condition {
  sql: string;
  bindings: Bindings;
}

/** Binds `value` to the one name in `sql`. Undefined or null is no condition. */
export function conditionOf(sql: string, value: unknown): Condition[] {
  return value === undefined || value === null ? [] : [{ sql, bindings: { [nameIn(sql)]: value } }];
}

// Conditions are written in the code, so there are not many.
const known = new Map<string, string>();

function nameIn(sql: string): string {
  const cached = known.get(sql);
  if (cached !== undefined) return cached;
  const [name, ...others] = namesIn(sql);
  if (name === undefined || others.length > 0) throw new Error(`a condition on one value has one name: ${sql}`);
  known.set(sql, name);
  return name;
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
