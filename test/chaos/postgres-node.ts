import { randomBytes } from 'node:crypto';
import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { findBinaries, findServerUser } from '../../src/db/postgres-binaries.ts';
import { initializeDataFolder, isAlive, serverUrl, startPostgres, stopPostgres } from '../../src/db/postgres-server.ts';
import { makeHome } from '../support/postgres.ts';
import { copyRunning } from '../support/standby.ts';
import { mountDisk, type Disk } from './disk.ts';
import { findSteadyPort } from './ports.ts';
import { killTree, signalTree } from './process-tree.ts';

/** One PostgreSQL server of the pair, on a disk of its own where mounting is allowed. */
export interface PostgresNode {
  port: number;
  disk: Disk | null;
  adminUrl: string;
  folder: string;
  password: string;
  logFile: string;
  urlOf(database: string): string;
  /** One statement on a connection of its own; the first column of the first row. */
  ask(sql: string, database?: string): Promise<string>;
  alive(): Promise<boolean>;
  start(): Promise<void>;
  /** All its processes at once, as on a machine that loses power. */
  kill(): Promise<void>;
  /** SIGSTOP to all of them. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  promote(): Promise<void>;
  remove(): Promise<void>;
}

/** What is committed survives the end of its processes: `synchronous_commit` stays on. */
const settings = {
  wal_keep_size: '256MB',
  max_wal_size: '512MB',
  shared_buffers: '128MB',
  hot_standby: 'on',
  wal_retrieve_retry_interval: '100ms',
  // A standby that is cut off is noticed, as the manual advises for fail-overs.
  wal_sender_timeout: '5s',
  wal_receiver_timeout: '5s',
};

/** In memory nothing is synced: the kernel keeps what was written, and the machine need not be survived. */
const inMemory = { fsync: 'off', full_page_writes: 'off' };

export interface NodeOptions {
  /** Where the server's log goes. */
  logs: string;
  name: string;
  /** On the machine's disk, and every commit waits for it; else on a disk of its own in memory, where mounting is allowed. */
  durable: boolean;
}

/** A new server, or a standby of `primary` that follows it by streaming. */
export async function startNode(
  primary: PostgresNode | null,
  { logs, name, durable }: NodeOptions,
): Promise<PostgresNode> {
  const user = findServerUser();
  const home = await makeHome(user);
  const disk = durable ? null : mountDisk(home, user);
  const folder = join(home, 'data');
  const password = primary?.password ?? randomBytes(12).toString('hex');
  const data = { binaries: await findBinaries(user), user, folder, password };
  const logFile = join(logs, `${name}.log`);
  const port = await findSteadyPort();
  const follow = primary
    ? {
        primary_conninfo: `host=127.0.0.1 port=${primary.port} user=tributary password=${password} sslmode=disable application_name=${name}`,
      }
    : {};
  const start = () =>
    startPostgres({ ...data, port, logFile, settings: { ...settings, ...(durable ? {} : inMemory), ...follow } });
  const remove = async (): Promise<void> => {
    disk?.unmount();
    await rm(home, { recursive: true, force: true });
  };
  const prepare = async (): Promise<void> => {
    if (!primary) {
      await initializeDataFolder(data);
      return;
    }
    await copyRunning(primary, folder, user);
    // Whom the primary waits for is not for its standby to wait for.
    await truncate(join(folder, 'postgresql.auto.conf'));
  };
  let server = await prepare()
    .then(start)
    .catch(async (error: unknown) => {
      await remove();
      throw error;
    });
  const adminUrl = serverUrl(port, password, 'postgres');
  const ask = (sql: string, database = 'postgres'): Promise<string> =>
    askOnce(serverUrl(port, password, database), sql);
  return {
    port,
    disk,
    adminUrl,
    folder,
    password,
    logFile,
    urlOf: (database) => serverUrl(port, password, database),
    ask,
    alive: () => isAlive(server.pid),
    async start() {
      server = await start();
    },
    kill: () => killTree(server.pid),
    freeze: () => signalTree(server.pid, 'SIGSTOP'),
    thaw: () => signalTree(server.pid, 'SIGCONT'),
    async promote() {
      if ((await ask('select pg_promote(true, 20)::text')) !== 'true') throw new Error('the standby is not promoted');
    },
    async remove() {
      await signalTree(server.pid, 'SIGCONT');
      await stopPostgres(server.pid);
      await remove();
    },
  };
}

async function askOnce(url: string, sql: string): Promise<string> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 30_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query({ text: sql, rowMode: 'array' });
    return String((rows as unknown[][])[0]?.[0]);
  } finally {
    await client.end().catch(() => undefined);
  }
}
