import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import * as fc from 'fast-check';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { signRevenueCat } from '../../src/inbound/revenuecat/verify.ts';
import { signStripeBody } from '../../src/inbound/stripe/sign.ts';
import { make } from '../api/api-program.ts';
import { openHttpProgram, type HttpProgram } from '../journeys/http-program.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { runSql } from '../support/sql.ts';

// Whatever comes in, from whomever, no answer is a failure of ours: 5xx tells a sender to send the same again, for days.

const WHSEC = 'whsec_of_the_garbage';
const HMAC = 'hmac-of-the-garbage';
const AUTHORIZATION = 'Bearer of the garbage';

let hub: TestHub;
let program: HttpProgram;
const ways = { stripe: '', revenuecat: '', keyed: '', keyless: '' };
before(async () => {
  // A caller waits for no outcome: what is asked is what it is answered.
  hub = await startHub({ env: { RESULT_TIMEOUT_MS: '50' } });
  program = await openHttpProgram(hub);
  const open = async (body: object) => (await make<{ id: string }>(program.api, '/sources', body)).id;
  ways.stripe = `/in/stripe/${await open({ kind: 'stripe', signingSecrets: [WHSEC] })}`;
  ways.revenuecat = `/in/revenuecat/${await open({ kind: 'revenuecat', hmacSecret: HMAC, authorization: AUTHORIZATION })}`;
  ways.keyed = `/pb/${await open({ kind: 'postback' })}`;
  const fields = { 'data.id': 'txid', 'items[0].sum': 'sum' };
  ways.keyless = `/pb/${await open({ kind: 'postback', requireKey: false, fields })}`;
});
after(() => hub.stop());

interface Sent {
  method?: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

function send({ method = 'POST', path, headers, body }: Sent): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(hub.url);
    const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Texts as they stand in headers: whatever Node lets through, as Latin-1. */
const headerText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    ',',
    '=',
    't=',
    'v1=',
    't=1,v1=',
    't=1,v1=,v1=',
    't=x,v1=00',
    '\xff\xfe',
    'null',
    '{}',
    '*/*;q=',
  ),
  fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((code) => code !== 0x7f)
      .map((code) => String.fromCharCode(code)),
    maxLength: 60,
  }),
);
const scalar = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(
    null,
    '',
    '\0',
    '\ud800',
    '__proto__',
    'constructor',
    '{clickid}',
    'null',
    '9e99',
    -1,
    1e300,
    '%E9',
    '\ufeff',
  ),
);
const names =
  'click_id sum amount_minor txid currency status secure metadata occurred_at event_type id type created livemode data ' +
  'object api_version event app_user_id price store event_timestamp_ms subscriber_attributes aliases amount items ' +
  '__proto__ toString';
const name = fc.oneof(fc.constantFrom('', ...names.split(' ')), fc.string({ maxLength: 8 }));
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 8 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value;
const json = value.map((each) => JSON.stringify(each) ?? 'null');
const pairs = fc
  .array(fc.tuple(name, fc.oneof(scalar.map(String), fc.string({ maxLength: 8 }))), { maxLength: 8 })
  .map((all) => all.map(([one, other]) => `${escape(one)}=${escape(other)}`).join('&'));
const deep = '{"secure":"x","click_id":"c","x":' + '['.repeat(50_000) + ']'.repeat(50_000) + '}';
const body = fc.oneof(
  { arbitrary: json.map((text) => Buffer.from(text)), weight: 4 },
  { arbitrary: json.map((text) => Buffer.from(`\ufeff${text}`)), weight: 1 },
  { arbitrary: pairs.map((text) => Buffer.from(text, 'latin1')), weight: 2 },
  { arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)), weight: 2 },
  { arbitrary: fc.constantFrom('', '{', '[', '--B\r\n\r\n', deep).map((text) => Buffer.from(text)), weight: 1 },
);
const type = fc.oneof(
  fc.constantFrom(
    'application/json',
    'application/x-www-form-urlencoded',
    'text/plain',
    'multipart/form-data; boundary=B',
  ),
  fc.constantFrom('application/json; charset=utf-16', 'multipart/form-data', '', ';', 'a/b; boundary="'),
  headerText,
);

