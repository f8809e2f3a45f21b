import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { inTransaction } from '../../../src/db/db.ts';
import express from 'express';
import { answerApiError } from '../../../src/http/errors.ts';
import { AppError } from '../../../src/domain/errors.ts';
import { newId } from '../../../src/domain/ids.ts';
import type { ReadOutcome } from '../../../src/inbound/inbox/read-outcomes.ts';
import { postbackRouter } from '../../../src/inbound/postback/router.ts';
import { createAffiliate } from '../../../src/program/affiliates.ts';
import { createKey } from '../../../src/program/api-keys.ts';
import { insertClicks } from '../../../src/program/clicks.ts';
import { createOffer } from '../../../src/program/offers.ts';
import { createProgram } from '../../../src/program/programs.ts';
import { createSource, postbackSettingsSchema } from '../../../src/program/sources.ts';
import { startHub, type TestHub } from '../../support/hub.ts';
import { waitUntil } from '../../support/wait-until.ts';

let hub: TestHub;
let programId: string;
let affiliateId: string;
let offerId: string;
let otherKey: string;
const keys = { live: '', test: '', read: '' };

before(async () => {
  hub = await startHub({ env: { TRUST_PROXY: 'loopback' } });
  const { db } = hub;
  ({ id: programId } = await createProgram(db, { name: 'Postbacks' }));
  const commission = { type: 'cps', rateBps: 2000 } as const;
  ({ id: offerId } = await createOffer(
    db,
    { programId, livemode: true },
    {
      name: 'Example',
      url: 'https://shop.example.com',
      commission,
    },
  ));
  ({ id: affiliateId } = await inTransaction(db, (trx) =>
    createAffiliate(trx, { programId, livemode: true }, { displayName: 'Ann', email: 'ann@example.com' }),
  ));
  keys.live = (await createKey(db, programId, { name: 'live', mode: 'live', access: 'write' })).plaintext;
  keys.test = (await createKey(db, programId, { name: 'test', mode: 'test', access: 'write' })).plaintext;
  keys.read = (await createKey(db, programId, { name: 'read', mode: 'live', access: 'read' })).plaintext;
  const other = await createProgram(db, { name: 'Another' });
  otherKey = (await createKey(db, other.id, { name: 'other', mode: 'live', access: 'write' })).plaintext;
});
after(() => hub.stop());

async function makeSource(settings: object = {}, more: object = {}): Promise<string> {
  const whole = postbackSettingsSchema.parse({ response: 'json', ...settings });
  const input = { kind: 'postback', settings: whole, secrets: null, ...more } as const;
  const { id } = await createSource(hub.db, hub.deps.secrets, programId, input);
  return id;
}

async function makeClick(livemode = true): Promise<string> {
  const id = newId('clk');
  const none = { linkId: null, sub1: null, sub2: null, sub3: null, sub4: null, sub5: null, utm: null };
  const click = { ...none, id, programId, livemode, affiliateId, offerId, occurredAt: new Date(Date.now() - 60_000) };
  await insertClicks(hub.db, [{ ...click, ip: null, userAgent: null, sourceUrl: null }]);
  return id;
}

interface Answer {
  status: number;
  type: string;
  text: string;
  json: { data?: Record<string, unknown>; error?: Record<string, unknown> };
}

async function fire(path: string, options: RequestInit = {}): Promise<Answer> {
  const response = await fetch(hub.url + path, options);
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  const json = type.includes('json') && text !== '' ? (JSON.parse(text) as Answer['json']) : {};
  return { status: response.status, type, text, json };
}

const eventsOf = (sourceId: string) => hub.db('inbox_events').where({ source_id: sourceId }).orderBy('id').select('*');
const countOf = async (sourceId: string): Promise<number> => (await eventsOf(sourceId)).length;

