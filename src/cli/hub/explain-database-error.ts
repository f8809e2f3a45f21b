import { describeHosts, readDatabaseAddress } from '../../process/database-address.ts';
import { isOutage } from '../../db/outage.ts';
import { isForbidden } from '../../db/pg-errors.ts';

/** An error of the database in words that say what to check; any other as it is. */
export function explainDatabaseError(databaseUrl: string, error: unknown): unknown {
  if (isOutage(error)) return new Error(explainOutage(databaseUrl, error), { cause: error });
  if (isForbidden(error)) return new Error(explainForbidden(databaseUrl, error as Error), { cause: error });
  const { code, message } = error as { code?: string; message?: string };
  if (code === INVALID_PASSWORD || code === INVALID_AUTHORIZATION) {
    return new Error(`${message}: are user and password in DATABASE_URL right?`, { cause: error });
  }
  if (code === INVALID_CATALOG_NAME) {
    return new Error(`${message}. Make it first (create database …), or mend DATABASE_URL`, { cause: error });
  }
  return error;
}

const INVALID_PASSWORD = '28P01';
const INVALID_AUTHORIZATION = '28000';
const INVALID_CATALOG_NAME = '3D000';

/** The driver's message is often empty (an AggregateError of two refused addresses), and never names the server. */
function explainOutage(databaseUrl: string, error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return `The database at ${describeHosts(readDatabaseAddress(databaseUrl))} cannot be reached (${code ?? message ?? 'no answer'}). Is it running, and is DATABASE_URL right?`;
}

function explainForbidden(databaseUrl: string, { message }: Error): string {
  const address = readDatabaseAddress(databaseUrl);
  const [role, database] = [address.user, address.database].map((name) => quoteName(name ?? ''));
  return (
    `The role ${role} may not do what the hub needs (${message}). Run as the owner of the database:\n` +
    `  grant connect, create, temporary on database ${database} to ${role};\n` +
    `  grant usage, create on schema public to ${role};\n` +
    'Tables that another role made must belong to it, too (src/docs/deployment.md has all of it).'
  );
}

function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