/** `encodeURIComponent` that leaves halves of surrogate pairs as the bytes that they would be. */
function escape(text: string): string {
  return [...Buffer.from(text, 'latin1')].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

/** Messages as their senders have them, with some of their fields exchanged for whatever comes. */
function exchanged(messages: readonly object[]): fc.Arbitrary<Buffer> {
  return fc.constantFrom(...messages).chain((message) => {
    const exchange = fc.tuple(fc.constantFrom(...pathsIn(message)), value);
    return fc.array(exchange, { minLength: 1, maxLength: 4 }).map((exchanges) => {
      const copy = structuredClone(message);
      for (const [path, put] of exchanges) {
        const at = path.slice(0, -1).reduce<unknown>((inside, step) => Object(inside)[step] as unknown, copy);
        if (typeof at === 'object' && at !== null) (at as Record<string, unknown>)[path.at(-1) ?? ''] = put;
      }
      // One document never names different orders in two messages, so each message has documents of its own.
      documents += 1;
      return Buffer.from(JSON.stringify(copy).replaceAll('Tr1bFx7Hub', `Tr1b${documents}Hub`));
    });
  });
}

/** Of how many messages the documents of Stripe's fixtures were given ids of their own. */
let documents = 0;

function pathsIn(value: object, base: string[] = []): string[][] {
  return Object.entries(value).flatMap(([key, item]: [string, unknown]) => {
    const path = [...base, key];
    return typeof item === 'object' && item !== null ? [path, ...pathsIn(item, path)] : [path];
  });
}

function fixtures(folder: string): object[] {
  const root = new URL(`../../fixtures/${folder}/`, import.meta.url);
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .map((file) => JSON.parse(readFileSync(new URL(file, root), 'utf8')) as object);
}

const conversion = {
  clickId: 'clk_1',
  amount: '10.00',
  amountMinor: 1000,
  currency: 'USD',
  orderId: 'A-1',
  customerId: 'u-1',
  goal: 'g',
  customerEmail: 'ann@example.com',
  affiliateId: 'partner-one',
  referralCode: 'partner-one',
  couponCode: 'c',
  tax: '1.00',
  shipping: '1.00',
  isRecurring: true,
  subscriptionId: 'S-1',
  status: 'sale',
  offerId: 'o',
  productId: 'p',
  sub1: 's',
  occurredAt: '2026-01-31T12:00:00Z',
  url: 'https://shop.example/',
  metadata: { a: { b: [1, 'x'] } },
  eventType: 'lead',
};

async function check(
  what: string,
  makeSent: (parts: Parts) => Sent,
  runs = 150,
  bodies: fc.Arbitrary<Buffer> = body,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ headers: fc.array(headerText, { minLength: 6, maxLength: 6 }), body: bodies, type, pairs }),
      async (parts) => {
        const { status, text } = await send(makeSent(parts));
        assert.ok(status >= 200 && status < 500, `${what}: ${status} ${text}`);
      },
    ),
    { numRuns: runs },
  );
}

interface Parts {
  headers: string[];
  body: Buffer;
  type: string;
  pairs: string;
}

/** Headers that every route may look at. */
function common({
  headers: [agent = '', forwarded = '', accept = '', idempotency = ''],
  type,
}: Parts): Record<string, string> {
  return {
    'content-type': type,
    'user-agent': agent,
    'x-forwarded-for': forwarded,
    accept,
    'idempotency-key': idempotency,
  };
}

describe('no garbage is answered by a failure', () => {
  test('a signature of Stripe that is none', () =>
    check('stripe', (parts) => ({
      path: ways.stripe,
      headers: { ...common(parts), 'stripe-signature': parts.headers[4] ?? '' },
      body: parts.body,
    })));

  test('an empty signature of Stripe, in every place', async () => {
    for (const signature of [
      't=1,v1=',
      `t=${Math.floor(Date.now() / 1000)},v1=`,
      't=1,v1=,v1=ab',
      't=1,v1=zz',
      't=1,v1=,v0=',
      'v1=,t=1',
    ]) {
      const answer = await send({
        path: ways.stripe,
        headers: { 'stripe-signature': signature },
        body: Buffer.from('{}'),
      });
      assert.equal(answer.status, 400, `${signature}: ${answer.text}`);
      assert.match(answer.text, /Stripe-Signature/);
    }
  });

  test('what Stripe signed', () =>
    check('stripe, signed', (parts) => {
      const text = parts.body.toString('utf8');
      return {
        path: ways.stripe,
        headers: { ...common(parts), 'stripe-signature': text === '' ? '' : signStripeBody(text, WHSEC) },
        body: Buffer.from(text),
      };
    }));

  test('a header or signature of RevenueCat that is none, and what it signed', async () => {
    await check('revenuecat', (parts) => ({
      path: ways.revenuecat,
      headers: {
        ...common(parts),
        authorization: parts.headers[4] ?? '',
        'x-revenuecat-webhook-signature': parts.headers[5] ?? '',
      },
      body: parts.body,
    }));
    await check('revenuecat, signed', (parts) => ({
      path: ways.revenuecat,
      headers: {
        ...common(parts),
        authorization: AUTHORIZATION,
        'x-revenuecat-webhook-signature': signRevenueCat(parts.body, HMAC, new Date()),
      },
      body: parts.body,
    }));
  });

  test('a postback, with a key and without, on both of its addresses', async () => {
    for (const path of [ways.keyed, ways.keyless, `/affspace${ways.keyless}`]) {
      await check(path, (parts) => ({
        path: `${path}?${parts.pairs}`,
        headers: { ...common(parts), authorization: parts.headers[4] ?? '', 'x-api-key': parts.headers[5] ?? '' },
        body: parts.body,
      }));
      await check(path, (parts) => ({
        method: 'GET',
        path: `${path}?${parts.pairs}`,
        headers: common(parts),
        body: Buffer.alloc(0),
      }));
    }
  });

  test('a conversion and an event, with a key and without', async () => {
    for (const path of [
      '/api/v1/conversions',
      '/api/v1/events',
      '/affspace/api/v1/conversions',
      '/affitor/api/v1/track/sale',
    ]) {
      await check(path, (parts) => ({
        path,
        headers: { ...common(parts), 'content-type': 'application/json', authorization: `Bearer ${program.key}` },
        body: parts.body,
      }));
      await check(
        path,
        (parts) => ({ path, headers: { ...common(parts), authorization: parts.headers[4] ?? '' }, body: parts.body }),
        40,
      );
    }
  });

  test('what is authentic, with fields exchanged for whatever comes', async () => {
    await check(
      'stripe',
      ({ body: raw }) => ({
        path: ways.stripe,
        headers: { 'stripe-signature': signStripeBody(raw.toString('utf8'), WHSEC) },
        body: raw,
      }),
      400,
      exchanged(fixtures('stripe')),
    );
    const authentic = (raw: Buffer) => ({
      authorization: AUTHORIZATION,
      'x-revenuecat-webhook-signature': signRevenueCat(raw, HMAC, new Date()),
    });
    await check(
      'revenuecat',
      ({ body: raw }) => ({ path: ways.revenuecat, headers: authentic(raw), body: raw }),
      400,
      exchanged(fixtures('revenuecat')),
    );
    const headers = { authorization: `Bearer ${program.key}`, 'content-type': 'application/json' };
    for (const path of [ways.keyless, '/api/v1/conversions', '/api/v1/events']) {
      await check(path, ({ body: raw }) => ({ path, headers, body: raw }), 200, exchanged([conversion]));
    }
  });

  test('and none of what was taken fails when it is settled', async () => {
    await program.settled();
    const failed = await runSql(
      hub.db,
      `select kind, error from inbox_events where program_id = ? and status = 'failed'`,
      [program.id],
    );
    assert.deepEqual(failed, []);
    assert.deepEqual((await verifyLedger(hub.db)).differences, []);
  });
});

