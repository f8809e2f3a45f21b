import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, loadConfig, type Environment } from '../../src/process/config.ts';

const needed = {
  DATABASE_URL: 'postgres://u:p@db/x',
  ADMIN_TOKEN: 'sixteen-letters-',
  ENCRYPTION_KEY: 'abcd'.repeat(16),
};
const neededKey = new Uint8Array(Buffer.from(needed.ENCRYPTION_KEY, 'hex'));

function problemsOf(env: Environment): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    for (const problem of error.problems) assert.ok(error.message.includes(problem));
    return error.problems;
  }
  return [];
}

test('with the three required variables all else has its documented default', () => {
  const { encryptionKeys, dataDir, ...rest } = loadConfig(needed);
  assert.deepEqual(rest, {
    port: 3000,
    host: null,
    workerPort: null,
    metricsPort: null,
    publicUrl: 'http://localhost:3000',
    databaseUrl: 'postgres://u:p@db/x',
    databaseReplicaUrl: null,
    databaseDirectUrl: null,
    databasePooler: 'auto',
    redisUrl: null,
    redisClusterNodes: null,
    redisSentinels: null,
    redisSentinelName: 'mymaster',
    redisTls: { ca: null, cert: null, key: null },
    adminToken: 'sixteen-letters-',
    metricsToken: null,
    trustProxy: false,
    resultTimeoutMs: 5000,
    outboundAllowCidrs: [],
    outboundAllowHttp: false,
    rateLimits: true,
    logLevel: 'info',
    retryScheduleS: [5, 300, 1800, 7200, 18000, 36000, 36000, 50400, 72000, 86400],
    messageRetentionDays: 90,
    tracing: null,
  });
  assert.deepEqual(encryptionKeys, [neededKey]);
  assert.match(dataDir, /^\/.*\/\.data$/);
});

test('all mistakes are reported at once, each by its name and in words', () => {
  const problems = problemsOf({
    PORT: '70000',
    PUBLIC_URL: 'hub.example.com',
    DATABASE_URL: 'mysql://db',
    REDIS_URL: 'http://redis',
    DATABASE_POOLER: 'session',
    DATABASE_REPLICA_URL: 'redis://replica',
    REDIS_CLUSTER_NODES: 'one',
    ENCRYPTION_KEY: 'short',
    ENCRYPTION_KEY_PREVIOUS: 'short',
    TRUST_PROXY: 'everyone',
    RESULT_TIMEOUT_MS: '-1',
    OUTBOUND_ALLOW_CIDRS: '10.0.0.0/40',
    OUTBOUND_ALLOW_HTTP: 'yes',
    RATE_LIMITS: 'false',
    LOG_LEVEL: 'loud',
    RETRY_SCHEDULE: '5,x',
  });
  const names = problems.map((problem) => problem.slice(0, problem.indexOf(':')));
  assert.deepEqual(names.toSorted(), [
    'ADMIN_TOKEN',
    'DATABASE_POOLER',
    'DATABASE_REPLICA_URL',
    'DATABASE_URL',
    'ENCRYPTION_KEY',
    'ENCRYPTION_KEY_PREVIOUS',
    'LOG_LEVEL',
    'OUTBOUND_ALLOW_CIDRS',
    'OUTBOUND_ALLOW_HTTP',
    'PORT',
    'PUBLIC_URL',
    'RATE_LIMITS',
    'REDIS_CLUSTER_NODES',
    'REDIS_URL',
    'REDIS_URL',
    'RESULT_TIMEOUT_MS',
    'RETRY_SCHEDULE',
    'TRUST_PROXY',
  ]);
  for (const problem of problems) assert.doesNotMatch(problem, /Invalid input|expected/);
});

test('a replica that is the database itself is a mistake', () => {
  const url = 'postgres://u:p@db/x';
  assert.match(
    problemsOf({ ...needed, DATABASE_URL: url, DATABASE_REPLICA_URL: url })[0] ?? '',
    /^DATABASE_REPLICA_URL: /,
  );
  const replica = 'postgres://u:p@replica/x';
  assert.equal(loadConfig({ ...needed, DATABASE_REPLICA_URL: replica }).databaseReplicaUrl, replica);
});

test('settings of Redis that do not go together are mistakes', () => {
  const names = (settings: Environment) => problemsOf({ ...needed, ...settings }).map((said) => said.split(':')[0]);
  assert.deepEqual(names({ REDIS_SENTINELS: 'one:26379', REDIS_CLUSTER_NODES: 'one:6379' }), ['REDIS_SENTINELS']);
  assert.deepEqual(names({ REDIS_SENTINEL_NAME: 'jobs' }), ['REDIS_SENTINEL_NAME']);
  assert.deepEqual(names({ REDIS_URL: 'redis://one:6379', REDIS_CA_FILE: '/nowhere/ca.pem' }), [
    'REDIS_CA_FILE',
    'REDIS_CA_FILE',
  ]);
  assert.deepEqual(names({ REDIS_URL: 'rediss://one:6379', REDIS_CERT_FILE: import.meta.filename }), [
    'REDIS_CERT_FILE',
    'REDIS_CERT_FILE',
  ]);
  assert.deepEqual(names({ REDIS_CLUSTER_NODES: 'rediss://:one@one:6379,redis://:two@two:6379' }), [
    'REDIS_CLUSTER_NODES',
  ]);
  const { redisSentinels } = loadConfig({ ...needed, REDIS_SENTINELS: 'rediss://:pw@one:26379, two:26379' });
  assert.deepEqual(redisSentinels, ['rediss://:pw@one:26379', 'two:26379']);
});