describe('a postback in json mode', () => {
  it('becomes a conversion with its commission, and a repeat a duplicate', async () => {
    const source = await makeSource();
    const click = await makeClick();
    const url = `/pb/${source}?clickid=${click}&sum=100.00&currency=USD&txid=J-1&secure=${keys.live}`;
    const first = await fire(url);
    assert.equal(first.status, 200);
    assert.deepEqual(first.json.data, {
      tracked: true,
      conversionId: first.json.data?.['conversionId'],
      status: 'pending',
      kind: 'sale',
      livemode: true,
      commission: { amountMinor: 2000, currency: 'USD', status: 'pending' },
    });
    const second = await fire(url);
    assert.equal(second.status, 200);
    assert.equal(second.json.data?.['tracked'], false);
    assert.equal(second.json.data?.['reason'], 'duplicate_order');
    assert.equal(second.json.data?.['conversionId'], first.json.data?.['conversionId']);
  });

  it('takes form and JSON bodies, merged with the query', async () => {
    const source = await makeSource();
    const click = await makeClick();
    const form = await fire(`/pb/${source}?clickid=${click}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-api-key': keys.live },
      body: 'sum=10&currency=USD&txid=F-1',
    });
    assert.equal(form.json.data?.['tracked'], true, form.text);
    const json = await fire(`/pb/${source}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${keys.live}` },
      body: JSON.stringify({ clickid: click, amount: 10.5, currency: 'USD', order_id: 'F-2' }),
    });
    assert.equal(json.json.data?.['tracked'], true, json.text);
    const disagreeing = await fire(`/pb/${source}?txid=F-3&secure=${keys.live}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `order_id=F-4&clickid=${click}`,
    });
    assert.equal(disagreeing.status, 400);
    assert.deepEqual(disagreeing.json.error?.['details'], { order_id: "disagrees with txid: 'F-4' is not 'F-3'" });
    assert.equal(await countOf(source), 2);
  });

  it('that cannot count is stored, and says why', async () => {
    const source = await makeSource();
    const unknown = await fire(`/pb/${source}?clickid=clk_none&sum=10&txid=U-1&secure=${keys.live}`);
    assert.equal(unknown.status, 400);
    assert.equal((unknown.json.error?.['details'] as { reason?: string } | undefined)?.reason, 'click_not_found');
    const parked = await fire(`/pb/${source}?user_id=nobody&sum=10&txid=U-2&secure=${keys.live}`);
    assert.deepEqual([parked.status, parked.json.data?.['reason']], [200, 'no_attribution']);
    assert.equal(await countOf(source), 2);
  });

  it('of zero pays a fixed amount, and is refused where the offer pays a percentage', async () => {
    const source = await makeSource();
    const percentage = await fire(`/pb/${source}?clickid=${await makeClick()}&sum=0&txid=Z-1&secure=${keys.live}`);
    assert.equal(percentage.status, 400);
    assert.deepEqual(percentage.json.error?.['details'], { reason: 'amount_required' });
    const commission = { type: 'cpa', amountMinor: 700 } as const;
    const fixed = await createOffer(
      hub.db,
      { programId, livemode: true },
      { name: 'Fixed', url: 'https://shop.example.com', commission },
    );
    const url = `/pb/${source}?clickid=${await makeClick()}&sum=0.00&txid=Z-2&offer_id=${fixed.id}&secure=${keys.live}`;
    const paid = await fire(url);
    assert.deepEqual(
      [paid.json.data?.['kind'], paid.json.data?.['commission']],
      ['action', { amountMinor: 700, currency: 'USD', status: 'pending' }],
      paid.text,
    );
  });

  it('malformed is 400 in the error envelope, and stored nowhere', async () => {
    const source = await makeSource();
    const broken = [
      'clickid={clickid}&sum=10',
      'cid=a&cid=a',
      'sum=1,234&txid=1',
      'sum=-1&txid=1',
      'txid=a%00',
      'sum=10',
    ];
    for (const query of broken) {
      const answer = await fire(`/pb/${source}?${query}&secure=${keys.live}`);
      assert.equal(answer.status, 400, query);
      assert.equal(answer.json.error?.['code'], 'VALIDATION_ERROR');
      assert.match(String(answer.json.error?.['requestId']), /^req_/);
    }
    const body = {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': keys.live },
      body: '{"a":',
    };
    assert.equal((await fire(`/pb/${source}`, body)).status, 400);
    assert.equal(await countOf(source), 0);
  });
});

