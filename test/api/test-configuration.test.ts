import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { openHttpProgram } from '../journeys/http-program.ts';
import { paid } from '../journeys/stripe-events.ts';
import { startReceiver, type Receiver } from '../outbound/receiver.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { ApiClient, type ApiAnswer } from './api-client.ts';
import { make, makeAffiliate, makeKey, makeLink, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

/** What a test key makes serves test traffic only; a live key that may write takes it over. */

let api: ApiProgram;
let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
  api = await openApiProgram({ worker: true });
});
after(async () => {
  await api.stop();
  await receiver.close();
});

const commission = { type: 'cps', rateBps: 1_000 };
let serial = 0;
const codeOf = (name: string): string => `${name}-${(serial += 1)}`;

function assertRefused(answer: ApiAnswer, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.body.error.code], [status, code], answer.text);
}

async function idsIn(client: ApiClient, path: string): Promise<string[]> {
  return (await client.get(`${path}?limit=100`)).body.data.map(({ id }: { id: string }) => id);
}

interface Made {
  id: string;
  /** Of a source. */
  ref?: string;
  livemode: boolean;
}

/** One of each, made by a key. */
async function makeEach(client: ApiClient): Promise<Record<string, Made>> {
  const affiliate = await makeAffiliate(client);
  const offer = await makeOffer(client);
  return {
    affiliates: affiliate as never,
    offers: offer as never,
    'tracking-links': (await makeLink(client, { affiliateId: affiliate.id, offerId: offer.id })) as never,
    sources: await make(client, '/sources', { kind: 'postback' }),
    'webhook-endpoints': await make(client, '/webhook-endpoints', { url: `${receiver.url}/each`, disabled: true }),
  };
}

