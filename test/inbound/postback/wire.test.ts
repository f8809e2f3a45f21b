import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { decodeComponent, encodeComponent, fromBytes, toBytes } from '../../../src/domain/byte-text.ts';
import { AppError } from '../../../src/domain/errors.ts';
import type { Fact } from '../../../src/domain/facts.ts';
import { defaultFieldNames, renameFields } from '../../../src/inbound/fields/names.ts';
import { readMessage } from '../../../src/inbound/postback/message.ts';
import { normalizePostback, normalizeStoredPostback } from '../../../src/inbound/postback/normalize.ts';
import { compileSettings } from '../../../src/inbound/postback/settings.ts';
import { postbackSettingsSchema } from '../../../src/program/sources.ts';

const context = { livemode: true, receivedAt: new Date('2026-11-05T12:00:00.000Z'), orderScope: null, keyless: null };
const form = 'application/x-www-form-urlencoded';
const json = 'application/json';
const KEY = 'sk_live_0123456789abcdefghijABCDEFGHIJ012345';

interface Sent {
  query?: string;
  body?: Buffer | string;
  type?: string;
  settings?: object;
}

/** What a postback is read as, at once and again from what is stored of it, which must be the same. */
function read({ query = '', body = '', type, settings = {} }: Sent): Fact {
  const given = postbackSettingsSchema.parse(settings);
  const compiled = compileSettings(given);
  const bytes = Buffer.from(body as string);
  const message = readMessage({ url: `/pb/s?${query}`, body: bytes, contentType: type }, compiled.names);
  const normalized = normalizePostback(message.pairs, compiled, context);
  assert.ok(normalized.kind === 'facts');
  const headers: Record<string, string> =
    bytes.length > 0 ? { method: 'POST', url: message.url, ...(type ? { 'content-type': type } : {}) } : {};
  const again = normalizeStoredPostback({ raw: message.raw, headers }, given, context);
  assert.deepEqual(again, normalized, 'read again');
  return normalized.facts[0] as Fact;
}

function refusal(sent: Sent): AppError {
  let thrown: unknown = null;
  try {
    read(sent);
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof AppError, `${sent.query ?? ''} ${String(sent.body ?? '')}: ${String(thrown)}`);
  return thrown;
}

