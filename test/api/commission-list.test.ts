import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let affiliateId: string;
let offerId: string;
before(async () => {
  api = await openApiProgram({ worker: true }, { holdDays: 7, autoApprove: true });
  offerId = (await makeOffer(api.live)).id;
  affiliateId = (await makeAffiliate(api.live)).id;
});
after(() => api.stop());

test('commissions tell of their order, how long they are held, and are found by kind and order id', async () => {
  for (const txid of ['A-1', 'A-2']) {
    await api.live.post('/conversions', { affiliate_id: affiliateId, amount: 100, txid });
  }
  const [second, first] = (await api.live.get('/commissions')).body.data;
  assert.deepEqual([first.orderId, first.offerId, second.orderId], ['A-1', offerId, 'A-2']);
  const { occurredAt } = (await api.live.get(`/conversions/${first.conversionId}`)).body.data;
  assert.equal(Date.parse(first.holdUntil) - Date.parse(occurredAt), 7 * 24 * 3_600_000);
  const found = async (query: string) =>
    ((await api.live.get(`/commissions?${query}`)).body.data as { id: string }[]).map(({ id }) => id);
  assert.deepEqual(await found('orderId=A-1'), [first.id]);
  assert.deepEqual(await found('kind=sale&orderId=A-2'), [second.id]);
  assert.deepEqual(await found('kind=lead'), []);
  const filter = { kind: 'sale', orderId: 'A-2' };
  const count = await api.live.post('/commissions/decisions', { filter, status: 'approved', countOnly: true });
  assert.deepEqual(count.body.data, { count: 1 });
  await api.live.patch(`/commissions/${first.id}`, { status: 'approved' });
  assert.equal((await api.live.get(`/commissions/${first.id}`)).body.data.holdUntil, null);
});
