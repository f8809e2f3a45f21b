import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as fc from 'fast-check';
import { inTransaction, type Trx } from '../../src/db/db.ts';
import { settleToTheEnd } from '../../src/pipeline/settle-safely.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { digestTables } from '../support/table-digests.ts';
import type { ApiAnswer, ApiClient } from './api-client.ts';
import { make, makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

// A dry run of each call before the call itself, in random histories: DRY_RUNS=100.
const numRuns = Number(process.env.DRY_RUNS ?? 3);
const seed = process.env.PROPERTY_SEED === undefined ? {} : { seed: Number(process.env.PROPERTY_SEED) };

// There is no worker, whose chores would write meanwhile: the test settles what came in by itself.
let api: ApiProgram;
let ann: { id: string; referralCode: string };
let bob: { id: string; referralCode: string };
let capped: { id: string };
const settling = new AbortController();
let settler: Promise<void>;
before(async () => {
  api = await openApiProgram();
  await makeOffer(api.live);
  const commission = { type: 'cpa', amountMinor: 500 };
  capped = await makeOffer(api.live, { name: 'Capped', commission, dailyCap: 1 });
  ann = await makeAffiliate(api.live, { couponCodes: ['ANN10'] });
  bob = await makeAffiliate(api.live, { email: 'bob@example.com' });
  settler = settleWhatComes(settling.signal);
});
after(async () => {
  settling.abort();
  await settler;
  await api.stop();
});

async function settleWhatComes(signal: AbortSignal): Promise<void> {
  const { db, clock, log } = api.hub.deps;
  while (!signal.aborted) {
    const rows = await runSql<{ id: string }>(db, `select id from inbox_events where status = 'received' order by id`);
    const eventIds = rows.map(({ id }) => id);
    if (eventIds.length > 0) await settleToTheEnd({ db, clock, log }, { eventIds, resettlementIds: [] });
    else await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

/** Waits also for what the calls before displaced, which is settled after they were answered. */
async function settled(): Promise<void> {
  const waiting = `select 1 from inbox_events where status = 'received' union all select 1 from resettlements`;
  await waitUntil('all is settled', async () => (await runSql(api.hub.db, waiting)).length === 0);
}

interface Call {
  way: 'api' | 'keyed' | 'keyless';
  fields: Record<string, string>;
  idempotencyKey: string | null;
}

/** What a call gets, without the id of the request. */
interface Got {
  status: number;
  body: unknown;
}

interface Shop {
  client: ApiClient;
  key: string;
  sources: Record<'keyed' | 'keyless', string>;
  clicks: string[];
}

const optional = (...values: string[]) => fc.option(fc.constantFrom(...values), { nil: undefined, freq: 2 });
const arbitraryCall: fc.Arbitrary<Call> = fc.record({
  way: fc.constantFrom('api', 'api', 'keyed', 'keyless'),
  idempotencyKey: fc.option(fc.constantFrom('k-1', 'k-2'), { freq: 4 }),
  fields: fc
    .record({
      order_id: optional('A-1', 'A-1', 'A-2', 'A-3'),
      amount: fc.option(fc.constantFrom('10', '20.5', '1,000'), { nil: undefined, freq: 8 }),
      click_id: optional('click-0', 'click-1', 'clk_unknown'),
      affiliate_id: fc.option(fc.constantFrom('ann', 'bob', 'nobody'), { nil: undefined, freq: 1 }),
      coupon_code: fc.option(fc.constantFrom('ANN10', 'NONE'), { nil: undefined, freq: 1 }),
      offer_id: fc.option(fc.constant('capped'), { nil: undefined, freq: 1 }),
      customer_id: optional('u-1', 'u-2'),
      status: fc.option(fc.constantFrom('lead', 'hold', 'sale', 'rejected', 'odd'), { nil: undefined, freq: 1 }),
      is_recurring: fc.option(fc.constant('true'), { nil: undefined, freq: 1 }),
    })
    .map((fields) =>
      Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    ),
});

test('a dry run answers what the call that follows is answered, and leaves the database as it was', async () => {
  let compared = 0;
  let made = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryCall, { minLength: 2, maxLength: 7 }), async (calls) => {
      const shop = await openShop();
      const { db } = api.hub;
      for (const drawn of calls) {
        const call = inShop(shop, drawn);
        await settled();
        const known = await orderIds();
        // What real calls were refused for is written a moment later.
        await api.hub.deps.refusals.flush();
        const before = await digestTables(db);
        const dry = await send(shop, call, true);
        await api.hub.deps.refusals.flush();
        assert.deepEqual(await digestTables(db), before, JSON.stringify(call));
        const real = await send(shop, call, false);
        const expected = withoutIds(real.body, known);
        assert.deepEqual(dry, { status: real.status, body: expected }, JSON.stringify(call));
        compared += 1;
        if (JSON.stringify(expected).includes('"conversionId":null')) made += 1;
      }
    }),
    { numRuns, endOnFailure: true, ...seed },
  );
  assert.ok(compared > 0 && made > 0, `${compared} calls compared, ${made} of them new`);
});

