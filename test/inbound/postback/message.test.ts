import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { AppError } from '../../../src/domain/errors.ts';
import { factSchema } from '../../../src/domain/facts.ts';
import type { Fact, Normalized } from '../../../src/domain/facts.ts';
import { postbackSettingsSchema } from '../../../src/program/sources.ts';
import { defaultFieldNames, renameFields } from '../../../src/inbound/fields/names.ts';
import { callIdOf } from '../../../src/inbound/fields/references.ts';
import { readMessage } from '../../../src/inbound/postback/message.ts';
import { normalizePostback, normalizeStoredPostback } from '../../../src/inbound/postback/normalize.ts';
import { presets } from '../../../src/inbound/postback/presets.ts';
import { compileCidrs } from '../../../src/http/client-address.ts';
import { compileSettings } from '../../../src/inbound/postback/settings.ts';

const context = { livemode: true, receivedAt: new Date('2026-11-05T12:00:00.000Z'), orderScope: null, keyless: null };
const form = 'application/x-www-form-urlencoded';
const json = 'application/json';
const KEY = 'sk_live_0123456789abcdefghijABCDEFGHIJ012345';

function take(url: string, body = '', contentType?: string, names = defaultFieldNames) {
  return readMessage({ url, body: Buffer.from(body), contentType }, names);
}

function onlyFact(normalized: Normalized): Fact {
  assert.equal(normalized.kind, 'facts');
  const { facts } = normalized;
  assert.equal(facts.length, 1);
  assert.deepEqual(factSchema.parse(facts[0]), facts[0]);
  return facts[0] as Fact;
}

function normalize(url: string, settings: object = {}, more: object = {}): Fact {
  const compiled = compileSettings(postbackSettingsSchema.parse(settings));
  return onlyFact(normalizePostback(take(url, '', undefined, compiled.names).pairs, compiled, { ...context, ...more }));
}

describe('taking a postback apart', () => {
  const queries: [string, [string, string][]][] = [
    [
      '/pb/s?a=1&b=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    ['/pb/s', []],
    ['/pb/s?', []],
    ['/pb/s?&&a=1&', [['a', '1']]],
    ['/pb/s?a', [['a', '']]],
    ['/pb/s?a=', [['a', '']]],
    ['/pb/s?a=b=c', [['a', 'b=c']]],
    ['/pb/s?a=1?b=2', [['a', '1?b=2']]],
    ['/pb/s?a=x+y%20z', [['a', 'x y z']]],
    ['/pb/s?click%5Fid=%C3%A9', [['click_id', 'é']]],
    ['/pb/s?a=50%', [['a', '50%']]],
    ['/pb/s?a=%zz%41', [['a', '%zzA']]],
    ['/pb/s?a=%FF', [['a', '\ufffdFF']]],
    [
      '/pb/s?__proto__=1&constructor=2',
      [
        ['__proto__', '1'],
        ['constructor', '2'],
      ],
    ],
  ];
  for (const [url, pairs] of queries) {
    it(`reads ${url}`, () => {
      assert.deepEqual(take(url).pairs, pairs);
    });
  }

  it('reads forms and JSON beside the query', () => {
    assert.deepEqual(take('/pb/s?a=1', 'b=2', form).pairs, [
      ['a', '1'],
      ['b', '2'],
    ]);
    assert.deepEqual(take('/pb/s?a=1', 'b=2', `${form}; charset=utf-8`).pairs.length, 2);
    assert.deepEqual(take('/pb/s', 'b=2').pairs, [['b', '2']], 'a body without a type is a form');
    assert.deepEqual(take('/pb/s?a=1', '{"b":2,"c":null}', json).pairs, [
      ['a', '1'],
      ['b', 2],
      ['c', null],
    ]);
    assert.deepEqual(take('/pb/s', '{"b":2}', 'application/vnd.api+json').pairs, [['b', 2]]);
  });

  const refused: [string, () => unknown, RegExp][] = [
    ['a repeated field', () => take('/pb/s?sum=1&sum=1'), /sum is given more than once/],
    ['a repeated field in other encoding', () => take('/pb/s?sum=1&%73um=1'), /more than once/],
    ['a repeated field of a form', () => take('/pb/s', 'txid=1&txid=2', form), /more than once/],
    ['a field that is a list of two', () => take('/pb/s?sum[]=1&sum%5B%5D=2'), /sum is given more than once/],
    ['NUL in a value', () => take('/pb/s?a=%00'), /NUL/],
    ['NUL in a name', () => take('/pb/s?a%00b=1'), /NUL/],
    ['too many parameters', () => take(`/pb/s?${Array.from({ length: 201 }, (_, at) => `p${at}=1`).join('&')}`), /200/],
    ['broken JSON', () => take('/pb/s', '{"a":', json), /not valid JSON/],
    ['JSON that is no object', () => take('/pb/s', '[1]', json), /must be a JSON object/],
    ['JSON that is a text', () => take('/pb/s', '"a=1"', json), /must be a JSON object/],
    ['two keys that differ', () => take('/pb/s?secure=one', 'secure=two', form), /disagrees/],
    ['a key of another kind', () => take('/pb/s', '{"secure":7}', json), /must be text/],
  ];
  for (const [name, run, message] of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(run, (error) => error instanceof AppError && error.status === 400 && message.test(error.message));
    });
  }

  it('refuses bodies of other kinds', () => {
    for (const type of ['text/xml', 'application/octet-stream', 'text/plain']) {
      assert.throws(
        () => take('/pb/s', 'a=1', type),
        (error) => error instanceof AppError && error.status === 415,
      );
    }
  });
});

