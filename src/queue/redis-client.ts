import { once } from 'node:events';
import { Cluster, Redis } from 'ioredis';

/** Where Redis is: one server, a primary that Sentinels know of, or a Cluster. */
export interface RedisConfig {
  /** One server; with `redisSentinels` its user, password, database and TLS are those of the primary and its replicas. */
  redisUrl: string | null;
  /** Some nodes of a Redis Cluster: `host:port`, or `rediss://user:password@host:port`; what one of them says holds for all. */
  redisClusterNodes: string[] | null;
  /** Sentinels, written as the nodes of a Cluster; user, password and TLS are those of the Sentinels. */
  redisSentinels?: string[] | null;
  /** What the Sentinels call the primary. */
  redisSentinelName?: string;
  /** PEM, for connections by TLS. */
  redisTls?: RedisTls;
}

export interface RedisTls {
  ca: string | null;
  cert: string | null;
  key: string | null;
}

export type RedisClient = Redis | Cluster;

/**
 * `caller`: commands fail at once while Redis is away. `consumer`: they wait, and are sent again after a failover, since
 * BullMQ's workers block on them.
 */
export type RedisRole = 'caller' | 'consumer';

export const DEFAULT_SENTINEL_NAME = 'mymaster';

/** How long a worker's blocking command waits for a job, in seconds. */
export const BLOCKS_FOR_S = 2;

// A host that is lost sends neither FIN nor RST: who hears nothing for so long while it waits for an answer connects anew.
const SILENT_AFTER_MS = 2_000;
/** The same for a connection that blocks: it hears something when that ends. */
const SILENT_AFTER_BLOCKING_MS = BLOCKS_FOR_S * 1_000 + SILENT_AFTER_MS;
const CONNECT_TIMEOUT_MS = 3_000;
const KEEP_ALIVE_AFTER_MS = 10_000;
// What does not take our leave by then is cut off.
const DISCONNECT_TIMEOUT_MS = 200;
const MOST_RETRY_MS = 1_000;

export function usesRedis(config: RedisConfig): boolean {
  return Boolean(config.redisUrl ?? config.redisClusterNodes ?? config.redisSentinels);
}

/** The one way in which anything here connects to Redis. Connects in the background; errors come as the event `error`. */
export function createRedisClient(
  config: RedisConfig,
  role: RedisRole,
  { enableAutoPipelining = false } = {},
): RedisClient {
  const options = { ...commonOptions(role), enableAutoPipelining };
  if (config.redisClusterNodes) return createCluster(config.redisClusterNodes, config.redisTls, options);
  if (config.redisSentinels) return createBehindSentinels(config, config.redisSentinels, role, options);
  const tls = config.redisUrl?.startsWith('rediss:') ? tlsOptions(config.redisTls) : undefined;
  return new Redis(config.redisUrl ?? '', { ...options, reconnectOnError: onError(role), ...(tls ? { tls } : {}) });
}

/** For the copy of a client that BullMQ makes for its blocking command, before that is connected. */
export function allowBlocking(client: RedisClient): void {
  const options = 'redisOptions' in client.options ? client.options.redisOptions : client.options;
  Object.assign(options ?? {}, { socketTimeout: SILENT_AFTER_BLOCKING_MS });
}

/** Whether it would take a command now. */
export function isConnected(client: RedisClient): boolean {
  return client.status === 'ready';
}

const MAKES_CONNECTION: ReadonlySet<string> = new Set(['wait', 'connecting', 'connect']);
const CONNECTS_WITHIN_MS = 1_000;

/**
 * Rejects when Redis takes no writes: one that is full, a replica and one that loads answer to PING all the same. A connection
 * that is just being made is waited for.
 */
export async function probeRedis(client: RedisClient, key: string): Promise<void> {
  if (MAKES_CONNECTION.has(client.status)) {
    await once(client, 'ready', { signal: AbortSignal.timeout(CONNECTS_WITHIN_MS) });
  }
  await client.set(key, '1', 'PX', 1_000);
}

const OUTAGE_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);
const OUTAGE_WORDS =
  /\b(?:READONLY|UNBLOCKED|MASTERDOWN|LOADING|OOM|CLUSTERDOWN|MISCONF|NOREPLICAS)\b|Connection is closed|Socket timeout/;

/** Whether an error says that Redis is away for the moment, which others tell of once a minute. */
export function isRedisOutage(error: Error): boolean {
  const cause = causeOf(error);
  return OUTAGE_CODES.has((cause as { code?: unknown }).code) || OUTAGE_WORDS.test(cause.message);
}

