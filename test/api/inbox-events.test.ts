import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitUntil } from '../support/wait-until.ts';
import { makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let sourceId: string;
let clickId: string;
before(async () => {
  api = await openApiProgram({ worker: true });
  const affiliate = await makeAffiliate(api.live);
  const offer = await makeOffer(api.live);
  clickId = (await api.live.post('/clicks', { affiliateId: affiliate.id, offerId: offer.id })).body.data.id;
  sourceId = (await api.live.post('/sources', { kind: 'postback', orderScope: 'source' })).body.data.id;
  const send = (body: object) => api.live.post('/conversions', { currency: 'USD', amount: '10.00', ...body });
  await send({ clickId, orderId: 'A-1', customerId: 'ann' });
  await send({ clickId, orderId: 'A-1', customerId: 'ann' });
  await send({ orderId: 'A-2' });
  await api.anonymous.get(`//pb/${sourceId}?txid=A-3&sum=5&cid=${clickId}&secure=${api.liveKey}`);
  await api.test.post('/conversions', { orderId: 'A-4', amount: '1.00', currency: 'USD' });
  await waitUntil('all are settled', async () => {
    const { data } = (await api.live.get('/inbox-events')).body;
    return data.length === 4 && data.every(({ status }: { status: string }) => status === 'processed');
  });
});
after(() => api.stop());

const list = async (
  query: string,
  client = api.live,
): Promise<{ kind: string; outcome: string; sourceId: string | null }[]> => {
  const answer = await client.get(`/inbox-events?${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.data;
};

test('inbox events are found by kind, outcome and reason', async () => {
  assert.deepEqual(
    (await list('kind=postback')).map(({ sourceId: id }) => id),
    [sourceId],
  );
  assert.equal((await list('kind=conversion')).length, 3);
  assert.equal((await list('kind=conversion,postback&limit=2')).length, 2);
  assert.deepEqual(
    (await list('outcome=duplicate')).map(({ kind }) => kind),
    ['conversion'],
  );
  assert.equal((await list('kind=stripe')).length, 0);
  const wrong = await api.live.get('/inbox-events?kind=paypal');
  assert.deepEqual(Object.keys(wrong.body.error.details), ['kind']);
  const [parked] = (await api.live.get('/inbox-events?outcome=parked')).body.data;
  if (parked.reason !== null) assert.equal((await list(`reason=${encodeURIComponent(parked.reason)}`)).length, 1);
  assert.deepEqual(await list('reason=nothing%20has%20it'), []);
});

test('and by whatever names their order, click or customer, in their own program and mode alone', async () => {
  const [conversion] = (await api.live.get('/conversions')).body.data;
  assert.equal((await list('reference=A-1')).length, 1, 'what only repeated it told nothing');
  assert.equal((await list('reference=order:A-2')).length, 1);
  assert.equal((await list('reference=A-3')).length, 1, 'an order id that is its source’s own');
  assert.equal((await list(`reference=${clickId}`)).length, 2);
  assert.equal((await list('reference=ann')).length, 1);
  assert.equal((await list(`reference=${conversion.id}`)).length, 1);
  assert.equal((await list(`reference=${clickId}&kind=postback`)).length, 1);
  assert.deepEqual(await list('reference=A-4'), []);
  assert.equal((await list('reference=A-4', api.test)).length, 1);
  assert.deepEqual(await list('reference=A-1', api.stranger), []);
});

test('they are counted by status, outcome, kind and reason', async () => {
  const stats = async (query = '', client = api.live) => {
    const answer = await client.get(`/inbox-events/stats${query}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.body.data;
  };
  const { total, statuses, outcomes, kinds, countedTo } = await stats();
  assert.deepEqual([total, statuses, countedTo], [4, { processed: 4 }, null]);
  assert.deepEqual(outcomes, { recorded: 2, duplicate: 1, parked: 1 });
  assert.deepEqual(kinds, { conversion: 3, postback: 1 });
  assert.equal((await stats(`?sourceId=${sourceId}`)).total, 1);
  assert.equal((await stats('', api.test)).total, 1);
  assert.equal((await stats('', api.stranger)).total, 0);
  assert.equal((await stats('?startDate=2020-01-01&endDate=2020-01-20')).total, 0);
  const long = await api.live.get('/inbox-events/stats?startDate=2020-01-01');
  assert.deepEqual([long.status, Object.keys(long.body.error.details)], [400, ['startDate']]);
});
