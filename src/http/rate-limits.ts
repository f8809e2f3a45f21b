import type { Logger } from 'pino';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes, type RateLimiterAbstract } from 'rate-limiter-flexible';
import { createOutageLog } from '../process/outage-log.ts';
import { defaultRateLimits, type LimitClass, type Principal } from '../program/principals.ts';
import { CircuitBreaker } from '../queue/circuit-breaker.ts';
import {
  causeOf,
  createRedisClient,
  isConnected,
  probeRedis,
  usesRedis,
  type RedisClient,
  type RedisConfig,
} from '../queue/redis-client.ts';

const KEY_PREFIX = 'tributary:limit';

/** How long a request waits for Redis to count it; an answer must not depend on it. */
const BOUND_MS = 250;

/** At most `limit` requests in `windowS` seconds, counted under a name of its own. */
export interface RateLimitPolicy {
  name: string;
  limit: number;
  windowS: number;
}

/** What a caller has left under a policy after a request. */
export interface RateLimitUsage {
  policy: RateLimitPolicy;
  allowed: boolean;
  remaining: number;
  /** Seconds until a new window begins, rounded up. */
  resetS: number;
}

export interface RateLimits {
  /**
   * Counts one request of `key` (an API key's id, an address), or as many as `requests` says: 0 only looks. Null where
   * limits are switched off.
   */
  count(policy: RateLimitPolicy, key: string, requests?: number): Promise<RateLimitUsage | null>;
  close(): Promise<void>;
}

export interface RateLimitConfig extends RedisConfig {
  rateLimits: boolean;
}

/** The native API's policy of a key. */
export function keyPolicy(principal: Pick<Principal, 'rateLimits'>, limitClass: LimitClass): RateLimitPolicy {
  return { name: limitClass, limit: principal.rateLimits[limitClass] ?? defaultRateLimits[limitClass], windowS: 60 };
}

/**
 * Counts in Redis where there is one, so that all web processes share the limits; else in memory, each process for itself.
 * With Redis away each process counts for itself until it is back; that is noticed within `boundMs`, and no call waits for
 * longer. Connects when first used.
 */
export function openRateLimits(config: RateLimitConfig, log: Logger, boundMs = BOUND_MS): RateLimits {
  if (!config.rateLimits) return { count: () => Promise.resolve(null), close: () => Promise.resolve() };
  const limiters = new Map<string, PolicyLimiter>();
  let shared: SharedCounters | null = null;

  function findLimiter(policy: RateLimitPolicy): PolicyLimiter {
    const id = `${policy.name} ${policy.limit} ${policy.windowS}`;
    let limiter = limiters.get(id);
    if (!limiter) {
      if (usesRedis(config)) shared ??= connectCounters(config, log, boundMs);
      limiter = createLimiter(policy, shared?.client ?? null);
      limiters.set(id, limiter);
    }
    return limiter;
  }

  return {
    async count(policy, key, requests = 1) {
      const { inRedis, inMemory } = findLimiter(policy);
      const counted =
        inRedis && shared && isConnected(shared.client)
          ? await shared.breaker.run(() => consume(inRedis, key, requests))
          : null;
      const result = counted ?? (await consume(inMemory, key, requests));
      return {
        policy,
        allowed: result.consumedPoints <= policy.limit,
        remaining: Math.max(0, policy.limit - result.consumedPoints),
        resetS: Math.max(1, Math.ceil(result.msBeforeNext / 1000)),
      };
    },
    async close() {
      shared?.breaker.close();
      shared?.client.disconnect();
    },
  };
}

/** The headers that tell a caller what it has left: the X- family with Unix seconds, and those of the IETF draft. */
export function rateLimitHeaders(
  { policy, allowed, remaining, resetS }: RateLimitUsage,
  now: Date,
): [string, string][] {
  const headers: [string, string][] = [
    ['X-RateLimit-Limit', String(policy.limit)],
    ['X-RateLimit-Remaining', String(remaining)],
    ['X-RateLimit-Reset', String(Math.ceil(now.getTime() / 1000) + resetS)],
    ['RateLimit-Policy', `"${policy.name}";q=${policy.limit};w=${policy.windowS}`],
    ['RateLimit', `"${policy.name}";r=${remaining};t=${resetS}`],
  ];
  return allowed ? headers : [...headers, ['Retry-After', String(resetS)]];
}

interface PolicyLimiter {
  inRedis: RateLimiterAbstract | null;
  inMemory: RateLimiterAbstract;
}

function createLimiter(policy: RateLimitPolicy, client: RedisClient | null): PolicyLimiter {
  const options = { keyPrefix: `${KEY_PREFIX}:${policy.name}`, points: policy.limit, duration: policy.windowS };
  return {
    inRedis: client && new RateLimiterRedis({ ...options, storeClient: client }),
    inMemory: new RateLimiterMemory(options),
  };
}

/** The library rejects where a request is refused; to us that is an answer like any other. */
async function consume(limiter: RateLimiterAbstract, key: string, requests: number): Promise<RateLimiterRes> {
  try {
    return await limiter.consume(key, requests);
  } catch (refused) {
    if (refused instanceof RateLimiterRes) return refused;
    throw refused;
  }
}

interface SharedCounters {
  client: RedisClient;
  breaker: CircuitBreaker;
}

function connectCounters(config: RedisConfig, log: Logger, boundMs: number): SharedCounters {
  const client = createRedisClient(config, 'caller', { enableAutoPipelining: true });
  const breaker = new CircuitBreaker({
    boundMs,
    probe: () => probeRedis(client, `${KEY_PREFIX}:probe`),
    outage: createOutageLog(log, 'rate limits in Redis'),
  });
  let lastError = new Error('the connection was lost');
  client.on('error', (error: Error) => (lastError = causeOf(error)));
  client.on('close', () => breaker.trip(lastError));
  client.on('ready', () => void breaker.probe());
  return { client, breaker };
}