/** What a Cluster that cannot be reached says of it is the last thing that a node said. */
export function causeOf(error: Error & { lastNodeError?: unknown }): Error {
  return error.lastNodeError instanceof Error ? error.lastNodeError : error;
}

type CommonOptions = ReturnType<typeof commonOptions> & { enableAutoPipelining: boolean };

function commonOptions(role: RedisRole) {
  const waits = role === 'consumer';
  return {
    enableOfflineQueue: waits,
    autoResendUnfulfilledCommands: waits,
    maxRetriesPerRequest: waits ? null : 0,
    retryStrategy: retryAfter,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENT_AFTER_MS,
    keepAlive: KEEP_ALIVE_AFTER_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
  };
}

function retryAfter(times: number): number {
  return Math.min(50 * 2 ** times, MOST_RETRY_MS);
}

/**
 * After a failover the address leads to a new primary while connections stay on the old one, which is a replica now: it
 * refuses what writes, in scripts too, ends what blocks, or loads and tells so. Connecting again finds the new one.
 */
const FAILED_OVER = /\b(?:READONLY|UNBLOCKED|MASTERDOWN|LOADING)\b/;
const RECONNECT = 1;
const RECONNECT_AND_SEND_AGAIN = 2;

function onError(role: RedisRole): (error: Error) => false | 1 | 2 {
  return ({ message }) => FAILED_OVER.test(message) && (role === 'consumer' ? RECONNECT_AND_SEND_AGAIN : RECONNECT);
}

/** A Cluster's nodes send those who ask a replica on to the primary. */
function createCluster(items: readonly string[], tls: RedisTls | undefined, options: CommonOptions): Cluster {
  const { enableOfflineQueue, retryStrategy, enableAutoPipelining, ...redisOptions } = options;
  const { nodes, username, password, secure } = parseNodes(items);
  return new Cluster(nodes, {
    redisOptions: { ...redisOptions, ...credentials(username, password), ...(secure ? { tls: tlsOptions(tls) } : {}) },
    // By TLS nodes are reached by name, since certificates seldom name addresses.
    ...(secure ? { dnsLookup: (address, found) => found(null, address) } : {}),
    enableAutoPipelining,
    enableOfflineQueue,
    clusterRetryStrategy: retryStrategy,
  });
}

function createBehindSentinels(
  config: RedisConfig,
  items: readonly string[],
  role: RedisRole,
  options: CommonOptions,
): Redis {
  const sentinels = parseNodes(items);
  const url = config.redisUrl === null ? null : new URL(config.redisUrl);
  const secure = url?.protocol === 'rediss:';
  const database = Number(url?.pathname.slice(1) ?? 0);
  return new Redis({
    ...options,
    reconnectOnError: onError(role),
    sentinels: sentinels.nodes,
    name: config.redisSentinelName ?? DEFAULT_SENTINEL_NAME,
    role: 'master',
    ...credentials(decode(url?.username), decode(url?.password)),
    ...(database > 0 ? { db: database } : {}),
    ...(secure ? { tls: tlsOptions(config.redisTls), enableTLSForSentinelMode: true } : {}),
    ...(sentinels.username === null ? {} : { sentinelUsername: sentinels.username }),
    ...(sentinels.password === null ? {} : { sentinelPassword: sentinels.password }),
    ...(sentinels.secure ? { sentinelTLS: tlsOptions(config.redisTls) } : {}),
    sentinelRetryStrategy: retryAfter,
    sentinelCommandTimeout: SILENT_AFTER_MS,
  });
}

interface Nodes {
  nodes: { host: string; port: number }[];
  username: string | null;
  password: string | null;
  secure: boolean;
}

/** What one item says of user, password and TLS holds for all; config.ts refuses items that differ. */
function parseNodes(items: readonly string[]): Nodes {
  const urls = items.map((item) => new URL(item.includes('://') ? item : `redis://${item}`));
  const said = urls.find(({ protocol, password }) => protocol === 'rediss:' || password !== '');
  return {
    nodes: urls.map(({ hostname, port }) => ({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) })),
    username: decode(said?.username),
    password: decode(said?.password),
    secure: said?.protocol === 'rediss:',
  };
}

function credentials(username: string | null, password: string | null): { username?: string; password?: string } {
  return { ...(username === null ? {} : { username }), ...(password === null ? {} : { password }) };
}

function decode(part: string | undefined): string | null {
  return part === undefined || part === '' ? null : decodeURIComponent(part);
}

function tlsOptions(tls: RedisTls | undefined): { ca?: string; cert?: string; key?: string } {
  return {
    ...(tls?.ca ? { ca: tls.ca } : {}),
    ...(tls?.cert ? { cert: tls.cert } : {}),
    ...(tls?.key ? { key: tls.key } : {}),
  };
}
