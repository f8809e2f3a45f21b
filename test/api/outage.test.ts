import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openSeverableDatabase, type SeverableDatabase } from '../support/severable-database.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { ApiAnswer } from './api-client.ts';
import { makeAffiliate, makeLink, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let database: SeverableDatabase;
let api: ApiProgram;
let named: { affiliateId: string; offerId: string };

before(async () => {
  database = await openSeverableDatabase();
  api = await openApiProgram({ env: { DATABASE_URL: database.url } });
  named = { affiliateId: (await makeAffiliate(api.live)).id, offerId: (await makeOffer(api.live)).id };
});
after(async () => {
  await database.restore();
  await api.stop();
  await database.close();
});

const visit = (code: string): Promise<ApiAnswer> => api.anonymous.get(`//r/${code}`);

for (const how of ['sever', 'hang'] as const) {
  test(`a known link leads on while the database is away (${how}), and its clicks are written when it is back`, async () => {
    const { code, id } = await makeLink(api.live, named);
    const unknown = await makeLink(api.live, named);
    await visit(code);
    await database[how]();
    const started = performance.now();
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => visit(code)));
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([302]));
    }
    // Visitors do not wait for it one after another.
    assert.ok(performance.now() - started < 10_000);
    const strange = await visit(unknown.code);
    assert.deepEqual([strange.status, strange.body.error.code], [503, 'UNAVAILABLE']);
    assert.ok(Number(strange.headers.get('retry-after')) > 0);
    await database.restore();
    await waitUntil('the clicks of the outage are written', async () => {
      const answer = await api.live.get(`/tracking-links/${id}`);
      return answer.status === 200 && answer.body.data.clicks === 31;
    });
  });
}

test('with the database away every answer is a 503 that says when to come back, and nothing tells why', async () => {
  await database.sever();
  try {
    for (const [method, path, body] of [
      ['GET', '/affiliates', undefined],
      ['POST', '/affiliates', { displayName: 'x', email: 'x@y.z' }],
      ['POST', '/clicks', { affiliateId: named.affiliateId }],
      ['POST', '/conversions', { affiliate_id: named.affiliateId, amount: 1 }],
    ] as const) {
      const answer = await api.live.call(method, path, { body });
      assert.deepEqual([answer.status, answer.body.error.code], [503, 'UNAVAILABLE'], path);
      assert.ok(Number(answer.headers.get('retry-after')) > 0);
      assert.ok(!/127\.0\.0\.1|ECONN|postgres|node:|\.ts:/.test(answer.text), answer.text);
    }
  } finally {
    await database.restore();
  }
  await waitUntil('the hub answers again', async () => (await api.live.get('/me')).status === 200);
});
