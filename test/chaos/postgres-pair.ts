import { Client } from 'pg';
import { waitUntil } from '../support/wait-until.ts';
import { startNode, type PostgresNode } from './postgres-node.ts';
import { startProxy, type Proxy } from './proxy.ts';

export const DATABASE = 'chaos';

/**
 * A primary and a standby that it waits for at each commit (`synchronous_standby_names`), so that a failover may lose nothing
 * that was acknowledged. Hubs reach the primary by a proxy.
 */
export interface PostgresPair {
  proxy: Proxy;
  /** For hubs: by the proxy. */
  url: string;
  readonly primary: PostgresNode;
  readonly standby: PostgresNode;
  /** The primary's own URL, whatever the proxy does. */
  directUrl(): string;
  /** The standby takes over; new connections go there. The old primary must be fenced before or soon after. */
  promote(): Promise<void>;
  /** The old primary is gone for good, and a new standby follows the new one. */
  rebuild(): Promise<void>;
  stop: () => Promise<void>;
}

export async function startPostgresPair(logs: string, { durable = false } = {}): Promise<PostgresPair> {
  let serial = 0;
  const nextNode = () => ({ logs, name: `postgres-${(serial += 1)}`, durable });
  let primary = await startNode(null, nextNode());
  let standby = await createDatabase(primary.adminUrl)
    .then(() => followedBy(primary))
    .catch(async (error: unknown) => {
      await primary.remove();
      throw error;
    });
  let former: PostgresNode | null = null;
  const proxy = await startProxy(primary.port);
  const url = new URL(primary.urlOf(DATABASE));
  url.port = String(proxy.port);

  async function followedBy(node: PostgresNode): Promise<PostgresNode> {
    const next = nextNode();
    const { name } = next;
    // A file may go away while it is copied, as the manual says: then all of it is copied again.
    const follower = await startNode(node, next).catch(() => startNode(node, next));
    try {
      await waitUntil('the standby streams', async () => {
        const state = await node.ask(`select state from pg_stat_replication where application_name = '${name}'`);
        return state === 'streaming';
      });
      await node.ask(`alter system set synchronous_standby_names = '${quoted(name)}'`);
      await node.ask('select pg_reload_conf()::text');
      return follower;
    } catch (error) {
      await follower.remove();
      throw error;
    }
  }

  return {
    proxy,
    url: url.href,
    get primary() {
      return primary;
    },
    get standby() {
      return standby;
    },
    directUrl: () => primary.urlOf(DATABASE),
    async promote() {
      await standby.promote();
      former = primary;
      primary = standby;
      proxy.leadTo(primary.port);
    },
    async rebuild() {
      if (former === null) return;
      await former.kill().catch(() => undefined);
      await former.remove();
      former = null;
      standby = await followedBy(primary);
    },
    async stop() {
      await proxy.close();
      // The primary would wait for a standby that stops first.
      for (const node of new Set([primary, standby, ...(former ? [former] : [])])) {
        await node.remove().catch(() => node.kill());
      }
    },
  };
}

/** As a list of names takes it: `postgres-2` has a dash. */
function quoted(name: string): string {
  return `"${name}"`;
}

async function createDatabase(adminUrl: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  await client.query(`create database ${DATABASE}`);
  await client.end();
}