describe('a postback in ok or gif mode', () => {
  it('is answered when durable: OK, or a pixel that any page may show', async () => {
    for (const [response, type] of [
      ['ok', 'text/plain; charset=utf-8'],
      ['gif', 'image/gif'],
    ] as const) {
      const source = await makeSource({ response });
      const click = await makeClick();
      const answer = await fire(`/pb/${source}?cid=${click}&sum=10&currency=USD&txid=${response}&secure=${keys.live}`);
      assert.deepEqual([answer.status, answer.type], [200, type]);
      if (response === 'ok') assert.equal(answer.text, 'OK');
      else assert.match(answer.text, /^GIF89a/);
      const [event] = await waitUntil('it is settled', async () => {
        const rows = await eventsOf(source);
        return rows[0]?.status === 'processed' ? rows : null;
      });
      assert.equal(event.outcome, 'recorded');
    }
  });

  it('whose order or click id was not filled in is refused in words in every mode', async () => {
    for (const response of ['json', 'ok', 'gif']) {
      const source = await makeSource({ response, requireKey: false });
      for (const [query, message] of [
        ['clickid=clk_1&sum=10&txid=undefined', /txid is 'undefined'.* the sender did not fill it in/],
        ['clickid=0&sum=10&txid=A-1', /clickid is '0'.* the sender did not fill it in/],
        ['clickid=clk_1&sum=10&txid=%5Bobject+Object%5D', /txid is '\[object Object\]'/],
      ] as const) {
        const answer = await fire(`/pb/${source}?${query}`);
        assert.equal(answer.status, 400, `${response} ${query}`);
        assert.match(answer.text, message);
      }
      assert.equal(await countOf(source), 0);
    }
  });

  it('malformed is answered in words', async () => {
    const source = await makeSource({ response: 'ok' });
    const answer = await fire(`/pb/${source}?clickid={clickid}&txid=1&secure=${keys.live}`);
    assert.deepEqual([answer.status, answer.type], [400, 'text/plain; charset=utf-8']);
    assert.match(answer.text, /^clickid holds the macro '\{clickid\}'/);
    const unauthorized = await fire(`/pb/${source}?clickid=x&txid=1`);
    assert.deepEqual([unauthorized.status, unauthorized.type], [401, 'text/plain; charset=utf-8']);
    const large = { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1) };
    assert.equal((await fire(`/pb/${source}`, large)).status, 413);
    const packed = { method: 'POST', body: 'x', headers: { 'content-encoding': 'gzip' } };
    assert.deepEqual((await fire(`/pb/${source}`, packed)).status, 415);
    const xml = { method: 'POST', body: '<x/>', headers: { 'content-type': 'text/xml', 'x-api-key': keys.live } };
    assert.equal((await fire(`/pb/${source}`, xml)).status, 415);
    assert.equal(await countOf(source), 0);
  });
});

