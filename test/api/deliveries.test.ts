import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inTransaction } from '../../src/db/db.ts';
import { newId } from '../../src/domain/ids.ts';
import type { EventTypeName } from '../../src/outbound/events/event-types.ts';
import { writeMessages } from '../../src/outbound/messages/write-messages.ts';
import { startReceiver, type Receiver } from '../outbound/receiver.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { make, makeAffiliate, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let receiver: Receiver;
let good: string;
let bad: string;

interface Listed {
  id: string;
  messageId: string;
  endpointId: string;
  status: string;
  type: string;
  attempts: number;
  lastResponseStatus: number | null;
}

before(async () => {
  receiver = await startReceiver((request, response) => {
    response.statusCode = request.url.startsWith('/bad') ? 500 : 200;
    response.end('seen');
  });
  api = await openApiProgram({ worker: true, env: { RETRY_SCHEDULE: '600' } });
  good = await endpoint('/good', { headers: { authorization: 'Bearer of-the-shop' } });
  bad = await endpoint('/bad', { eventTypes: ['conversion.created'] });
  const { db, queues } = api.hub.deps;
  const types: EventTypeName[] = ['conversion.created', 'payout.paid', 'conversion.created'];
  for (const type of types) {
    const draft = { programId: api.programId, livemode: true, type, data: { id: newId('cnv') } };
    const ids = await inTransaction(db, (trx) => writeMessages(trx, [draft]));
    await queues.enqueue('delivery', [{ deliveryIds: ids }]);
  }
  await waitUntil('everything is tried', async () => {
    const rows = await runSql<{ attempts: number }>(db, 'select attempts from deliveries');
    return rows.length === 5 && rows.every(({ attempts }) => attempts === 1);
  });
});
after(async () => {
  await api.stop();
  await receiver.close();
});

async function endpoint(path: string, more: object): Promise<string> {
  const { id } = await make<{ id: string }>(api.live, '/webhook-endpoints', { url: at(path), ...more });
  return id;
}

function at(path: string): string {
  return new URL(path, receiver.url).href;
}

async function list(query = ''): Promise<Listed[]> {
  const { status, body, text } = await api.reader.get(`/deliveries${query}`);
  assert.equal(status, 200, text);
  return body.data as Listed[];
}

const endpointsOf = (listed: Listed[]) => listed.map(({ endpointId }) => endpointId);

test('deliveries are listed newest first, with what came of the last attempt', async () => {
  const all = await list();
  assert.equal(all.length, 5);
  const ids = all.map(({ messageId, endpointId }) => `${messageId} ${endpointId}`);
  assert.deepEqual(ids, ids.toSorted().toReversed());
  for (const each of all) {
    const expected = each.endpointId === good ? ['succeeded', 200] : ['pending', 500];
    assert.deepEqual([each.status, each.lastResponseStatus, each.attempts], [...expected, 1]);
  }
  assert.deepEqual((await api.test.get('/deliveries')).body.data, []);
  assert.deepEqual((await api.stranger.get('/deliveries')).body.data, []);
});

test('each filter finds what the whole list has of it, by every way that it is read', async () => {
  const all = await list();
  const [newest] = all;
  assert.deepEqual(
    await list(`?endpointId=${good}`),
    all.filter(({ endpointId }) => endpointId === good),
  );
  assert.deepEqual(
    await list('?status=pending'),
    all.filter(({ status }) => status === 'pending'),
  );
  assert.deepEqual(
    await list('?status=succeeded&type=payout.paid'),
    all.filter(({ type }) => type === 'payout.paid'),
  );
  assert.deepEqual(
    await list(`?type=conversion.created&endpointId=${bad}`),
    all.filter((each) => each.endpointId === bad),
  );
  assert.deepEqual(
    await list(`?messageId=${newest?.messageId}`),
    all.filter((each) => each.messageId === newest?.messageId),
  );
  assert.deepEqual(await list('?status=failed'), []);
  assert.deepEqual(await list('?startDate=2099-01-01'), []);
  assert.deepEqual(await list('?endDate=2099-01-01&startDate=2020-01-01'), all);
  for (const query of ['limit=2', 'limit=2&type=conversion.created', `limit=1&endpointId=${good}`]) {
    const pages: Listed[] = [];
    let cursor = '';
    do {
      const { body } = await api.live.get(`/deliveries?${query}${cursor}`);
      pages.push(...(body.data as Listed[]));
      cursor = body.pagination.nextCursor === null ? '' : `&cursor=${body.pagination.nextCursor}`;
    } while (cursor !== '');
    assert.deepEqual(pages, await list(`?${query.replace(/limit=\d&?/, '')}`), query);
  }
  const foreign = (await api.live.get('/messages?limit=1')).body.pagination.nextCursor;
  assert.equal((await api.live.get(`/deliveries?cursor=${foreign}`)).status, 400);
});

