import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { signRevenueCat } from '../../src/inbound/revenuecat/verify.ts';
import { signStripeBody } from '../../src/inbound/stripe/sign.ts';
import { generateKey } from '../../src/program/key-values.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
before(async () => {
  api = await openApiProgram({ worker: true });
});
after(() => api.stop());

const signingSecret = 'whsec_of-the-source';
const authorization = 'Bearer of-the-source';

async function makeSource(body: object, client = api.live): Promise<{ id: string; ref: string }> {
  const made = await client.post('/sources', body);
  assert.equal(made.status, 201, made.text);
  return made.body.data;
}

async function refusalsOf(id: string, query = '', client = api.live) {
  await api.hub.deps.refusals.flush();
  const answer = await client.get(`/sources/${id}/refusals${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.data;
}

const stripeEvent = (id: string) =>
  JSON.stringify({
    id,
    type: 'checkout.session.completed',
    data: { object: { id: `cs_test_${id}`, customer_email: 'Ann@Example.com' } },
  });

describe('what a source turns away is kept, with the reason, what it carried, and no secret', () => {
  test('of Stripe', async () => {
    const { id } = await makeSource({ kind: 'stripe', signingSecrets: [signingSecret] });
    const send = async (event: string, headers: Record<string, string>, status = 400) => {
      const answer = await api.anonymous.post(`//in/stripe/${id}`, stripeEvent(event), headers);
      assert.equal(answer.status, status, answer.text);
    };
    await send('evt_missing1', {});
    await send('evt_wrong1', { 'stripe-signature': signStripeBody(stripeEvent('evt_wrong1'), 'whsec_of-another') });
    const old = new Date(Date.now() - 600_000);
    await send('evt_old1', { 'stripe-signature': signStripeBody(stripeEvent('evt_old1'), signingSecret, old) });
    await send('evt_old1', { 'stripe-signature': signStripeBody(stripeEvent('evt_old1'), signingSecret, old) });
    // Of one second a few are kept.
    await api.hub.deps.refusals.flush();
    await send('evt_packed', { 'content-encoding': 'gzip' }, 415);
    const large = await api.anonymous.post(`//in/stripe/${id}`, 'x'.repeat(1024 * 1024 + 1));
    assert.equal(large.status, 413);
    const listed = await refusalsOf(id);
    assert.deepEqual(
      listed.map(({ reason, count }: { reason: string; count: number }) => [reason, count]),
      [
        ['too_large', 1],
        ['media_type', 1],
        ['signature_old', 2],
        ['signature_wrong', 1],
        ['signature_missing', 1],
      ],
    );
    const [, , , wrong] = listed;
    assert.match(wrong.message, /signing secret/);
    assert.deepEqual(wrong.references, ['evt_wrong1', 'cs_test_evt_wrong1', 'ann@example.com']);
    assert.deepEqual([wrong.status, wrong.method, wrong.query], [400, 'POST', null]);
    assert.equal(JSON.parse(wrong.body).id, 'evt_wrong1');
    const found = await refusalsOf(id, '?reference=ANN@example.com&reason=signature_wrong,signature_missing');
    assert.deepEqual(
      found.map(({ references: [event] }: { references: string[] }) => event),
      ['evt_wrong1', 'evt_missing1'],
    );
    assert.deepEqual(await refusalsOf(id, '?reference=evt_nothing'), []);
    assert.deepEqual(await refusalsOf(id, '?endDate=2020-01-01'), []);
    const { data } = (await api.live.get(`/sources/${id}`)).body;
    assert.deepEqual([data.refused24h, data.events24h, data.lastEventAt], [6, 0, null]);
    assert.deepEqual(data.refusals24h[0], { reason: 'signature_old', count: 2 });
    const taken = signStripeBody(stripeEvent('evt_taken1'), signingSecret);
    await send('evt_taken1', { 'stripe-signature': taken }, 200);
    assert.equal((await refusalsOf(id)).length, 5, 'what is taken is not refused');
  });

  test('of RevenueCat, whose body is read once it is refused for its header', async () => {
    const hmacSecret = 'hmac-of-the-source';
    const { id } = await makeSource({ kind: 'revenuecat', authorization, hmacSecret });
    const body = (user: string) => JSON.stringify({ event: { id: `E-${user}`, app_user_id: user } });
    const send = (user: string, headers: Record<string, string>) =>
      api.anonymous.post(`//in/revenuecat/${id}`, body(user), headers);
    assert.equal((await send('u1', { authorization: 'Bearer not-of-the-source' })).status, 401);
    assert.equal((await send('u2', {})).status, 401);
    assert.equal((await send('u3', { authorization })).status, 401);
    const signature = signRevenueCat(Buffer.from(body('other')), hmacSecret, new Date());
    const forged = { authorization, 'x-revenuecat-webhook-signature': signature };
    assert.equal((await send('u4', forged)).status, 401);
    const listed = await waitUntil('all bodies are read', async () => {
      const all = await refusalsOf(id);
      return all.length === 4 ? all : null;
    });
    const told = listed.map(({ reason, references }: { reason: string; references: string[] }) => [
      reason,
      ...references,
    ]);
    assert.deepEqual(told.sort(), [
      ['authorization_wrong', 'E-u1', 'u1'],
      ['authorization_wrong', 'E-u2', 'u2'],
      ['signature_missing', 'E-u3', 'u3'],
      ['signature_wrong', 'E-u4', 'u4'],
    ]);
  });

  test('of trackers, by either of the addresses', async () => {
    const { id } = await makeSource({ kind: 'postback', fields: { subid: 'click_id' } });
    const key = `secure=${api.liveKey}`;
    const cases: [string, number, string][] = [
      ['txid=P-1&sum=1', 401, 'key_missing'],
      ['txid=P-2&sum=1&secure=some-imported-key', 401, 'key_wrong'],
      [`txid=P-3&sum=1&secure=${generateKey('live')}`, 401, 'key_wrong'],
      [`txid=P-4&subid={subid}&${key}`, 400, 'macro'],
      [`txid=null&sum=1&${key}`, 400, 'placeholder'],
      [`txid=P-6&sum=1,000&${key}`, 400, 'amount'],
      [`goal=x&${key}`, 400, 'incomplete'],
      [`txid=P-8&txid=P-9&${key}`, 400, 'field'],
      [`txid=P-11&amp;sum=1&${key}`, 400, 'malformed'],
      [`txid=P-10&sum=1&currency=DUCAT&${key}`, 400, 'field'],
    ];
    for (const [index, [query, status]] of cases.entries()) {
      const base = index % 2 === 0 ? '//pb' : '//affspace/pb';
      const answer = await api.anonymous.get(`${base}/${id}?${query}`);
      assert.equal(answer.status, status, `${query} ${answer.text}`);
      await api.hub.deps.refusals.flush();
    }
    const listed = await refusalsOf(id);
    assert.deepEqual(
      listed.map(({ reason }: { reason: string }) => reason).reverse(),
      cases.map(([, , reason]) => reason),
    );
    const broken = await api.anonymous.post(`//pb/${id}`, `{"txid":"P-20","secure":"${api.liveKey}`);
    assert.equal(broken.status, 400);
    const [first] = await refusalsOf(id);
    assert.deepEqual(
      [first.reason, first.body, first.references],
      ['malformed', '{"txid":"P-20","[redacted]', ['P-20']],
    );
    // Refused after it was stored: an inbox event.
    const stored = await api.anonymous.get(`//pb/${id}?txid=P-30&sum=1&subid=clk_nobodys&${key}`);
    assert.equal(stored.status, 400, stored.text);
    assert.deepEqual(await refusalsOf(id, '?reference=P-30'), []);
  });

  test('of an address that is not allowed, a deleted source, and a source of another kind', async () => {
    const { id } = await makeSource({ kind: 'postback', allowedCidrs: ['10.0.0.0/8'] });
    assert.equal((await api.anonymous.get(`//pb/${id}?txid=N-1`)).status, 403);
    assert.equal((await api.anonymous.post(`//in/stripe/${id}`, stripeEvent('evt_kind1'))).status, 404);
    assert.equal((await api.live.delete(`/sources/${id}`)).status, 204);
    assert.equal((await api.anonymous.post(`//pb/${id}`, '{"txid":"N-3"}')).status, 404);
    const listed = await waitUntil('all bodies are read', async () => {
      const all = await refusalsOf(id);
      return all.length === 3 ? all : null;
    });
    const told = listed.map(({ reason, references: [named] }: { reason: string; references: string[] }) => [
      reason,
      named,
    ]);
    assert.deepEqual(told, [
      ['source_deleted', 'N-3'],
      ['wrong_kind', 'evt_kind1'],
      ['address', 'N-1'],
    ]);
    assert.equal((await api.live.get(`/sources/${id}`)).status, 404);
  });

  test('and nothing of it holds what the senders gave as proof', async () => {
    await api.hub.deps.refusals.flush();
    const rows = await runSql<{ row: string }>(api.hub.db, 'select r::text as row from refused_requests r', []);
    assert.ok(rows.length > 20, `${rows.length} rows`);
    const secrets = [api.liveKey, 'some-imported-key', 'sk_live_', 'whsec_of', 'of-the-source', 'v1=', 'hmac-of'];
    for (const { row } of rows) for (const secret of secrets) assert.ok(!row.includes(secret), `${secret} in ${row}`);
  });
});