async function openShop(): Promise<Shop> {
  // Orders, clicks and customers of one history are no other's: each is told of by names of its own.
  const postback = { kind: 'postback', purpose: 'primary', response: 'json' };
  const [keyed, keyless] = await Promise.all([
    make<{ id: string }>(api.live, '/sources', { ...postback, orderScope: 'source' }),
    make<{ id: string }>(api.live, '/sources', { ...postback, requireKey: false, orderScope: 'source' }),
  ]);
  const clicks = await Promise.all(
    [ann, bob].map(async ({ id }) => (await make<{ id: string }>(api.live, '/clicks', { affiliateId: id })).id),
  );
  return { client: api.live, key: api.liveKey, sources: { keyed: keyed.id, keyless: keyless.id }, clicks };
}

function inShop({ clicks, sources }: Shop, { way, fields, idempotencyKey }: Call): Call {
  const own = sources.keyed.slice(-6);
  const meant: Record<string, string> = {
    'click-0': clicks[0] ?? '',
    'click-1': clicks[1] ?? '',
    ann: ann.id,
    bob: bob.id,
    capped: capped.id,
  };
  const given = Object.entries(fields).map(([name, value]) => {
    const isOwn = name === 'order_id' || name === 'customer_id';
    return [name, isOwn ? `${value}-${own}` : (meant[value] ?? value)];
  });
  return { way, fields: Object.fromEntries(given), idempotencyKey: idempotencyKey && `${idempotencyKey}-${own}` };
}

async function send(shop: Shop, { way, fields, idempotencyKey }: Call, dry: boolean): Promise<Got> {
  if (way === 'api') {
    const headers: Record<string, string> = idempotencyKey === null ? {} : { 'idempotency-key': idempotencyKey };
    return got(await shop.client.post(`/conversions${dry ? '?dryRun=true' : ''}`, fields, headers));
  }
  const query = new URLSearchParams({ ...fields, ...(dry ? { dryRun: 'true' } : {}) });
  return got(await shop.client.get(`//pb/${shop.sources[way]}?${query.toString()}`));
}

function got({ status, body }: ApiAnswer): Got {
  const error = (body as { error?: object } | null)?.error;
  return { status, body: error ? { error: { ...error, requestId: null } } : (body as unknown) };
}

async function orderIds(): Promise<Set<string>> {
  return new Set((await runSql<{ id: string }>(api.hub.db, 'select id from orders')).map(({ id }) => id));
}

/** With null for each id of a conversion that was not known before. */
function withoutIds(body: unknown, known: ReadonlySet<string>): unknown {
  return JSON.parse(JSON.stringify(body), (_name, value: unknown) =>
    typeof value === 'string' && value.startsWith('cnv_') && !known.has(value) ? null : value,
  );
}

