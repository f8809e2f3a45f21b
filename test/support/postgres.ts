import { randomBytes } from 'node:crypto';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  canReachFolder,
  findBinaries,
  findServerUser,
  makeRootOnlyHome,
  rootOnlyHome,
} from '../../src/db/postgres-binaries.ts';
import {
  findFreePort,
  initializeDataFolder,
  serverUrl,
  startPostgres,
  stopPostgres,
  type RunningServer,
} from '../../src/db/postgres-server.ts';

export interface TestServer {
  /** Superuser, database `postgres`. */
  adminUrl: string;
  urlOf(database: string): string;
  pid: number;
  port: number;
  password: string;
  /** Its data. */
  folder: string;
  /** Ends it as a crash does, with nothing written that is not on disk yet, and starts it again on the same data and port. */
  crashAndRestart: () => Promise<void>;
  stop: () => Promise<void>;
}

export const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_wal_size: '4GB' };

/**
 * A PostgreSQL of the tests' own that gives up durability for speed, unless other settings are given (the benchmarks
 * measure a durable one); `stop` removes all of it.
 */
export async function startTestPostgres(settings: Record<string, string> = fast): Promise<TestServer> {
  const user = findServerUser();
  const home = await makeHome(user);
  try {
    const data = {
      binaries: await findBinaries(user),
      user,
      folder: join(home, 'data'),
      password: randomBytes(12).toString('hex'),
    };
    await initializeDataFolder(data);
    const port = await findFreePort();
    const start = (): Promise<RunningServer> =>
      startPostgres({ ...data, port, logFile: join(home, 'postgres.log'), settings });
    let server = await start();
    return {
      adminUrl: serverUrl(port, data.password, 'postgres'),
      get pid() {
        return server.pid;
      },
      port,
      password: data.password,
      folder: data.folder,
      urlOf: (database) => serverUrl(port, data.password, database),
      async crashAndRestart() {
        // An immediate shutdown: https://www.postgresql.org/docs/18/server-shutdown.html (read 2026-11)
        process.kill(server.pid, 'SIGQUIT');
        await server.exited;
        server = await start();
      },
      async stop() {
        await stopPostgres(server.pid);
        await rm(home, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

/** A folder that the server's user can reach, also where TMPDIR is root's own. */
export async function makeHome(user: ReturnType<typeof findServerUser>): Promise<string> {
  const parent = canReachFolder(tmpdir(), user) ? tmpdir() : rootOnlyHome;
  if (parent === rootOnlyHome) await makeRootOnlyHome();
  const home = await mkdtemp(join(parent, 'tributary-test-'));
  if (user) await chown(home, user.uid, user.gid);
  return home;
}