test('an endpoint tells what waits for it, and its health the attempts of a day', async () => {
  const { data } = (await api.reader.get('/webhook-endpoints')).body;
  const shown = new Map((data as { id: string }[]).map((each) => [each.id, each]));
  const { data: one } = (await api.reader.get(`/webhook-endpoints/${bad}`)).body;
  assert.deepEqual(shown.get(bad), one);
  assert.deepEqual([one.pending, one.failures, one.pausedUntil], [2, 2, null]);
  assert.equal(one.oldestPendingAt, (await api.live.get('/deliveries?status=pending')).body.data.at(-1).createdAt);
  const { data: idle } = (await api.reader.get(`/webhook-endpoints/${good}`)).body;
  assert.deepEqual([idle.pending, idle.failures, idle.oldestPendingAt], [0, 0, null]);

  const { data: failing } = (await api.reader.get(`/webhook-endpoints/${bad}/health`)).body;
  assert.deepEqual([failing.state, failing.failed, failing.succeeded, failing.successRate], ['failing', 2, 0, 0]);
  const { data: fine } = (await api.reader.get(`/webhook-endpoints/${good}/health`)).body;
  assert.deepEqual([fine.state, fine.succeeded, fine.successRate, fine.series.length], ['ok', 3, 1, 24]);
  const sum = (fine.series as { succeeded: number }[]).reduce((total, { succeeded }) => total + succeeded, 0);
  assert.equal(sum, 3);
  assert.ok(fine.p95DurationMs >= 0);
  assert.equal((await api.stranger.get(`/webhook-endpoints/${good}/health`)).status, 404);
  const { data: listed } = (await api.reader.get('/webhook-endpoints?include=health')).body;
  const healths = new Map((listed as { id: string; health: object }[]).map(({ id, health }) => [id, health]));
  assert.deepEqual([healths.get(bad), healths.get(good)], [failing, fine]);
  assert.equal((await api.reader.get('/webhook-endpoints?include=wealth')).status, 400);

  const disabled = await endpoint('/off', { disabled: true, eventTypes: ['payout.paid'] });
  assert.equal((await api.live.get(`/webhook-endpoints/${disabled}/health`)).body.data.state, 'disabled');
  await runSql(api.hub.db, `update webhook_endpoints set paused_until = now() + interval '1 hour' where id = ?`, [bad]);
  assert.equal((await api.live.get(`/webhook-endpoints/${bad}/health`)).body.data.state, 'paused');
});

test('an attempt shows what was sent: the bytes, where to, and no secret', async () => {
  const sent = receiver.received.filter(({ url }) => url === '/good');
  for (const request of sent) {
    const { data } = (await api.live.get(`/messages/${request.headers['webhook-id']}/attempts?endpointId=${good}`))
      .body;
    const [attempt] = data;
    assert.equal(attempt.url, at('/good'));
    assert.deepEqual([attempt.request.method, attempt.request.body], ['POST', request.body]);
    for (const [name, value] of Object.entries(attempt.request.headers)) {
      if (value === null) assert.ok(name in request.headers, name);
      else assert.equal(value, request.headers[name], name);
    }
    assert.deepEqual(
      ['authorization', 'webhook-signature', 'svix-signature'].map((name) => attempt.request.headers[name]),
      [null, null, null],
    );
    assert.doesNotMatch(JSON.stringify(data), /of-the-shop|v1,/);
  }
  assert.equal(sent.length, 3);
});

test('a postback shows its URL with the macros filled', async () => {
  const { id } = await make<{ id: string }>(api.live, '/webhook-endpoints', {
    kind: 'postback',
    url: `${at('/pb')}?status={status}&sum={amount}`,
  });
  const tested = await api.live.post(`/webhook-endpoints/${id}/test`);
  const { messageId, attempt } = tested.body.data;
  assert.match(attempt.url, /\/pb\?status=\w+&sum=[\d.]+$/);
  assert.deepEqual(attempt.request, {
    method: 'GET',
    headers: { 'user-agent': attempt.request.headers['user-agent'] },
    body: null,
  });
  assert.ok(receiver.received.some(({ url }) => attempt.url.endsWith(url)));
  // A test message is in no list of a live key, but it is found by its id.
  assert.deepEqual(endpointsOf(await list(`?messageId=${messageId}`)), [id]);
  assert.ok(!(await list()).some((each) => each.messageId === messageId));
});

test('a new program is told what it lacks, step by step', async () => {
  const steps = async (): Promise<Record<string, { done: boolean; at: string | null; next: string | null }>> =>
    (await api.stranger.get('/setup')).body.data;
  const fresh = await steps();
  assert.deepEqual(Object.keys(fresh), ['offer', 'affiliate', 'source', 'testSale', 'webhook']);
  for (const { done, at, next } of Object.values(fresh))
    assert.deepEqual([done, at, typeof next], [false, null, 'string']);
  await makeAffiliate(api.stranger);
  await make(api.stranger, '/sources', { kind: 'postback' });
  await make(api.stranger, '/webhook-endpoints', { url: receiver.url });
  const later = await steps();
  const done = Object.entries(later).flatMap(([name, step]) => (step.done ? [name] : []));
  assert.deepEqual(done, ['affiliate', 'source', 'webhook']);
  assert.equal(later['affiliate']?.next, null);
  assert.match(later['affiliate']?.at ?? '', /Z$/);
});

test('the admin sees how the hub does', async () => {
  const { data } = (await api.admin.get('/system')).body;
  assert.equal(data.migrations.problem, null);
  assert.ok(data.migrations.applied >= 22 && data.database.sizeBytes > 1_000_000);
  assert.deepEqual([data.status, data.settling.waiting, data.deliveries.pausedEndpoints], ['ok', 0, 1]);
  assert.ok((data.processes as { name: string }[]).some(({ name }) => name === 'test'));
});
