import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createDatabase } from '../../src/db/database.ts';
import { findFreePort } from '../../src/db/postgres-server.ts';
import type { Environment } from '../../src/process/config.ts';
import { createKey } from '../../src/program/api-keys.ts';
import { openLedger, sale, usd } from '../journeys/ledger.ts';
import { addTracker } from '../journeys/tracker.ts';
import { createEndpoint } from '../outbound/fixtures.ts';
import { startProcess, type TestProcess } from '../support/child-process.ts';
import { openTestDatabase } from '../support/database.ts';
import { startHub } from '../support/hub.ts';
import { openSeverableDatabase } from '../support/severable-database.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';

const STOPS_WITHIN_MS = 5_000;

async function environment(databaseUrl: string): Promise<Environment & { PORT: string }> {
  return {
    PORT: String(await findFreePort()),
    HOST: '127.0.0.1',
    DATABASE_URL: databaseUrl,
    ADMIN_TOKEN: 'admin-token-of-the-tests',
    ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
    OUTBOUND_ALLOW_CIDRS: '127.0.0.0/8',
    RESULT_TIMEOUT_MS: '60000',
    RATE_LIMITS: 'off',
  };
}

async function stopInTime(child: TestProcess): Promise<void> {
  const asked = performance.now();
  child.kill('SIGTERM');
  assert.equal(await child.exited, 0, child.output());
  const took = performance.now() - asked;
  assert.ok(took < STOPS_WITHIN_MS, `it took ${took} ms:\n${child.output()}`);
}

interface Heard {
  status: number;
  connection: string | undefined;
}

/** A request over one of the agent's kept connections; null where it came to no answer. */
function send(agent: Agent, url: string, headers: Record<string, string> = {}, body?: string): Promise<Heard | null> {
  return new Promise((resolve) => {
    const sent = request(
      url,
      { agent, method: body === undefined ? 'GET' : 'POST', headers },
      (res: IncomingMessage) => {
        res.resume();
        res.once('end', () => resolve({ status: res.statusCode ?? 0, connection: res.headers.connection }));
        res.once('error', () => resolve(null));
      },
    );
    sent.once('error', () => resolve(null));
    sent.end(body);
  });
}