test('it reserves no Idempotency-Key, and of one that is used it says what the call would get', async () => {
  const sale = { order_id: 'I-1', amount: 10, affiliate_id: ann.id };
  const key = { 'idempotency-key': 'dry' };
  const dry = await api.live.post('/conversions?dryRun=true', sale, key);
  assert.deepEqual([dry.status, dry.body.data.tracked, dry.body.data.conversionId], [201, true, null]);
  assert.deepEqual(dry.body.data.commission, { amountMinor: 100, currency: 'USD', status: 'pending' });
  const real = await api.live.post('/conversions', { ...sale, amount: 20 }, key);
  assert.equal(real.status, 201, 'another body is no mismatch: nothing was kept');
  const again = await api.live.post('/conversions?dryRun=true', { ...sale, amount: 20 }, key);
  assert.deepEqual([again.status, again.body], [201, real.body]);
  assert.equal((await api.live.post('/conversions?dryRun=true', sale, key)).status, 422);
});

test('at a source without a key it takes a live key that may write, whatever the source answers', async () => {
  const { id } = await make<{ id: string }>(api.live, '/sources', {
    kind: 'postback',
    purpose: 'primary',
    response: 'gif',
    requireKey: false,
    orderScope: 'source',
  });
  const path = `//pb/${id}?order_id=K-1&amount=10&affiliate_id=${ann.id}&dryRun=true`;
  const statuses = await Promise.all(
    [api.anonymous, api.stranger, api.reader, api.ingest, api.test].map(async (client) => {
      const { status, body } = await client.get(path);
      return [status, body.error.code as string];
    }),
  );
  assert.deepEqual(statuses, [
    [401, 'UNAUTHORIZED'],
    [401, 'INVALID_API_KEY'],
    [403, 'INSUFFICIENT_PERMISSIONS'],
    [403, 'INSUFFICIENT_PERMISSIONS'],
    [403, 'INSUFFICIENT_PERMISSIONS'],
  ]);
  const { status, body } = await api.live.get(path);
  assert.deepEqual([status, body.data.tracked, body.data.conversionId], [200, true, null]);
  const form = await api.live.call('POST', `//pb/${id}?dryRun=true`, {
    body: 'order_id=K-1&amount=1,0',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  assert.deepEqual([form.status, Object.keys(form.body.error.details)], [400, ['amount', 'reason']]);
});

test('a source that has the name for a field of its tracker keeps it, and a word that is neither is refused', async () => {
  const source = (more: object) =>
    make<{ id: string }>(api.live, '/sources', { kind: 'postback', purpose: 'primary', response: 'json', ...more });
  const renamed = await source({ fields: { dryRun: 'sub2' } });
  const booked = await api.live.get(`//pb/${renamed.id}?order_id=F-1&amount=10&affiliate_id=${ann.id}&dryRun=true`);
  assert.match(booked.body.data.conversionId, /^cnv_/);
  const { id } = await source({});
  const ask = (value: string) =>
    api.live.get(`//pb/${id}?order_id=F-2&amount=10&affiliate_id=${ann.id}&dryRun=${value}`);
  assert.deepEqual(Object.keys((await ask('yes')).body.error.details), ['dryRun']);
  assert.equal((await ask('true')).body.data.conversionId, null);
  assert.match((await ask('false')).body.data.conversionId, /^cnv_/);
});

test('where others are settling the same order it gives up soon, and holds nobody up', async () => {
  const sale = { order_id: 'L-1', amount: 10, affiliate_id: ann.id };
  await api.live.post('/conversions', sale);
  const held = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const holding = inTransaction(api.hub.db, async (trx: Trx) => {
    await runSql(trx, `select 1 from order_refs where ref = 'order:L-1' for update`);
    locked.resolve();
    await held.promise;
  });
  await locked.promise;
  const busy = await api.live.post('/conversions?dryRun=true', { ...sale, amount: 30 });
  held.resolve();
  await holding;
  assert.deepEqual([busy.status, busy.body.error.code, busy.headers.get('retry-after')], [409, 'CONFLICT', '1']);
  const free = await api.live.post('/conversions?dryRun=true', { ...sale, amount: 30 });
  assert.equal(free.body.data.reason, 'duplicate_order');
});