describe('what a test key makes', () => {
  let live: Record<string, Made>;
  let made: Record<string, Made>;
  before(async () => {
    live = await makeEach(api.live);
    made = await makeEach(api.test);
  });

  test('is test, and what a live key makes is live', () => {
    for (const [path, object] of Object.entries(made)) assert.equal(object.livemode, false, path);
    for (const [path, object] of Object.entries(live)) assert.equal(object.livemode, true, path);
  });

  test('is seen by test keys and by live keys that may write; what is live by all', async () => {
    for (const path of Object.keys(made)) {
      const [ofLive, ofTest] = [live[path]?.id ?? '', made[path]?.id ?? ''];
      // To whoever may not know the id of a source its ref stands in the same place.
      const named = live[path]?.ref ?? ofLive;
      for (const [client, shown] of [
        [api.live, ofLive],
        [api.test, named],
      ] as const) {
        const ids = await idsIn(client, `/${path}`);
        assert.ok(ids.includes(shown) && ids.includes(ofTest), path);
        assert.equal((await client.get(`/${path}/${ofTest}`)).status, 200, path);
      }
      const ids = await idsIn(api.reader, `/${path}`);
      assert.deepEqual([ids.includes(named), ids.includes(ofTest)], [true, false], path);
      assertRefused(await api.reader.get(`/${path}/${ofTest}`), 404, 'NOT_FOUND');
      assert.equal((await api.test.get(`/${path}/${ofLive}`)).status, 200, path);
    }
  });

  test('is all that a test key changes', async () => {
    const changes: Record<string, object> = {
      affiliates: { paymentDetails: 'elsewhere' },
      offers: { commission: { type: 'cps', rateBps: 9_000 } },
      'tracking-links': { customUrl: 'https://elsewhere.example/' },
      sources: { name: 'mine' },
      'webhook-endpoints': { description: 'mine' },
    };
    for (const [path, change] of Object.entries(changes)) {
      assert.equal((await api.test.patch(`/${path}/${made[path]?.id}`, change)).status, 200, path);
      for (const body of [change, { livemode: true }]) {
        assertRefused(await api.test.patch(`/${path}/${live[path]?.id}`, body), 403, 'INSUFFICIENT_PERMISSIONS');
      }
      assertRefused(
        await api.test.patch(`/${path}/${made[path]?.id}`, { livemode: true }),
        403,
        'INSUFFICIENT_PERMISSIONS',
      );
      assert.equal((await api.live.patch(`/${path}/${made[path]?.id}`, change)).status, 200, path);
    }
    for (const path of ['sources', 'webhook-endpoints']) {
      assertRefused(await api.test.delete(`/${path}/${live[path]?.id}`), 403, 'INSUFFICIENT_PERMISSIONS');
    }
    const endpoint = `/webhook-endpoints/${live['webhook-endpoints']?.id}`;
    const since = '2026-01-01T00:00:00.000Z';
    for (const [path, body] of Object.entries({
      'rotate-secret': {},
      test: {},
      recover: { since },
      'replay-missing': { since },
    })) {
      assertRefused(await api.test.post(`${endpoint}/${path}`, body), 403, 'INSUFFICIENT_PERMISSIONS');
    }
    assertRefused(
      await api.test.post('/sources', { kind: 'postback', livemode: true }),
      403,
      'INSUFFICIENT_PERMISSIONS',
    );
    const hook = await api.live.post('/hooks', { targetUrl: receiver.url, eventType: 'payout.paid' });
    assertRefused(await api.test.delete(`/hooks/${hook.body.id}`), 403, 'INSUFFICIENT_PERMISSIONS');
    assert.equal((await api.test.delete('/hooks/whe_of_nobody')).status, 204);
    assert.equal((await api.live.delete(`/hooks/${hook.body.id}`)).status, 204);
  });

  test('has codes of its own, of which test looks first among what is test', async () => {
    const code = codeOf('both');
    const ofLive = await makeAffiliate(api.live, { referralCode: code, couponCodes: [`${code}-c`] });
    const ofTest = await makeAffiliate(api.test, { referralCode: code.toUpperCase(), couponCodes: [`${code}-c`] });
    assertRefused(
      await api.test.post('/affiliates', { displayName: 'X', email: 'x@example.com', referralCode: code }),
      409,
      'CONFLICT',
    );
    assert.equal((await api.test.get(`/affiliates/${code}`)).body.data.id, ofTest.id);
    assert.equal((await api.live.get(`/affiliates/${code}`)).body.data.id, ofLive.id);
    const onlyLive = await makeAffiliate(api.live, { referralCode: codeOf('live') });
    assert.equal((await api.test.get(`/affiliates/${onlyLive.referralCode}`)).body.data.id, onlyLive.id);
    const offerCode = codeOf('OFFER');
    const liveOffer = await makeOffer(api.live, { code: offerCode });
    const testOffer = await makeOffer(api.test, { code: offerCode });
    assertRefused(
      await api.test.post('/offers', { name: 'X', url: 'https://x.example/', commission, code: offerCode }),
      409,
      'CONFLICT',
    );
    assert.equal((await api.test.get(`/offers/${offerCode}`)).body.data.id, testOffer.id);
    assert.equal((await api.live.get(`/offers/${offerCode}`)).body.data.id, liveOffer.id);
    const sale = { couponCode: `${code}-c`, amount: '10.00', currency: 'USD' };
    const [byTest, byLive] = await Promise.all([
      api.test.post('/conversions', sale),
      api.live.post('/conversions', sale),
    ]);
    const affiliateOf = async (client: ApiClient, { body }: ApiAnswer): Promise<string> =>
      (await client.get(`/conversions/${body.data.conversionId}`)).body.data.affiliateId as string;
    assert.equal(await affiliateOf(api.test, byTest), ofTest.id);
    assert.equal(await affiliateOf(api.live, byLive), ofLive.id);
  });

  test('is unknown to live traffic and to live configuration', async () => {
    const affiliate = await makeAffiliate(api.test, { referralCode: codeOf('test'), couponCodes: [codeOf('coupon')] });
    const offer = await makeOffer(api.test, { code: codeOf('TEST') });
    const liveAffiliate = await makeAffiliate(api.live);
    const liveOffer = await makeOffer(api.live);
    const link = await makeLink(api.test, { affiliateId: affiliate.id, offerId: liveOffer.id });
    const click = await make<{ id: string }>(api.test, '/clicks', { affiliateId: affiliate.id });
    const clicks: object[] = [
      { affiliateId: affiliate.id },
      { referralCode: affiliate.referralCode },
      { affiliateId: liveAffiliate.id, offerId: offer.id },
      { code: link.code },
    ];
    for (const body of clicks) assertRefused(await api.live.post('/clicks', body), 400, 'VALIDATION_ERROR');
    const sale = { amount: '10.00', currency: 'USD' };
    for (const [named, reason] of [
      [{ affiliate_id: affiliate.id }, 'affiliate_not_found'],
      [{ affiliate_id: affiliate.referralCode }, 'affiliate_not_found'],
      [{ affiliate_id: liveAffiliate.id, offer_id: offer.id }, 'offer_not_found'],
      [{ affiliate_id: liveAffiliate.id, offer_id: offer.code }, 'offer_not_found'],
      [{ click_id: click.id }, 'click_not_found'],
    ] as const) {
      const answer = await api.live.post('/conversions', { ...sale, ...named });
      assertRefused(answer, 400, 'VALIDATION_ERROR');
      assert.equal(answer.body.error.details.reason, reason);
    }
    for (const named of [
      { coupon_code: 'couponCodes' in affiliate ? (affiliate as { couponCodes: string[] }).couponCodes[0] : '' },
      { referral_code: affiliate.referralCode },
    ]) {
      const answer = await api.live.post('/conversions', { ...sale, ...named });
      assert.deepEqual([answer.status, answer.body.data.reason], [200, 'no_attribution'], answer.text);
    }
    for (const body of [
      { affiliateId: affiliate.id, offerId: liveOffer.id },
      { affiliateId: liveAffiliate.id, offerId: offer.id },
    ]) {
      assertRefused(await api.live.post('/tracking-links', body), 400, 'VALIDATION_ERROR');
    }
    assertRefused(
      await api.live.post('/webhook-endpoints', {
        url: `${receiver.url}/p`,
        kind: 'postback',
        affiliateId: affiliate.id,
      }),
      400,
      'VALIDATION_ERROR',
    );
    assertRefused(
      await api.live.post('/payouts', { affiliateId: affiliate.id, currency: 'USD' }),
      400,
      'VALIDATION_ERROR',
    );
    assertRefused(
      await api.admin.patch(`/programs/${api.programId}`, { defaultOfferId: offer.id }),
      400,
      'VALIDATION_ERROR',
    );
    for (const ref of [affiliate.id, affiliate.referralCode]) {
      const answer = await api.anonymous.post('//api/v1/clicks/visitor', { ref, programId: api.programId });
      assert.equal(answer.status, 404);
      assert.equal((await api.anonymous.post('//api/v1/clicks/visitor', { ref })).status, 404);
    }
    // To test traffic all of it is known, and a test_ click makes a live key's call a test call.
    const { body } = await api.test.post('/conversions', { ...sale, click_id: click.id });
    assert.deepEqual([body.data.tracked, body.data.livemode], [true, false]);
    const session = await make<{ testClickId: string }>(api.live, '/test-sessions', {
      offerId: offer.id,
      affiliateId: affiliate.id,
    });
    const tried = await api.live.post('/conversions', { ...sale, click_id: session.testClickId });
    assert.deepEqual([tried.body.data.tracked, tried.body.data.livemode], [true, false]);
  });

  test('a visitor of a test link makes a test click', async () => {
    const affiliate = await makeAffiliate(api.test);
    const offer = await makeOffer(api.test);
    const { code, id } = await makeLink(api.test, { affiliateId: affiliate.id, offerId: offer.id });
    const answer = await api.anonymous.get(`//r/${code}`);
    const clickId = new URL(answer.headers.get('location') ?? '').searchParams.get('click_id') ?? '';
    assert.equal(answer.status, 302);
    assert.equal((await api.live.get(`/clicks/${clickId}`)).status, 404);
    const click = (await api.test.get(`/clicks/${clickId}`)).body.data;
    assert.deepEqual([click.livemode, click.linkId], [false, id]);
  });
});

