import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findServerUser } from '../../src/db/postgres-binaries.ts';
import { findFreePort, serverUrl, startPostgres, stopPostgres } from '../../src/db/postgres-server.ts';
import { findProgram } from './apt.ts';
import { fast, makeHome } from './postgres.ts';

export interface OldServer {
  /** Superuser, database `postgres`. */
  adminUrl: string;
  urlOf(database: string, role: string, password: string): string;
  stop: () => Promise<void>;
}

/** The oldest PostgreSQL that the hub is tested on, from Debian's package: npm brings only the newest. */
export async function startPostgres15(): Promise<OldServer> {
  const user = findServerUser();
  const folder = '/usr/lib/postgresql/15/bin';
  const postgres = await findProgram(
    ['postgres'],
    {
      package: 'postgresql-15',
      message: 'The tests need PostgreSQL 15. Install it and run them again:\n  sudo apt-get install -y postgresql-15',
    },
    [folder],
  );
  const home = await makeHome(user);
  const password = randomBytes(12).toString('hex');
  const data = join(home, 'data');
  const passwordFile = join(home, 'password');
  await writeFile(passwordFile, password, { mode: 0o644 });
  const { status, stderr } = spawnSync(
    join(folder, 'initdb'),
    [
      `--pgdata=${data}`,
      '--username=tributary',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--locale=C.UTF-8',
    ],
    { ...user, cwd: '/', env: { PATH: process.env.PATH }, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`initdb of PostgreSQL 15 failed: ${stderr}`);
  const port = await findFreePort();
  const binaries = { initdb: join(folder, 'initdb'), postgres, major: '15' };
  const logFile = join(home, 'postgres.log');
  const server = await startPostgres({ binaries, user, folder: data, password, port, logFile, settings: fast });
  return {
    adminUrl: serverUrl(port, password, 'postgres'),
    urlOf: (database, role, rolePassword) => serverUrl(port, rolePassword, database, role),
    async stop() {
      await stopPostgres(server.pid);
      await rm(home, { recursive: true, force: true });
    },
  };
}