test('a mistake in a secret does not show the secret', () => {
  const problems = problemsOf({ ...needed, ENCRYPTION_KEY: 'my-secret-value', ADMIN_TOKEN: 'my secret value of old' });
  assert.equal(problems.length, 2);
  assert.doesNotMatch(problems.join(), /my.secret/);
});

test('an admin token that can be guessed is refused at the start', () => {
  assert.match(problemsOf({ ...needed, ADMIN_TOKEN: 'fifteen-letters' })[0] ?? '', /^ADMIN_TOKEN: .*16 characters/);
  assert.match(problemsOf({ ...needed, ADMIN_TOKEN: `${' '.repeat(20)}short` })[0] ?? '', /^ADMIN_TOKEN: /);
});

test('an encryption key of one repeated byte is refused at the start, but may be rotated away from', () => {
  for (const zeros of ['0'.repeat(64), 'ff'.repeat(32), Buffer.alloc(32, 'a').toString('base64')]) {
    assert.match(problemsOf({ ...needed, ENCRYPTION_KEY: zeros })[0] ?? '', /^ENCRYPTION_KEY: .*one byte repeated/);
    assert.deepEqual(problemsOf({ ...needed, ENCRYPTION_KEY_PREVIOUS: zeros }), []);
  }
});

test('an empty variable counts as unset', () => {
  assert.equal(loadConfig({ ...needed, REDIS_URL: '', PORT: ' ' }).port, 3000);
  assert.deepEqual(problemsOf({ ...needed, ADMIN_TOKEN: '' }).length, 1);
});

test('an encryption key is taken as hex, base64 and base64url; former keys follow it', () => {
  const bytes = new Uint8Array(32).map((_, index) => 255 - index);
  for (const encoding of ['hex', 'base64', 'base64url'] as const) {
    const key = Buffer.from(bytes).toString(encoding);
    const { encryptionKeys } = loadConfig({
      ...needed,
      ENCRYPTION_KEY: key,
      ENCRYPTION_KEY_PREVIOUS: needed.ENCRYPTION_KEY,
    });
    assert.deepEqual(encryptionKeys, [bytes, neededKey], encoding);
  }
});

test('PUBLIC_URL keeps its path and loses its last slash', () => {
  assert.equal(loadConfig({ ...needed, PUBLIC_URL: 'https://x.example/hub/' }).publicUrl, 'https://x.example/hub');
});

test('lists are split, trimmed and completed', () => {
  const config = loadConfig({
    ...needed,
    REDIS_CLUSTER_NODES: 'one:6379, [::1]:7000',
    OUTBOUND_ALLOW_CIDRS: '127.0.0.1, fd00::/8',
    RETRY_SCHEDULE: '0.5, 10',
    TRUST_PROXY: 'loopback, 10.0.0.0/8',
  });
  assert.deepEqual(config.redisClusterNodes, ['one:6379', '[::1]:7000']);
  assert.deepEqual(config.outboundAllowCidrs, ['127.0.0.1/32', 'fd00::/8']);
  assert.deepEqual(config.retryScheduleS, [0.5, 10]);
  assert.deepEqual(config.trustProxy, ['loopback', '10.0.0.0/8']);
  assert.equal(loadConfig({ ...needed, TRUST_PROXY: '2' }).trustProxy, 2);
});

test('traces go where the standard settings say, as many as they say', () => {
  const tracingOf = (env: Environment) => loadConfig({ ...needed, ...env }).tracing;
  const base = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' };
  const all = { url: 'http://collector:4318/v1/traces', serviceName: 'tributary', ratio: 1 };
  assert.deepEqual(tracingOf(base), all);
  const exact = { ...base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://other/t' };
  assert.equal(tracingOf(exact)?.url, 'https://other/t');
  const some = { ...base, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' };
  assert.equal(tracingOf(some)?.ratio, 0.1);
  assert.equal(tracingOf({ ...base, OTEL_TRACES_SAMPLER: 'always_off' }), null);
  assert.deepEqual(
    problemsOf({ ...needed, ...base, OTEL_TRACES_SAMPLER: 'some', OTEL_TRACES_SAMPLER_ARG: '1.5' }).map(
      (problem) => problem.split(':')[0],
    ),
    ['OTEL_TRACES_SAMPLER', 'OTEL_TRACES_SAMPLER_ARG'],
  );
});
