import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../../db/postgres-server.ts';

/** A hub that the demo has for itself. */
export interface DemoHub {
  /** Where it listens, without a slash at the end. */
  url: string;
  adminToken: string;
  /** Its environment, for other commands that are to meet it. */
  env: Record<string, string>;
  /** Stops it, and removes its data where they were made for the demo. */
  stop: () => Promise<void>;
}

const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 45_000;
const KEPT_OUTPUT = 8_000;

const root = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * Starts a hub on a free port, with an embedded PostgreSQL in a folder of its own. DATABASE_URL and REDIS_URL of the
 * environment are ignored: the demo's data must not mix with other data. `redisUrl` puts the queue into a Redis.
 */
export async function startDemoHub({
  dataDir,
  redisUrl,
}: {
  dataDir: string | null;
  redisUrl: string | null;
}): Promise<DemoHub> {
  const folder = dataDir ?? (await makeFolder());
  const port = String(await findFreePort());
  const url = `http://127.0.0.1:${port}`;
  const adminToken = randomBytes(24).toString('base64url');
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    PORT: port,
    HOST: '127.0.0.1',
    PUBLIC_URL: url,
    DATA_DIR: folder,
    ADMIN_TOKEN: adminToken,
    // The subscriber listens on this machine.
    OUTBOUND_ALLOW_CIDRS: '127.0.0.0/8',
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'warn',
    ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }),
  };
  const hub = spawn(process.execPath, ['src/cli/tributary.ts', 'start'], {
    cwd: root,
    // As under npm the hub then ends by itself when we are gone, however we end.
    env: { ...env, npm_lifecycle_event: 'demo' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = keepOutput(hub);
  const stop = async (): Promise<void> => {
    await endProcess(hub);
    if (dataDir === null) await removeFolder(folder);
  };
  try {
    await waitUntilReady(hub, url);
  } catch (error) {
    await stop();
    throw new Error(`The hub of the demo did not start.\n${output()}`.trimEnd(), { cause: error });
  }
  return { url, adminToken, env, stop };
}

/** Under the system's temporary folder. Started by root, PostgreSQL runs as another user, who must be able to enter it. */
async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-demo-'));
  if (process.getuid?.() === 0) await chmod(folder, 0o755);
  return folder;
}

/** The database lies elsewhere where PostgreSQL's user could not enter the folder; embedded.json tells where. */
async function removeFolder(folder: string): Promise<void> {
  const state = await readFile(join(folder, 'embedded.json'), 'utf8').catch(() => '{}');
  const { folder: database } = JSON.parse(state) as { folder?: string };
  if (database !== undefined && isAbsolute(database)) await rm(database, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
}

async function waitUntilReady(hub: ChildProcess, url: string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (hub.exitCode !== null || hub.signalCode !== null) throw new Error('The hub ended');
    const ready = await fetch(`${url}/readyz`).catch(() => null);
    if (ready?.ok) return;
    await wait(100);
  }
  throw new Error('The hub is not ready in time');
}

async function endProcess(hub: ChildProcess): Promise<void> {
  if (hub.exitCode !== null || hub.signalCode !== null) return;
  const exited = once(hub, 'exit');
  const insist = setTimeout(() => hub.kill('SIGKILL'), STOP_TIMEOUT_MS);
  hub.kill('SIGTERM');
  await exited;
  clearTimeout(insist);
}

function keepOutput(hub: ChildProcess): () => string {
  let kept = '';
  for (const stream of [hub.stdout, hub.stderr]) {
    stream?.on('data', (chunk) => {
      kept = (kept + String(chunk)).slice(-KEPT_OUTPUT);
    });
  }
  return () => kept;
}