describe('taking over', () => {
  test('an affiliate: with its codes, or 409 where one is taken, and live traffic knows it from then on', async () => {
    const code = codeOf('wanted');
    const ofTest = await makeAffiliate(api.test, {
      referralCode: code,
      couponCodes: [`${code}-c`],
      postbackUrl: `${receiver.url}/?c={click_id}`,
    });
    const rival = await makeAffiliate(api.live, { couponCodes: [`${code}-C`] });
    assertRefused(await api.live.patch(`/affiliates/${ofTest.id}`, { livemode: true }), 409, 'CONFLICT');
    assert.equal((await api.live.get(`/affiliates/${ofTest.id}`)).body.data.livemode, false);
    const given = await api.live.patch(`/affiliates/${ofTest.id}`, { livemode: true, couponCodes: [`${code}-d`] });
    assert.deepEqual([given.status, given.body.data.livemode, given.body.data.couponCodes], [200, true, [`${code}-d`]]);
    assert.equal((await api.live.post('/clicks', { referralCode: code })).status, 201);
    assert.equal((await api.reader.get(`/affiliates/${code}`)).body.data.id, ofTest.id);
    const [mirrored] = (await api.live.get(`/webhook-endpoints?affiliateId=${ofTest.id}`)).body.data;
    assert.equal(mirrored.livemode, true);
    assertRefused(
      await api.test.patch(`/affiliates/${ofTest.id}`, { displayName: 'Mine' }),
      403,
      'INSUFFICIENT_PERMISSIONS',
    );
    // What is live stays live.
    assertRefused(await api.live.patch(`/affiliates/${rival.id}`, { livemode: false }), 400, 'VALIDATION_ERROR');
    assert.equal((await api.live.patch(`/affiliates/${rival.id}`, { livemode: true })).status, 200);
  });

  test('leaves what was settled before as it was: live money that named it then is nobody’s, and proven so', async () => {
    const program = await openHttpProgram(api.hub);
    const tester = new ApiClient(api.hub.url, await makeKey(api.admin, program.id, 'test', 'write'));
    const affiliate = await makeAffiliate(tester, { referralCode: codeOf('later') });
    const paidAt = Date.UTC(2026, 8, 1) / 1_000;
    for (const [id, name] of [
      ['by-id', affiliate.id],
      ['by-code', affiliate.referralCode],
    ] as const) {
      await program.stripe(paid({ id, currency: 'usd', paidAt }, 5_000, name));
    }
    await program.settled();
    const before = await program.conversions();
    assert.deepEqual(
      before.map(({ status }) => status),
      ['parked', 'parked'],
    );
    assert.equal((await program.api.patch(`/affiliates/${affiliate.id}`, { livemode: true })).status, 200);
    assert.deepEqual((await verifyLedger(api.hub.db, { programId: program.id })).differences, []);
    assert.deepEqual(await program.conversions(), before);
    await program.stripe(paid({ id: 'new', currency: 'usd', paidAt: paidAt + 60 }, 5_000, affiliate.id));
    await program.settled();
    assert.deepEqual(await program.postings(), [1_000]);
    assert.deepEqual((await verifyLedger(api.hub.db, { programId: program.id })).differences, []);
  });

  test('an offer: 409 where its code is taken', async () => {
    const code = codeOf('TAKEN');
    const ofTest = await makeOffer(api.test, { code });
    await makeOffer(api.live, { code });
    assertRefused(await api.live.patch(`/offers/${ofTest.id}`, { livemode: true }), 409, 'CONFLICT');
    const given = await api.live.patch(`/offers/${ofTest.id}`, { livemode: true, code: codeOf('FREE') });
    assert.deepEqual([given.status, given.body.data.livemode], [200, true]);
  });

  test('a link and a postback: 409 while what they name is test', async () => {
    const affiliate = await makeAffiliate(api.test);
    const offer = await makeOffer(api.test);
    const { id } = await makeLink(api.test, { affiliateId: affiliate.id, offerId: offer.id });
    const postback = { url: `${receiver.url}/p?c={click_id}`, kind: 'postback', affiliateId: affiliate.id };
    const endpoint = await make<{ id: string }>(api.test, '/webhook-endpoints', postback);
    const takeLink = () => api.live.patch(`/tracking-links/${id}`, { livemode: true });
    const takeEndpoint = () => api.live.patch(`/webhook-endpoints/${endpoint.id}`, { livemode: true });
    assertRefused(await takeLink(), 409, 'CONFLICT');
    assertRefused(await takeEndpoint(), 409, 'CONFLICT');
    assert.equal((await api.live.patch(`/affiliates/${affiliate.id}`, { livemode: true })).status, 200);
    assertRefused(await takeLink(), 409, 'CONFLICT');
    assert.equal((await takeEndpoint()).body.data.livemode, true);
    assert.equal((await api.live.patch(`/offers/${offer.id}`, { livemode: true })).status, 200);
    assert.equal((await takeLink()).body.data.livemode, true);
  });

  test('a source: its messages then say themselves whether they are test', async () => {
    const source = await make<{ id: string; livemode: boolean }>(api.test, '/sources', { kind: 'postback' });
    assert.equal(source.livemode, false);
    const { id: affiliateId } = await makeAffiliate(api.live);
    const fire = async (key: string): Promise<boolean> => {
      const query = new URLSearchParams({
        affiliate_id: affiliateId,
        sum: '9.00',
        currency: 'USD',
        txid: codeOf('t'),
        secure: key,
      });
      return (await api.anonymous.get(`//pb/${source.id}?${query.toString()}`)).body.data.livemode as boolean;
    };
    assert.equal(await fire(api.liveKey), false);
    assert.equal((await api.live.patch(`/sources/${source.id}`, { livemode: true })).body.data.livemode, true);
    assert.deepEqual([await fire(api.liveKey), await fire(api.testKey)], [true, false]);
    assert.equal((await api.live.patch(`/sources/${source.id}`, { livemode: false })).body.data.livemode, false);
  });
});