test('a web process whose clients keep their connections busy: answered or not stored, and over within 5 s', async () => {
  const hub = await startHub({ worker: false });
  const env = await environment(hub.databaseUrl);
  const web = startProcess(['src/server.ts'], env);
  const origin = `http://127.0.0.1:${env.PORT}`;
  const agent = new Agent({ keepAlive: true, maxSockets: 40 });
  try {
    await web.waitFor(/web listens/);
    const { key, clickId, sourceId, pathOf } = await addTracker(hub);
    const acknowledged: string[] = [];
    const ended = { kept: 0, closed: 0 };
    const client = async (name: number): Promise<void> => {
      // Until it is refused.
      for (let n = 0; ; n += 1) {
        const txid = `${name}-${n}`;
        const heard = await send(agent, `${origin}${pathOf(txid)}`);
        if (heard === null) return;
        assert.equal(heard.status, 200);
        acknowledged.push(txid);
        ended[heard.connection === 'close' ? 'closed' : 'kept'] += 1;
      }
    };
    const clients = Array.from({ length: 24 }, (_, name) => client(name));
    // These wait for an outcome that nobody brings about.
    const waiting = Array.from({ length: 4 }, (_, n) =>
      send(
        agent,
        `${origin}/api/v1/conversions`,
        { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        JSON.stringify({ click_id: clickId, order_id: `waits-${n}`, amount: '10.00', currency: 'USD' }),
      ),
    );
    await waitUntil('all are busy', () => acknowledged.length > 500);
    await stopInTime(web);
    await Promise.all(clients);
    assert.deepEqual(
      await Promise.all(waiting),
      waiting.map(() => ({ status: 202, connection: 'close' })),
    );
    assert.ok(ended.kept > 100 && ended.closed >= 24, JSON.stringify(ended));
    const rows = await runSql<{ txid: string }>(
      hub.db,
      `select substring(convert_from(raw, 'UTF8') from 'txid=([0-9-]+)') as txid from inbox_events where source_id = ?`,
      [sourceId],
    );
    const stored = new Set(rows.map(({ txid }) => txid));
    assert.deepEqual(
      acknowledged.filter((txid) => !stored.has(txid)),
      [],
      'each that was answered is stored',
    );
  } finally {
    web.kill('SIGKILL');
    agent.destroy();
    await hub.stop();
  }
});

test('a worker with much to settle and a subscriber that hangs is over within 5 s, and all of it is left to the next', async () => {
  const database = await openTestDatabase();
  let hangs = true;
  let heard = 0;
  const receiver = createServer((_req, res) => {
    heard += 1;
    if (!hangs) res.end('ok');
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  // Endpoints of the fixtures are sealed with this one, which is too weak to seal with.
  const env = { ...(await environment(database.url)), ENCRYPTION_KEY_PREVIOUS: '07'.repeat(32) };
  let worker = startProcess(['workers/main.ts'], env);
  try {
    const ledger = await openLedger(database.db);
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    await createEndpoint(database.db, ledger.programId, url, { eventTypes: ['conversion.created'] });
    ledger.now = new Date(Date.now() - 60_000);
    const orders = 600;
    const sales = Array.from({ length: orders }, (_, n) => [
      sale(`order:${n}`, usd(1_000), {}, { affiliate: ledger.affiliateId }),
    ]);
    for (let start = 0; start < orders; start += 100) await ledger.store(sales.slice(start, start + 100));
    await waitUntil('it sends', () => heard > 10, { timeoutMs: 60_000 });
    await stopInTime(worker);
    const [left] = await runSql<{ leased: number; attempts: number }>(
      database.db,
      `select count(*) filter (where locked_until is not null)::int as leased, sum(attempts)::int as attempts from deliveries`,
      [],
    );
    assert.deepEqual(left, { leased: 0, attempts: 0 }, 'given back, and no attempt of the subscriber’s is used up');

    hangs = false;
    receiver.closeAllConnections();
    worker = startProcess(['workers/main.ts'], env);
    await waitUntil(
      'the next worker does the rest',
      async () => {
        const [row] = await runSql<{ settled: number; delivered: number }>(
          database.db,
          `select (select count(*)::int from inbox_events where status = 'processed') as settled,
                  (select count(*)::int from deliveries where status = 'succeeded') as delivered`,
          [],
        );
        return row?.settled === orders && row.delivered === orders;
      },
      { timeoutMs: 60_000, everyMs: 100 },
    );
    await stopInTime(worker);
  } finally {
    worker.kill('SIGKILL');
    receiver.close();
    receiver.closeAllConnections();
    await database.close();
  }
});

test('a database that hangs keeps no process from its end', async () => {
  const database = await openSeverableDatabase();
  const db = createDatabase({ url: database.url, role: 'test' });
  const env = await environment(database.url);
  const web = startProcess(['src/server.ts'], env);
  const worker = startProcess(['workers/main.ts'], env);
  const agent = new Agent({ keepAlive: true });
  try {
    await Promise.all([web.waitFor(/web listens/), worker.waitFor(/worker runs/)]);
    const ledger = await openLedger(db);
    const { plaintext: key } = await createKey(db, ledger.programId, { name: 'k', mode: 'live', access: 'write' });
    await db.destroy();
    const post = (order: string): Promise<Heard | null> =>
      send(
        agent,
        `http://127.0.0.1:${env.PORT}/api/v1/conversions`,
        { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        JSON.stringify({ affiliate_id: ledger.affiliateId, order_id: order, amount: '10.00', currency: 'USD' }),
      );
    assert.equal((await post('before'))?.status, 201);
    database.hang();
    const underWay = [post('hangs-1'), post('hangs-2')];
    await Promise.all([stopInTime(web), stopInTime(worker)]);
    for (const heard of await Promise.all(underWay)) assert.ok(heard === null || heard.status === 503);
  } finally {
    web.kill('SIGKILL');
    worker.kill('SIGKILL');
    agent.destroy();
    await database.close();
  }
});
