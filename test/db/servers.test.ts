import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { createDatabase } from '../../src/db/database.ts';
import { openListener } from '../../src/db/listener.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { findServerUser } from '../../src/db/postgres-binaries.ts';
import { ensureDatabase, findFreePort } from '../../src/db/postgres-server.ts';
import { openQueues } from '../../src/queue/queues.ts';
import { findProgram } from '../support/apt.ts';
import { runSql } from '../support/sql.ts';
import { fast, startTestPostgres, type TestServer } from '../support/postgres.ts';
import { startStandby, type Standby } from '../support/standby.ts';
import { waitUntil } from '../support/wait-until.ts';

let primary: TestServer;
let standby: Standby;
/** Certificates; the server has one for `localhost`, and takes encrypted connections beside plain ones. */
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-tls-'));
  await makeCertificates(folder);
  primary = await startTestPostgres({
    ...fast,
    ssl: 'on',
    ssl_cert_file: join(folder, 'server.pem'),
    ssl_key_file: join(folder, 'server.key'),
    ssl_ca_file: join(folder, 'ca.pem'),
  });
  await ensureDatabase(primary.port, primary.password, 'my-hub-2');
  standby = await startStandby(primary);
});
after(async () => {
  await standby?.remove();
  await primary?.stop();
  rmSync(folder, { recursive: true });
});

async function makeCertificates(into: string): Promise<void> {
  const program = await findProgram(['openssl'], {
    package: 'openssl',
    message: 'The tests need OpenSSL. Install it and run them again:\n  sudo apt-get install -y openssl',
  });
  const openssl = (...more: string[]): void => void execFileSync(program, more, { cwd: into, stdio: 'ignore' });
  const forOneDay = ['-days', '1', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...forOneDay, '-subj', '/CN=CA of the tests', '-keyout', 'ca.key', '-out', 'ca.pem');
  for (const [name, subject] of [
    ['server', 'localhost'],
    ['client', 'tributary'],
  ] as const) {
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', `subjectAltName=DNS:${subject}`];
    const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`];
    openssl('req', '-x509', ...forOneDay, ...signed, '-subj', `/CN=${subject}`, ...files);
  }
  const owner = findServerUser();
  if (!owner) return;
  for (const name of ['', 'server.key', 'server.pem', 'ca.pem']) chownSync(join(into, name), owner.uid, owner.gid);
}

function addressOf(hosts: string[], query: string): string {
  return `postgres://tributary:${primary.password}@${hosts.join(',')}/my-hub-2?${query}`;
}

describe('TLS', () => {
  const ask = async (host: string, query: string): Promise<unknown> => {
    const url = addressOf([`${host}:${primary.port}`], query);
    const db = createDatabase({ url, role: 'test', poolSize: 1 });
    try {
      const rows = await runSql(db, 'select ssl, client_dn as name from pg_stat_ssl where pid = pg_backend_pid()');
      return rows[0];
    } catch (error) {
      return (error as { code?: string }).code;
    } finally {
      await db.destroy();
    }
  };

  test('encrypts, checks the certificate and the name, and shows one of its own, as the URL says', async () => {
    const ca = `sslrootcert=${join(folder, 'ca.pem')}`;
    const own = `sslcert=${join(folder, 'client.pem')}&sslkey=${join(folder, 'client.key')}`;
    assert.deepEqual(await ask('127.0.0.1', 'sslmode=disable'), { ssl: false, name: null });
    assert.deepEqual(await ask('127.0.0.1', 'sslmode=no-verify'), { ssl: true, name: null });
    assert.match(String(await ask('127.0.0.1', 'sslmode=require')), /SELF_SIGNED|UNABLE_TO/);
    assert.deepEqual(await ask('localhost', `sslmode=verify-full&${ca}`), { ssl: true, name: null });
    assert.equal(await ask('127.0.0.1', `sslmode=verify-full&${ca}`), 'ERR_TLS_CERT_ALTNAME_INVALID');
    assert.deepEqual(await ask('127.0.0.1', `sslmode=verify-ca&${ca}`), { ssl: true, name: null });
    assert.match(String(await ask('localhost', 'sslmode=verify-full')), /SELF_SIGNED|UNABLE_TO/);
    assert.deepEqual(await ask('localhost', `sslmode=verify-full&${ca}&${own}`), { ssl: true, name: '/CN=tributary' });
  });
});

test('of several hosts all connections find the one that takes writes, again after a failover', async () => {
  const nowhere = `127.0.0.1:${await findFreePort()}`;
  const standbyHost = new URL(standby.urlOf('x')).host;
  const hosts = [nowhere, standbyHost, `127.0.0.1:${primary.port}`];
  const url = addressOf(hosts, 'sslmode=disable&target_session_attrs=read-write');
  await migrateDatabase({ databaseUrl: url, queueInDatabase: true });
  await standby.caughtUp();

  const log = pino({ level: 'silent' });
  const db = createDatabase({ url, role: 'test', poolSize: 3 });
  const heard: string[] = [];
  const listener = openListener(db, log, { news: (payload) => heard.push(payload) });
  const queues = openQueues({ databaseUrl: url, redisUrl: null, redisClusterNodes: null }, log);
  const portOf = async (): Promise<unknown> =>
    (await runSql<{ port: number }>(db, `select current_setting('port')::int as port`))[0]?.port;
  try {
    await listener.ensure();
    assert.equal(await portOf(), primary.port);
    await queues.ping();
    await primary.stop();
    await runSql(standbyDb(), 'select pg_promote()');
    const start = performance.now();
    await waitUntil('what was the standby takes writes', () => runSql(db, 'create table after_failover ()'));
    assert.ok(performance.now() - start < 10_000);
    assert.equal(await portOf(), Number(standbyHost.split(':')[1]));
    await waitUntil('the queue is there, too', () => queues.ping().then(() => true));
    await waitUntil('it listens there', async () => {
      await listener.ensure();
      return listener.isListening;
    });
    await runSql(db, `select pg_notify('news', 'of the new primary')`);
    await waitUntil('what is announced there is heard', () => heard.includes('of the new primary'));
  } finally {
    await queues.close();
    await listener.close();
    await db.destroy();
    await promoting?.destroy();
  }
});

let promoting: ReturnType<typeof createDatabase> | null = null;
function standbyDb(): ReturnType<typeof createDatabase> {
  promoting ??= createDatabase({ url: standby.urlOf('postgres'), role: 'test', poolSize: 1 });
  return promoting;
}
