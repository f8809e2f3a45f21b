import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import * as fc from 'fast-check';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { signStripeBody } from '../../src/inbound/stripe/sign.ts';
import { eventTypeNames } from '../../src/outbound/events/event-types.ts';
import { ApiClient } from '../api/api-client.ts';
import { makeKey } from '../api/api-program.ts';
import { startReceiver, type Receiver } from '../outbound/receiver.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openHttpProgram, type HttpProgram } from './http-program.ts';
import { differences, readLiveRows } from './live-rows.ts';
import { paid, refunded } from './stripe-events.ts';
import { Dice, fillPath, makeBody, Names, surfaces, type Surface } from './test-key-calls.ts';

// Each run makes a few hundred calls. A failure names its seed; PROPERTY_SEED lives through it again, PROPERTY_RUNS makes more.
const numRuns = Number(process.env.PROPERTY_RUNS ?? 5);
const seed = process.env.PROPERTY_SEED === undefined ? {} : { seed: Number(process.env.PROPERTY_SEED) };
const CALLS = 400;

let hub: TestHub;
let program: HttpProgram;
let receiver: Receiver;
const names = new Names();

before(async () => {
  // What it answers to test messages must not stop a live endpoint.
  receiver = await startReceiver((request, response) => {
    const isAside = /\/live\b/.test(request.url) && request.body.includes('"livemode":false');
    response.statusCode = isAside ? 410 : 200;
    response.end();
  });
  hub = await startHub({ env: { RETRY_SCHEDULE: '1' } });
  program = await openHttpProgram(hub, { commission: { type: 'cps', rateBps: 2_000 } });
  await fillWithLive(program);
  for (const access of ['write', 'write', 'read', 'ingest'] as const) {
    names.add('sk', await makeKey(new ApiClient(hub.url, hub.adminToken), program.id, 'test', access));
  }
  names.add('prg', program.id);
  for (const type of eventTypeNames) names.add('eventType', type);
  await atRest();
});
after(async () => {
  await hub.stop();
  await receiver.close();
});

/** Live configuration and rows of every kind, in states that calls could move. */
async function fillWithLive({ api, affiliateId, offerId }: HttpProgram): Promise<void> {
  const learn = async (method: string, path: string, body?: object): Promise<{ id: string }> => {
    const answer = await api.call(method, path, body ? { body } : {});
    assert.ok(answer.status < 300, `${method} ${path} ${answer.status} ${answer.text}`);
    names.learn(answer.text);
    return answer.body?.data ?? {};
  };
  await learn('PATCH', `/affiliates/${affiliateId}`, {
    couponCodes: ['LIVE10'],
    postbackUrl: `${receiver.url}/affiliate?c={click_id}`,
    commissionOverride: { rateBps: 2_500 },
    paymentDetails: 'IBAN',
  });
  names.add('coupon', 'LIVE10');
  const other = await learn('POST', '/affiliates', {
    displayName: 'Other',
    email: 'live@example.com',
    referralCode: 'other',
  });
  await learn('POST', '/offers', {
    name: 'Fixed',
    url: 'https://shop.example/',
    code: 'FIXED',
    commission: { type: 'cpa', amountMinor: 500 },
    dailyCap: 2,
  });
  names.add('offerCode', 'FIXED');
  names.add('off', offerId);
  await learn('POST', '/tracking-links', { affiliateId, offerId });
  await learn('POST', '/tracking-links', { affiliateId: other.id, offerId });
  // Whoever may send without a key is no matter of keys, nor is a visitor of a live link.
  await learn('POST', '/sources', { kind: 'postback' });
  await learn('GET', '/sources');
  await learn('POST', '/webhook-endpoints', { url: `${receiver.url}/live` });
  const held = await learn('POST', '/webhook-endpoints', { url: `${receiver.url}/live/held`, disabled: true });
  await learn('POST', '/webhook-endpoints', { url: `${receiver.url}/p?c={conversion_id}`, kind: 'postback' });
  await learn('POST', '/hooks', { targetUrl: `${receiver.url}/live/hook`, eventType: 'conversion.created' });
  for (const access of ['read', 'ingest'] as const)
    await learn('POST', '/api-keys', { name: 'k', mode: 'live', access });
  // Keys that came with it are the live program's own, and no test key's.
  for (const key of names.of('sk')) assert.match(key, /^sk_live_/);
  names.forget('sk');
  const click = await learn('POST', '/clicks', { affiliateId, offerId });
  const sales = ['live-1', 'live-2', 'live-3', 'live-4'].map((order_id) => ({
    order_id,
    click_id: click.id,
    customer_id: 'live-user',
    customer_email: 'buyer@example.com',
    amount: '50.00',
    currency: 'USD',
  }));
  for (const sale of sales) await learn('POST', '/conversions', sale);
  await learn('POST', '/conversions', {
    order_id: 'live-5',
    referral_code: 'nobody-yet',
    amount: '5.00',
    currency: 'USD',
  });
  await learn('POST', '/conversions', {
    order_id: 'live-6',
    affiliate_id: other.id,
    amount: '7.00',
    currency: 'USD',
    subscription_id: 'live-sub',
  });
  const payment = { id: 'live', currency: 'usd', paidAt: Date.UTC(2026, 8, 1) / 1_000 };
  await program.stripe(paid(payment, 9_000));
  await program.stripe(refunded(payment, '1', 1_000, 5));
  await program.stripe({ object: 'event', type: 'payment_intent.succeeded', livemode: true, data: { object: {} } });
  await program.settled();
  const commissions = (await api.get('/commissions?limit=100')).body.data as { id: string; status: string }[];
  const pending = commissions.filter(({ status }) => status === 'pending');
  assert.ok(pending.length >= 4);
  for (const { id } of pending.slice(0, 2)) await learn('PATCH', `/commissions/${id}`, { status: 'approved' });
  const payout = await learn('POST', '/payouts', { affiliateId: await payee(pending.slice(0, 2)), currency: 'USD' });
  await learn('PATCH', `/payouts/${payout.id}`, { status: 'paid' });
  await learn('POST', `/webhook-endpoints/${held.id}/rotate-secret`, {});
  for (const path of ['/conversions', '/commissions', '/inbox-events', '/messages', '/clicks', '/payouts']) {
    await learn('GET', `${path}?limit=100`);
  }
}

