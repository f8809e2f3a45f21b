import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findServerUser } from '../../src/db/postgres-binaries.ts';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { readDatabaseAddress } from '../../src/process/database-address.ts';
import { findProgram } from './apt.ts';
import { waitUntil } from './wait-until.ts';

export interface TestPgBouncer {
  /** The database's URL, by the pooler. */
  url: string;
  log: () => Promise<string>;
  stop: () => Promise<void>;
}

/** A PgBouncer before one database, with `pool_mode=transaction` and nothing else that is not needed to reach it. */
export async function startTestPgBouncer(databaseUrl: string): Promise<TestPgBouncer> {
  const program = await findProgram(['pgbouncer'], {
    package: 'pgbouncer',
    message: 'The tests need PgBouncer. Install it and run them again:\n  sudo apt-get install -y pgbouncer',
  });
  const { hosts, user, password, database } = readDatabaseAddress(databaseUrl);
  const [{ host, port }] = hosts;
  const home = await mkdtemp(join(tmpdir(), 'tributary-pgbouncer-'));
  const listen = await findFreePort();
  const inHome = (name: string): string => join(home, name);
  await writeFile(inHome('users.txt'), `"${user}" "${password}"\n`);
  await writeFile(
    inHome('pgbouncer.ini'),
    `[databases]
${database} = host=${host} port=${port} dbname=${database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listen}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${inHome('users.txt')}
pool_mode = transaction
logfile = ${inHome('pgbouncer.log')}
`,
  );
  // It refuses to run as root.
  const owner = findServerUser();
  if (owner) {
    for (const path of ['', 'users.txt', 'pgbouncer.ini']) await chown(inHome(path), owner.uid, owner.gid);
  }
  const server = spawn(program, [inHome('pgbouncer.ini')], { ...owner, cwd: '/', stdio: 'ignore' });
  const exited = once(server, 'exit');
  await waitUntil('PgBouncer takes connections', () => isListening(listen));
  return {
    url: `postgres://${user}:${encodeURIComponent(password ?? '')}@127.0.0.1:${listen}/${database}?sslmode=disable`,
    log: () => readFile(inHome('pgbouncer.log'), 'utf8'),
    async stop() {
      server.kill('SIGKILL');
      await exited;
      await rm(home, { recursive: true, force: true });
    },
  };
}

function isListening(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1', () => resolve(true));
  socket.on('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
