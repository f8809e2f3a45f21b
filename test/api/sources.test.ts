import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitUntil } from '../support/wait-until.ts';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import type { Fact } from '../../src/domain/facts.ts';
import { generateKey } from '../../src/program/key-values.ts';
import { runSql } from '../support/sql.ts';
import { makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
before(async () => {
  api = await openApiProgram({ worker: true });
});
after(() => api.stop());

test('a Stripe source shows its URL and the events to switch on, never its secrets', async () => {
  const signingSecrets = ['whsec_first', '  kept as it is  '];
  const made = await api.live.post('/sources', { kind: 'stripe', name: 'Main', signingSecrets, livemode: false });
  assert.equal(made.status, 201);
  const { data } = made.body;
  assert.match(data.id, /^src_[0-9a-f]{64}$/);
  assert.equal(data.url, `${api.hub.url}/in/stripe/${data.id}`);
  assert.ok(data.requiredEvents.includes('checkout.session.completed'));
  assert.deepEqual([data.livemode, data.orderScope, data.lastEventAt], [false, 'program', null]);
  const answers = [
    made,
    await api.live.get(`/sources/${data.id}`),
    await api.live.get('/sources'),
    await api.live.patch(`/sources/${data.id}`, { signingSecrets: ['whsec_second'] }),
  ];
  for (const { text } of answers) assert.ok(!/whsec|kept as/.test(text), text);
  const { rows } = await api.hub.db.raw('select secrets from sources where id = ?', [data.id]);
  assert.ok(!/whsec/.test(JSON.stringify(rows)));
});

test('a RevenueCat source has a header, a secret for signatures, or both; one must stay', async () => {
  const none = await api.live.post('/sources', { kind: 'revenuecat' });
  assert.deepEqual([none.status, Object.keys(none.body.error.details)], [400, ['authorization']]);
  const { data } = (await api.live.post('/sources', { kind: 'revenuecat', authorization: 'Bearer x' })).body;
  assert.deepEqual([data.amountBasis, data.campaignAsCoupon], ['net_of_tax', false]);
  const changed = await api.live.patch(`/sources/${data.id}`, { hmacSecret: 's', amountBasis: 'gross' });
  assert.deepEqual([changed.status, changed.body.data.amountBasis], [200, 'gross']);
  assert.equal((await api.live.patch(`/sources/${data.id}`, { authorization: null })).status, 200);
  assert.equal((await api.live.patch(`/sources/${data.id}`, { hmacSecret: null })).status, 400);
});

test('a postback source takes a preset, and its own fields and words on top', async () => {
  const made = await api.live.post('/sources', {
    kind: 'postback',
    preset: 'Keitaro',
    fields: { myclick: 'click_id' },
    statuses: { ok: 'sale' },
    requireKey: false,
    allowedCidrs: ['10.0.0.0/8', '::1'],
    orderScope: 'source',
  });
  assert.equal(made.status, 201, made.text);
  const { data } = made.body;
  assert.deepEqual([data.preset, data.response, data.purpose, data.orderScope], ['keitaro', 'ok', 'primary', 'source']);
  assert.equal(data.url, `${api.hub.url}/pb/${data.id}`);
  assert.ok(data.postbackUrl.startsWith(`${data.url}?subid=`));
  const changed = await api.live.patch(`/sources/${data.id}`, { response: 'json', preset: null, statuses: {} });
  assert.deepEqual(
    [changed.body.data.response, changed.body.data.preset, changed.body.data.statuses, changed.body.data.fields],
    ['json', null, {}, { myclick: 'click_id' }],
  );
});

test('a postback source reads fields within others by their paths, and says so', async () => {
  const fields = { 'data.id': 'txid', 'items[0].price': 'sum', 'order-no': 'txid?', 'tags[]': '' };
  const made = await api.live.post('/sources', { kind: 'postback', requireKey: false, fields });
  assert.deepEqual([made.status, made.body.data.fields], [201, fields], made.text);
  const affiliate = await makeAffiliate(api.live);
  const offer = await makeOffer(api.live);
  const { data: click } = (await api.live.post('/clicks', { affiliateId: affiliate.id, offerId: offer.id })).body;
  const body = { clickid: click.id, data: { id: 'path-1', status: 'x' }, items: [{ price: '5.00' }, { price: 7 }] };
  const answer = await api.anonymous.post(`//pb/${made.body.data.id}`, body);
  assert.deepEqual([answer.status, answer.body.data.tracked], [200, true], answer.text);
  const { data } = (await api.live.get(`/conversions/${answer.body.data.conversionId}`)).body;
  assert.equal(data.orderId, 'path-1');
});

test('a postback source without a key keeps to itself, whatever scope is asked for, and for as long as it asks for none', async () => {
  const made = await api.live.post('/sources', { kind: 'postback', requireKey: false, orderScope: 'program' });
  assert.deepEqual([made.status, made.body.data.orderScope], [201, 'source'], made.text);
  const { id } = made.body.data;
  const patch = async (body: object) => (await api.live.patch(`/sources/${id}`, body)).body.data;
  assert.equal((await patch({ orderScope: 'program' })).orderScope, 'source');
  assert.equal((await patch({ name: 'Open' })).orderScope, 'source');
  assert.equal((await patch({ requireKey: true, orderScope: 'program' })).orderScope, 'program');
  assert.equal((await patch({ requireKey: false })).orderScope, 'source');
  assert.equal((await api.live.get(`/sources/${id}`)).body.data.orderScope, 'source');
  await assert.rejects(api.hub.db('sources').where({ id }).update({ order_scope: 'program' }), /keep_to_themselves/);
});

test('what came without a key stays so when its source asks for one later, also when it is replayed, and the other way round', async () => {
  const affiliate = await makeAffiliate(api.live);
  await makeOffer(api.live);
  const { id } = (await api.live.post('/sources', { kind: 'postback', requireKey: false })).body.data;
  const fire = async (txid: string, requireKey: boolean) => {
    assert.equal((await api.live.patch(`/sources/${id}`, { requireKey })).status, 200);
    const query = `txid=${txid}&user_id=u-${txid}&affiliate_id=${affiliate.id}&sum=5.00&currency=USD`;
    const post = () => api.anonymous.get(`//pb/${id}?${query}${requireKey ? `&secure=${api.liveKey}` : ''}`);
    // Sources are remembered for a moment.
    return waitUntil('the source is known as it is', async () => {
      const answer = await post();
      const keyless = (await readFacts(id, txid)).at(-1)?.some(({ receivedAt }) => receivedAt !== undefined);
      return answer.status === 200 && keyless === !requireKey ? answer : null;
    });
  };
  await fire('replay-1', false);
  await fire('replay-2', true);
  const listed = (await api.live.get(`/inbox-events?sourceId=${id}`)).body.data as { id: string }[];
  for (const requireKey of [true, false]) {
    await api.live.patch(`/sources/${id}`, { requireKey });
    const before = await readFacts(id, 'replay');
    for (const event of listed) assert.equal((await api.live.post(`/inbox-events/${event.id}/replay`)).status, 202);
    await waitUntil('the replays are settled', async () => {
      const rows = await api.hub.db('inbox_events').where({ source_id: id, status: 'received' });
      return rows.length === 0;
    });
    assert.deepEqual(await readFacts(id, 'replay'), before);
  }
  const { differences } = await verifyLedger(api.hub.db);
  assert.deepEqual(differences, []);
});

async function readFacts(sourceId: string, order: string): Promise<Fact[][]> {
  const rows = await runSql<{ facts: Fact[] }>(
    api.hub.db,
    `select facts from inbox_events where source_id = ? and facts::text like ? order by id`,
    [sourceId, `%${order}%`],
  );
  return rows.map(({ facts }) => facts);
}

test('every wrong field is named, and so is one of another kind', async () => {
  const cases: [object, string][] = [
    [{}, 'kind'],
    [{ kind: 'paypal' }, 'kind'],
    [{ kind: 'stripe' }, 'signingSecrets'],
    [{ kind: 'stripe', signingSecrets: [] }, 'signingSecrets'],
    [{ kind: 'stripe', signingSecrets: [''] }, 'signingSecrets.0'],
    [{ kind: 'stripe', signingSecrets: [' \t '] }, 'signingSecrets.0'],
    [{ kind: 'stripe', signingSecrets: ['whsec_x', 'sk_live_51H'] }, 'signingSecrets.1'],
    [{ kind: 'stripe', signingSecrets: [' rk_test_51H'] }, 'signingSecrets.0'],
    [{ kind: 'stripe', signingSecrets: ['\u200b'] }, 'signingSecrets.0'],
    [{ kind: 'stripe', signingSecrets: ['\u200bsk_live_51H'] }, 'signingSecrets.0'],
    [{ kind: 'stripe', signingSecrets: [`Bearer ${generateKey('live')}`] }, 'signingSecrets.0'],
    [{ kind: 'revenuecat', authorization: '  ' }, 'authorization'],
    [{ kind: 'revenuecat', authorization: 'Bearer x', hmacSecret: '\n' }, 'hmacSecret'],
    [{ kind: 'stripe', signingSecrets: ['x'.repeat(256)] }, 'signingSecrets.0'],
    [{ kind: 'stripe', signingSecrets: ['x'], preset: 'voluum' }, 'preset'],
    [{ kind: 'postback', preset: 'nonesuch' }, 'preset'],
    [{ kind: 'postback', fields: { a: 'nothing' } }, 'fields.a'],
    [{ kind: 'postback', fields: { 'data..id': 'txid' } }, 'fields.data..id'],
    [{ kind: 'postback', fields: { 'data.': 'txid' } }, 'fields.data.'],
    [{ kind: 'postback', fields: { '.id': 'sum' } }, 'fields..id'],
    [{ kind: 'postback', fields: { '$.data.id': 'txid' } }, 'fields.$.data.id'],
    [{ kind: 'postback', fields: { 'items[*].id': 'txid' } }, 'fields.items[*].id'],
    [{ kind: 'postback', fields: { 'items[].id': 'txid' } }, 'fields.items[].id'],
    [{ kind: 'postback', fields: { '{click_id}': 'clickid' } }, 'fields.{click_id}'],
    [{ kind: 'postback', fields: { 'tid=': 'txid' } }, 'fields.tid='],
    [{ kind: 'postback', fields: { '?tid': 'txid' } }, 'fields.?tid'],
    [{ kind: 'postback', fields: { 'a&b': 'txid' } }, 'fields.a&b'],
    [{ kind: 'postback', fields: { 'auth.key': 'secure' } }, 'fields.auth.key'],
    [{ kind: 'postback', statuses: { ok: 'maybe' } }, 'statuses.ok'],
    [{ kind: 'postback', allowedCidrs: ['10.0.0.0/40'] }, 'allowedCidrs.0'],
    [{ kind: 'postback', response: 'xml' }, 'response'],
    [{ kind: 'postback', orderScope: 'planet' }, 'orderScope'],
    [{ kind: 'revenuecat', authorization: 'x', amountBasis: 'net' }, 'amountBasis'],
  ];
  for (const [body, field] of cases) {
    const answer = await api.live.post('/sources', body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.deepEqual(Object.keys(answer.body.error.details), [field], answer.text);
  }
  const { data } = (await api.live.post('/sources', { kind: 'postback' })).body;
  const answer = await api.live.patch(`/sources/${data.id}`, { signingSecrets: ['x'] });
  assert.deepEqual(answer.body.error.details, { signingSecrets: 'is not a field of a postback source' });
});

test('another program neither sees, changes nor closes a source; a closed one is a way in no more', async () => {
  const { data } = (await api.live.post('/sources', { kind: 'postback', requireKey: false })).body;
  for (const [method, body] of [
    ['GET', undefined],
    ['PATCH', { name: 'x' }],
    ['DELETE', undefined],
  ] as const) {
    assert.equal((await api.stranger.call(method, `/sources/${data.id}`, { body })).status, 404);
  }
  assert.equal((await api.anonymous.get(`//pb/${data.id}`)).status, 400);
  assert.equal((await api.live.delete(`/sources/${data.id}`)).status, 204);
  assert.equal((await api.anonymous.get(`//pb/${data.id}`)).status, 404);
  assert.equal((await api.live.get(`/sources/${data.id}`)).status, 404);
});

test('a postback by a source made here becomes a conversion, and the source tells when it last heard', async () => {
  const affiliate = await makeAffiliate(api.live);
  const offer = await makeOffer(api.live);
  const click = await api.live.post('/clicks', { affiliateId: affiliate.id, offerId: offer.id });
  const { data } = (await api.live.post('/sources', { kind: 'postback' })).body;
  const query = `cid=${click.body.data.id}&sum=12.50&txid=pb-1&secure=${api.liveKey}`;
  const answer = await api.anonymous.get(`//pb/${data.id}?${query}`);
  assert.deepEqual([answer.status, answer.body.data.tracked], [200, true], answer.text);
  const listed = await api.live.get(`/inbox-events?sourceId=${data.id}`);
  assert.equal(listed.body.data[0].conversionId, answer.body.data.conversionId);
  assert.ok((await api.live.get(`/sources/${data.id}`)).body.data.lastEventAt);
  const replayed = await api.live.post(`/inbox-events/${listed.body.data[0].id}/replay`);
  assert.equal(replayed.status, 202);
  await waitUntil('the postback is settled again', async () => {
    const event = (await api.live.get(`/inbox-events/${listed.body.data[0].id}`)).body.data;
    return event.outcome === 'duplicate' && event.conversionId === answer.body.data.conversionId;
  });
});

test('the presets are listed, each with a URL to paste', async () => {
  const { data } = (await api.live.get('/sources/presets')).body;
  assert.deepEqual(
    data.map(({ name }: { name: string }) => name).sort(),
    ['AffSpace', 'Affise', 'BeMob', 'Binom', 'Everflow', 'Keitaro', 'RedTrack', 'TUNE', 'Voluum'].sort(),
  );
  for (const { postbackUrl } of data) assert.ok(postbackUrl.startsWith(`${api.hub.url}/pb/SOURCE_ID?`));
});
