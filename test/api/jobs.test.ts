import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { workOnJob } from '../../src/operations/jobs/work-on-jobs.ts';
import { startReceiver, type Receiver } from '../outbound/receiver.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { ApiAnswer, ApiClient } from './api-client.ts';
import { make, makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let receiver: Receiver;
let affiliateId: string;
let orders = 0;

before(async () => {
  receiver = await startReceiver();
  api = await openApiProgram({ worker: true });
  await makeOffer(api.live);
  affiliateId = (await makeAffiliate(api.live)).id;
});
after(async () => {
  await api.stop();
  await receiver.close();
});

/** The commission of a new sale. */
async function sell(client: ApiClient = api.live, more: object = {}): Promise<string> {
  orders += 1;
  const body = { affiliate_id: affiliateId, amount: 100, txid: `job-${orders}`, ...more };
  return ((await client.post('/conversions', body)).body.data.conversionId as string).replace('cnv_', 'com_');
}
const sellMany = async (count: number, more: object = {}): Promise<string[]> => {
  const ids = [];
  for (let n = 0; n < count; n += 1) ids.push(await sell(api.live, more));
  return ids;
};
const decide = (body: object, headers?: Record<string, string>) =>
  api.live.post('/commissions/decisions', body, headers);
const statusOf = async (id: string): Promise<string> => (await api.live.get(`/commissions/${id}`)).body.data.status;
/** What is left of a job is done by steps, as a worker does. */
const finish = async (jobId: string) => {
  await waitUntil('the job is finished', async () => {
    await workOnJob(api.hub.deps, jobId);
    return (await api.live.get(`/jobs/${jobId}`)).body.data.finishedAt !== null;
  });
  return (await api.live.get(`/jobs/${jobId}`)).body.data;
};
const counts = ({ body }: Pick<ApiAnswer, 'body'>) => {
  const { status, total, done, succeeded, skipped, failed } = body.data;
  return [status, total, done, succeeded, skipped, failed];
};

describe('decisions about many commissions', () => {
  test('each goes its way, or is skipped with the reason', async () => {
    const [fine, other, hold] = [await sell(), await sell(), await sell(api.live, { status: 'hold' })];
    await api.live.patch(`/commissions/${other}`, { status: 'approved' });
    const ids = [fine, fine, other, hold, 'com_unknown', 'nonsense'];
    assert.deepEqual((await decide({ ids, status: 'approved', countOnly: true })).body, { data: { count: 5 } });
    assert.equal(await statusOf(fine), 'pending');
    const answer = await decide({ ids, status: 'approved', reason: 'checked' });
    assert.equal(answer.status, 200);
    assert.deepEqual(counts(answer), ['completed', 5, 5, 1, 4, 0]);
    assert.deepEqual(answer.body.data.errors, [
      { id: other, result: 'skipped', reason: 'The commission is approved already' },
      { id: hold, result: 'skipped', reason: 'The tracker says hold: the commission cannot be approved yet' },
      { id: 'com_unknown', result: 'skipped', reason: 'There is no such commission' },
      { id: 'nonsense', result: 'skipped', reason: 'There is no such commission' },
    ]);
    assert.equal(await statusOf(fine), 'approved');
    // Who decided, when and why is recorded as of a single decision.
    const conversion = (await api.live.get(`/conversions/${fine.replace('com_', 'cnv_')}`)).body.data;
    const decision = conversion.facts.find(({ type }: { type: string }) => type === 'decision');
    assert.match(decision.by, /^key_/);
    assert.deepEqual([decision.id, decision.reason], [`decision:${answer.body.data.id}:${conversion.id}`, 'checked']);
    const inbox = (await api.live.get(`/inbox-events?conversionId=${conversion.id}&limit=1`)).body.data;
    assert.deepEqual([inbox[0].kind, inbox[0].status], ['decision', 'processed']);
  });

  test('a filter means what is pending, and nothing that came later', async () => {
    const ids = await sellMany(3, { currency: 'EUR' });
    const filter = { currency: 'EUR', affiliateId };
    const counted = await decide({ filter, status: 'rejected', countOnly: true });
    assert.deepEqual(counted.body, { data: { count: 3 } });
    const answer = await decide({ filter, status: 'rejected', reason: 'fraud' });
    assert.deepEqual(counts(answer), ['completed', 3, 3, 3, 0, 0]);
    assert.deepEqual(await Promise.all(ids.map(statusOf)), ['rejected', 'rejected', 'rejected']);
    assert.deepEqual(counts(await decide({ filter, status: 'rejected' })), ['completed', 0, 0, 0, 0, 0]);
  });

  test('test keys decide about test commissions alone; other programs have other jobs', async () => {
    const live = await sell();
    const mine = await sell(api.test, { affiliate_id: affiliateId });
    const answer = await api.test.post('/commissions/decisions', { ids: [live, mine], status: 'approved' });
    assert.deepEqual(counts(answer), ['completed', 2, 2, 1, 1, 0]);
    assert.equal(await statusOf(live), 'pending');
    const { id } = answer.body.data;
    assert.equal((await api.test.get(`/jobs/${id}`)).status, 200);
    for (const client of [api.live, api.stranger]) {
      assert.equal((await client.get(`/jobs/${id}`)).status, 404);
      assert.equal((await client.post(`/jobs/${id}/cancel`)).status, 404);
    }
    assert.equal((await api.live.get(`/inbox-events/replays/${id}`)).status, 404);
    const theirs = await api.stranger.post('/commissions/decisions', { ids: [live], status: 'approved' });
    assert.deepEqual(counts(theirs), ['completed', 1, 1, 0, 1, 0]);
  });

  test('a body says either ids or a filter, and not too many', async () => {
    for (const body of [
      { status: 'approved' },
      { status: 'approved', ids: ['com_1'], filter: {} },
      { ids: ['com_1'] },
    ]) {
      assert.equal((await decide(body)).status, 400, JSON.stringify(body));
    }
    const many = Array.from({ length: 10_001 }, (_, n) => `com_${n}`);
    assert.equal((await decide({ status: 'approved', ids: many })).status, 400);
    const most = await decide({ status: 'approved', ids: many.slice(1), countOnly: true });
    assert.deepEqual(most.body, { data: { count: 10_000 } });
  });

  test('the same Idempotency-Key is the same job', async () => {
    const ids = Array.from({ length: 300 }, (_, n) => `com_${n}`);
    const headers = { 'idempotency-key': 'november' };
    const first = await decide({ ids, status: 'approved' }, headers);
    assert.equal(first.status, 202);
    const again = await decide({ ids, status: 'approved' }, headers);
    assert.equal(again.body.data.id, first.body.data.id);
    const job = await finish(first.body.data.id);
    assert.deepEqual([job.status, job.skipped, job.errors.length], ['completed', 300, 100]);
    assert.deepEqual(job.request, { status: 'approved', reason: null, by: job.actor.id, filter: null, ids: 300 });
    const [newest] = (await api.live.get('/jobs?kind=commission_decisions&limit=1')).body.data;
    assert.equal(newest.id, job.id);
  });
});

describe('replays of many inbox events', () => {
  test('count first, then each once, with progress at its own path', async () => {
    await sellMany(3);
    const events = () =>
      runSql<{ facts: number; entries: number }>(
        api.hub.db,
        'select (select count(*)::int from facts) as facts, (select count(*)::int from ledger_entries) as entries',
      );
    const before = await events();
    const filter = { status: 'processed' };
    const { count } = (await api.live.post('/inbox-events/replays', { filter, countOnly: true })).body.data;
    assert.ok(count > 10);
    const answer = await api.live.post('/inbox-events/replays', { filter });
    assert.deepEqual(counts(answer), ['completed', count, count, count, 0, 0], answer.text);
    assert.equal(answer.body.data.location, `/api/v1/inbox-events/replays/${answer.body.data.id}`);
    const shown = await api.live.get(`/inbox-events/replays/${answer.body.data.id}`);
    assert.deepEqual(shown.body.data, answer.body.data);
    assert.equal(
      (await api.live.post(`/inbox-events/replays/${answer.body.data.id}/cancel`)).body.data.status,
      'completed',
    );
    assert.deepEqual(await events(), before);
    assert.equal((await api.live.get('/inbox-events?status=received')).body.data.length, 0);
    const none = await api.stranger.post('/inbox-events/replays', { filter: {}, countOnly: true });
    assert.deepEqual(none.body, { data: { count: 0 } });
  });

  test('or those that are named, and nobody else’s', async () => {
    await sellMany(2);
    const [one, other] = (await api.live.get('/inbox-events?limit=2')).body.data;
    const ids = [one.id, other.id, one.id, 'ibx_unknown'];
    assert.deepEqual((await api.live.post('/inbox-events/replays', { ids, countOnly: true })).body.data, { count: 2 });
    const answer = await api.live.post('/inbox-events/replays', { ids });
    assert.deepEqual(counts(answer), ['completed', 2, 2, 2, 0, 0], answer.text);
    assert.equal(answer.body.data.request.filter.among, 4);
    for (const client of [api.stranger, api.test]) {
      assert.deepEqual((await client.post('/inbox-events/replays', { ids, countOnly: true })).body.data, { count: 0 });
    }
    for (const body of [{}, { ids, filter: {} }, { ids: [] }]) {
      assert.equal((await api.live.post('/inbox-events/replays', body)).status, 400);
    }
  });
});

describe('resends of many messages', () => {
  const receivedAt = (path: string) => receiver.received.filter(({ url }) => url === path);

  test('count first, then each once; an endpoint that ends ends the job', async () => {
    const { id } = await make<{ id: string }>(api.live, '/webhook-endpoints', {
      url: `${receiver.url}/resent`,
      eventTypes: ['payout.failed'],
    });
    const body = { filter: { type: 'commission.created' }, endpointId: id };
    const { count } = (await api.live.post('/messages/resends', { ...body, countOnly: true })).body.data;
    assert.ok(count > 5);
    const answer = await api.live.post('/messages/resends', body);
    assert.deepEqual(counts(answer), ['completed', count, count, count, 0, 0], answer.text);
    await waitUntil('all arrive', () => receivedAt('/hook/resent').length === count);
    assert.equal(new Set(receivedAt('/hook/resent').map(({ headers }) => headers['webhook-id'])).size, count);

    const { data } = (await api.live.get(`/messages?endpointId=${id}&limit=2`)).body;
    const ids = [...data.map((message: { id: string }) => message.id), 'evt_unknown'];
    assert.deepEqual(counts(await api.live.post('/messages/resends', { ids, endpointId: id })), [
      'completed',
      3,
      3,
      2,
      1,
      0,
    ]);
    await waitUntil('those two again', () => receivedAt('/hook/resent').length === count + 2);
    const succeeded = { filter: { status: 'succeeded' }, endpointId: id, countOnly: true };
    await waitUntil(
      'their deliveries are recorded',
      async () => (await api.live.post('/messages/resends', succeeded)).body.data.count === count,
    );

    const more = Array.from({ length: 300 }, (_, n) => `evt_${n}`);
    await api.live.patch(`/webhook-endpoints/${id}`, { disabled: true });
    assert.equal((await api.live.post('/messages/resends', { ids: more, endpointId: id })).status, 409);
    await api.live.patch(`/webhook-endpoints/${id}`, { disabled: false });
    assert.equal((await api.stranger.post('/messages/resends', { ids: more, endpointId: id })).status, 404);
    assert.equal((await api.test.post('/messages/resends', { ids: more, endpointId: id })).status, 403);
  });

  test('recoveries are counted first, listed and cancelled', async () => {
    const { id } = await make<{ id: string }>(api.live, '/webhook-endpoints', { url: receiver.url, disabled: true });
    const since = new Date().toISOString();
    await sellMany(2);
    const path = `/webhook-endpoints/${id}`;
    const counted = await api.live.post(`${path}/recover`, { since, countOnly: true });
    assert.deepEqual([counted.status, counted.body], [200, { data: { count: 4 } }]);
    await api.live.patch(path, { disabled: false });
    const { data } = (await api.live.post(`${path}/recover`, { since })).body;
    assert.equal(data.recovered, 4);
    const [listed, ...others] = (await api.live.get(`${path}/recoveries`)).body.data;
    assert.deepEqual([listed, others], [data, []]);
    await runSql(
      api.hub.db,
      `insert into recoveries (id, program_id, endpoint_id, kind, since, until)
      select 'rec_stuck', program_id, id, 'missing', now() + interval '1 day', now() from webhook_endpoints where id = ?`,
      [id],
    );
    const stopped = await api.live.post(`${path}/recoveries/rec_stuck/cancel`);
    assert.ok(['cancelled', 'completed'].includes(stopped.body.data.status));
    if (stopped.body.data.status === 'cancelled') {
      const { data: events } = (await api.live.get('/audit-events?objectId=rec_stuck')).body;
      assert.equal(events[0].action, 'recovery.cancelled');
    }
    assert.equal((await api.live.post(`${path}/recoveries/${data.id}/cancel`)).body.data.status, 'completed');
    assert.equal((await api.live.post(`${path}/recoveries/rec_unknown/cancel`)).status, 404);
    assert.equal((await api.stranger.get(`${path}/recoveries`)).status, 404);
  });
});