describe('a key', () => {
  const raws: [string, string, string | undefined, string][] = [
    [`/pb/s?a=1&secure=${KEY}&b=2`, '', undefined, '/pb/s?a=1&secure=[redacted]&b=2'],
    [`/pb/s?SECURE=${KEY}`, '', undefined, '/pb/s?SECURE=[redacted]'],
    ['/pb/s?secure=im%70orted-key&a=%7B', '', undefined, '/pb/s?secure=[redacted]&a=%7B'],
    ['/pb/s?secure=', '', undefined, '/pb/s?secure='],
    [`/pb/s?api_key=${KEY}`, '', undefined, '/pb/s?api_key=[redacted]'],
    [`/pb/s?secure=${KEY}`, `a=1&secure=${KEY}`, form, 'a=1&secure=[redacted]'],
    ['/pb/s', `{"a": 1.50, "secure":"${KEY}"}`, json, '{"a":1.5,"secure":"[redacted]"}'],
    ['/pb/s', '{"a": 1.50, "b":"x"}', json, '{"a": 1.50, "b":"x"}'],
    ['/pb/s', `{"nested":{"key":"${KEY}"}}`, json, '{"nested":{"key":"[redacted]"}}'],
    ['/pb/s', '{"secure":"imp\\u006frted-key"}', json, '{"secure":"[redacted]"}'],
  ];
  for (const [url, body, type, raw] of raws) {
    it(`never gets into what is stored of ${url} ${body}`, () => {
      const message = take(url, body, type);
      assert.equal(message.raw.toString(), raw);
      assert.ok(!message.url.includes(KEY));
    });
  }

  it('is found in the query or the body', () => {
    assert.equal(take(`/pb/s?secure=${KEY}`).key, KEY);
    assert.equal(take('/pb/s', `secure=${KEY}`, form).key, KEY);
    assert.equal(take('/pb/s', `{"Secure":" ${KEY} "}`, json).key, KEY);
    assert.equal(take(`/pb/s?secure=${KEY}`, `secure=${KEY}`, form).key, KEY);
    assert.equal(take('/pb/s?secure=').key, null);
    assert.equal(take('/pb/s?security_token=t', '', undefined, renameFields({ security_token: 'secure' })).key, 't');
  });

  it('that two places disagree on is never repeated in the error', () => {
    assert.throws(
      () => take('/pb/s?secure=secret-one', 'secure=secret-two', form),
      (error) => error instanceof AppError && !/secret/.test(error.message + JSON.stringify(error.details ?? {})),
    );
  });
});

