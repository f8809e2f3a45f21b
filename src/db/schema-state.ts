import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));

let known: Promise<string[]> | null = null;

/** Names of all migrations of this code, in their order. Read once: the code does not change while it runs. */
export function listKnownMigrations(): Promise<string[]> {
  known ??= readdir(migrationsDirectory).then((files) =>
    files
      .filter((file) => file.endsWith('.ts'))
      .toSorted()
      .map(migrationName),
  );
  return known;
}

/** `schema_migrations` has the names of files. */
export function migrationName(file: string): string {
  return file.replace(/\.ts$/, '');
}

/** What is wrong with the schema for this code, and what to do; null: nothing. */
export function explainSchema(known: readonly string[], applied: readonly string[]): string | null {
  const missing = known.filter((name) => !applied.includes(name));
  if (missing.length > 0) return `missing: ${missing.join(', ')}; run \`tributary migrate\``;
  const newer = applied.filter((name) => !known.includes(name));
  if (newer.length === 0) return null;
  return `this database was migrated by a newer version (${newer.join(', ')}); run that version`;
}