describe('the default offer', () => {
  let fresh: { live: ApiClient; test: ApiClient; programId: string };
  beforeEach(async () => {
    const { id: programId } = await make<{ id: string }>(api.admin, '/programs', { name: 'Fresh' });
    const clientOf = async (mode: 'live' | 'test') =>
      new ApiClient(api.hub.url, await makeKey(api.admin, programId, mode, 'write'));
    fresh = { live: await clientOf('live'), test: await clientOf('test'), programId };
  });
  const defaultOf = async (): Promise<string | null> =>
    (await api.admin.get(`/programs/${fresh.programId}`)).body.data.defaultOfferId as string | null;
  const sell = async (client: ApiClient, affiliate_id: string): Promise<string | null> => {
    const { body } = await client.post('/conversions', { affiliate_id, amount: '10.00', currency: 'USD' });
    return (await client.get(`/conversions/${body.data.conversionId}`)).body.data.offerId as string | null;
  };

  test('is the first live one; without one test traffic takes the oldest test offer', async () => {
    const { id: affiliateId } = await makeAffiliate(fresh.test);
    const oldest = await makeOffer(fresh.test);
    await makeOffer(fresh.test);
    assert.equal(await defaultOf(), null);
    assert.equal(await sell(fresh.test, affiliateId), oldest.id);
    const { id } = await makeOffer(fresh.live);
    assert.equal(await defaultOf(), id);
    assert.equal(await sell(fresh.test, affiliateId), id);
  });

  test('may be the first that is taken over', async () => {
    const { id } = await makeOffer(fresh.test);
    await fresh.live.patch(`/offers/${id}`, { livemode: true });
    assert.equal(await defaultOf(), id);
  });
});

