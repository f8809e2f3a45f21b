import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { createDatabase } from '../../src/db/database.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { ensureDatabase } from '../../src/db/postgres-server.ts';
import { fast, startTestPostgres, type TestServer } from '../support/postgres.ts';
import { runSql } from '../support/sql.ts';
import { startStandby, type Standby } from '../support/standby.ts';
import { waitUntil } from '../support/wait-until.ts';
import { ApiClient } from './api-client.ts';
import { makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let primary: TestServer;
let standby: Standby;
let api: ApiProgram;
const lines: string[] = [];
const log = pino({ level: 'info' }, { write: (line) => void (/the replica/.test(line) && lines.push(line)) });

const open = (replicaUrl: string): Promise<ApiProgram> =>
  openApiProgram({
    worker: true,
    log,
    env: { DATABASE_URL: primary.urlOf('hub'), DATABASE_REPLICA_URL: replicaUrl },
  });

before(async () => {
  primary = await startTestPostgres({ ...fast, wal_keep_size: '1GB' });
  await ensureDatabase(primary.port, primary.password, 'hub');
  await migrateDatabase({ databaseUrl: primary.urlOf('hub'), queueInDatabase: true });
  standby = await startStandby(primary);
  api = await open(standby.urlOf('hub'));
});
after(async () => {
  await api?.stop();
  await standby?.remove();
  await primary?.stop();
});

const sell = async (orderId: string): Promise<string> => {
  const answer = await api.live.post('/conversions', { affiliate_id: 'jane', order_id: orderId, amount: 10 });
  assert.equal(answer.status, 201, answer.text);
  return answer.body.data.conversionId as string;
};

const idsOf = ({ body }: { body: { data: { id: string }[] } }): string[] => body.data.map(({ id }) => id);

/** Every list and statistic that may be a moment old: how many conversions (commissions, …) it shows. */
const counted: Record<string, (body: never) => number> = {
  '/api/v1/conversions': ({ data }: { data: unknown[] }) => data.length,
  '/api/v1/commissions': ({ data }: { data: unknown[] }) => data.length,
  '/api/v1/inbox-events': ({ data }: { data: unknown[] }) => data.length,
  '/api/v1/messages?type=conversion.created': ({ data }: { data: unknown[] }) => data.length,
  '/api/v1/stats': ({ data }: { data: { conversions: number } }) => data.conversions,
  '/api/v1/stats?groupBy=day': ({ data }: { data: { conversions: number } }) => data.conversions,
  '/attro/api/v1/conversions': ({ data }: { data: unknown[] }) => data.length,
  '/attro/api/v1/analytics': ({ data }: { data: { totalConversions?: number; conversions: number } }) =>
    data.totalConversions ?? data.conversions,
  '/refgrow/v1/commissions': ({ data }: { data: { total: number } }) => data.total,
  '/affspace/api/v1/conversions': ({ data }: { data: unknown[] }) => data.length,
  '/affspace/api/v1/stats': ({ data }: { data: { summary: { totalConversions?: number; conversions: number } } }) =>
    data.summary.totalConversions ?? data.summary.conversions,
  '/affilut/api/v1/conversions': ({ data }: { data: unknown[] }) => data.length,
};

async function countAll(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [path, count] of Object.entries(counted)) {
    const response = await fetch(`${api.hub.url}${path}`, { headers: { authorization: `Bearer ${api.liveKey}` } });
    const text = await response.text();
    assert.equal(response.status, 200, `${path}: ${text}`);
    counts[path] = count(JSON.parse(text) as never);
  }
  return counts;
}

const all = (count: number) => Object.fromEntries(Object.keys(counted).map((path) => [path, count]));

