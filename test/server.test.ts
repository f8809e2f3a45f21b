import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Environment } from '../src/process/config.ts';
import { findFreePort } from '../src/db/postgres-server.ts';
import type { ReadinessReport } from '../src/http/readiness.ts';
import { runSql } from './support/sql.ts';
import { newId } from '../src/domain/ids.ts';
import { createProgram } from '../src/program/programs.ts';
import { startProcess } from './support/child-process.ts';
import { openTestDatabase, type TestDatabase } from './support/database.ts';
import { startHub } from './support/hub.ts';
import { waitUntil } from './support/wait-until.ts';

let t: TestDatabase;
before(async () => {
  t = await openTestDatabase();
});
after(() => t.close());

function environment(databaseUrl: string, port: number): Environment {
  return {
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    ADMIN_TOKEN: 'admin-token-of-the-tests',
    ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
  };
}

/** Statements of `pattern` that wait for a lock. */
async function isWaiting(pattern: string): Promise<boolean> {
  const waiting = await runSql(
    t.db,
    `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ilike ?`,
    [pattern],
  );
  return waiting.length > 0;
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`a web process answers what is under way at ${signal}, takes nothing new, and exits 0`, async () => {
    const port = await findFreePort();
    const web = startProcess(['src/server.ts'], environment(t.url, port));
    await web.waitFor(/web listens/);
    const blocker = await t.db.transaction();
    await blocker.raw('lock table programs in access exclusive mode');
    const headers = { authorization: 'Bearer admin-token-of-the-tests' };
    const underWay = fetch(`http://127.0.0.1:${port}/api/v1/programs`, { headers });
    await waitUntil('the request waits for the database', () => isWaiting('%programs%'));
    web.kill(signal);
    await web.waitFor(/"stopping"/);
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    assert.deepEqual([ready.status, ((await ready.json()) as { status: string }).status], [503, 'stopping']);
    await waitUntil('the port is closed', () =>
      fetch(`http://127.0.0.1:${port}/livez`).then(
        () => false,
        () => true,
      ),
    );
    await blocker.rollback();
    const answer = await underWay;
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('connection'), 'close');
    assert.equal(await web.exited, 0, web.output());
  });
}

test('a web process whose port is taken says so in one line and exits 1', async () => {
  const hub = await startHub({ worker: false });
  const { port } = new URL(hub.url);
  const web = startProcess(['src/server.ts'], { ...environment(t.url, Number(port)), HOST: '127.0.0.1' });
  assert.equal(await web.exited, 1);
  assert.equal(web.output(), `Port ${port} is in use by another program. Stop that one, or set PORT to another.\n`);
  await hub.stop();
});

test('a web process whose database is away starts all the same and says that it is not ready', async () => {
  const port = await findFreePort();
  const away = new URL(t.url);
  away.port = String(await findFreePort());
  const web = startProcess(['src/server.ts'], environment(away.href, port));
  await web.waitFor(/web listens/);
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
  assert.equal(answer.status, 503);
  const { status, checks } = (await answer.json()) as ReadinessReport;
  assert.equal(status, 'unavailable');
  assert.match(checks.database.error ?? '', /cannot be connected to/);
  await web.waitFor(/"msg":"database is away/);
  assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200);
  web.kill('SIGTERM');
  assert.equal(await web.exited, 0, web.output());
});

test('a worker finishes what it has taken at SIGTERM, answers health checks at WORKER_PORT, and exits 0', async () => {
  const workerPort = await findFreePort();
  const worker = startProcess(['workers/main.ts'], {
    ...environment(t.url, await findFreePort()),
    WORKER_PORT: String(workerPort),
  });
  await worker.waitFor(/worker runs/);
  await waitUntil('it is ready', async () => (await fetch(`http://127.0.0.1:${workerPort}/readyz`)).ok);
  assert.match(await (await fetch(`http://127.0.0.1:${workerPort}/metrics`)).text(), /tributary_settled_total/);

  const program = await createProgram(t.db, { name: 'Program' });
  const blocker = await t.db.transaction();
  await blocker.raw('lock table orders in access exclusive mode');
  const id = await storeSale(program.id);
  await waitUntil('the worker settles', () => isWaiting('/* insertIntoOrders */%'));
  worker.kill('SIGTERM');
  await worker.waitFor(/"stopping"/);
  await blocker.rollback();
  assert.equal(await worker.exited, 0, worker.output());
  const [row] = await runSql<{ status: string }>(t.db, 'select status from inbox_events where id = ?', [id]);
  assert.equal(row?.status, 'processed');
});

/** A sale in the inbox that is due for the sweep at once. */
async function storeSale(programId: string): Promise<string> {
  const id = newId('ibx');
  const money = { minor: 1000, currency: 'USD' };
  const fact = {
    id: 'api:1',
    type: 'sale',
    refs: ['order:1'],
    occurredAt: '2026-11-01T00:00:00.000Z',
    customer: null,
    evidence: {},
    document: 'api',
    gross: money,
    net: money,
    phase: 'one_off',
    subscription: null,
    goal: 'purchase',
  };
  await runSql(
    t.db,
    `insert into inbox_events (id, program_id, kind, livemode, raw, facts, next_enqueue_at, received_at)
     values (?, ?, 'conversion', true, '', ?, now(), now())`,
    [id, programId, JSON.stringify([fact])],
  );
  return id;
}