test('refusals are paged, and seen as what came by their source is: by no other program, and live ones by no test key', async () => {
  const { id, ref } = await makeSource({ kind: 'postback' });
  for (const n of [1, 2, 3]) {
    await api.anonymous.get(`//pb/${id}?txid=T-${n}`);
    await api.hub.deps.refusals.flush();
  }
  const first = await api.reader.get(`/sources/${ref}/refusals?limit=2`);
  const { hasMore, nextCursor } = first.body.pagination;
  const rest = await api.reader.get(`/sources/${ref}/refusals?limit=2&cursor=${nextCursor}`);
  const all = [...first.body.data, ...rest.body.data];
  assert.deepEqual([hasMore, all.map(({ references }) => references[0])], [true, ['T-3', 'T-2', 'T-1']]);
  assert.ok(
    all.every(({ sourceId }) => sourceId === ref),
    'a key that may only read is told no address',
  );
  assert.equal((await api.stranger.get(`/sources/${id}/refusals`)).status, 404);
  assert.deepEqual(await refusalsOf(ref, '', api.test), []);
  const test = await makeSource({ kind: 'postback' }, api.test);
  await api.anonymous.get(`//pb/${test.id}?txid=T-9`);
  for (const client of [api.test, api.live]) assert.equal((await refusalsOf(test.id, '', client)).length, 1);
});