describe('endpoints', () => {
  const bodiesAt = (path: string) =>
    receiver.received
      .filter(({ url }) => url.endsWith(path))
      .map(({ body }) => JSON.parse(body) as { id: string; livemode: boolean; type: string });

  test('of a test key get test messages, those of a live key both', async () => {
    const eventTypes = ['affiliate.created'];
    const testPath = `/${codeOf('test')}`;
    const livePath = `/${codeOf('live')}`;
    const endpoint = await make<{ id: string }>(api.test, '/webhook-endpoints', {
      url: receiver.url + testPath,
      eventTypes,
    });
    await make(api.live, '/webhook-endpoints', { url: receiver.url + livePath, eventTypes });
    const started = new Date().toISOString();
    await makeAffiliate(api.live);
    await makeAffiliate(api.test);
    await waitUntil('both are told', () =>
      Promise.resolve(bodiesAt(livePath).length === 2 && bodiesAt(testPath).length === 1),
    );
    assert.deepEqual(
      bodiesAt(testPath).map(({ livemode }) => livemode),
      [false],
    );
    const liveMessage = bodiesAt(livePath).find(({ livemode }) => livemode)?.id ?? '';
    assertRefused(
      await api.live.post(`/messages/${liveMessage}/resend`, { endpointId: endpoint.id }),
      404,
      'NOT_FOUND',
    );
    const replay = await api.live.post(`/webhook-endpoints/${endpoint.id}/replay-missing`, { since: started });
    assert.deepEqual([replay.status, replay.body.data.recovered], [202, 0]);
    await api.live.patch(`/webhook-endpoints/${endpoint.id}`, { livemode: true });
    await api.live.post(`/webhook-endpoints/${endpoint.id}/replay-missing`, { since: started });
    await waitUntil('the live one is sent', () => Promise.resolve(bodiesAt(testPath).length === 2));
  });

  test('a test key has no message sent to a live endpoint', async () => {
    const endpoint = await make<{ id: string }>(api.live, '/webhook-endpoints', {
      url: `${receiver.url}/resend`,
      eventTypes: ['affiliate.created'],
    });
    await makeAffiliate(api.test);
    const [message] = (await api.test.get('/messages?type=affiliate.created')).body.data;
    assertRefused(
      await api.test.post(`/messages/${message.id}/resend`, { endpointId: endpoint.id }),
      403,
      'INSUFFICIENT_PERMISSIONS',
    );
  });
});

