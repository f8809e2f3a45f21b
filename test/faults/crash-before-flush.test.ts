import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createDatabase } from '../../src/db/database.ts';
import type { Db } from '../../src/db/db.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { ensureDatabase } from '../../src/db/postgres-server.ts';
import { makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from '../api/api-program.ts';
import { startTestPostgres, type TestServer } from '../support/postgres.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';

// It keeps every commit, and by itself writes what need not be on disk yet as seldom as PostgreSQL lets it.
const settings = { fsync: 'on', synchronous_commit: 'on', wal_writer_delay: '10s' };

let server: TestServer;
let db: Db;
before(async () => {
  server = await startTestPostgres(settings);
  await ensureDatabase(server.port, server.password, 'hub');
  await migrateDatabase({ databaseUrl: server.urlOf('hub'), queueInDatabase: true });
  db = createDatabase({ url: server.urlOf('hub'), role: 'test' });
});
after(async () => {
  await db?.destroy();
  await server?.stop();
});

/** A hub whose callers wait so long; nobody settles anything. */
async function openHub(resultTimeoutMs: number): Promise<ApiProgram> {
  const api = await openApiProgram({
    env: { DATABASE_URL: server.urlOf('hub'), RESULT_TIMEOUT_MS: String(resultTimeoutMs) },
  });
  await makeAffiliate(api.live, { referralCode: 'jane' });
  await makeOffer(api.live);
  return api;
}

const conversion = (orderId: string): object => ({ affiliate_id: 'jane', order_id: orderId, amount: 10 });

async function storedOrders(): Promise<string[]> {
  const rows = await runSql<{ raw: string }>(db, `select convert_from(raw, 'UTF8') as raw from inbox_events`, []);
  return rows.map(({ raw }) => (JSON.parse(raw) as { order_id: string }).order_id);
}

test('what is answered 202 is on disk, whether somebody waited for the outcome or not', async () => {
  for (const resultTimeoutMs of [0, 300]) {
    const api = await openHub(resultTimeoutMs);
    try {
      const order = `within ${resultTimeoutMs} ms`;
      const { status, body } = await api.live.post('/conversions', conversion(order));
      assert.equal(status, 202);
      await server.crashAndRestart();
      await waitUntil('the database answers', () => storedOrders().then(() => true));
      assert.ok((await storedOrders()).includes(order));
      const shown = await api.live.get(`/inbox-events/${body.data.inboxEventId}`);
      assert.equal(shown.body.data?.status, 'received', shown.text);
    } finally {
      await api.stop();
    }
  }
});

test('what a crash took while somebody waited is not acknowledged', async () => {
  const api = await openHub(4_000);
  // The first is inserted, and those that come meanwhile are copied.
  const orders = ['lost', 'lost-2', 'lost-3', 'lost-4'];
  const stored = async (): Promise<string[]> => {
    const found = await storedOrders();
    return orders.filter((order) => found.includes(order));
  };
  try {
    const answers = orders.map((order) => api.live.post('/conversions', conversion(order)));
    await waitUntil('all are stored', async () => (await stored()).length === orders.length);
    await server.crashAndRestart();
    await waitUntil('the database answers', () => storedOrders().then(() => true));
    assert.deepEqual(await stored(), [], 'on disk before anybody asked for that');
    for (const { status, body, headers } of await Promise.all(answers)) {
      assert.equal(status, 503, JSON.stringify(body));
      assert.ok(Number(headers.get('retry-after')) > 0);
    }
    const again = await api.live.post('/conversions', conversion('lost'));
    assert.equal(again.status, 202);
    assert.ok((await storedOrders()).includes('lost'));
  } finally {
    await api.stop();
  }
});
