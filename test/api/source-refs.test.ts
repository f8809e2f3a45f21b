import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { nativeRoutes } from '../../src/api/native.ts';
import { affilut } from '../../src/dialects/affilut/index.ts';
import { affitor } from '../../src/dialects/affitor/index.ts';
import { affspace } from '../../src/dialects/affspace/index.ts';
import { attro } from '../../src/dialects/attro/index.ts';
import { refgrow } from '../../src/dialects/refgrow/index.ts';
import { signStripeBody } from '../../src/inbound/stripe/sign.ts';
import { findStories } from '../../src/audit/explain.ts';
import { replayMessages } from '../../src/audit/replay-messages.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { createLogger } from '../../src/process/logging.ts';
import { waitUntil } from '../support/wait-until.ts';
import { ApiClient, type ApiAnswer } from './api-client.ts';
import { make, makeAffiliate, makeKey, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

/**
 * The id of a source opens it. Whoever may not know it finds the ref in its place, on every route: what a program has of
 * every kind is asked for by every key, and the answers are searched.
 */

interface ShownSource {
  id: string;
  ref: string;
  url: string;
  livemode: boolean | null;
}

let api: ApiProgram;
let lines: string[] = [];
const keys: Record<'live' | 'liveReader' | 'test' | 'testReader', string> = {
  live: '',
  liveReader: '',
  test: '',
  testReader: '',
};
type Viewer = keyof typeof keys;
const viewers = Object.keys(keys) as Viewer[];

let live: Record<'tracker' | 'stripe' | 'app' | 'closed', ShownSource>;
let tests: Record<'tracker' | 'app', ShownSource>;
let clickId = '';
const authorization = 'Bearer of-the-app';

before(async () => {
  const log = createLogger({ level: 'debug', role: 'test' }, { write: (line) => void lines.push(line) });
  api = await openApiProgram({ worker: true, log });
  const { admin, programId } = api;
  keys.live = api.liveKey;
  keys.liveReader = await makeKey(admin, programId, 'live', 'read');
  keys.test = await makeKey(admin, programId, 'test', 'write');
  keys.testReader = await makeKey(admin, programId, 'test', 'read');
  await makeEverything();
});
after(() => api.stop());

function clientOf(viewer: Viewer): ApiClient {
  return new ApiClient(api.hub.url, keys[viewer]);
}

/** Sources of every kind, live and test, and messages by which their ids get into whatever is kept. */
async function makeEverything(): Promise<void> {
  const open = (body: object) => make<ShownSource>(api.live, '/sources', { orderScope: 'source', ...body });
  live = {
    tracker: await open({ kind: 'postback' }),
    stripe: await open({ kind: 'stripe', signingSecrets: ['whsec_1'] }),
    app: await open({ kind: 'revenuecat', authorization }),
    closed: await open({ kind: 'postback' }),
  };
  const openTest = (body: object) => make<ShownSource>(clientOf('test'), '/sources', { orderScope: 'source', ...body });
  tests = { tracker: await openTest({ kind: 'postback' }), app: await openTest({ kind: 'revenuecat', authorization }) };
  await make(api.live, '/webhook-endpoints', { url: 'https://127.0.0.1/hook', disabled: true });

  const affiliate = await makeAffiliate(api.live);
  const offer = await makeOffer(api.live);
  clickId = (await make<{ id: string }>(api.live, '/clicks', { affiliateId: affiliate.id, offerId: offer.id })).id;
  const testClick = await make<{ testClickId: string }>(clientOf('test'), '/test-sessions', { offerId: offer.id });
  for (const [source, key, click, order] of [
    [live.tracker, keys.live, clickId, 'live'],
    [live.closed, keys.live, clickId, 'closed'],
    [live.tracker, keys.test, testClick.testClickId, 'test-by-live'],
    [tests.tracker, keys.test, testClick.testClickId, 'test'],
  ] as const)
    await postback(source, key, click, order);
  for (const source of [live.app, tests.app]) await purchase(source, affiliate.id);
  await stripeMessage();
  await unreadableMessage();
  await api.live.delete(`/sources/${live.closed.id}`);
  await waitUntil('all is settled', async () => {
    const { rows } = await api.hub.db.raw(`select 1 from inbox_events where status = 'received'`);
    return rows.length === 0;
  });
}

/**
 * A POST with a body: its URL is kept beside the raw message, and a tracker may well send the address it was given. Of the
 * two ids, that of the path is spelled as an encoder may spell it.
 */
async function postback(source: ShownSource, secure: string, click: string, order: string): Promise<void> {
  const body = {
    cid: click,
    sum: '10.00',
    currency: 'USD',
    txid: order,
    subscription_id: `sub-of-${order}`,
    customer_id: `buyer-of-${order}`,
    sub1: source.url,
  };
  const answer = await api.anonymous.post(`//pb/${source.id.replace('_', '%5F')}?secure=${secure}`, body);
  assert.equal(answer.body.data.tracked, true, answer.text);
}

async function purchase(source: ShownSource, affiliateId: string): Promise<void> {
  const event = {
    id: `evt-${source.ref}`,
    type: 'INITIAL_PURCHASE',
    app_user_id: `user-${source.ref}`,
    original_app_user_id: `user-${source.ref}`,
    aliases: [],
    store: 'APP_STORE',
    environment: source.livemode === false ? 'SANDBOX' : 'PRODUCTION',
    product_id: 'pro',
    transaction_id: 't-1',
    original_transaction_id: 't-1',
    event_timestamp_ms: Date.now(),
    purchased_at_ms: Date.now(),
    price: 10,
    price_in_purchased_currency: 10,
    currency: 'USD',
    period_type: 'NORMAL',
    subscriber_attributes: { affiliate_id: { value: affiliateId, updated_at_ms: 1 } },
  };
  const headers = { authorization };
  const answer = await api.anonymous.post(`//in/revenuecat/${source.id}`, { api_version: '1.0', event }, headers);
  assert.equal(answer.status, 200, answer.text);
}

async function stripeMessage(): Promise<void> {
  const body = JSON.stringify({ id: 'evt_1', object: 'event', type: 'unheard.of', sentTo: live.stripe.url });
  const headers = { 'stripe-signature': signStripeBody(body, 'whsec_1') };
  const answer = await api.anonymous.call('POST', `//in/stripe/${live.stripe.id}`, { body, headers });
  assert.equal(answer.status, 200, answer.text);
}

/** Bytes that are no text, with the address in them: they are shown in base64. */
async function unreadableMessage(): Promise<void> {
  const body = Buffer.concat([Buffer.from(`{"sentTo": "${live.app.url}`), Buffer.from([0xff, 0xfe])]);
  const answer = await api.anonymous.call('POST', `//in/revenuecat/${live.app.id}`, {
    body,
    headers: { authorization },
  });
  assert.equal(answer.status, 200, answer.text);
}

/** Every native GET route, with everything that its list names; by pages of one, whose cursors are searched too. */
async function readAll(viewer: Viewer): Promise<{ path: string; answer: ApiAnswer }[]> {
  const client = clientOf(viewer);
  const answers: { path: string; answer: ApiAnswer }[] = [];
  const get = async (path: string): Promise<ApiAnswer> => {
    const answer = await client.get(path);
    answers.push({ path, answer });
    return answer;
  };
  const routes = nativeRoutes.filter(({ method, access }) => method === 'get' && access === 'read');
  const ids = new Map<string, string[]>();
  for (const { path } of routes.filter((route) => !route.path.includes(':'))) {
    const paged = routes.find((route) => route.path === path)?.query?.shape?.['limit'] !== undefined;
    for (let query = paged ? '?limit=1' : ''; ;) {
      const { body, status } = await get(path + query);
      if (status === 200 && Array.isArray(body?.data)) {
        const named = (body.data as { id?: string; customerId?: string }[]).flatMap(({ id, customerId }) => {
          if (customerId) ids.set('/customers', [...(ids.get('/customers') ?? []), customerId]);
          return id ?? [];
        });
        ids.set(path, [...(ids.get(path) ?? []), ...named]);
      }
      if (!paged || !body?.pagination?.hasMore) break;
      query = `?limit=1&cursor=${body.pagination.nextCursor}`;
    }
  }
  for (const { path } of routes.filter((route) => route.path.includes(':'))) {
    const list = path.slice(0, path.indexOf('/:'));
    for (const id of ids.get(list) ?? []) await get(path.replace(/:\w+/, id).replaceAll(/:\w+/g, 'none'));
  }
  return answers;
}

/** Which sources a text opens, also where it is packed (cursors, bytes). */
function openedBy(text: string): ShownSource[] {
  const unpacked = [...text.matchAll(/[\w+/-]{24,}={0,2}/g)].map(([packed]) =>
    Buffer.from(packed, 'base64').toString('latin1'),
  );
  const all = [text, ...unpacked].join(' ');
  return everySource().filter(({ id }) => all.includes(id.slice('src_'.length)));
}

const everySource = (): ShownSource[] => [...Object.values(live), ...Object.values(tests)];

describe('the id of a source', () => {
  for (const viewer of viewers) {
    test(`${viewer}: no GET route of the native API shows one that this key may not know`, async () => {
      const answers = await readAll(viewer);
      const details = answers.filter(
        ({ path, answer }) =>
          /^\/(?:conversions|customers|inbox-events|sources)\/./.test(path) && answer.status === 200,
      );
      assert.ok(details.length >= 8, details.map(({ path }) => path).join(' '));
      const known = viewer === 'live' ? everySource() : viewer === 'test' ? Object.values(tests) : [];
      const seen = new Set<string>();
      for (const { path, answer } of answers) {
        const { 'x-request-id': _, ...headers } = Object.fromEntries(answer.headers);
        for (const source of openedBy(path + answer.text + JSON.stringify(headers))) {
          assert.ok(known.includes(source), `${path}: ${answer.text}`);
          seen.add(source.id);
        }
      }
      // Of a test source a live key sees no rows, but the source itself.
      assert.deepEqual([...seen].toSorted(), known.map(({ id }) => id).toSorted());
      const refs = everySource().filter(({ ref }) => answers.some(({ answer }) => answer.text.includes(ref)));
      const deletedRows = viewer === 'live' || viewer === 'liveReader' ? [live.closed] : [];
      for (const source of deletedRows.filter((one) => !known.includes(one))) assert.ok(refs.includes(source));
      for (const source of [live.tracker, live.app]) assert.ok(refs.includes(source), source.ref);
    });
  }

  test('readers find the ref where it would stand: references, facts, explanation, the URL of the message', async () => {
    const reader = clientOf('liveReader');
    const { ref } = live.tracker;
    const events = (await reader.get(`/inbox-events?sourceId=${ref}`)).body.data;
    assert.deepEqual(
      events.map(({ sourceId }: { sourceId: string }) => sourceId),
      [ref],
    );
    const event = (await reader.get(`/inbox-events/${events[0].id}`)).body.data;
    assert.equal(event.headers.url, `/pb/${ref}?secure=[redacted]`);
    assert.equal(JSON.parse(event.raw).sub1, `${api.hub.url}/pb/${ref}`);
    const conversion = (await reader.get(`/conversions/${event.conversionId}`)).body.data;
    assert.deepEqual(conversion.references, [`order:${ref}:live`]);
    assert.deepEqual(conversion.facts[0].refs, [`order:${ref}:live`]);
    assert.equal(conversion.orderId, 'live');
    const same = (await api.live.get(`/conversions/${event.conversionId}`)).body.data;
    assert.deepEqual(same.references, [`order:${live.tracker.id}:live`]);
    const unreadable = (await reader.get(`/inbox-events?sourceId=${live.app.ref}&status=unprocessable`)).body.data[0];
    const { raw, rawEncoding } = (await reader.get(`/inbox-events/${unreadable.id}`)).body.data;
    assert.equal(rawEncoding, 'base64');
    assert.ok(Buffer.from(raw, 'base64').toString('latin1').includes(`/in/revenuecat/${live.app.ref}`));
  });

  test('the ref stands in id, too, and there is no URL', async () => {
    const hidden = (await clientOf('liveReader').get(`/sources/${live.tracker.ref}`)).body.data;
    assert.deepEqual(
      [hidden.id, hidden.ref, hidden.url, hidden.postbackUrl],
      [live.tracker.ref, live.tracker.ref, null, null],
    );
    const byTest = (await clientOf('test').get(`/sources/${tests.tracker.ref}`)).body.data;
    assert.deepEqual([byTest.id, byTest.ref, byTest.url], [tests.tracker.id, tests.tracker.ref, tests.tracker.url]);
    assert.equal((await clientOf('testReader').get(`/sources/${tests.tracker.id}`)).body.data.id, tests.tracker.ref);
  });

  test('both are taken by the routes of the source, by filters and by references; only the id opens it', async () => {
    const { id, ref } = live.tracker;
    for (const name of [id, ref]) {
      assert.equal((await api.live.get(`/sources/${name}`)).body.data.id, id);
      assert.equal((await api.live.patch(`/sources/${name}`, { name })).body.data.name, name);
      const { data } = (await clientOf('liveReader').get(`/inbox-events?sourceId=${name}`)).body;
      assert.equal(data.length, 1);
      assert.equal((await api.stranger.get(`/sources/${name}`)).status, 404);
      assert.equal((await api.stranger.get(`/inbox-events?sourceId=${name}`)).body.data.length, 0);
    }
    assert.equal((await api.live.get('/inbox-events?sourceId=srr_none')).body.data.length, 0);
    const extra = await make<ShownSource>(api.live, '/sources', { kind: 'postback' });
    assert.equal((await api.live.delete(`/sources/${extra.ref}`)).status, 204);
    assert.equal((await api.live.get(`/sources/${extra.id}`)).status, 404);
    for (const path of ['/pb/', '/affspace/pb/', '/in/stripe/', '/in/revenuecat/']) {
      for (const { ref: closed } of everySource()) {
        assert.equal((await api.anonymous.post(`/${path}${closed}`, {})).status, 404, path);
      }
    }
  });

  test('an answer that Idempotency-Key kept tells it no longer to a key that may not know it now', async () => {
    const headers = { 'idempotency-key': 'opened-once' };
    const body = { kind: 'postback' };
    const first = await clientOf('test').post('/sources', body, headers);
    const { id, ref } = first.body.data;
    await api.hub.db.raw('update sources set livemode = true where id = ?', [id]);
    const again = await clientOf('test').post('/sources', body, headers);
    assert.equal(again.body.data.id, ref);
    assert.ok(!again.text.includes(id));
  });

  test('no dialect shows it', async () => {
    for (const dialect of [attro, affilut, affitor, affspace, refgrow]) {
      for (const { method, path } of dialect.routes.filter((route) => route.method === 'get')) {
        for (const at of [path].flat()) {
          for (const viewer of viewers) {
            const key = keys[viewer];
            const headers = { authorization: `Bearer ${key}`, 'x-api-key': key };
            const list = await fetch(`${api.hub.url}${dialect.base}${at.replaceAll(/:\w+/g, 'none')}`, {
              method,
              headers,
            });
            const text = await list.text();
            assert.deepEqual(openedBy(text), [], `${dialect.name} ${at}`);
            for (const [, id] of text.matchAll(/"id":"((?:cnv|com)_\w+)"/g)) {
              const one = await fetch(`${api.hub.url}${dialect.base}${at.replace(/\/?$/, '')}/${id}`, { headers });
              assert.deepEqual(openedBy(await one.text()), [], `${dialect.name} ${at} ${id}`);
            }
          }
        }
      }
    }
  });

  test('no outgoing message holds it, and no metric', async () => {
    const { rows } = await api.hub.db.raw('select m::text as text from messages m');
    assert.ok(rows.length > 3);
    for (const { text } of rows) assert.deepEqual(openedBy(text), []);
    assert.deepEqual(openedBy((await api.anonymous.get('//metrics')).text), []);
  });

  test('the admin token is told neither id nor ref', async () => {
    for (const path of ['/sources', `/sources/${live.tracker.ref}`, '/inbox-events']) {
      assert.equal((await api.admin.get(path)).status, 403);
    }
    for (const path of ['/programs', `/programs/${api.programId}`, `/programs/${api.programId}/api-keys`]) {
      const { text } = await api.admin.get(path);
      assert.deepEqual(openedBy(text), []);
      assert.doesNotMatch(text, /srr_/);
    }
  });
});

test('the commands of the operator, who has the database, take either and show both', async () => {
  const { db } = api.hub;
  const { id, ref } = live.tracker;
  for (const name of [id, ref]) {
    const stories = await findStories(db, `order:${name}:live`);
    assert.deepEqual(
      stories.map(({ references }) => references),
      [[`order:${id}:live`]],
    );
    const message = stories[0]?.chapters[0]?.message;
    assert.deepEqual([message?.sourceId, message?.sourceRef], [id, ref]);
    const log = createLogger({ level: 'silent', role: 'test' });
    assert.equal((await replayMessages({ db, clock: systemClock, log }, { sourceId: name })).messages, 2);
  }
});

describe('log lines', () => {
  const pathOf = async (send: () => Promise<ApiAnswer>): Promise<string> => {
    const requestId = (await send()).headers.get('x-request-id');
    const read = () =>
      lines
        .map((line) => JSON.parse(line) as { requestId?: string; path: string })
        .find((line) => line.requestId === requestId);
    return (await waitUntil('its line', read)).path;
  };

  test('say the ref where the path names the id, however it is spelt', async () => {
    const { tracker, stripe } = live;
    const escaped = `%73rc_${tracker.id.slice('src_'.length)}`;
    const cases: [string, string][] = [
      [`//pb/${tracker.id}?cid=x`, `/pb/${tracker.ref}`],
      [`//pb/${escaped}?cid=x`, `/pb/${tracker.ref}`],
      [`//affspace/pb/${tracker.id}`, `/affspace/pb/${tracker.ref}`],
      [`/sources/${tracker.id}`, `/api/v1/sources/${tracker.ref}`],
      [`/sources/${escaped}`, `/api/v1/sources/${tracker.ref}`],
      [`/sources/${tracker.ref}`, `/api/v1/sources/${tracker.ref}`],
      [`/customers/id:${tracker.id}:none`, `/api/v1/customers/id:${tracker.ref}:none`],
    ];
    for (const [path, logged] of cases) assert.equal(await pathOf(() => api.live.get(path)), logged);
    assert.equal(await pathOf(() => api.anonymous.post(`//in/stripe/${stripe.id}`, {})), `/in/stripe/${stripe.ref}`);
    const refused = lines.map((line) => JSON.parse(line) as { msg: string; source?: string });
    assert.ok(refused.some(({ msg, source }) => msg === 'stripe message refused' && source === stripe.ref));
  });

  test('say nothing of an id that was mistyped, or that the caller may not look up', async () => {
    const { id } = live.tracker;
    for (const [path, logged] of [
      [`//pb/${id.slice(1)}`, '/pb/src_…'],
      [`//pb/${id}0`, '/pb/src_…'],
      [`//PB/${id}`, null],
      [`//pb/${id}/more`, '/pb/src_…'],
      [`//in/fax/${id}`, '/in/src_…'],
      [`//x/%73rc_${id.slice('src_'.length)}`, '/x/src_…'],
      [`/sources/${id}`, '/api/v1/sources/src_…'],
    ] as const) {
      const path1 = await pathOf(() => api.anonymous.get(path));
      if (logged !== null && !path.startsWith('//in/')) assert.equal(path1, logged);
      assert.deepEqual(openedBy(path1), []);
      assert.ok(!path1.includes(id.slice(5)), path1);
    }
  });

  test('hold no id at all, whatever happened before, errors of the database included', async () => {
    const { id } = live.tracker;
    const log = createLogger({ level: 'debug', role: 'test' }, { write: (line) => void lines.push(line) });
    log.error({ err: new Error(`select * from sources where id = '${id}' - no such table`) }, `reading ${id} failed`);
    assert.ok(lines.some((line) => line.includes(live.tracker.ref)));
    for (const line of lines) assert.deepEqual(openedBy(line), [], line);
    lines = [];
  });
});
