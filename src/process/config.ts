import { resolve } from 'node:path';
import { z } from 'zod';
import { readTracing, receiver, sampler, share } from './tracing/settings.ts';
import type { TracingConfig } from './tracing/tracing.ts';
import {
  checkDatabaseUrl,
  listOf,
  parseCidr,
  parseKey,
  parseNode,
  parseSeconds,
  refuseDifferentNodes,
  requiredText,
  text,
  toKey,
  toPem,
  token,
  toTrustProxy,
  trimPublicUrl,
  urlOf,
  wholeNumber,
} from './environment-values.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The hub's settings, read once by the process that starts and passed on; nothing else looks at the environment. */
export interface Config {
  port: number;
  /** The address to listen on; null listens on all. */
  host: string | null;
  /** Where a worker answers health checks and metrics; null: nowhere. */
  workerPort: number | null;
  /** Where the web process serves /metrics without a token; null: nowhere. */
  metricsPort: number | null;
  /** The address at which the world reaches us: scheme, host, port and perhaps a path, without a slash at the end. */
  publicUrl: string;
  /** Absolute path. */
  dataDir: string;
  databaseUrl: string;
  /** A copy of it that is a moment behind, for lists and statistics; null: they are read from the database itself. */
  databaseReplicaUrl: string | null;
  /** Where a pooler stands at `databaseUrl`: PostgreSQL itself, for what needs a connection of its own; null: none is known. */
  databaseDirectUrl: string | null;
  /**
   * What stands between us and PostgreSQL: `transaction` shares connections between transactions, so nothing is kept on one;
   * `auto` finds out.
   */
  databasePooler: 'auto' | 'none' | 'transaction';
  redisUrl: string | null;
  /** `host:port` of some nodes of a Redis Cluster, or `rediss://user:password@host:port`. */
  redisClusterNodes: string[] | null;
  /** The same of Sentinels. */
  redisSentinels: string[] | null;
  /** What the Sentinels call the primary. */
  redisSentinelName: string;
  /** PEM texts for connections to Redis by TLS. */
  redisTls: { ca: string | null; cert: string | null; key: string | null };
  adminToken: string;
  /** Reads /metrics, and nothing else; null: only the admin token does. */
  metricsToken: string | null;
  /** 32 bytes each: the first seals, all of them open. */
  encryptionKeys: [Uint8Array, ...Uint8Array[]];
  /** What Express takes as `trust proxy`. */
  trustProxy: boolean | number | string[];
  /** How long a caller may wait for the worker's outcome. */
  resultTimeoutMs: number;
  outboundAllowCidrs: string[];
  outboundAllowHttp: boolean;
  rateLimits: boolean;
  logLevel: LogLevel;
  /** Seconds to wait after each failed attempt; after the last of them the delivery is given up. */
  retryScheduleS: number[];
  /** Messages older than that are deleted with their deliveries and attempts. */
  messageRetentionDays: number;
  /** Null: no traces are made. */
  tracing: TracingConfig | null;
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** All that is wrong with the environment, one line a variable. */
export class ConfigError extends Error {
  readonly problems: string[];

