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
    formatters: { log: redact },
    serializers: { err: serializeError },
    // JSON leaves DEL, the C1 controls and marks of direction as they are; terminals obey them. Errors of the database quote
    // what was bound, and lines that mean a source name its ref.
    hooks: { streamWrite: (line: string) => printable(blotSourceIds(line)) },
  };
  return pino(settings, destination);
}

const secretNames: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'stripe-signature',
  'password',
  'secret',
  'secrets',
  'signingSecrets',
  'hmacSecret',
  'adminToken',
  'encryptionKeys',
  'databaseUrl',
  'redisUrl',
  'redisClusterNodes',
  'redisSentinels',
  'redisTls',
  'key',
  'apiKey',
  'secure',
]);

/** Lines are flat, or hold a part or two of a request. */
const LOOKS_DEEP = 3;

/**
 * Blots out what stands under such a name; copies only what holds one. (pino's own `redact` walks and copies each line for
 * each of its paths: that took a sixth of the processor of web and worker at 200 events a second.)
 */
function redact(line: Record<string, unknown>, depth = 1): Record<string, unknown> {
  let redacted = line;
  for (const name of Object.keys(line)) {
    const value = line[name];
    const shown = secretNames.has(name) ? '[redacted]' : depth < LOOKS_DEEP ? redactWithin(value, depth + 1) : value;
    if (shown === value) continue;
    if (redacted === line) redacted = { ...line };
    redacted[name] = shown;
  }
  return redacted;
}

function redactWithin(value: unknown, depth: number): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => redactWithin(item, depth));
  return isRecord(value) ? redact(value, depth) : value;
}

/** Errors, dates and whatever else writes itself are left to their own serializers. */
function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** What helps to find the fault, without the row values that PostgreSQL puts into `detail` and `where`. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack } = stdSerializers.err(error);
  const { code, constraint, table } = error as { code?: unknown; constraint?: unknown; table?: unknown };
  return { type, message, code, constraint, table, stack };
}
