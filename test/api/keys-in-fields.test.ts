import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { generateKey } from '../../src/program/key-values.ts';
import { runSql } from '../support/sql.ts';
import { make, makeAffiliate, makeLink, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
before(async () => {
  api = await openApiProgram();
});
after(() => api.stop());

const key = generateKey('live');
const hidden = Buffer.from(`key=${key}`).toString('base64');

test('a field that means something refuses a key by name, and stores nothing', async () => {
  const click = { clickId: 'clk_1', sum: '1' };
  const refused: [path: string, body: object, field: string][] = [
    ['/conversions', { ...click, orderId: key }, 'orderId'],
    ['/conversions', { ...click, customer_id: `u-${key}` }, 'customer_id'],
    ['/conversions', { clickId: hidden, sum: '1' }, 'clickId'],
    ['/events', { eventType: 'lead', clickId: encodeURIComponent(key.replace('_', '%5f')) }, 'clickId'],
    ['/affiliates', { displayName: `Jane ${key}`, email: 'jane@example.com' }, 'displayName'],
    ['/affiliates', { displayName: 'Jane', email: 'j@example.com', customFields: { note: key } }, 'customFields.note'],
    ['/conversions/cnv_1/refunds', { refundId: key }, 'refundId'],
  ];
  for (const [path, body, field] of refused) {
    const answer = await api.live.post(path, body);
    assert.equal(answer.status, 400, `${path} ${field}: ${answer.text}`);
    assert.equal(answer.body.error.details.reason, 'key_in_field');
    assert.match(answer.body.error.details[field] ?? '', /API key/, answer.text);
    assert.ok(!answer.text.includes(key));
  }
  assert.deepEqual(await runSql(api.hub.db, 'select id from inbox_events'), []);
});

test('a postback and a dialect refuse it, too', async () => {
  const { url } = await make<{ url: string }>(api.live, '/sources', { kind: 'postback', requireKey: false });
  const postback = await fetch(`${url}?txid=${hidden}&sum=1`);
  assert.equal(postback.status, 400);
  assert.equal(
    ((await postback.json()) as { error: { details: { reason: string } } }).error.details.reason,
    'key_in_field',
  );
  const dialect = await fetch(`${api.hub.url}/affitor/api/v1/track/sale`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.liveKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ transaction_id: key, amount_cents: 100, additional_data: { test_mode: true } }),
  });
  assert.equal(dialect.status, 400, await dialect.text());
  assert.deepEqual(await runSql(api.hub.db, 'select id from inbox_events'), []);
});

test('what a dialect is configured with refuses it, too, but not where an address leads', async () => {
  const call = (path: string, body: object) =>
    fetch(`${api.hub.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.liveKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const offer = { name: `Mine ${hidden}`, url: 'https://shop.example/', defaultCommissionType: 'percentage' };
  for (const [path, body] of [
    ['/attro/api/v1/offers', { ...offer, defaultCommissionValue: 10 }],
    ['/attro/api/v1/affiliates', { displayName: 'A', email: 'a@example.com', type: 'external', companyName: key }],
    ['/refgrow/v1/affiliates', { email: 'b@example.com', name: 'B', referralCode: key }],
    ['/refgrow/v1/affiliates', { email: 'b@example.com', name: 'B', customFields: { note: key } }],
  ] as const) {
    const answer = await call(path, body);
    const text = await answer.text();
    assert.equal(answer.status, 400, `${path} ${text}`);
    assert.match(text, /API key/, path);
    if (path.startsWith('/refgrow')) assert.match(text, /"field":"(referralCode|customFields.note)"/);
    assert.ok(!text.includes(key), path);
  }
  const address = `https://shop.example/?k=${key}`;
  const fixed = { ...offer, name: 'Mine', url: address, defaultCommissionValue: 10 };
  assert.equal((await call('/attro/api/v1/offers', fixed)).status, 201);
});

test('in what senders add of their own it is masked, however it is written, and the rest is kept', async () => {
  const body = `{"clickId": "clk_1", "sum": 1.50, "theirs": "${key}"}`;
  const { id } = await post(body);
  assert.equal(await readRaw(id), '{"clickId": "clk_1", "sum": 1.50, "theirs": "[redacted]"}');
  const encoded = await post(
    JSON.stringify({
      clickId: 'clk_1',
      sum: 2,
      deep: [{ theirs: hidden }],
      [hidden]: 1,
      metadata: { a: { b: key, [key]: 1 } },
    }),
  );
  assert.deepEqual(JSON.parse(await readRaw(encoded.id)), {
    clickId: 'clk_1',
    sum: 2,
    deep: [{ theirs: '[redacted]' }],
    '[redacted]': 1,
    metadata: { a: { b: '[redacted]', '[redacted]': 1 } },
  });
});

async function post(body: string): Promise<{ id: string }> {
  const before = await runSql<{ id: string }>(api.hub.db, 'select id from inbox_events');
  void api.live
    .call('POST', '/conversions', { body, headers: { 'content-type': 'application/json' } })
    .catch(() => null);
  for (;;) {
    const rows = await runSql<{ id: string }>(api.hub.db, 'select id from inbox_events order by id desc');
    const [row] = rows;
    if (rows.length > before.length && row) return row;
  }
}

async function readRaw(id: string): Promise<string> {
  const [row] = await api.hub.db('inbox_events').where({ id }).select('raw');
  return String((row as { raw: Buffer }).raw);
}

test('a click is recorded without it', async () => {
  const affiliate = await makeAffiliate(api.live);
  const offer = await makeOffer(api.live);
  const link = await makeLink(api.live, { affiliateId: affiliate.id, offerId: offer.id });
  const told = await api.live.post('/clicks', {
    code: link.code,
    sub1: key,
    sourceUrl: `https://x.example/?k=${hidden}`,
  });
  assert.equal(told.status, 201, told.text);
  assert.deepEqual([told.body.data.sub1, told.body.data.sourceUrl], ['[redacted]', 'https://x.example/?k=[redacted]']);
  const visit = await fetch(`${api.hub.url}/r/${link.code}?sub2=${key}&utm_source=${hidden}`, { redirect: 'manual' });
  assert.equal(visit.status, 302);
  const ref = affiliate.referralCode;
  await fetch(`${api.hub.url}/api/v1/clicks/visitor`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': `shop ${key}` },
    body: JSON.stringify({ ref, sub3: hidden }),
  });
  const stored = JSON.stringify(await runSql(api.hub.db, 'select * from clicks'));
  assert.equal(stored.match(/\[redacted\]/g)?.length, 6, stored);
  assert.ok(!stored.includes(key) && !stored.includes(hidden));
});
