import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { canReachFolder, makeRootOnlyHome, rootOnlyHome, type ServerUser } from './postgres-binaries.ts';
import { isAlive } from './postgres-server.ts';

/** What is remembered of the embedded server, in DATA_DIR/embedded.json (mode 0600: it holds the passwords). */
const stateSchema = z.object({
  folder: z.string(),
  /** Of the server's owner: for tools such as pg_dump and psql. */
  password: z.string(),
  /** Of the role by which the hub's processes connect; absent until they first do. */
  hubPassword: z.string().optional(),
  /** The port of last time, taken again where it is free. */
  port: z.number().nullable(),
  /** Whether the data folder was ever made: if so and it is gone, something is wrong. */
  initialized: z.boolean(),
});
export type EmbeddedState = z.infer<typeof stateSchema>;

export function stateFileOf(dataDir: string): string {
  return join(dataDir, 'embedded.json');
}

/** Makes DATA_DIR where it is missing. As root it is open to all, for PostgreSQL's own user; the secret files in it are not. */
export async function makeDataDir(dataDir: string): Promise<void> {
  const made = await mkdir(dataDir, { recursive: true });
  if (made !== undefined) await chmod(dataDir, process.getuid?.() === 0 ? 0o755 : 0o700);
}

/** The remembered state, or a new one with the data folder chosen: DATA_DIR/postgres where `user` can reach it. */
export async function loadState(dataDir: string, user: ServerUser): Promise<EmbeddedState> {
  const text = await readFile(stateFileOf(dataDir), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  const real = await realpath(dataDir);
  if (text !== null) {
    const state = stateSchema.parse(JSON.parse(text));
    return { ...state, folder: resolve(real, state.folder) };
  }
  return {
    folder: await chooseFolder(real, user),
    password: makePassword(),
    port: null,
    initialized: false,
  };
}

export function makePassword(): string {
  return randomBytes(18).toString('base64url');
}

/** Written whole or not at all: a kill in the middle leaves the former state. */
export async function saveState(dataDir: string, state: EmbeddedState): Promise<void> {
  const file = stateFileOf(dataDir);
  // Within DATA_DIR the path is kept relative, so that DATA_DIR can be moved.
  const within = relative(await realpath(dataDir), state.folder);
  const kept = { ...state, folder: within.startsWith('..') ? state.folder : within };
  await writeFile(`${file}.new`, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

async function chooseFolder(real: string, user: ServerUser): Promise<string> {
  if (canReachFolder(real, user)) return join(real, 'postgres');
  await makeRootOnlyHome();
  // A new name each time, so that a DATA_DIR that was deleted starts with an empty database, as it does elsewhere.
  return join(rootOnlyHome, `data-${randomBytes(6).toString('hex')}`);
}

const LOCK_WAIT_MS = 150_000;

/** Lets one process at a time look for, make or start the server of a DATA_DIR. A lock whose holder died is taken. */
export async function withStartLock<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  const file = join(dataDir, 'embedded.lock');
  const deadline = Date.now() + LOCK_WAIT_MS;
  while (!(await tryLock(file))) {
    if (Date.now() > deadline) throw new Error(`Another process is starting the database of ${dataDir} (${file})`);
    await wait(50);
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function tryLock(file: string): Promise<boolean> {
  try {
    const lock = await open(file, 'wx', 0o600);
    await lock.writeFile(String(process.pid));
    await lock.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if (await isAbandoned(file)) await rm(file, { force: true });
  return false;
}

async function isAbandoned(file: string): Promise<boolean> {
  try {
    const holder = Number(await readFile(file, 'utf8'));
    const { mtimeMs } = await stat(file);
    // Process ids are reused, in a container even ours after a restart. No start takes as long as this.
    if (Date.now() - mtimeMs > LOCK_WAIT_MS || holder === process.pid) return true;
    return holder > 0 && !(await isAlive(holder));
  } catch {
    return false;
  }
}