function part(name: string, value: string, more = ''): string {
  return `--B\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
}

describe('an ampersand that was escaped for another language', () => {
  for (const query of [
    'clickid=clk_1&amp;status=rejected',
    'clickid=clk_1&AMP;status=rejected',
    'clickid=clk_1&amp;amp;status=rejected',
    'clickid=clk_1&#38;status=rejected',
    'clickid=clk_1&#038;status=rejected',
    'clickid=clk_1&#x26;status=rejected',
    'clickid=clk_1&#X26;amp;status=rejected',
    'clickid=clk_1&amp%3Bstatus=rejected',
    'clickid=clk_1&ampstatus=rejected',
    'clickid=clk_1&amp;pid=7',
    'clickid=clk_1&sum=1&amp;',
    'clickid=clk_1%26amp%3Bstatus%3Drejected',
    'clickid=clk_1%26amp%3Bamp%3Bstatus%3Drejected',
    'clickid=clk_1%2526amp%253Bstatus%253Drejected',
    'clickid=clk_1%26status%3Drejected',
    'clickid=clk_1\\u0026status=rejected',
    'txid=A-1%26amp%3Bstatus%3Drejected&clickid=clk_1',
    'clickid=clk_1?status=rejected',
    'clickid=clk_1;status=rejected',
    'clickid=clk_1&?status=rejected',
    'clickid=clk_1&%26status=rejected',
    'clickid=clk_1&amp%26status=rejected',
    'clickid=clk_1&%26amp%3Bstatus=rejected',
    '?clickid=clk_1&status=rejected',
    'clickid=clk_1%3Bstatus%3Drejected',
  ]) {
    it(`is refused in words: ${query}`, () => {
      const error = refusal({ query });
      assert.equal(error.details?.['reason'], 'escaped_ampersand');
      assert.match(error.message, /write the ampersands between parameters as plain &/);
      if (!query.includes('=1&amp')) {
        assert.equal(refusal({ body: query, type: form }).details?.['reason'], 'escaped_ampersand', 'in a form');
      }
    });
  }

  it('is refused in JSON and in a multipart form, too', () => {
    for (const [body, type] of [
      ['{"clickid":"clk_1","amp;status":"rejected"}', json],
      ['{"clickid":"clk_1&amp;status=rejected"}', json],
      [`${part('clickid', 'clk_1')}${part('amp;status', 'rejected')}--B--`, 'multipart/form-data; boundary=B'],
    ] as const) {
      assert.equal(refusal({ body, type }).details?.['reason'], 'escaped_ampersand', body);
    }
  });

  for (const query of [
    'clickid=clk_1&goal=R%26amp%3BD',
    'clickid=clk_1&txid=A;B',
    'clickid=clk_1&goal=why?',
    'clickid=clk_1&sub1=a;status=b?sum=1',
    'clickid=clk_1&amplitude=7&campaign=a&ampurl=x&amp_sum=1',
    'clickid=clk_1&note=a%26amp%3Bstatus%3Drejected',
    'clickid=clk_1&url=https%3A%2F%2Fshop.example%2F%3Fa%3D1%26amp%3Bstatus%3Drejected',
    'clickid=clk_1&sub1=a%26status%3Db',
    'clickid=clk_1&txid=A%26B',
    'clickid=clk_1&txid=A%26b%3Dc',
    'clickid=clk_1&',
  ]) {
    it(`is none in ${query}`, () => {
      assert.equal(read({ query }).type, 'action');
    });
  }
});

describe('bytes that are not UTF-8', () => {
  const orderOf = (sent: Sent): string | undefined => read(sent).refs[0];
  it('stay apart in a query, in a form, in raw bytes, in JSON and in a multipart form', () => {
    const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
    const ways: ((letter: string) => Sent)[] = [
      (letter) => ({ query: `txid=caf%${letter.charCodeAt(0).toString(16)}` }),
      (letter) => ({ body: `txid=caf%${letter.charCodeAt(0).toString(16)}`, type: form }),
      (letter) => ({ body: latin1(`txid=caf${letter}`), type: form }),
      (letter) => ({ body: latin1(`{"txid":"caf${letter}"}`), type: json }),
      (letter) => ({ body: latin1(`${part('txid', `caf${letter}`)}--B--`), type: 'multipart/form-data; boundary=B' }),
      (letter) => ({ query: 'clickid=c', body: latin1(`txid=caf${letter}`), type: 'text/plain' }),
    ];
    for (const way of ways) {
      const [acute, grave] = [orderOf(way('é')), orderOf(way('è'))];
      assert.equal(acute, 'order:caf\ufffdE9');
      assert.equal(grave, 'order:caf\ufffdE8');
    }
    assert.equal(orderOf({ query: 'txid=caf%C3%A9' }), 'order:café');
    assert.equal(orderOf({ body: 'txid=café', type: form }), 'order:café');
  });

  it('leave as they came, whatever they are, and nothing else becomes them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const sent = [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
        const text = decodeComponent(sent);
        assert.deepEqual(Buffer.from(decodeURIByte(encodeComponent(text)), 'latin1'), Buffer.from(bytes));
        assert.deepEqual(toBytes(fromBytes(Buffer.from(bytes))), Buffer.from(bytes));
        assert.ok(text.isWellFormed());
      }),
      { numRuns: 2000 },
    );
    for (const text of ['\ufffd', '\ufffdE9', 'a\ufffdFFb', '\ufffd41', 'é\ufffdé', '100%', '%E9']) {
      assert.equal(encodeComponent(decodeComponent(encodeURIComponent(text))), encodeURIComponent(text));
    }
    assert.notEqual(decodeComponent('%EF%BF%BDE9'), decodeComponent('%E9'));
  });

  it('are kept in the raw message, also where a key was taken out of it', () => {
    const body = Buffer.from(`txid=caf\xe9&secure=${KEY}&x=\xff`, 'latin1');
    const message = readMessage({ url: '/pb/s', body, contentType: form }, defaultFieldNames);
    assert.deepEqual(message.raw, Buffer.from('txid=caf\xe9&secure=[redacted]&x=\xff', 'latin1'));
    const whole = Buffer.from('a=\xe9\x00'.replace('\x00', ''), 'latin1');
    assert.equal(readMessage({ url: '/pb/s', body: whole, contentType: form }, defaultFieldNames).raw, whole);
    const marked = Buffer.from(`\ufeff{"txid":"caf\xe9","secure":"${KEY}"}`, 'latin1');
    const kept = readMessage(
      { url: '/pb/s', body: Buffer.from('{"txid":"caf\xe9","secure":"k"}', 'latin1'), contentType: json },
      defaultFieldNames,
    );
    assert.deepEqual(kept.raw, Buffer.from('{"txid":"caf\xe9","secure":"[redacted]"}', 'latin1'));
    assert.throws(
      () => readMessage({ url: '/pb/s', body: marked, contentType: json }, defaultFieldNames),
      /not valid JSON/,
    );
  });
});

function decodeURIByte(text: string): string {
  return text.replaceAll(/%([0-9A-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

describe('what cannot be seen', () => {
  it('is no part of a name', () => {
    const name = encodeURIComponent('\u200bstatus');
    assert.deepEqual(
      read({ query: `clickid=clk_1&${name}=rejected` }),
      read({ query: 'clickid=clk_1&status=rejected' }),
    );
  });

  it('makes no value of a word that stands for none', () => {
    const error = refusal({ query: `clickid=clk_1&txid=${encodeURIComponent('\u200bnull')}` });
    assert.match(error.message, /txid/);
  });
});

describe('a byte order mark', () => {
  it('before JSON means nothing, with a key in it, too, and twice', () => {
    const body = '{"clickid":"clk_1","sum":5}';
    for (const mark of ['\ufeff', '\ufeff\ufeff']) {
      assert.deepEqual(read({ body: mark + body, type: json }), read({ body, type: json }));
      const hidden = `${mark}{"clickid":"clk_1","sum":5,"note":{"a":"${KEY}"},"secure":"${KEY}"}`;
      assert.deepEqual(read({ body: hidden, type: json }), read({ body, type: json }));
      const message = readMessage({ url: '/pb/s', body: Buffer.from(hidden), contentType: json }, defaultFieldNames);
      assert.ok(!message.raw.toString().includes(KEY));
    }
    assert.deepEqual(read({ body: '\ufeffclickid=clk_1&sum=5', type: form }), read({ body, type: json }));
  });
});

describe('a body', () => {
  it("may be a multipart form, whose files are nobody's fields", () => {
    const type = 'multipart/form-data; boundary="B"';
    const body = `${part('clickid', 'clk_1')}${part('status', 'x', '; filename="status"')}${part('sum', '5')}--B--\r\n`;
    assert.deepEqual(read({ body, type }), read({ query: 'clickid=clk_1&sum=5' }));
    assert.deepEqual(
      read({ query: 'clickid=clk_1', body: `preamble\r\n${part('sum', '5')}--B--`, type }),
      read({ body, type }),
    );
    assert.deepEqual(
      read({ body: body.replace('--B--\r\n', ''), type }),
      read({ body, type }),
      'without its last line',
    );
    const secret = `${part('clickid', 'clk_1')}${part('secure', KEY)}--B--`;
    const message = readMessage({ url: '/pb/s', body: Buffer.from(secret), contentType: type }, defaultFieldNames);
    assert.equal(message.key, KEY);
    assert.equal(message.raw.toString(), secret.replace(KEY, '[redacted]'));
    assert.match(refusal({ body: 'a=1', type }).message, /no multipart form/);
    assert.match(refusal({ body, type: 'multipart/form-data' }).message, /no multipart form/);
    assert.equal(
      refusal({ query: 'sum=6&clickid=clk_1', body, type }).message,
      "sum disagrees with sum: '5' is not '6'",
    );
  });

  it("of any other kind is somebody else's beside a query that says it all, unless it says more", () => {
    const alone = read({ query: 'clickid=clk_1&sum=5' });
    for (const [body, type] of [
      ['hello', 'text/plain'],
      ['<status>rejected</status>', 'text/xml'],
      [Buffer.from([0, 255, 254, 0]), 'application/octet-stream'],
      ['[{"sku":"a"},{"sku":"b"}]', json],
      ['null', json],
      ['not a form', 'multipart/form-data; boundary=x'],
    ] as const) {
      assert.deepEqual(read({ query: 'clickid=clk_1&sum=5', body, type }), alone, type);
    }
    for (const [body, type] of [
      ['status=rejected', 'text/plain'],
      ['{"status":"rejected"}', 'text/plain'],
      ['\ufeffstatus=rejected', 'text/plain'],
      ['&status=rejected', 'text/plain'],
      [part('status', 'rejected'), 'multipart/form-data; boundary=B'],
    ] as const) {
      const fact = read({ query: 'clickid=clk_1&sum=5', body, type });
      assert.equal(fact.type === 'tracker' && fact.state, 'rejected');
    }
    assert.equal(refusal({ query: 'sum=5', body: 'hello', type: 'text/plain' }).status, 415);
    assert.match(
      refusal({ query: 'clickid=clk_1', body: '[{"status":"rejected"}]', type: json }).message,
      /JSON object/,
    );
    assert.match(
      refusal({ query: 'clickid=clk_1', body: '[{"status":"rejected"}]', type: 'text/plain' }).message,
      /JSON object/,
    );
    assert.match(refusal({ query: 'clickid=clk_1', body: '{"a":', type: json }).message, /not valid JSON/);
  });

  it("may repeat and nest what is the sender's own", () => {
    const alone = read({ query: 'clickid=clk_1&sum=5' });
    for (const sent of [
      { query: 'clickid=clk_1&sum=5&items[]=1&items[]=2&tag=a&tag=b' },
      { query: 'clickid=clk_1&sum[]=5' },
      { query: 'clickid=clk_1&sum=5&metadata=text&metadata[a]=1' },
      { query: 'clickid=clk_1&sum=5&event[id]=1&url[0]=a&sub1[x]=1' },
      { body: '{"clickid":"clk_1","sum":5,"items":[{"sum":9,"status":"rejected"}],"customer":{"id":1}}', type: json },
      { body: '{"clickid":"clk_1","sum":5,"event":{"id":1},"url":["a"],"sub1":{},"product_id":[]}', type: json },
    ]) {
      assert.deepEqual(read(sent), alone, JSON.stringify(sent));
    }
    assert.match(refusal({ query: 'clickid=clk_1&sum[]=5&sum[]=6' }).message, /sum is given more than once/);
    assert.match(
      refusal({ body: '{"clickid":"clk_1","sum":{"value":5}}', type: json }).message,
      /sum must be text or a number/,
    );
    assert.match(refusal({ body: '{"clickid":"clk_1","status":["sale"]}', type: json }).message, /status must be/);
    assert.match(refusal({ query: 'clickid=clk_1&status[0]=rejected' }).message, /status\[0\] must be text/);
    const deep = `{"clickid":"clk_1","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    assert.match(refusal({ body: deep, type: json }).message, /nested more than/);
  });
});

