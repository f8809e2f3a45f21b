import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const directory = fileURLToPath(new URL('../../migrations', import.meta.url));

let files: Promise<string[]> | null = null;

/** The names of the code's migrations, as `schema_migrations` has them. Read once: the code does not change while it runs. */
export function knownMigrations(): Promise<string[]> {
  files ??= readdir(directory).then((names) => names.filter((name) => name.endsWith('.ts')).toSorted());
  return files;
}

/** What is wrong with the schema for this code, and what to do; null: nothing. `applied` as in `schema_migrations`. */
export function explainSchema(known: readonly string[], applied: readonly string[]): string | null {
  const missing = known.filter((name) => !applied.includes(name)).map(withoutExtension);
  if (missing.length > 0) return `missing: ${missing.join(', ')}; run \`tributary migrate\``;
  const newer = applied.filter((name) => !known.includes(name)).map(withoutExtension);
  if (newer.length === 0) return null;
  return `this database was migrated by a newer version (${newer.join(', ')}); run that version`;
}

function withoutExtension(name: string): string {
  return name.replace(/\.ts$/, '');
}
