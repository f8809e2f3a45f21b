import { findField, foldName, type FieldNames } from './names.ts';
import { toPath } from './path-names.ts';

const known = new WeakMap<FieldNames, string[][]>();

/** The names that lead to a value within another, step by step. A key is only looked for where it can be blotted out: at the top. */
export function pathsOf(names: FieldNames): readonly string[][] {
  let paths = known.get(names);
  if (!paths) {
    const written = new Map<string, string[]>();
    for (const [name, named] of names) {
      const path = toPath(name);
      // Of a name and its folded form the sender's own, which comes last.
      if (named && named.field !== 'secure' && path.includes('.')) written.set(foldName(path), path.split('.'));
    }
    paths = [...written.values()];
    known.set(names, paths);
  }
  return paths;
}

/** Whether the source finds something within what has that name. */
export function hasPathWithin(names: FieldNames, name: string): boolean {
  const folded = foldName(name);
  return pathsOf(names).some(([first = '']) => foldName(first) === folded);
}

/** The value at the end of a path in a JSON value; steps are compared as names are. Undefined: the path leads nowhere. */
export function readPath(value: object, path: readonly string[]): unknown {
  let at: unknown = value;
  for (const step of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    const inside = at as Record<string, unknown>;
    const name = Object.hasOwn(at, step) ? step : Object.keys(at).find((key) => foldName(key) === foldName(step));
    if (name === undefined) return undefined;
    at = inside[name];
  }
  return at;
}

/** Forms write a path as `data[id]`, and a list as `sum[]`. What is no field of ours keeps the name that it has. */
export function toFieldName(name: string, names: FieldNames): string {
  if (!name.includes('[') || findField(names, name) !== undefined) return name;
  const path = toPath(name);
  return findField(names, path) ? path : name;
}