describe('a postback', () => {
  it('without an order id is known by its click and goal, so that a repeat is the same', () => {
    const fact = normalize('/pb/s?clickid=clk_1&sum=5');
    assert.deepEqual(fact.refs, ['click:clk_1:purchase']);
    assert.equal(fact.type === 'sale' && fact.document, 'postback');
    assert.equal(normalize('/pb/s?cid=clk_1&amount=5.00&goal=purchase').id, fact.id);
    assert.deepEqual(normalize('/pb/s?clickid=clk_1&goal=Upsell').refs, ['click:clk_1:upsell']);
  });

  it('without order and click is an order of its own', () => {
    const fact = normalize('/pb/s?user_id=u1&sum=5');
    assert.match(fact.refs[0] ?? '', /^call:/);
    assert.throws(() => normalize('/pb/s?sum=5'), /click_id is required/);
    assert.throws(() => normalize('/pb/s?user_id=u1&status=rejected'), /a status is about an order/);
  });

  it('keeps its order ids to itself where the source says so', () => {
    assert.deepEqual(normalize('/pb/s?txid=7&sum=5', {}, { orderScope: 'src_1' }).refs, ['order:src_1:7']);
    assert.deepEqual(normalize('/pb/s?txid=pi_3Abc&sum=5', {}, { orderScope: 'src_1' }).refs, ['stripe:pi_3Abc']);
  });

  it('of a source without a table speaks our words, and of one with a table only its own', () => {
    const state = (word: string, settings: object) => {
      const fact = normalize(`/pb/s?txid=7&status=${word}`, settings);
      return fact.type === 'tracker' ? fact.state : fact.type;
    };
    assert.deepEqual(
      ['lead', 'HOLD', 'sale', 'rejected', '1', 'approved'].map((word) => state(word, {})),
      ['lead', 'hold', 'sale', 'rejected', 'unknown', 'unknown'],
    );
    assert.deepEqual(
      ['1', 'sale'].map((word) => state(word, { statuses: { '1': 'sale' } })),
      ['sale', 'unknown'],
    );
  });

  it('of zero has no amount, in sales as in leads and rejections; below zero no sale is', () => {
    assert.equal(normalize('/pb/s?txid=7&sum=0').type, 'action');
    const zero = normalize('/pb/s?txid=7&sum=0.00&status=sale');
    assert.deepEqual(zero.type === 'tracker' && [zero.state, zero.amount], ['sale', null]);
    assert.throws(() => normalize('/pb/s?txid=7&sum=-5'), /sum must be positive/);
    assert.throws(() => normalize('/pb/s?txid=7&sum=-5&status=sale'), /sum must be positive/);
    for (const status of ['lead', 'hold', 'rejected', 'whatever']) {
      const fact = normalize(`/pb/s?txid=7&sum=0.00&status=${status}`);
      assert.equal(fact.type === 'tracker' && fact.amount, null, status);
    }
    assert.equal(normalize('/pb/s?txid=7&sum=-5&status=rejected').type, 'tracker');
  });

  it('says renewal, subscription, tax and shipping, also beside a status', () => {
    const said = 'txid=7&sum=119&tax=19&currency=USD&is_recurring=1&subscription_id=S-1';
    const sale = normalize(`/pb/s?${said}`);
    assert.ok(sale.type === 'sale');
    assert.deepEqual(
      [sale.gross, sale.net, sale.phase, sale.subscription],
      [{ minor: 11900, currency: 'USD' }, { minor: 10000, currency: 'USD' }, 'recurring', 'sub:S-1'],
    );
    const tracked = normalize(`/pb/s?${said}&status=sale`);
    assert.ok(tracked.type === 'tracker');
    assert.deepEqual(
      [tracked.amount, tracked.net, tracked.phase, tracked.subscription],
      [{ minor: 11900, currency: 'USD' }, { minor: 10000, currency: 'USD' }, 'recurring', 'sub:S-1'],
    );
    const scoped = normalize('/pb/s?txid=7&sum=5&subscription_id=S-1', {}, { orderScope: 'src_1' });
    assert.equal(scoped.type === 'sale' && scoped.subscription, 'sub:src_1:S-1');
    assert.throws(() => normalize('/pb/s?txid=7&sum=0&renewal=yes'), /sum is required of a renewal/);
  });

  it('of a source without a key says when it was received, whatever time it states', () => {
    const received = context.receivedAt.toISOString();
    const query = 'cid=clk_1&txid=7&sum=5&occurred_at=2026-01-01T00:00:00Z';
    const keyless = normalize(`/pb/s?${query}`, {}, { keyless: 'src_1' });
    assert.deepEqual([keyless.occurredAt, keyless.receivedAt], ['2026-01-01T00:00:00.000Z', received]);
    assert.equal(normalize(`/pb/s?${query}`).receivedAt, undefined);
    for (const event of ['lead', 'pageview']) {
      const fact = normalize(`/pb/s?cid=clk_1&event=${event}`, { purpose: 'secondary' }, { keyless: 'src_1' });
      assert.equal(fact.receivedAt, received);
    }
    const status = normalize('/pb/s?txid=7&status=hold', {}, { keyless: 'src_1' });
    assert.equal(status.receivedAt, received);
  });

  it('of a source without a key names nothing that anybody else names, whatever it says', () => {
    const said = [
      'txid=7&sum=5&user_id=u1&customer_email=Buyer@shop.example',
      'txid=pi_3Abc&sum=5&user_id=cus_1',
      'txid=in_subscription_of_37_characters_first&sum=5&subscription_id=sub_1&user_id=acct_1:cus_1',
      'cid=clk_1&sum=5&subscription_id=S-1&customer_email=Buyer@shop.example',
      'cid=clk_1&status=rejected',
      'txid=keyless:src_1:order:7&status=rejected&user_id=keyless:src_1:id:u1',
    ];
    const namesOf = (fact: Fact): string[] => [
      fact.id,
      ...fact.refs,
      ...(fact.customer?.refs ?? []),
      ...('subscription' in fact && fact.subscription ? [fact.subscription] : []),
    ];
    for (const settings of [
      {},
      { purpose: 'secondary', eventType: 'lead' },
      { purpose: 'secondary', eventType: 'registration' },
    ]) {
      for (const query of said) {
        if ('purpose' in settings && !/cid|user_id|customer_email/.test(query)) continue;
        const own = normalize(`/pb/s?${query}`, settings, { keyless: 'src_2' });
        const others = [
          normalize(`/pb/s?${query}`, settings),
          normalize(`/pb/s?${query}`, settings, { orderScope: 'src_2' }),
          normalize(`/pb/s?${query}`, settings, { keyless: 'src_1' }),
        ].flatMap(namesOf);
        assert.deepEqual(
          namesOf(own).filter((name) => others.includes(name)),
          [],
          query,
        );
        assert.ok(
          namesOf(own)
            .slice(1)
            .every((name) => name.startsWith('keyless:src_2:')),
          query,
        );
        assert.ok(own.customer === null || own.customer.refs.length === 1);
      }
    }
    const guest = normalize('/pb/s?txid=7&sum=5&customer_email=Buyer@shop.example', {}, { keyless: 'src_2' });
    assert.deepEqual(guest.refs, ['keyless:src_2:order:7']);
    assert.deepEqual(guest.customer?.refs, ['keyless:src_2:email:buyer@shop.example']);
    const paid = normalize('/pb/s?txid=pi_3Abc&sum=5&user_id=cus_1', {}, { keyless: 'src_2' });
    assert.deepEqual(
      [paid.refs, paid.customer?.refs],
      [['keyless:src_2:stripe:pi_3Abc'], ['keyless:src_2:stripe:cus_1']],
    );
  });

  it('of a secondary source is a funnel event', () => {
    const fact = normalize('/pb/s?cid=clk_1&event=registration', { purpose: 'secondary' });
    assert.equal(fact.type === 'funnel' && fact.eventType, 'registration');
    assert.equal(normalize('/pb/s?cid=clk_1', { purpose: 'secondary', eventType: 'lead' }).type, 'lead');
    const other = normalize('/pb/s?cid=clk_1&event=reg', { purpose: 'secondary', eventType: 'registration' });
    assert.equal(other.type === 'funnel' && other.eventType, 'registration');
    const named = normalize('/pb/s?cid=clk_1&event=pageview', { purpose: 'secondary', eventType: 'registration' });
    assert.equal(named.type === 'funnel' && named.eventType, 'pageview');
    assert.throws(() => normalize('/pb/s?cid=clk_1&event=buy', { purpose: 'secondary' }), /must be one of pageview/);
  });

  it("names a disagreement of query and body, and a macro, under the sender's own names", () => {
    const compiled = compileSettings(postbackSettingsSchema.parse({}));
    const pairs = take('/pb/s?cid=a', 'click_id=b&sum={sum}', form).pairs;
    assert.throws(
      () => normalizePostback(pairs, compiled, context),
      (error) => {
        assert.ok(error instanceof AppError);
        assert.deepEqual(Object.keys(error.details ?? {}), ['click_id', 'sum', 'reason']);
        assert.match(error.message, /click_id disagrees with cid/);
        return true;
      },
    );
  });

  it('stored is understood again as it was, by GET and by POST', () => {
    const settings = postbackSettingsSchema.parse({ preset: 'bemob', requireKey: false });
    const compiled = compileSettings(settings);
    for (const [url, body, type] of [
      [`/pb/s?cid=clk_1&payout=5.50&txid=t1&status=new&secure=${KEY}`, '', undefined],
      [`/pb/s?cid=clk_1&secure=${KEY}`, 'payout=5.50&txid=t1', form],
      ['/pb/s?cid=clk_1', `{"payout":5.5,"txid":"t1","secure":"${KEY}"}`, json],
      ['/pb/s?user_id=u1&payout=5', '', undefined],
    ] as const) {
      const message = take(url, body, type, compiled.names);
      const headers: Record<string, string> = body
        ? { method: 'POST', url: message.url, 'content-type': type ?? '' }
        : {};
      const first = normalizePostback(message.pairs, compiled, context);
      const callId = callIdOf([onlyFact(first)]);
      const again = normalizeStoredPostback({ raw: message.raw, headers }, settings, { ...context, callId });
      assert.deepEqual(again, first);
    }
  });
});