describe('keys', () => {
  const create = (client: ApiClient, body: object) =>
    client.post('/api-keys', { name: 'k', access: 'write', mode: 'test', ...body });

  test('a live key makes keys of either mode, a test key test keys, others none', async () => {
    for (const mode of ['live', 'test']) assert.equal((await create(api.live, { mode })).status, 201);
    for (const access of ['read', 'write', 'ingest']) assert.equal((await create(api.test, { access })).status, 201);
    assertRefused(await create(api.test, { mode: 'live', access: 'read' }), 403, 'INSUFFICIENT_PERMISSIONS');
    for (const client of [api.ingest, api.reader])
      assertRefused(await create(client, {}), 403, 'INSUFFICIENT_PERMISSIONS');
  });

  test('a test key revokes test keys only', async () => {
    const ofTest = (await create(api.live, {})).body.data.id as string;
    const ofLive = (await create(api.live, { mode: 'live' })).body.data.id as string;
    assert.equal((await api.test.delete(`/api-keys/${ofTest}`)).status, 204);
    assertRefused(await api.test.delete(`/api-keys/${ofLive}`), 403, 'INSUFFICIENT_PERMISSIONS');
    assert.equal((await api.live.delete(`/api-keys/${ofLive}`)).status, 204);
  });

  test('limits are at most those of the key that makes it, also where none are given', async () => {
    const own = { reads: 50, conversions: 100_000 };
    const maker = new ApiClient(
      api.hub.url,
      await makeKey(api.admin, api.programId, 'live', 'write', { rateLimits: own }),
    );
    assertRefused(await create(maker, { rateLimits: { reads: 51 } }), 403, 'INSUFFICIENT_PERMISSIONS');
    assertRefused(await create(maker, { rateLimits: { writes: 301 } }), 403, 'INSUFFICIENT_PERMISSIONS');
    assert.deepEqual((await create(maker, {})).body.data.rateLimits, { reads: 50 });
    const given = { reads: 5, conversions: 100_000 };
    assert.deepEqual((await create(maker, { rateLimits: given })).body.data.rateLimits, given);
    assert.equal((await create(api.live, {})).body.data.rateLimits, null);
  });

  test('a limit that the maker does not have itself raises no limit of a drop-in surface, nor do those made by it', async () => {
    const hub = await openApiProgram({ env: { RATE_LIMITS: 'on' } });
    try {
      const limitOf = async (key: string) => {
        const answer = await new ApiClient(hub.hub.url, key).get('//attro/api/v1/offers');
        return [answer.status, answer.headers.get('x-ratelimit-limit')];
      };
      const makeBy = async (maker: string, rateLimits: object) =>
        (await create(new ApiClient(hub.hub.url, maker), { rateLimits })).body.data.key as string;
      const ofAdmin = await makeKey(hub.admin, hub.programId, 'test', 'write', { rateLimits: { reads: 500 } });
      assert.deepEqual(await limitOf(ofAdmin), [200, '500']);
      assert.deepEqual(await limitOf(await makeBy(ofAdmin, { reads: 400 })), [200, '400']);
      assert.deepEqual(await limitOf(hub.testKey), [200, '100']);
      const child = await makeBy(hub.testKey, { reads: 500 });
      assert.deepEqual(await limitOf(child), [200, '100']);
      assert.deepEqual(await limitOf(await makeBy(child, { reads: 500 })), [200, '100']);
      assert.deepEqual(await limitOf(await makeBy(child, { reads: 30 })), [200, '30']);
      // The native API has its own: 500 of 600.
      const native = await new ApiClient(hub.hub.url, child).get('/me');
      assert.equal(native.headers.get('x-ratelimit-limit'), '500');
    } finally {
      await hub.stop();
    }
  });

  test('an ingest key sends conversions, events and postbacks, and reads nothing', async () => {
    const { id: affiliateId } = await makeAffiliate(api.live);
    const click = await make<{ id: string }>(api.live, '/clicks', { affiliateId });
    const source = await make<{ id: string }>(api.live, '/sources', { kind: 'postback' });
    const key = await makeKey(api.admin, api.programId, 'live', 'ingest');
    const sale = { click_id: click.id, amount: '10.00', currency: 'USD' };
    assert.equal((await api.ingest.post('/conversions', { ...sale, order_id: codeOf('i') })).status, 201);
    assert.equal((await api.ingest.post('/events', { event_type: 'lead', click_id: click.id })).status, 201);
    const query = new URLSearchParams({
      clickid: click.id,
      sum: '10.00',
      currency: 'USD',
      txid: codeOf('i'),
      secure: key,
    });
    assert.equal((await api.anonymous.get(`//pb/${source.id}?${query.toString()}`)).body.data.tracked, true);
    for (const path of ['/conversions', '/me', '/affiliates', `/clicks/${click.id}`]) {
      assertRefused(await api.ingest.get(path), 403, 'INSUFFICIENT_PERMISSIONS');
    }
    assertRefused(await api.ingest.post('/clicks', { affiliateId }), 403, 'INSUFFICIENT_PERMISSIONS');
    for (const path of [
      '/attro/api/v1/affiliates',
      '/affilut/api/v1/conversions',
      '/affspace/api/v1/offers',
      '/refgrow/v1/affiliates',
    ]) {
      assert.ok([401, 403].includes((await api.ingest.get(`/${path}`)).status), path);
    }
    const attro = {
      affiliateId,
      offerId: (await makeOffer(api.live)).id,
      externalId: codeOf('i'),
      amount: 10,
      currency: 'USD',
    };
    assert.equal((await api.ingest.post('//attro/api/v1/conversions', attro)).status, 201);
  });
});