describe("a path of a source's fields", () => {
  const settings = { fields: { 'data.id': 'txid', 'data.total.value': 'sum', 'Items[0][Click-Id]': 'clickid' } };
  const plain = read({ query: 'clickid=clk_1&sum=5&txid=A-1' });

  it('is followed in JSON and in forms', () => {
    const body = {
      data: { id: 'A-1', total: { value: 5, currency: 'USD' } },
      items: [{ click_id: 'clk_1' }, { click_id: 'x' }],
    };
    assert.deepEqual(read({ body: JSON.stringify(body), type: json, settings }), plain);
    for (const query of [
      'data[id]=A-1&data[total][value]=5&items[0][click_id]=clk_1&items[1][click_id]=x',
      'data.id=A-1&data.total.value=5&items.0.click_id=clk_1',
    ]) {
      assert.deepEqual(read({ query, settings }), plain, query);
    }
    assert.match(
      refusal({ body: '{"data":{"id":"A-1"},"clickid":{}}', type: json, settings }).message,
      /clickid must be text/,
    );
    assert.equal(
      read({ body: '{"data":{"id":null},"clickid":"clk_1","order_id":"A-2"}', type: json, settings }).refs[0],
      'order:A-2',
    );
  });

  it('says what stands at the top of it, which is then no field itself', () => {
    const within = { fields: { 'amount.value': 'sum', 'amount.currency': 'currency' } };
    const body = '{"clickid":"clk_1","txid":"A-1","amount":{"value":5,"currency":"USD"}}';
    const alone = read({ query: 'clickid=clk_1&txid=A-1&sum=5&currency=USD' });
    assert.deepEqual(read({ body, type: json, settings: within }), alone);
    assert.deepEqual(
      read({ query: 'clickid=clk_1&txid=A-1&amount[value]=5&amount[currency]=USD', settings: within }),
      alone,
    );
  });

  it('names no key, which could not be blotted out there', () => {
    const names = renameFields({ 'auth.key': 'secure' });
    const message = readMessage({ url: '/pb/s', body: Buffer.from('{"auth":{"key":"k"}}'), contentType: json }, names);
    assert.equal(message.key, null);
  });
});