/** An affiliate who has one of these commissions. */
async function payee(commissions: { id: string }[]): Promise<string> {
  const answer = await program.api.get(`/commissions/${commissions[0]?.id}`);
  return answer.body.data.affiliateId as string;
}

/** Nothing is on its way: all is settled, delivered or given up, and added up. */
async function atRest(): Promise<void> {
  await program.settled();
  await waitUntil(
    'the hub is at rest',
    async () => {
      const [row] = await runSql<{ waiting: number }>(
        hub.db,
        `select ((select count(*) from deliveries d join messages m on m.id = d.message_id and m.livemode where d.status = 'pending')
           + (select count(*) from statistic_deltas) + (select count(*) from balance_deltas)
           + (select count(*) from conversion_total_deltas)
           + (select count(*) from recoveries where status = 'running')
           + (select count(*) from jobs where finished_at is null))::int as waiting`,
      );
      return row?.waiting === 0;
    },
    { timeoutMs: 60_000 },
  );
}

const signed: readonly Surface[] = [
  { method: 'post', path: '/in/stripe/:id', writes: true },
  { method: 'post', path: '/in/revenuecat/:id', writes: true },
];
const everything = [...surfaces, ...signed];
const writing = everything.filter(({ writes }) => writes);
const purchase = readFileSync(
  new URL('../../fixtures/revenuecat/subscription/01-initial-purchase.json', import.meta.url),
  'utf8',
);

/** A key that may write, and what it makes: by then the others may be revoked or deleted. */
async function nameFreshOnes(): Promise<void> {
  const key = await makeKey(new ApiClient(hub.url, hub.adminToken), program.id, 'test', 'write');
  names.forget('sk');
  names.add('sk', key);
  const api = new ApiClient(hub.url, key);
  for (const [path, body] of [
    ['/webhook-endpoints', { url: receiver.url }],
    ['/sources', { kind: 'stripe', signingSecrets: ['whsec_of_a_test_key'] }],
    ['/sources', { kind: 'revenuecat', authorization: 'Bearer of a test key' }],
    ['/sources', { kind: 'postback' }],
  ] as const) {
    const made = await api.post(path, body);
    assert.equal(made.status, 201, made.text);
    names.learn(made.text);
  }
  names.learn((await api.get('/messages?limit=10')).text);
}

const succeeded = new Set<string>();
const refused = new Set<string>();
let calls = 0;
/** The paths of live links and of live affiliates' own, in lower case. */
let liveLinks: ReadonlySet<string>;

