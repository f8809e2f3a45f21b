import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { make, makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let affiliate: { id: string; referralCode: string };

before(async () => {
  api = await openApiProgram({ worker: true });
  affiliate = await makeAffiliate(api.live, { referralCode: 'jane' });
  await makeOffer(api.live);
});
after(() => api.stop());

async function land(body: unknown, headers: Record<string, string> = {}, query = '') {
  const response = await fetch(`${api.hub.url}/api/v1/clicks/visitor${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  // oxlint-disable-next-line typescript/no-explicit-any -- a JSON answer
  const json = (await response.json()) as any;
  return { status: response.status, headers: response.headers, json };
}

test('the browser of a visitor makes a click without a key, which credits what it is handed on to', async () => {
  const landing = {
    ref: 'JANE',
    sub1: 'their-click',
    sub2: 'x'.repeat(1300),
    sourceUrl: 'https://shop.example/?ref=JANE',
  };
  const { status, json, headers } = await land(landing, { origin: 'https://shop.example', 'user-agent': 'Browser' });
  assert.equal(status, 201);
  assert.deepEqual(Object.keys(json.data), ['clickId']);
  assert.equal(headers.get('access-control-allow-origin'), '*');
  const { clickId } = json.data as { clickId: string };
  const { data: click } = (await api.live.get(`/clicks/${clickId}`)).body;
  assert.deepEqual(
    [click.affiliateId, click.offerId, click.livemode, click.sub1, click.sub2.length, click.sourceUrl, click.userAgent],
    [affiliate.id, null, true, 'their-click', 1024, landing.sourceUrl, 'Browser'],
  );
  assert.equal(click.sub2.at(-1), '…');
  const sale = await api.live.post('/conversions', { clickid: clickId, sum: 10, txid: 'V-1' });
  assert.equal(sale.body.data.commission.amountMinor, 100);
});

test('browsers of any origin may ask first', async () => {
  const answer = await fetch(`${api.hub.url}/api/v1/clicks/visitor`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://shop.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    },
  });
  assert.deepEqual(
    [
      answer.status,
      answer.headers.get('access-control-allow-origin'),
      answer.headers.get('access-control-allow-headers'),
    ],
    [204, '*', 'content-type'],
  );
});

test('an affiliate is named by id or code; without a program only while one has the code', async () => {
  for (const body of [
    { ref: affiliate.id },
    { ref: 'jane', programId: api.programId },
    { ref: ' (Jane). ' },
    { ref: '\u200bjane…', programId: api.programId },
  ]) {
    assert.equal((await land(body)).status, 201, JSON.stringify(body));
  }
  await makeAffiliate(api.stranger, { referralCode: 'jane' });
  const ambiguous = await land({ ref: 'jane' });
  assert.deepEqual(
    [ambiguous.status, ambiguous.json.error.message],
    [400, 'programId is required: several programs have this code'],
  );
  assert.equal((await land({ ref: 'jane', programId: api.programId })).status, 201);
  for (const body of [{ ref: 'nobody' }, { ref: affiliate.id, programId: 'prg_none' }, { ref: 'a', programId: 'b' }]) {
    const unknown = await land(body);
    assert.deepEqual([unknown.status, unknown.json.error.code], [404, 'NOT_FOUND'], JSON.stringify(body));
    assert.match(unknown.json.error.message, /Affiliate/);
  }
});

test('what is malformed is refused in words, and stored nowhere', async () => {
  const count = async () => (await api.live.get('/clicks?limit=100')).body.data.length as number;
  const before = await count();
  for (const body of [
    {},
    { ref: '' },
    { ref: 7 },
    { ref: 'a'.repeat(256) },
    { ref: 'jane', other: 1 },
    { ref: 'a\0' },
    [],
    '{',
  ]) {
    assert.equal((await land(body)).status, 400, JSON.stringify(body));
  }
  assert.equal((await land({ ref: affiliate.id }, {}, '?x=1')).status, 400);
  assert.equal((await land('ref=jane', { 'content-type': 'text/plain' })).status, 415);
  assert.equal(await count(), before);
  const other = await fetch(`${api.hub.url}/api/v1/clicks/visitor`);
  assert.ok([401, 404, 405].includes(other.status));
  await other.body?.cancel();
});

test('a browser learns until when a click counts: the window of its offer, else of the default offer', async () => {
  const expiryOf = async (clickId: string) => {
    const response = await fetch(`${api.hub.url}/api/v1/clicks/visitor/${clickId}`);
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
    return {
      status: response.status,
      json: (await response.json()) as { data: { clickId: string; expiresAt: string } },
    };
  };
  const occurredAt = '2026-03-01T00:00:00.000Z';
  const offer = await makeOffer(api.live, { attributionWindowDays: 90 });
  const makeClick = (more: object) =>
    make<{ id: string }>(api.live, '/clicks', { affiliateId: affiliate.id, occurredAt, ...more });
  for (const [more, expiresAt] of [
    [{}, '2026-03-31T00:00:00.000Z'],
    [{ offerId: offer.id }, '2026-05-30T00:00:00.000Z'],
  ] as const) {
    const { id: clickId } = await makeClick(more);
    assert.deepEqual(await expiryOf(clickId), { status: 200, json: { data: { clickId, expiresAt } } });
  }
  assert.equal((await expiryOf('clk_none')).status, 404);
});

test('a banned affiliate’s code makes no clicks', async () => {
  const { id } = await makeAffiliate(api.live, { referralCode: 'mallory', email: 'm@example.com', status: 'banned' });
  for (const body of [{ ref: 'mallory' }, { ref: id }, { ref: 'mallory', programId: api.programId }]) {
    assert.equal((await land(body)).status, 404, JSON.stringify(body));
  }
  assert.deepEqual((await api.live.get(`/clicks?affiliateId=${id}`)).body.data, []);
});

test('the key of a caller is no matter', async () => {
  const click = await make<{ id: string }>(api.live, '/clicks', { affiliateId: affiliate.id });
  assert.ok(click.id);
  assert.equal((await land({ ref: affiliate.id }, { authorization: 'Bearer nonsense' })).status, 201);
});
