import { Redis, Cluster } from 'ioredis';
import type { Logger } from 'pino';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes, type RateLimiterAbstract } from 'rate-limiter-flexible';
import { defaultRateLimits, type LimitClass, type Principal } from '../program/api-keys.ts';

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

export interface RateLimitConfig {
  rateLimits: boolean;
  redisUrl: string | null;
  redisClusterNodes: string[] | null;
}

/** The native API's policy of a key. */
export function keyPolicy(principal: Pick<Principal, 'rateLimits'>, limitClass: LimitClass): RateLimitPolicy {
  return { name: limitClass, limit: principal.rateLimits[limitClass] ?? defaultRateLimits[limitClass], windowS: 60 };
}

/**
 * Counts in Redis where there is one, so that all web processes share the limits; else in memory, each process for
 * itself. With Redis away each process counts for itself until it is back. Connects when first used.
 */
export function openRateLimits(config: RateLimitConfig, log: Logger): RateLimits {
  if (!config.rateLimits) return { count: () => Promise.resolve(null), close: () => Promise.resolve() };
  const limiters = new Map<string, RateLimiterAbstract>();
  let client: Redis | Cluster | null = null;

  function findLimiter(policy: RateLimitPolicy): RateLimiterAbstract {
    const id = `${policy.name} ${policy.limit} ${policy.windowS}`;
    let limiter = limiters.get(id);
    if (!limiter) {
      client ??= connectRedis(config, log);
      limiter = createLimiter(policy, client);
      limiters.set(id, limiter);
    }
    return limiter;
  }

  return {
    async count(policy, key, requests = 1) {
      const result = await consume(findLimiter(policy), key, requests);
      return {
        policy,
        allowed: result.consumedPoints <= policy.limit,
        remaining: Math.max(0, policy.limit - result.consumedPoints),
        resetS: Math.max(1, Math.ceil(result.msBeforeNext / 1000)),
      };
    },
    async close() {
      client?.disconnect();
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

function createLimiter(policy: RateLimitPolicy, client: Redis | Cluster | null): RateLimiterAbstract {
  const options = { keyPrefix: `tributary:limit:${policy.name}`, points: policy.limit, duration: policy.windowS };
  const memory = new RateLimiterMemory(options);
  if (!client) return memory;
  return new RateLimiterRedis({
    ...options,
    storeClient: client,
    insuranceLimiter: memory,
    rejectIfRedisNotReady: true,
  });
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

function connectRedis({ redisUrl, redisClusterNodes }: RateLimitConfig, log: Logger): Redis | Cluster | null {
  const options = { enableOfflineQueue: false, enableAutoPipelining: true } as const;
  const client = redisClusterNodes
    ? new Cluster(redisClusterNodes, options)
    : redisUrl
      ? new Redis(redisUrl, { ...options, maxRetriesPerRequest: 1, commandTimeout: 1_000 })
      : null;
  let told = false;
  client?.on('error', (error) => {
    if (!told) log.warn({ err: error }, 'rate limits: Redis is away, each process counts for itself');
    told = true;
  });
  client?.on('ready', () => {
    told = false;
  });
  return client;
}
