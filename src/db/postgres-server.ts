import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import type { PostgresBinaries, ServerUser } from './postgres-binaries.ts';

/** The owner of an embedded server, its superuser; in the tests the one role. */
const SERVER_ROLE = 'tributary';

export interface DataFolder {
  binaries: PostgresBinaries;
  user: ServerUser;
  folder: string;
  password: string;
}

export interface RunningServer {
  pid: number;
  port: number;
  /** Resolves when the server is gone, on purpose or not. */
  exited: Promise<void>;
}

/** The server did not come up; the message is for people and ends with what the server said. */
export class PostgresStartError extends Error {}

/**
 * Makes a new data folder. It is filled under another name and renamed when it is whole, so that a killed start leaves
 * nothing that looks like a data folder.
 */
export async function initializeDataFolder({ binaries, user, folder, password }: DataFolder): Promise<void> {
  const staging = `${folder}.new`;
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true, mode: 0o700 });
  const passwordFile = `${folder}.password`;
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user) await Promise.all([staging, passwordFile].map((path) => chown(path, user.uid, user.gid)));
  const initdb = spawn(
    binaries.initdb,
    [
      `--pgdata=${staging}`,
      `--username=${SERVER_ROLE}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--no-instructions',
      '--no-sync', // The server syncs all of it at its first checkpoint.
    ],
    { ...user, cwd: '/', env: serverEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [initdb.stdout, initdb.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const [code] = (await once(initdb, 'close')) as [number | null];
  await rm(passwordFile, { force: true });
  if (code !== 0) {
    await rm(staging, { recursive: true, force: true });
    throw new PostgresStartError(`A PostgreSQL data folder could not be made at ${folder}:\n${output.trim()}`);
  }
  await rename(staging, folder);
}

/**
 * Starts a server on 127.0.0.1 and resolves once it takes connections. It is a process group of its own: Ctrl-C in a
 * terminal must reach those who use the database first, and it outlives a kill -9 of ours (embedded.ts adopts it then).
 */
export async function startPostgres(
  data: DataFolder & { port: number; settings: Record<string, string>; logFile: string; readyTimeoutMs?: number },
): Promise<RunningServer> {
  const { port, folder, logFile } = data;
  const settings = { ...alwaysSet, ...data.settings, port: String(port) };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const log = await open(logFile, 'a', 0o600);
  const logStart = (await log.stat()).size;
  const server = spawn(data.binaries.postgres, ['-D', folder, ...flags], {
    ...data.user,
    cwd: '/',
    env: serverEnvironment(),
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  const exited = new Promise<void>((resolve) => {
    server.once('exit', () => resolve());
    server.once('error', () => resolve());
  });
  server.unref();
  const deadline = Date.now() + (data.readyTimeoutMs ?? 120_000);
  while (server.pid !== undefined && server.exitCode === null && server.signalCode === null) {
    if (await servesFolder(port, data.password, folder)) return { pid: server.pid, port, exited };
    if (Date.now() > deadline) {
      server.kill('SIGINT');
      break;
    }
    await Promise.race([wait(50), exited]);
  }
  throw new PostgresStartError((await readLogTail(logFile, logStart)) || `${data.binaries.postgres} could not be run`);
}

/** Stops a server. Its sessions are cut; what was committed is safe. */
export async function stopPostgres(pid: number, timeoutMs = 30_000): Promise<void> {
  if (!(await isAlive(pid))) return;
  process.kill(pid, 'SIGINT');
  const deadline = Date.now() + timeoutMs;
  while (await isAlive(pid)) {
    if (Date.now() > deadline) throw new Error(`PostgreSQL (process ${pid}) does not stop`);
    await wait(20);
  }
}

/** A dead process that nobody has reaped, as in a container without an init, is not alive. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !/^\d+ \(.*\) [ZX]/s.test(status);
}

export function serverUrl(port: number, password: string, database: string, role = SERVER_ROLE): string {
  const credentials = `${role}:${encodeURIComponent(password)}`;
  // Said explicitly, since PGSSLMODE in somebody's environment is not meant for this server.
  return `postgres://${credentials}@127.0.0.1:${port}/${encodeURIComponent(database)}?sslmode=disable`;
}

/** A port that is free now; another process may still take it before it is used. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No free port');
  return address.port;
}

/** Makes a database unless it is there. */
export async function ensureDatabase(port: number, password: string, name: string): Promise<void> {
  const client = new Client({ connectionString: serverUrl(port, password, 'postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

const alwaysSet = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
  jit: 'off', // Our statements are short: compiling them takes longer than running them.
};

/** What the hub's own server has besides, with so much data in it. */
export function embeddedSettings(dataBytes: number): Record<string, string> {
  return {
    shared_buffers: `${sharedBuffersMb(dataBytes)}MB`,
    max_wal_size: '2GB', // With less, a busy server checkpoints every minute and writes whole pages again after each.
  };
}

/**
 * A quarter of the memory, as PostgreSQL's documentation advises for a dedicated server; at most 8 GB, which hold the data of
 * more than a million conversions. Data take memory only as they come, but keeping book of empty buffers takes 21 MB a GB
 * from the start: so 2 GB, or twice the data where there are more. What settling looks for lies spread over everything that
 * was ever settled: with 256 MB most of it was read again for each batch.
 * https://www.postgresql.org/docs/18/runtime-config-resource.html
 */
function sharedBuffersMb(dataBytes: number): number {
  // In a container the container's; without a limit 0, or a number beyond all memory.
  const memory = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  const quarterMb = Math.min(Math.max(Math.floor(memory / 4 / 2 ** 20), 128), 8_192);
  return Math.min(quarterMb, Math.max(2_048, Math.ceil((2 * dataBytes) / 2 ** 20)));
}

/** How much data a folder's databases hold. */
export async function dataBytesOf(folder: string): Promise<number> {
  const base = join(folder, 'base');
  const entries = await readdir(base, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  // A server that runs may remove one meanwhile.
  const sizes = files.map(({ parentPath, name }) =>
    stat(join(parentPath, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Hardly anything of our own environment: PGDATA, PGOPTIONS and the like must not reach the server. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C' };
}

/**
 * Whether the server at `port` takes connections and works on `folder`. Another one may have the port: of a copied DATA_DIR the
 * original has the same port and password. `onRefusal` is told why it does not.
 */
export async function servesFolder(
  port: number,
  password: string,
  folder: string,
  onRefusal?: (error: unknown) => void,
): Promise<boolean> {
  const client = new Client({
    connectionString: serverUrl(port, password, 'postgres'),
    connectionTimeoutMillis: 2_000,
    application_name: 'tributary-probe',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>('show data_directory');
    return rows[0]?.data_directory === folder;
  } catch (error) {
    onRefusal?.(error);
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function readLogTail(logFile: string, from: number): Promise<string> {
  const text = (await readFile(logFile)).subarray(from).toString('utf8');
  return text.trim().split('\n').slice(-12).join('\n');
}

/** Whether a folder is a PostgreSQL data folder (of which version), is something else, or is not there. */
export async function inspectDataFolder(folder: string): Promise<{ version: string } | 'missing' | 'damaged'> {
  try {
    await stat(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'missing';
    throw error;
  }
  const version = await readFile(join(folder, 'PG_VERSION'), 'utf8').catch(() => '');
  return /^\d+/.test(version) ? { version: version.trim() } : 'damaged';
}
