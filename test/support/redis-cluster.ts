import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { startTestRedis, type TestRedis } from './redis.ts';

export interface TestRedisCluster {
  /** `host:port` of every node. */
  nodes: string[];
  pids: number[];
  stop: () => Promise<void>;
}

const SLOTS = 16_384;
const JOINED_WITHIN_MS = 20_000;

/** A Redis (or Valkey) Cluster of so many masters, without replicas, on free ports, keeping nothing on disk. */
export async function startTestRedisCluster(size = 3): Promise<TestRedisCluster> {
  const servers: TestRedis[] = [];
  // Where the nodes talk to each other: 10 000 above their port unless said, which may be none.
  const clusterPorts = await Promise.all(Array.from({ length: size }, findFreePort));
  try {
    for (const clusterPort of clusterPorts) servers.push(await startTestRedis(undefined, { clusterPort }));
    await join(
      servers.map(({ url }) => url),
      clusterPorts[0] ?? 0,
    );
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop()));
    throw error;
  }
  return {
    nodes: servers.map(({ url }) => new URL(url).host),
    pids: servers.map(({ pid }) => pid),
    stop: async () => void (await Promise.all(servers.map((server) => server.stop()))),
  };
}

async function join(urls: readonly string[], firstClusterPort: number): Promise<void> {
  const clients = urls.map((url) => new Redis(url));
  try {
    for (const [n, client] of clients.entries()) {
      const [from, to] = [Math.ceil((n * SLOTS) / urls.length), Math.ceil(((n + 1) * SLOTS) / urls.length) - 1];
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(n + 1));
      await client.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
      const first = new URL(urls[0] ?? '');
      if (n > 0) await client.call('CLUSTER', 'MEET', first.hostname, first.port, String(firstClusterPort));
    }
    for (const deadline = Date.now() + JOINED_WITHIN_MS; ;) {
      const infos = await Promise.all(clients.map((client) => client.call('CLUSTER', 'INFO')));
      const knows = `cluster_known_nodes:${urls.length}`;
      if (infos.every((info) => /cluster_state:ok/.test(String(info)) && String(info).includes(knows))) return;
      if (Date.now() > deadline) throw new Error('the nodes of the Redis Cluster do not find each other');
      await wait(50);
    }
  } finally {
    for (const client of clients) client.disconnect();
  }
}
