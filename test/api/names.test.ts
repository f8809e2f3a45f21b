import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

describe('GET /names', () => {
  let api: ApiProgram;
  let affiliate: { id: string };
  let offer: { id: string };
  before(async () => {
    api = await openApiProgram();
    affiliate = await makeAffiliate(api.live, { displayName: 'آن لي', email: 'ann@example.com' });
    offer = await makeOffer(api.live, { name: 'Pro plan' });
  });
  after(() => api.stop());

  test('tells what affiliates and offers are called, in one call, and leaves out what there is not', async () => {
    const asked = [affiliate.id, offer.id, affiliate.id, 'aff_unknown', 'nonsense'].join(',');
    const { status, body } = await api.reader.get(`/names?ids=${encodeURIComponent(asked)}`);
    assert.equal(status, 200);
    assert.deepEqual(body.data, [
      { id: affiliate.id, name: 'آن لي' },
      { id: offer.id, name: 'Pro plan' },
    ]);
  });

  test('tells nothing of another program, nor live keys of what is test', async () => {
    const ids = [affiliate.id, offer.id].join(',');
    assert.deepEqual((await api.stranger.get(`/names?ids=${ids}`)).body.data, []);
    const inTest = await makeAffiliate(api.test, { displayName: 'Trial', email: 'trial@example.com' });
    assert.deepEqual((await api.reader.get(`/names?ids=${inTest.id}`)).body.data, []);
    assert.deepEqual((await api.test.get(`/names?ids=${inTest.id}`)).body.data, [{ id: inTest.id, name: 'Trial' }]);
  });

  test('takes 1 to 200 ids', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, n) => `aff_${n}`).join(',');
    assert.equal((await api.reader.get(`/names?ids=${many(200)}`)).status, 200);
    for (const ids of [many(201), ',']) {
      const { status, body } = await api.reader.get(`/names?ids=${ids}`);
      assert.equal(status, 400);
      assert.equal(body.error.details.ids, 'must be 1 to 200 ids with commas');
    }
  });
});
