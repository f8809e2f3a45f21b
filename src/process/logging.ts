import { pino, stdSerializers, type DestinationStream, type Logger } from 'pino';
import { printable } from '../domain/printable.ts';
import { blotSourceIds } from '../domain/source-ids.ts';
import type { LogLevel } from './config.ts';

/** One JSON line an event, on standard output. Secrets that get into a line by mistake are redacted. */
export function createLogger(
  options: { level: LogLevel; role: string },
  destination: DestinationStream = pino.destination(1),
): Logger {
  const settings = {
    level: options.level,
    base: { role: options.role, pid: process.pid },
    redact: { paths: secretPaths, censor: '[redacted]' },
    serializers: { err: serializeError },
    // JSON leaves DEL, the C1 controls and marks of direction as they are; terminals obey them. Errors of the database quote
    // what was bound, and lines that mean a source name its ref.
    hooks: { streamWrite: (line: string) => printable(blotSourceIds(line)) },
  };
  return pino(settings, destination);
}

const secretNames = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'secrets',
  'signingSecrets',
  'hmacSecret',
  'adminToken',
  'encryptionKeys',
  'databaseUrl',
  'redisUrl',
  'key',
  'apiKey',
  'secure',
];
const secretPaths = [
  ...secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
  ...['x-api-key', 'stripe-signature', 'set-cookie'].flatMap((name) => [
    `["${name}"]`,
    `*["${name}"]`,
    `*.*["${name}"]`,
  ]),
];

/** What helps to find the fault, without the row values that PostgreSQL puts into `detail` and `where`. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack } = stdSerializers.err(error);
  const { code, constraint, table } = error as { code?: unknown; constraint?: unknown; table?: unknown };
  return { type, message, code, constraint, table, stack };
}