describe('with a replica', () => {
  test('lists and statistics are what it knows; what was just made, and what decides about money, is not', async () => {
    await makeOffer(api.live);
    await makeAffiliate(api.live, { referralCode: 'jane' });
    await sell('before');
    await standby.caughtUp();
    assert.deepEqual(await countAll(), all(1));
    await standby.pause();
    try {
      const id = await sell('after');
      assert.deepEqual(await countAll(), all(1), 'they come from the replica, which has not heard of it');
      assert.equal((await api.live.get(`/conversions/${id}`)).status, 200);
      assert.equal((await api.live.get(`/commissions/com_${id.slice(4)}`)).status, 200);
      assert.deepEqual(idsOf(await api.live.get('/conversions?orderId=after')), [id]);
      assert.equal((await api.live.get(`/inbox-events?conversionId=${id}`)).body.data.length, 1);
      const [balance] = (await api.live.get('/balances')).body.data as { pendingMinor: number }[];
      assert.equal(balance?.pendingMinor, 200);
      const other = await makeAffiliate(api.live, { referralCode: 'john', email: 'john@example.com' });
      assert.ok(idsOf(await api.live.get('/affiliates')).includes(other.id), 'configuration is what was configured');
      // A filter by what the replica does not know yet.
      const none = await api.live.get(`/conversions?affiliateId=${other.id}`);
      assert.deepEqual([none.status, none.body.data], [200, []]);
    } finally {
      await standby.resume();
    }
    await standby.caughtUp();
    assert.deepEqual(await countAll(), all(2));
    assert.deepEqual(lines, [], 'nothing was read elsewhere for want of an answer');
  });

  test('that is away, they come from the primary, with one line in the log; and from it again once it is back', async () => {
    await standby.stop();
    await sell('away');
    for (let n = 0; n < 3; n += 1) assert.deepEqual(await countAll(), all(3));
    const ready = await fetch(`${api.hub.url}/readyz`);
    assert.deepEqual([ready.status, ((await ready.json()) as { status: string }).status], [200, 'ok']);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /"level":40.*the replica does not answer/);
    await standby.start();
    await standby.caughtUp();
    await waitUntil('lists come from the replica again', async () => {
      await countAll();
      return lines.length === 2;
    });
    assert.match(lines[1] ?? '', /"level":30.*the replica answers again/);
    await standby.pause();
    await sell('back');
    assert.deepEqual(await countAll(), all(3));
    await standby.resume();
  });

  test('that hangs, who asks first waits some seconds, and nobody after', async () => {
    await standby.caughtUp();
    lines.length = 0;
    await standby.freeze();
    try {
      const started = performance.now();
      assert.equal((await api.live.get('/conversions')).body.data.length, 4);
      const seconds = (performance.now() - started) / 1_000;
      assert.ok(seconds > 2 && seconds < 6, `${seconds} s`);
      assert.deepEqual(await countAll(), all(4));
      assert.ok((performance.now() - started) / 1_000 - seconds < 4, 'what followed did not wait');
      assert.equal(lines.length, 1, lines.join());
    } finally {
      standby.thaw();
    }
  });

  test('that refuses or lacks the schema, the hub starts, is ready and reads from the primary', async () => {
    await ensureDatabase(primary.port, primary.password, 'other');
    for (const url of [primary.urlOf('other'), primary.urlOf('hub').replace(/:[0-9a-f]+@/, ':wrong@')]) {
      lines.length = 0;
      const refused = await open(url);
      try {
        assert.equal((await fetch(`${refused.hub.url}/readyz`)).status, 200);
        for (let n = 0; n < 2; n += 1) assert.deepEqual((await refused.live.get('/conversions')).body.data, []);
        assert.deepEqual([(await refused.live.get('/stats')).status, lines.length], [200, 1], lines.join());
        assert.ok(!lines.join().includes(primary.password));
      } finally {
        await refused.stop();
      }
    }
  });

  test('a mistake of the caller is one there too, and says nothing about the replica', async () => {
    lines.length = 0;
    const db = createDatabase({ url: standby.urlOf('hub'), role: 'test' });
    try {
      await assert.rejects(runSql(db, `insert into programs (id, name) values ('prg_x', 'x')`), /read-only/);
    } finally {
      await db.destroy();
    }
    const client = new ApiClient(api.hub.url, api.liveKey);
    assert.equal((await client.get('/conversions?cursor=nonsense')).status, 400);
    assert.equal((await client.get('/stats?from=yesterday')).status, 400);
    assert.deepEqual(lines, []);
  });
});