  constructor(problems: string[]) {
    super(`The configuration has ${problems.length === 1 ? 'a mistake' : 'mistakes'}:\n  ${problems.join('\n  ')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Reads the environment. Empty variables count as unset. Throws a ConfigError that names all mistakes at once. */
export function loadConfig(env: Environment): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
  const result = environmentSchema.safeParse(given);
  const problems = (result.error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  if (given.DATABASE_REPLICA_URL !== undefined && given.DATABASE_REPLICA_URL === given.DATABASE_URL) {
    problems.push('DATABASE_REPLICA_URL: is DATABASE_URL, too: leave it out where there is no replica');
  }
  problems.push(...findRedisProblems(given));
  for (const name of ['WORKER_PORT', 'METRICS_PORT'] as const) {
    if (given[name] !== undefined && given[name] === (given.PORT ?? '3000')) problems.push(`${name}: is PORT, too`);
  }
  if (given.METRICS_PORT !== undefined && given.METRICS_PORT === given.WORKER_PORT) {
    problems.push('METRICS_PORT: is WORKER_PORT, too: the web process has the one, the worker the other');
  }
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  const values = result.data;
  return {
    port: values.PORT,
    host: values.HOST ?? null,
    workerPort: values.WORKER_PORT ?? null,
    metricsPort: values.METRICS_PORT ?? null,
    publicUrl: values.PUBLIC_URL ?? `http://localhost:${values.PORT}`,
    dataDir: resolve(values.DATA_DIR),
    databaseUrl: values.DATABASE_URL,
    databaseReplicaUrl: values.DATABASE_REPLICA_URL ?? null,
    databaseDirectUrl: values.DATABASE_DIRECT_URL ?? null,
    databasePooler: values.DATABASE_POOLER,
    redisUrl: values.REDIS_URL ?? null,
    redisClusterNodes: values.REDIS_CLUSTER_NODES ?? null,
    redisSentinels: values.REDIS_SENTINELS ?? null,
    redisSentinelName: values.REDIS_SENTINEL_NAME,
    redisTls: {
      ca: values.REDIS_CA_FILE ?? null,
      cert: values.REDIS_CERT_FILE ?? null,
      key: values.REDIS_KEY_FILE ?? null,
    },
    adminToken: values.ADMIN_TOKEN,
    metricsToken: values.METRICS_TOKEN ?? null,
    encryptionKeys: [values.ENCRYPTION_KEY, ...values.ENCRYPTION_KEY_PREVIOUS],
    trustProxy: values.TRUST_PROXY,
    resultTimeoutMs: values.RESULT_TIMEOUT_MS,
    outboundAllowCidrs: values.OUTBOUND_ALLOW_CIDRS,
    outboundAllowHttp: values.OUTBOUND_ALLOW_HTTP,
    rateLimits: values.RATE_LIMITS === 'on',
    logLevel: values.LOG_LEVEL,
    retryScheduleS: values.RETRY_SCHEDULE,
    messageRetentionDays: values.MESSAGE_RETENTION_DAYS,
    tracing: readTracing(values),
  };
}

/** Settings of Redis that do not go together. */
function findRedisProblems(given: Environment): string[] {
  const problems: string[] = [];
  for (const name of ['REDIS_URL', 'REDIS_SENTINELS']) {
    if (name in given && 'REDIS_CLUSTER_NODES' in given) {
      problems.push(`${name}: cannot be set together with REDIS_CLUSTER_NODES`);
    }
  }
  if ('REDIS_SENTINEL_NAME' in given && !('REDIS_SENTINELS' in given)) {
    problems.push('REDIS_SENTINEL_NAME: needs REDIS_SENTINELS, the addresses of the Sentinels');
  }
  if ('REDIS_CERT_FILE' in given !== 'REDIS_KEY_FILE' in given) {
    problems.push('REDIS_CERT_FILE: a certificate and its key (REDIS_KEY_FILE) need each other');
  }
  const addresses = [given.REDIS_URL, given.REDIS_CLUSTER_NODES, given.REDIS_SENTINELS];
  const files = ['REDIS_CA_FILE', 'REDIS_CERT_FILE', 'REDIS_KEY_FILE'].filter((name) => name in given);
  if (files[0] !== undefined && !addresses.some((address) => address?.includes('rediss://'))) {
    problems.push(`${files[0]}: is for TLS, which an address has that begins with rediss://`);
  }
  return problems;
}

/** For the start of a process: says what is wrong and exits. */
export function loadConfigOrExit(env: Environment): Config {
  try {
    return loadConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return process.exit(1);
  }
}

/** Delays after each failed attempt: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h, 14 h, 20 h, 24 h. */
const defaultRetrySchedule = '5,300,1800,7200,18000,36000,36000,50400,72000,86400';

const secretsHint = 'is required (only the embedded default of `npm start` makes its own)';

const redisNodes = listOf(parseNode).pipe(
  z.array(z.string()).min(1, 'names no node').superRefine(refuseDifferentNodes),
);

const environmentSchema = z.object({
  PORT: wholeNumber(1, 65535).prefault('3000'),
  HOST: text.optional(),
  WORKER_PORT: wholeNumber(1, 65535).optional(),
  METRICS_PORT: wholeNumber(1, 65535).optional(),
  PUBLIC_URL: urlOf(['http:', 'https:'], 'https://hub.example.com').transform(trimPublicUrl).optional(),
  DATA_DIR: text.prefault('.data'),
  DATABASE_URL: requiredText('is required (only `npm start` brings its own PostgreSQL)').superRefine(checkDatabaseUrl),
  DATABASE_REPLICA_URL: text.superRefine(checkDatabaseUrl).optional(),
  DATABASE_DIRECT_URL: text.superRefine(checkDatabaseUrl).optional(),
  DATABASE_POOLER: z.enum(['auto', 'none', 'transaction'], 'must be auto, none or transaction').prefault('auto'),
  REDIS_URL: urlOf(['redis:', 'rediss:'], 'redis://host:6379').optional(),
  REDIS_CLUSTER_NODES: redisNodes.optional(),
  REDIS_SENTINELS: redisNodes.optional(),
  REDIS_SENTINEL_NAME: text.prefault('mymaster'),
  REDIS_CA_FILE: text.transform(toPem).optional(),
  REDIS_CERT_FILE: text.transform(toPem).optional(),
  REDIS_KEY_FILE: text.transform(toPem).optional(),
  ADMIN_TOKEN: token(requiredText(secretsHint)),
  METRICS_TOKEN: token(text).optional(),
  ENCRYPTION_KEY: requiredText(`${secretsHint}: 32 bytes, base64 or hex`).transform(toKey),
  ENCRYPTION_KEY_PREVIOUS: listOf(parseKey).prefault(''),
  TRUST_PROXY: text.prefault('false').transform(toTrustProxy),
  RESULT_TIMEOUT_MS: wholeNumber(0, 120_000).prefault('5000'),
  OUTBOUND_ALLOW_CIDRS: listOf(parseCidr).prefault(''),
  OUTBOUND_ALLOW_HTTP: z
    .enum(['true', 'false'], 'must be true or false')
    .prefault('false')
    .transform((value) => value === 'true'),
  RATE_LIMITS: z.enum(['on', 'off'], 'must be on or off').prefault('on'),
  LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`).prefault('info'),
  RETRY_SCHEDULE: listOf(parseSeconds)
    .pipe(z.array(z.number()).min(1, 'names no delay'))
    .prefault(defaultRetrySchedule),
  MESSAGE_RETENTION_DAYS: wholeNumber(1, 36_500).prefault('90'),
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: receiver.optional(),
  OTEL_SERVICE_NAME: text.prefault('tributary'),
  OTEL_TRACES_SAMPLER: sampler.prefault('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: share.prefault('1'),
});
