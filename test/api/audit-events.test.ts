import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { nativeRoutes } from '../../src/api/native.ts';
import { dialects } from '../../src/dialects/all.ts';
import { runSql } from '../support/sql.ts';
import { makeAffiliate, makeLink, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';
import { auditedCalls, notAudited, secrets, type AuditedCall } from './audited-calls.ts';

let api: ApiProgram;
let calls: Record<string, AuditedCall>;
before(async () => {
  api = await openApiProgram({ worker: true });
  await makeOffer(api.live);
  calls = auditedCalls(api);
});
after(() => api.stop());

/** Every route of the native API and the dialects that does more than read. */
const changing = [
  ...nativeRoutes.map(({ method, path }) => ({ method, path: `/api/v1${path}` })),
  ...dialects.flatMap(({ base, routes }) =>
    routes.flatMap(({ method, path }) => [path].flat().map((each) => ({ method, path: base + each }))),
  ),
].flatMap(({ method, path }) => (method === 'get' ? [] : [`${method.toUpperCase()} ${path}`]));

interface Stored {
  id: string;
  program_id: string;
  actor_kind: string;
  actor_id: string | null;
  address: string | null;
  request_id: string | null;
  action: string;
  object_id: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

const newest = async (): Promise<Stored | undefined> =>
  (await runSql<Stored>(api.hub.db, `select * from audit_events order by id desc limit 1`))[0];

describe('every call that changes configuration or decides', () => {
  test('is known to this test, or is excepted with a reason', () => {
    const known = [...Object.keys(calls), ...Object.keys(notAudited)];
    assert.ok(changing.length > 40, `${changing.length} routes`);
    assert.deepEqual(changing.toSorted(), known.toSorted());
  });

  for (const route of changing.filter((each) => !(each in notAudited))) {
    test(`${route} leaves an audit event`, async () => {
      const { action, call } = calls[route] as AuditedCall;
      const earlier = await newest();
      const answer = await call();
      assert.ok(answer.status >= 200 && answer.status < 300, `${answer.status} ${answer.text}`);
      const event = await newest();
      assert.notEqual(event?.id, earlier?.id);
      assert.equal(event?.action, action);
      assert.equal(event?.actor_kind, route.includes('/programs') ? 'admin' : 'key');
      assert.equal(event?.actor_id === null, event?.actor_kind === 'admin');
      assert.match(event?.address ?? '', /127\.0\.0\.1|::1/);
      assert.equal(event?.request_id, answer.headers.get('x-request-id'));
      assert.notEqual(event?.before ?? event?.after, null);
    });
  }

  test('tells no secret', async () => {
    const [row] = await runSql<{ text: string }>(
      api.hub.db,
      `select string_agg(concat(before::text, after::text), ' ') as text from audit_events`,
    );
    const text = row?.text ?? '';
    assert.ok(text.includes('changed') && text.includes('X-Token'));
    for (const secret of [...Object.values(secrets), api.liveKey, api.testKey]) assert.ok(!text.includes(secret));
    assert.doesNotMatch(text, /src_[0-9a-f]{32}|sealed/i);
  });
});

test('a change tells of the fields that differ, as they were and as they are', async () => {
  const { id } = await makeAffiliate(api.live, { commissionOverride: { rateBps: 100 } });
  await api.live.patch(`/affiliates/${id}`, { displayName: 'Ann', commissionOverride: { rateBps: 200 } });
  const { data } = (await api.live.get(`/audit-events?objectId=${id}`)).body;
  assert.equal(data.length, 2);
  const [{ actor, before: was, after: is, action, objectType, livemode }, created] = data;
  assert.deepEqual([action, objectType, livemode], ['affiliate.updated', 'affiliate', true]);
  assert.deepEqual(was, { displayName: 'Jane Smith', commissionOverride: { rateBps: 100 } });
  assert.deepEqual(is, { displayName: 'Ann', commissionOverride: { rateBps: 200 } });
  assert.deepEqual([actor.kind, actor.name], ['key', 'key']);
  assert.equal(created.before, null);
  assert.equal(created.after.email, 'jane@example.com');
});

test('what fails, or changes nothing, leaves none', async () => {
  const { id } = await makeAffiliate(api.live, { referralCode: 'audit-taken' });
  const other = await makeAffiliate(api.live);
  const earlier = await newest();
  const taken = await api.live.patch(`/affiliates/${other.id}`, { referralCode: 'audit-taken', displayName: 'No' });
  assert.equal(taken.status, 409);
  assert.equal((await api.live.patch(`/affiliates/${id}`, { displayName: 'Jane Smith' })).status, 200);
  assert.equal((await api.live.post('/payouts', { affiliateId: id, currency: 'USD' })).status, 409);
  assert.equal((await newest())?.id, earlier?.id);
});

test('PATCH {} changes nothing of anything', async () => {
  const { live, admin, programId } = api;
  const affiliate = await makeAffiliate(live);
  const offer = await makeOffer(live);
  const link = await makeLink(live, { affiliateId: affiliate.id, offerId: offer.id });
  const made = async (path: string, body: object) => `${path}/${(await live.post(path, body)).body.data.id}`;
  const paths = [
    '/program',
    `/affiliates/${affiliate.id}`,
    `/offers/${offer.id}`,
    `/tracking-links/${link.id}`,
    await made('/sources', { kind: 'stripe', signingSecrets: [secrets.signing] }),
    await made('/sources', { kind: 'revenuecat', authorization: 'x' }),
    await made('/sources', { kind: 'postback', preset: 'voluum', fields: { a: 'sub1' } }),
    await made('/webhook-endpoints', { url: 'http://127.0.0.1:59999/', headers: { 'X-A': 'b' } }),
  ];
  const state = () =>
    runSql(
      api.hub.db,
      `select 'program' as of, id, updated_at::text as at from programs union all select 'affiliate', id, updated_at::text
       from affiliates union all select 'offer', id, updated_at::text from offers union all select 'endpoint', id,
       updated_at::text from webhook_endpoints union all select 'source', id, settings_changed_at::text from sources order by 1, 2`,
    );
  const [earlier, was] = [await newest(), await state()];
  for (const path of paths) {
    const answer = await live.patch(path, {});
    assert.equal(answer.status, 200, `${path} ${answer.text}`);
  }
  assert.equal((await admin.patch(`/programs/${programId}`, {})).status, 200);
  const key = (await live.get('/api-keys?limit=1')).body.data[0];
  assert.deepEqual((await live.patch(`/api-keys/${key.id}`, {})).body.data.name, key.name);
  assert.deepEqual(await state(), was);
  assert.equal((await newest())?.id, earlier?.id);
});

test('the list is filtered, paged, and a program sees its own alone', async () => {
  const { live, test: testClient, stranger, admin, programId } = api;
  const { id } = await makeAffiliate(live);
  await live.patch(`/affiliates/${id}`, { status: 'paused' });
  const read = async (query: string, client = live) => (await client.get(`/audit-events?${query}`)).body.data;
  assert.deepEqual(
    (await read(`objectId=${id}&action=affiliate.updated`)).map((event: { after: unknown }) => event.after),
    [{ status: 'paused' }],
  );
  const [{ actor, createdAt }] = await read(`objectId=${id}&limit=1`);
  assert.equal((await read(`objectId=${id}&actorId=${actor.id}&objectType=affiliate`)).length, 2);
  assert.equal((await read(`objectId=${id}&actorId=key_none`)).length, 0);
  assert.equal((await read(`objectId=${id}&startDate=${createdAt}`)).length, 1);
  assert.equal((await read(`objectId=${id}&endDate=2026-01-01`)).length, 0);
  const first = (await live.get(`/audit-events?objectId=${id}&limit=1`)).body;
  const second = await live.get(`/audit-events?objectId=${id}&limit=1&cursor=${first.pagination.nextCursor}`);
  assert.deepEqual([second.body.data[0].action, second.body.pagination.hasMore], ['affiliate.created', false]);
  assert.deepEqual(await read(`objectId=${id}`, stranger), []);
  // Test keys see what is test.
  assert.deepEqual(await read(`objectId=${id}`, testClient), []);
  const tried = await makeAffiliate(testClient);
  assert.equal((await read(`objectId=${tried.id}`, testClient)).length, 1);
  assert.equal((await read(`objectId=${tried.id}`, live)).length, 1);
  const byAdmin = await admin.get(`/programs/${programId}/audit-events?objectId=${id}`);
  assert.equal(byAdmin.body.data.length, 2);
});

test('a source is found by its id, and named by its ref', async () => {
  const { id, ref } = (await api.live.post('/sources', { kind: 'postback' })).body.data;
  for (const named of [id, ref]) {
    const { data } = (await api.live.get(`/audit-events?objectId=${named}`)).body;
    assert.deepEqual(
      data.map((event: { objectId: string }) => event.objectId),
      [ref],
    );
  }
});

test('nothing that was recorded can be changed or taken away', async () => {
  for (const statement of [
    `update audit_events set actor_name = 'nobody'`,
    'delete from audit_events',
    'truncate audit_events',
  ]) {
    await assert.rejects(runSql(api.hub.db, statement), /append-only/);
  }
});
