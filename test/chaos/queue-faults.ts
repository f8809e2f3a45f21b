import { waitUntil } from '../support/wait-until.ts';
import type { Fault, Stage } from './faults.ts';

/** What happens to Redis. The Sentinel promotes the replica of a master that is away for 1.5 s. */
const ofServers: Fault[] = [
  {
    // Back with nothing in it, before the Sentinel has missed it.
    name: 'kill-redis',
    seconds: [0, 0],
    async begin({ redis }) {
      const master = await redis.master();
      await master.kill();
      return () => master.start();
    },
  },
  {
    name: 'crash-redis',
    seconds: [0, 1],
    async begin({ redis }) {
      const master = await redis.master();
      await master.kill();
      await waitUntil('the Sentinel promotes the replica', async () => (await redis.master()) !== master, {
        timeoutMs: 30_000,
      });
      return () => master.start();
    },
  },
  {
    // It hangs, and the Sentinel promotes the other one: whoever is connected hears nothing more.
    name: 'stop-redis',
    seconds: [7, 10],
    async begin({ redis }) {
      const master = await redis.master();
      master.freeze();
      return async () => master.thaw();
    },
  },
  {
    // Asked for: the old master becomes a replica, and connections that are open stay there.
    name: 'failover-redis',
    seconds: [0, 0],
    async begin({ redis }) {
      await redis.failOver();
      return async () => undefined;
    },
  },
  {
    // `maxmemory` is reached, with `noeviction`: what writes is refused.
    name: 'full-redis',
    seconds: [7, 10],
    noticed: 'by all',
    async begin({ redis }) {
      const master = await redis.master();
      await master.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      await master.command('CONFIG', 'SET', 'maxmemory', '1');
      return async () => void (await master.command('CONFIG', 'SET', 'maxmemory', '0'));
    },
  },
  {
    name: 'empty-redis',
    seconds: [0, 1],
    async begin({ redis }) {
      const master = await redis.master();
      await master.command('FLUSHALL');
      return async () => void (await master.command('FLUSHALL'));
    },
  },
  {
    // It thinks that it is the replica of a server that is not there, as after a failover that went half way.
    name: 'read-only-redis',
    seconds: [7, 10],
    noticed: 'by all',
    async begin({ redis }) {
      const master = await redis.master();
      await master.command('REPLICAOF', '127.0.0.1', '1');
      return async () => void (await master.command('REPLICAOF', 'NO', 'ONE'));
    },
  },
];

/** What happens on the way to it. */
const ofNetwork: Fault[] = [
  {
    name: 'silent-redis',
    seconds: [7, 10],
    noticed: 'by all',
    async begin({ redis: { proxy } }) {
      proxy.freeze();
      return async () => proxy.thaw();
    },
  },
  {
    name: 'refuse-redis',
    seconds: [7, 10],
    noticed: 'by all',
    async begin({ redis: { proxy } }) {
      proxy.refuse(true);
      proxy.reset();
      return async () => proxy.refuse(false);
    },
  },
  {
    name: 'half-open-redis',
    seconds: [0, 0],
    async begin({ redis: { proxy } }) {
      proxy.forsake();
      return async () => undefined;
    },
  },
  {
    name: 'delay-redis',
    seconds: [5, 8],
    async begin({ redis: { proxy }, random }) {
      proxy.delay(random.between(50, 400));
      return async () => proxy.delay(0);
    },
  },
  {
    name: 'reset-redis',
    seconds: [0, 1],
    async begin({ redis: { proxy } }) {
      proxy.reset();
      return async () => proxy.reset();
    },
  },
];

const needsProxy = ({ proxiedRedis }: Stage): string | null =>
  proxiedRedis ? null : 'with --sentinel no proxy is before Redis';

/** Each begins with a master and a replica that the Sentinel could promote, of which it hears every ten seconds. */
export const queueFaults: Fault[] = [
  ...ofServers,
  ...ofNetwork.map((fault) => ({ ...fault, missing: needsProxy })),
].map((fault) => ({ ...fault, prepare: ({ redis }) => redis.whole() }));