describe('allowed addresses', () => {
  const allows = compileCidrs(['203.0.113.0/24', '198.51.100.7', '2001:db8::/32', 'nonsense', '10.0.0.0/99']);
  const cases: [string, boolean][] = [
    ['203.0.113.9', true],
    ['203.0.114.9', false],
    ['198.51.100.7', true],
    ['198.51.100.8', false],
    ['::ffff:203.0.113.9', true],
    ['2001:db8:1::1', true],
    ['2001:db9::1', false],
    ['10.0.0.1', false],
    ['', false],
    ['unknown', false],
  ];
  for (const [ip, allowed] of cases) {
    it(`${ip || 'none'} is ${allowed ? 'let in' : 'kept out'}`, () => {
      assert.equal(allows(ip), allowed);
    });
  }
});

it('whatever a postback holds, it becomes a valid fact or an AppError', () => {
  const keys = presets.flatMap((preset) => Object.keys(preset.fields));
  const name = fc.oneof(fc.constantFrom(...keys, 'cid', 'sum', 'txid', 'status', 'currency', 'event'), fc.string());
  const value = fc.oneof(
    fc.constantFrom('1', 'sale', '{x}', '5.00', 'USD', '%00', '%', 'lead'),
    fc.webQueryParameters(),
  );
  const query = fc.array(fc.tuple(name, value)).map((pairs) => pairs.map((pair) => pair.join('=')).join('&'));
  const body = fc.oneof(query, fc.json(), fc.string());
  const settings = fc.record({
    preset: fc.constantFrom(null, ...presets.map(({ id }) => id)),
    purpose: fc.constantFrom('primary', 'secondary'),
    eventType: fc.constantFrom(null, 'lead', 'pageview'),
  });
  fc.assert(
    fc.property(
      settings,
      query,
      body,
      fc.constantFrom(form, json, undefined, 'x'),
      (chosen, queryText, bodyText, type) => {
        try {
          const compiled = compileSettings(postbackSettingsSchema.parse(chosen));
          const message = take(`/pb/s?${queryText}`, bodyText, type, compiled.names);
          onlyFact(normalizePostback(message.pairs, compiled, context));
        } catch (error) {
          assert.ok(error instanceof AppError, error instanceof Error ? error.stack : String(error));
          assert.ok(error.status === 400 || error.status === 415);
        }
      },
    ),
    { numRuns: 3000 },
  );
});