describe('dialects', () => {
  test('a live key sees what is live alone, a test key both, and changes what is test', async () => {
    const offer = await makeOffer(api.test);
    const live = await makeOffer(api.live);
    const listed = async (client: ApiClient) =>
      (await client.get('//attro/api/v1/offers?limit=100')).body.data.map(({ id }: { id: string }) => id) as string[];
    assert.ok((await listed(api.test)).includes(offer.id) && (await listed(api.test)).includes(live.id));
    assert.deepEqual(
      [(await listed(api.live)).includes(offer.id), (await listed(api.live)).includes(live.id)],
      [false, true],
    );
    const change = { name: 'Changed' };
    assert.equal((await api.test.call('PATCH', `//attro/api/v1/offers/${live.id}`, { body: change })).status, 403);
    assert.equal((await api.test.call('PATCH', `//attro/api/v1/offers/${offer.id}`, { body: change })).status, 200);
    assert.equal((await api.live.call('PATCH', `//attro/api/v1/offers/${offer.id}`, { body: change })).status, 404);
    const made = await api.test.post('//refgrow/v1/affiliates', { email: 'r@example.com', name: 'R' });
    const { id } = made.body.data.affiliate;
    assert.equal((await api.live.get(`/affiliates/${id}`)).body.data.livemode, false);
    assert.equal((await api.live.get(`//refgrow/v1/affiliates/${id}`)).status, 404);
  });

  test('Affitor knows a test partner in test mode only, and a test click in no live call', async () => {
    const { referralCode, id } = await makeAffiliate(api.test, { referralCode: codeOf('affitor') });
    const track = (more: object) =>
      api.anonymous.post('//affitor/api/v1/track/click', {
        affiliate_url: `https://shop.example/?aff=${referralCode}`,
        ...more,
      });
    assert.equal((await track({})).status, 400);
    const tried = await track({ additional_data: { test_mode: true } });
    assert.equal(tried.body.success, true, tried.text);
    const [click] = await runSql<{ affiliateId: string; livemode: boolean }>(
      api.hub.db,
      `select affiliate_id as "affiliateId", livemode from clicks where id = ?`,
      [tried.body.click_id],
    );
    assert.deepEqual(click, { affiliateId: id, livemode: false });
    const ofTest = await make<{ id: string }>(api.test, '/clicks', { affiliateId: id });
    const sale = { transaction_id: codeOf('a'), amount_cents: 500, click_id: ofTest.id };
    assert.equal((await api.live.post('//affitor/api/v1/track/sale', sale)).status, 400);
    assert.equal((await api.test.post('//affitor/api/v1/track/sale', sale)).body.success, true);
  });
});
