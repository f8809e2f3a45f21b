import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { loadConfig, type Environment } from '../../src/process/config.ts';
import { makeTestCertificates, type TestCertificates } from '../support/certificates.ts';
import { startTestRedis, startTestSentinel, type TestRedis } from '../support/redis.ts';
import { connectRedisUsers, sendCommand } from '../support/redis-users.ts';

// What a password must not be: simple. Each needs its escape in a URL.
const password = 'p@ss:w/rd#1';
const encoded = encodeURIComponent(password);

let certificates: TestCertificates;
let tlsFlags: string[];
const running: TestRedis[] = [];
before(async () => {
  certificates = await makeTestCertificates();
  tlsFlags = [
    '--tls-cert-file',
    certificates.server.cert,
    '--tls-key-file',
    certificates.server.key,
    '--tls-ca-cert-file',
    certificates.ca,
    '--tls-auth-clients',
    'yes',
  ];
});
after(async () => {
  await Promise.all(running.map((server) => server.stop()));
  await certificates.remove();
});

/** One that takes TLS with a client's certificate, and the user `hub` only. */
async function startSecureRedis(flags: string[] = [], clusterPort?: number) {
  const tlsPort = await findFreePort();
  const redis = await startTestRedis(undefined, {
    flags: ['--tls-port', String(tlsPort), ...tlsFlags, ...flags],
    ...(clusterPort === undefined ? {} : { clusterPort }),
  });
  running.push(redis);
  await sendCommand(redis, 'ACL', 'SETUSER', 'hub', 'on', `>${password}`, '~*', '&*', '+@all');
  if (clusterPort !== undefined) await sendCommand(redis, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  await sendCommand(redis, 'CONFIG', 'SET', 'requirepass', 'of-nobody');
  return { ...redis, tlsPort };
}

/** The settings as a hub reads them, with the client's certificate. */
function connect(env: Environment, withCertificate = true) {
  return connectRedisUsers(
    loadConfig({
      DATABASE_URL: 'postgres://host/users',
      ADMIN_TOKEN: 'admin-token-of-the-tests',
      ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
      REDIS_CA_FILE: certificates.ca,
      ...(withCertificate
        ? { REDIS_CERT_FILE: certificates.client.cert, REDIS_KEY_FILE: certificates.client.key }
        : {}),
      ...env,
    }),
  );
}

test('one Redis by TLS, with a user, a password, a database and a client certificate', async () => {
  const { tlsPort } = await startSecureRedis();
  const url = `rediss://hub:${encoded}@localhost:${tlsPort}/3`;
  const users = connect({ REDIS_URL: url });
  await users.passes('by TLS');
  await users.close();
  const without = connect({ REDIS_URL: url }, false);
  await assert.rejects(without.queues.ping());
  await without.close();
});

test('a Cluster by TLS: what one of its nodes says of user, password and TLS holds for all', async () => {
  const { tlsPort } = await startSecureRedis(
    ['--tls-cluster', 'yes', '--cluster-announce-ip', '127.0.0.1'],
    await findFreePort(),
  );
  const users = connect({ REDIS_CLUSTER_NODES: `rediss://hub:${encoded}@localhost:${tlsPort},127.0.0.1:${tlsPort}` });
  await users.passes('by TLS');
  await users.close();
});

test('a primary by TLS behind a Sentinel by TLS, each with a password of its own', async () => {
  const { tlsPort } = await startSecureRedis(['--tls-replication', 'yes']);
  const sentinelPort = await findFreePort();
  const sentinel = await startTestSentinel(tlsPort, 'mymaster', {
    password: 'of-sentinels',
    more: [
      `tls-port ${sentinelPort}`,
      'tls-replication yes',
      ...['cert', 'key'].map((kind) => `tls-${kind}-file ${certificates.server[kind as 'cert' | 'key']}`),
      `tls-ca-cert-file ${certificates.ca}`,
    ],
  });
  running.push(sentinel);
  await sendCommand(sentinel, 'SENTINEL', 'SET', 'mymaster', 'auth-pass', 'of-nobody');
  const users = connect({
    REDIS_SENTINELS: `rediss://:of-sentinels@localhost:${sentinelPort}`,
    REDIS_URL: `rediss://hub:${encoded}@not-used/2`,
  });
  await users.passes('by TLS');
  await users.close();
});

test('certificates are read as they are configured', () => {
  const config = loadConfig({
    DATABASE_URL: 'postgres://host/users',
    ADMIN_TOKEN: 'admin-token-of-the-tests',
    ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
    REDIS_URL: 'rediss://host:6379',
    REDIS_CA_FILE: certificates.ca,
  });
  assert.equal(config.redisTls.ca, readFileSync(certificates.ca, 'utf8'));
});