async function call(dice: Dice, surface = dice.chance(80) ? dice.pick(writing) : dice.pick(everything)): Promise<void> {
  const key = dice.pick(names.of('sk'));
  const path = fillPath(surface, names, dice);
  if (liveLinks.has(path.toLowerCase())) return;
  const target = hub.url + path;
  const { headers, body, query } = request(surface, dice, key);
  const response = await fetch(target + query, {
    method: surface.method.toUpperCase(),
    redirect: 'manual',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    ...(surface.method === 'get' || surface.method === 'delete' ? {} : { body }),
  });
  const text = await response.text();
  calls += 1;
  assert.ok(response.status < 500 || response.status === 503, `${surface.method} ${target} ${response.status} ${text}`);
  if (response.status < 400) succeeded.add(`${surface.method} ${surface.path}`);
  if (response.status === 403) refused.add(`${surface.method} ${surface.path}`);
  names.learn(text);
}

function request(
  surface: Surface,
  dice: Dice,
  key: string,
): { headers: Record<string, string>; body: string; query: string } {
  if (surface.path === '/in/stripe/:id') {
    const affiliate = dice.pick([...names.of('aff'), ...names.of('referral')]);
    const one = { id: dice.pick(['live', `t${dice.below(9)}`]), currency: 'usd', paidAt: Date.UTC(2026, 8, 2) / 1_000 };
    const body = JSON.stringify(dice.chance(70) ? paid(one, 5_000, affiliate) : refunded(one, 'x', 500, 3));
    return { headers: { 'stripe-signature': signStripeBody(body, 'whsec_of_a_test_key') }, body, query: '' };
  }
  if (surface.path === '/in/revenuecat/:id') {
    const affiliate = dice.pick(names.of('aff'));
    return {
      headers: { authorization: 'Bearer of a test key' },
      body: purchase.replaceAll('__AFFILIATE_ID__', affiliate),
      query: '',
    };
  }
  const body = makeBody(surface, names, dice, receiver.url);
  const fields = Object.entries(body).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  const query =
    surface.path === '/pb/:id'
      ? `?${new URLSearchParams({ ...Object.fromEntries(fields), secure: key }).toString()}`
      : '';
  return { headers: {}, body: JSON.stringify(body), query };
}

test('no sequence of calls with test keys changes, adds or takes away a live row', async () => {
  const before = await readLiveRows(hub.db);
  const links = await runSql<{ path: string }>(
    hub.db,
    `select '/r/' || lower(code) as path from tracking_links
     union select '/r/' || link_code from affiliate_codes where kind = 'referral'`,
  );
  liveLinks = new Set(links.map(({ path }) => path));
  for (const table of [
    'affiliates',
    'orders',
    'ledger_entries',
    'payouts',
    'clicks',
    'messages',
    'deliveries',
    'webhook_endpoints',
  ]) {
    assert.ok((before[table]?.length ?? 0) > 0, `${table} has live rows`);
  }
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (start) => {
      const dice = new Dice(start);
      for (let made = 0; made < CALLS; made += 2) {
        await Promise.all([call(dice), call(dice)]);
      }
      await atRest();
      assert.deepEqual(differences(before, await readLiveRows(hub.db)), []);
      assert.deepEqual((await verifyLedger(hub.db)).differences, []);
    }),
    { numRuns, endOnFailure: true, ...seed },
  );
  // The property would hold of calls that are all refused, too: each route that writes has answered what it is for.
  const nameOf = ({ method, path }: Surface): string => `${method} ${path}`;
  const isUntried = (surface: Surface): boolean =>
    !succeeded.has(nameOf(surface)) && !neverForTestKeys.has(nameOf(surface));
  for (const key of names.of('sk')) assert.match(key, /^sk_test_/);
  const dice = new Dice(1);
  for (const surface of writing) {
    for (let tries = 0; tries < 300 && isUntried(surface); tries += 1) {
      if (tries % 50 === 0) await nameFreshOnes();
      await call(dice, surface);
    }
  }
  assert.deepEqual(writing.filter(isUntried), []);
  await atRest();
  assert.deepEqual(differences(before, await readLiveRows(hub.db)), []);
  for (const key of names.of('sk')) assert.match(key, /^sk_test_/);
  assert.deepEqual((await verifyLedger(hub.db)).differences, []);
  console.log(`test keys: ${calls} calls, ${succeeded.size} routes succeeded, ${refused.size} answered 403`);
  for (const route of ['affiliates/:id', 'offers/:id', 'tracking-links/:id', 'sources/:id', 'webhook-endpoints/:id']) {
    assert.ok(refused.has(`patch /api/v1/${route}`), `a test key was refused at ${route}`);
  }
});

/** Test money is never payable, and a program is live. */
const neverForTestKeys = new Set([
  'patch /api/v1/payouts/batches/:id',
  ...['/api/v1', '/attro/api/v1'].flatMap((base) => [`post ${base}/payouts`, `patch ${base}/payouts/:id`]),
  'patch /api/v1/program',
]);
