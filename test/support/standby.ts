import { chown, cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Client } from 'pg';
import { findBinaries, findServerUser, type ServerUser } from '../../src/db/postgres-binaries.ts';
import { findFreePort, serverUrl, startPostgres, stopPostgres } from '../../src/db/postgres-server.ts';
import { fast, makeHome, type TestServer } from './postgres.ts';

/** A copy of a server that follows it by streaming replication, and takes reads. */
export interface Standby {
  urlOf(database: string): string;
  /** What the primary has written until now is there. */
  caughtUp(): Promise<void>;
  /** What comes from the primary waits. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** As a machine that hangs: connections stay, and nothing answers. */
  freeze(): Promise<void>;
  thaw(): void;
  /** As a machine that is gone; `start` brings it back at the same address. */
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

/**
 * A standby of a server that runs on. npm brings no pg_basebackup, so this is the low-level way of the manual:
 * https://www.postgresql.org/docs/18/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP
 */
export async function startStandby(primary: TestServer): Promise<Standby> {
  const user = findServerUser();
  const home = await makeHome(user);
  const folder = join(home, 'data');
  await copyRunning(primary, folder, user);
  const port = await findFreePort();
  const data = { binaries: await findBinaries(user), user, folder, password: primary.password };
  const follow = `host=127.0.0.1 port=${primary.port} user=tributary password=${primary.password} sslmode=disable`;
  const settings = { ...fast, hot_standby: 'on', primary_conninfo: follow, wal_retrieve_retry_interval: '100ms' };
  const start = () => startPostgres({ ...data, port, logFile: join(home, 'postgres.log'), settings });
  let server = await start();
  let frozen: number[] = [];
  const adminUrl = serverUrl(port, primary.password, 'postgres');
  const ask = (sql: string) => askOnce(adminUrl, sql);
  return {
    urlOf: (database) => serverUrl(port, primary.password, database),
    async caughtUp() {
      // Also what waits to be written: a server that gives up durability answers before.
      const wanted = await askOnce(primary.adminUrl, 'select pg_current_wal_insert_lsn()::text');
      for (const deadline = Date.now() + 20_000; ;) {
        const behind = await ask(`select (pg_last_wal_replay_lsn() < '${wanted}'::pg_lsn)::text`);
        if (behind === 'false') return;
        if (Date.now() > deadline) throw new Error('the standby does not follow');
      }
    },
    async pause() {
      await ask('select pg_wal_replay_pause()::text');
      while ((await ask('select pg_get_wal_replay_pause_state()')) !== 'paused');
    },
    resume: async () => void (await ask('select pg_wal_replay_resume()::text')),
    async freeze() {
      const sessions = await ask(
        `select string_agg(pid::text, ' ') from pg_stat_activity where pid <> pg_backend_pid()`,
      );
      frozen = [server.pid, ...sessions.split(' ').map(Number)];
      for (const pid of frozen) process.kill(pid, 'SIGSTOP');
    },
    thaw() {
      for (const pid of frozen.splice(0)) process.kill(pid, 'SIGCONT');
    },
    stop: () => stopPostgres(server.pid),
    async start() {
      server = await start();
    },
    async remove() {
      await stopPostgres(server.pid);
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Its data as they are, to be started as a standby of it. */
export async function copyRunning(
  primary: Pick<TestServer, 'adminUrl' | 'folder'>,
  folder: string,
  user: ServerUser,
): Promise<void> {
  const client = new Client({ connectionString: primary.adminUrl });
  await client.connect();
  try {
    await client.query(`select pg_backup_start('standby', true)`);
    const left = new Set(['postmaster.pid', 'postmaster.opts']);
    await cp(primary.folder, folder, {
      recursive: true,
      // Log files come by the stream. A file may go away while the folder is read.
      filter: (path) => !left.has(basename(path)) && !/\/pg_wal\/[0-9A-F]{24}/.test(path),
    });
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
    await writeFile(join(folder, 'backup_label'), rows[0]?.labelfile ?? '');
    await writeFile(join(folder, 'standby.signal'), '');
    await mkdir(join(folder, 'pg_wal', 'archive_status'), { recursive: true });
  } finally {
    await client.end();
  }
  if (!user) return;
  const files = await readdir(folder, { recursive: true });
  for (const path of ['', ...files]) await chown(join(folder, path), user.uid, user.gid);
}

async function askOnce(url: string, sql: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query({ text: sql, rowMode: 'array' });
    return String((rows as unknown[][])[0]?.[0]);
  } finally {
    await client.end();
  }
}