/** What is answered to bytes that no client would write, and to more of them once the first are answered. */
function raw(bytes: Buffer, more?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(new URL(hub.url).port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      if (text === '' && more) socket.write(more);
      text += chunk.toString('utf8');
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
    socket.write(bytes);
  });
}

describe('a request that is no HTTP', () => {
  const key = 'sk_live_0123456789abcdefghijABCDEFGHIJ012345';
  const cases: [what: string, request: Buffer, words: RegExp][] = [
    [
      'raw UTF-8 in the URL',
      Buffer.from(`GET /pb/x?secure=${key}&txid=café HTTP/1.1\r\nHost: a\r\n\r\n`),
      /not ASCII: percent-encode/,
    ],
    [
      'raw Latin-1 in the URL',
      Buffer.from('GET /pb/x?txid=caf\xe9 HTTP/1.1\r\nHost: a\r\n\r\n', 'latin1'),
      /not ASCII/,
    ],
    [
      'a space in the URL',
      Buffer.from(`GET /pb/x?secure=${key}&goal=a b HTTP/1.1\r\nHost: a\r\n\r\n`),
      /holds a space/,
    ],
    [
      'a length that is none',
      Buffer.from('POST /pb/x HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n'),
      /not valid HTTP/,
    ],
    [
      'a control character in a header',
      Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nX: \u0001\r\n\r\n'),
      /not valid HTTP/,
    ],
    ['no HTTP at all', Buffer.from('\x16\x03\x01\x02\x00\x01'), /not valid HTTP/],
    [
      'a chunk that is none',
      Buffer.from('POST /api/v1/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'),
      /error/,
    ],
  ];
  for (const [what, request, words] of cases) {
    test(`${what} is answered 400 in words, and nothing of it is repeated`, async () => {
      const answer = await raw(request);
      assert.match(answer, /^HTTP\/1\.1 4\d\d /);
      assert.match(answer, words);
      assert.ok(!answer.includes(key));
      const [head = '', body = ''] = answer.split('\r\n\r\n');
      assert.equal(Number(/Content-Length: (\d+)/i.exec(head)?.[1]), Buffer.byteLength(body));
      assert.equal(typeof (JSON.parse(body) as { error: { message: string } }).error.message, 'string');
    });
  }

  test('headers that are too large are 431', async () => {
    const answer = await raw(Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`));
    assert.match(answer, /^HTTP\/1\.1 431 [^]*larger than 16 KiB/);
  });

  test('behind one that was answered on the same connection is answered, too', async () => {
    const answer = await raw(
      Buffer.from('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n'),
      Buffer.from('GET /a b HTTP/1.1\r\n\r\n'),
    );
    assert.match(answer, /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 400 [^]*holds a space/);
  });
});