describe('the key of a postback', () => {
  it('must be one that may write, of the same program', async () => {
    const source = await makeSource();
    const click = await makeClick();
    const status = async (query: string, headers: Record<string, string> = {}) => {
      const answer = await fire(`/pb/${source}?clickid=${click}&sum=5&currency=USD&txid=${newId('ibx')}${query}`, {
        headers,
      });
      return [answer.status, answer.json.error?.['code'] ?? answer.json.data?.['tracked']];
    };
    assert.deepEqual(await status(''), [401, 'UNAUTHORIZED']);
    assert.deepEqual(await status('&secure='), [401, 'UNAUTHORIZED']);
    assert.deepEqual(await status('&secure=sk_live_wrong'), [401, 'INVALID_API_KEY']);
    assert.deepEqual(await status(`&secure=${otherKey}`), [401, 'INVALID_API_KEY']);
    assert.deepEqual(await status(`&secure=${keys.read}`), [403, 'INSUFFICIENT_PERMISSIONS']);
    assert.deepEqual(await status(`&Secure=${keys.live}`), [200, true]);
    assert.deepEqual(await status('', { 'x-api-key': keys.live }), [200, true]);
    assert.deepEqual(await status('', { authorization: `bearer ${keys.live}` }), [200, true]);
    assert.equal(await countOf(source), 3);
  });

  it('of test mode, and a test click, make test rows', async () => {
    const source = await makeSource();
    const click = await makeClick(false);
    const answer = await fire(`/pb/${source}?clickid=${click}&sum=5&currency=USD&txid=T-1&secure=${keys.test}`);
    assert.deepEqual([answer.json.data?.['tracked'], answer.json.data?.['livemode']], [true, false]);
    await fire(`/pb/${source}?clickid=test_1&sum=5&currency=USD&txid=T-2&secure=${keys.live}`);
    assert.deepEqual(
      (await eventsOf(source)).map((event) => event.livemode as boolean),
      [false, false],
    );
  });

  it('is never stored, wherever it was', async () => {
    const source = await makeSource({ response: 'ok' });
    await fire(`/pb/${source}?clickid=clk_1&secure=${keys.live}&txid=K-1`, { headers: { 'x-api-key': keys.live } });
    await fire(`/pb/${source}?txid=K-2`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${keys.live}` },
      body: JSON.stringify({ clickid: 'clk_1', secure: keys.live, note: `key ${keys.live}` }),
    });
    const events = await waitUntil('both are stored', async () => {
      const rows = await eventsOf(source);
      return rows.length === 2 ? rows : null;
    });
    const stored = events.map(
      (event) => String(event.raw) + JSON.stringify(event.headers) + JSON.stringify(event.facts),
    );
    for (const text of stored) {
      assert.ok(!text.includes(keys.live), text);
      assert.ok(text.includes('[redacted]'));
    }
    assert.equal(String(events[0]?.raw), `/pb/${source}?clickid=clk_1&secure=[redacted]&txid=K-1`);
  });

  it('is not asked for where the source says so, and then lends nothing', async () => {
    const source = await makeSource({ requireKey: false, response: 'ok' });
    const queries = ['', `&secure=${keys.test}`, '&secure=a-secret-of-theirs', `&secure=${otherKey}`];
    for (const [at, query] of queries.entries()) {
      assert.equal((await fire(`/pb/${source}?clickid=clk_1&txid=R-${at}${query}`)).status, 200);
    }
    assert.deepEqual(
      (await eventsOf(source)).map((event) => event.livemode as boolean),
      [true, true, true, true],
    );
  });
});

describe('a source', () => {
  it('that is unknown, or of another kind, is 404', async () => {
    const settings = {};
    const secrets = { signingSecrets: ['whsec_x'] };
    const stripe = await createSource(hub.db, hub.deps.secrets, programId, { kind: 'stripe', settings, secrets });
    for (const id of ['src_none', stripe.id, '%00', 'x'.repeat(300)]) {
      assert.equal((await fire(`/pb/${id}?clickid=1&txid=1`)).status, 404, id);
    }
  });

  it('may say who sends: others are 403', async () => {
    const source = await makeSource({ allowedCidrs: ['203.0.113.0/24'], requireKey: false, response: 'ok' });
    const from = (ip: string) => fire(`/pb/${source}?clickid=1&txid=1`, { headers: { 'x-forwarded-for': ip } });
    for (const written of ['203.0.113.9:4711', '"203.0.113.9:4711"', '::ffff:203.0.113.9', '[::ffff:cb00:7109]:1']) {
      assert.equal((await from(written)).status, 200, written);
    }
    assert.equal((await from('unknown')).status, 403);
    assert.equal((await from('203.0.113.9')).status, 200);
    assert.equal((await from('198.51.100.9')).status, 403);
    assert.equal((await fire(`/pb/${source}?clickid=1&txid=1`)).status, 403);
  });

  it('may keep its order ids to itself', async () => {
    const [one, other] = [
      await makeSource({}, { orderScope: 'source' }),
      await makeSource({}, { orderScope: 'source' }),
    ];
    const click = await makeClick();
    for (const source of [one, other]) {
      const answer = await fire(`/pb/${source}?cid=${click}&sum=5&currency=USD&txid=SAME&secure=${keys.live}`);
      assert.equal(answer.json.data?.['tracked'], true, answer.text);
    }
  });

  it('by HEAD records nothing', async () => {
    const source = await makeSource({ response: 'ok' });
    const { status } = await fire(`/pb/${source}?clickid=1&txid=1&secure=${keys.live}`, { method: 'HEAD' });
    assert.equal(status, 200);
    assert.equal((await fire('/pb/src_none', { method: 'HEAD' })).status, 404);
    assert.equal(await countOf(source), 0);
  });

  it('of the secondary kind records funnel events', async () => {
    const source = await makeSource({ purpose: 'secondary', eventType: 'registration' });
    const click = await makeClick();
    const registration = await fire(`/pb/${source}?clickid=${click}&secure=${keys.live}`);
    assert.deepEqual([registration.status, registration.json.data?.['tracked']], [200, true], registration.text);
    const lead = await fire(`/pb/${source}?clickid=${click}&event_type=lead&secure=${keys.live}`);
    assert.deepEqual([lead.status, lead.json.data?.['kind']], [200, 'lead'], lead.text);
  });

  it('with a preset and states follows its tracker', async () => {
    const source = await makeSource({ preset: 'keitaro' });
    const click = await makeClick();
    const url = (status: string, payout: string) =>
      `/pb/${source}?subid=${click}&tid=K-9&status=${status}&payout=${payout}&currency=usd&secure=${keys.live}`;
    const lead = await fire(url('lead', '0'));
    assert.deepEqual(
      [lead.json.data?.['kind'], lead.json.data?.['commission']],
      ['lead', { amountMinor: 0, currency: 'USD', status: 'pending' }],
      lead.text,
    );
    const sale = await fire(url('sale', '40'));
    assert.deepEqual(
      sale.json.data?.['commission'],
      { amountMinor: 800, currency: 'USD', status: 'pending' },
      sale.text,
    );
    const late = await fire(url('lead', '0'));
    assert.equal(late.json.data?.['reason'], 'duplicate_order', late.text);
    const rejected = await fire(url('rejected', '0'));
    assert.deepEqual(rejected.json.data?.['status'], 'rejected', rejected.text);
  });
});

it('another surface mounts the same router and answers in its own words', async () => {
  const app = express();
  const answer = (_id: string, settled: ReadOutcome | null) => ({ success: true, outcome: settled?.outcome });
  app.use('/dialect', postbackRouter(hub.deps, { limit: () => Promise.resolve(), answer }));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const source = await makeSource({ requireKey: false });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const response = await fetch(`${url}/dialect/pb/${source}?user_id=nobody&sum=5&currency=USD&txid=D-1`);
  assert.deepEqual(await response.json(), { success: true, outcome: 'parked' });
  const [event] = await eventsOf(source);
  assert.match(String(event.raw), /^\/dialect\/pb\//, 'the raw message is what was sent');
  server.closeAllConnections();
  server.close();
});

it('with the store away each mode answers 503 and when to come again', async () => {
  const app = express();
  const away = () => Promise.reject(new AppError('UNAVAILABLE', 'Send it again shortly.', { retryAfterS: 5 }));
  const inbox = { append: away, appendAndWait: away, endWaits: () => undefined, close: () => Promise.resolve() };
  app.use(postbackRouter({ ...hub.deps, inbox }));
  app.use(answerApiError);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const response of ['json', 'ok', 'gif']) {
    const source = await makeSource({ response, requireKey: false });
    const answer = await fetch(`${url}/pb/${source}?txid=1`);
    assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '5'], response);
    assert.match(await answer.text(), /Send it again shortly/);
  }
  server.closeAllConnections();
  server.close();
});

it('a body that breaks off is no error of ours', async () => {
  const source = await makeSource({ response: 'ok', requireKey: false });
  await new Promise<void>((resolve) => {
    const req = http.request(`${hub.url}/pb/${source}`, { method: 'POST', headers: { 'content-length': '100' } });
    req.on('error', () => resolve());
    req.on('close', () => resolve());
    req.write('txid=1', () => req.destroy());
  });
  assert.equal((await fire(`/pb/${source}?txid=2`)).status, 200, 'the hub goes on');
  assert.equal(await countOf(source), 1);
});