describe('a test message', () => {
  test('goes the way of a real one, and tells what became of it', async () => {
    const offer = await makeOffer(api.live);
    const { data: session } = (await api.live.post('/test-sessions', { offerId: offer.id })).body;
    const sources = [
      await makeSource({ kind: 'stripe', signingSecrets: [signingSecret] }),
      await makeSource({ kind: 'revenuecat', authorization: 'clé £', hmacSecret: 'h' }),
      await makeSource({ kind: 'postback', preset: 'voluum' }),
      await makeSource({ kind: 'postback', requireKey: false }),
    ];
    for (const { id } of sources) {
      const sent = await api.live.post(`/sources/${id}/test`, { clickId: session.testClickId });
      assert.equal(sent.status, 200, sent.text);
      const { inboxEventId, outcome, conversionId, livemode } = sent.body.data;
      assert.deepEqual([outcome, livemode], ['recorded', false], sent.text);
      const conversion = (await api.test.get(`/conversions/${conversionId}`)).body.data;
      assert.deepEqual(
        [conversion.amountMinor, conversion.clickId, conversion.livemode],
        [1000, session.testClickId, false],
      );
      assert.equal((await api.test.get(`/inbox-events/${inboxEventId}`)).body.data.outcome, 'recorded');
      const parked = await api.live.post(`/sources/${id}/test`);
      assert.deepEqual([parked.status, parked.body.data.outcome], [200, 'parked'], parked.text);
      const { data } = (await api.live.get(`/sources/${id}`)).body;
      assert.equal(data.events24h, 2);
      assert.ok(data.lastEventAt);
    }
    const listed = (await api.live.get('/sources?limit=100')).body.data as { id: string; events24h: number }[];
    assert.deepEqual(
      sources.map(({ id }) => listed.find((one) => one.id === id)?.events24h),
      [2, 2, 2, 2],
    );
  });

  test('of funnel events, and where it cannot be said: by whom it may be sent, and why not', async () => {
    const events = await makeSource({ kind: 'postback', purpose: 'secondary', eventType: 'registration' });
    assert.equal((await api.live.post(`/sources/${events.id}/test`)).body.data.outcome, 'recorded');
    const within = { txid: '', order_id: '', action_id: '', external_id: '', transaction_id: '', 'data.id': 'txid' };
    const nested = await makeSource({ kind: 'postback', fields: within });
    const refused = await api.live.post(`/sources/${nested.id}/test`);
    assert.deepEqual([refused.status, refused.body.error.code], [409, 'CONFLICT']);
    assert.match(refused.body.error.message, /plain name/);
    assert.equal((await api.test.post(`/sources/${events.ref}/test`)).status, 403);
    assert.equal((await api.stranger.post(`/sources/${events.id}/test`)).status, 404);
  });
});
