import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { carriedIds } from '../../../src/inbound/refusals/carried-ids.ts';
import { redactBody, redactQuery, secretsOf } from '../../../src/inbound/refusals/without-secrets.ts';
import { defaultFieldNames, renameFields } from '../../../src/inbound/fields/names.ts';

const names = defaultFieldNames;
/** No form tells such a key: keys may have been imported from another system. */
const plain = 'Xq7-imported~key';

describe('what is kept of a refused message holds no secret', () => {
  const queries = [
    `txid=1&secure=${plain}`,
    `txid=1&SE_CURE=${plain}`,
    `txid=1&%73ecure=${plain}`,
    `txid=1&%2573ecure=${plain}`,
    `txid=1&amp;secure=${plain}`,
    `txid=1%26secure=${plain}&sum=1`,
    `url=https%3A%2F%2Fshop.example%2F%3Ftoken%3D${plain}`,
    `api_key=${plain}`,
    `apikey=${plain}`,
    `Authorization=Bearer%20${plain}`,
    `sig=${plain}&hash=${plain}`,
    `password[0]=${plain}`,
    `secure=${plain}&secure=${plain}`,
    `note=Bearer ${plain}`,
    `secure%00=${plain}`,
  ];
  for (const query of queries) {
    test(`in the query ${query}`, () => {
      assert.ok(!redactQuery(query, names, []).includes(plain));
    });
  }

  const bodies = [
    JSON.stringify({ secure: plain, txid: '1' }),
    JSON.stringify({ data: { 's-e-cure': plain, list: [{ api_key: plain }] } }),
    `{"txid": 1, "secure": "${plain}"`,
    `{"txid": 1, "\\u0073ecure": "${plain}"`,
    `{"txid": 1, "s_e-cure" : "${plain}"`,
    `[["secure", "${plain}"`,
    `--b\r\nContent-Disposition: form-data; name="secure"\r\n\r\n${plain}\r\n--b--`,
    `<order><secure>${plain}</secure></order>`.replace('secure>', 'secure key="'),
    `secure=${plain}&txid=1`,
    JSON.stringify({ url: `https://shop.example/pb/x?secure=${plain}` }),
    JSON.stringify({ client_secret: `pi_1_secret_${plain}` }),
    JSON.stringify({ [`secure=${plain}`]: 1 }),
    `secure: ${plain}`,
    `Authorization: Bearer ${plain}`,
  ];
  for (const body of bodies) {
    test(`in the body ${body.slice(0, 60)}`, () => {
      assert.ok(!redactBody(body, names, []).includes(plain), redactBody(body, names, []));
    });
  }

  test('by the name that the source has for the key', () => {
    const own = renameFields({ pw0rd: 'secure' });
    assert.ok(!redactQuery(`pw0rd=${plain}`, own, []).includes(plain));
    assert.ok(!redactBody(`{"pw0rd":"${plain}"`, own, []).includes(plain));
    assert.ok(!redactBody(JSON.stringify({ pw0rd: plain }), own, []).includes(plain));
  });

  test('nor what the headers proved it by, wherever it stands', () => {
    const headers = {
      authorization: `Bearer ${plain}`,
      'stripe-signature': `t=1700000000,v1=${'ab'.repeat(32)}`,
    };
    const secrets = secretsOf({ headers } as unknown as IncomingMessage);
    for (const text of [
      JSON.stringify({ note: `x${plain}x` }),
      `note=x${plain}x`,
      `words ${plain} and ${'ab'.repeat(32)}`,
    ]) {
      const kept = redactBody(text, names, secrets);
      assert.ok(!kept.includes(plain) && !kept.includes('ab'.repeat(32)), kept);
    }
  });

  test('whatever is sent: of no text an exception, and of none the key under its name', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 12 });
    const noise = fc.array(fc.tuple(word, word), { maxLength: 5 });
    fc.assert(
      fc.property(noise, noise, fc.constantFrom('secure', 'api-key', 'X_Api_Key', 'token'), (before, after, name) => {
        const pairs = [...before, [name, plain] as [string, string], ...after];
        const query = pairs.map(
          ([key, value]) => `${encodeURIComponent(key.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`,
        );
        for (const kept of [
          redactQuery(query.join('&'), names, []),
          redactBody(query.join('&'), names, []),
          redactBody(JSON.stringify(Object.fromEntries(pairs)), names, []),
          redactBody(JSON.stringify(Object.fromEntries(pairs)).slice(0, -1), names, []),
        ]) {
          assert.ok(!kept.includes(plain), kept);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('and text that is nested beyond all measure is told by nothing', () => {
    const deep = `${'['.repeat(8_000)}"${plain}"${']'.repeat(8_000)}`;
    assert.ok(redactBody(deep, names, [plain]).length < 20_000);
    assert.ok(!redactBody(deep, names, [plain]).includes(plain));
    assert.deepEqual(carriedIds('', deep, names), []);
  });
});

describe('the ids that a message carried', () => {
  test('are those of orders, clicks, customers and codes, by the names of the source; e-mails in lower case', () => {
    const own = renameFields({ subid: 'click_id' });
    const query = 'subid=clk-1&TXID=A-1&sum=5&customer_email=Ann%40Example.com&sub3=camp&note=other&secure=abc';
    assert.deepEqual(carriedIds(query, '', own), ['clk-1', 'A-1', 'ann@example.com', 'camp']);
  });

  test('of Stripe and RevenueCat those of the event and of what it is about, also where the body breaks off', () => {
    const event = {
      id: 'evt_1ABCdef',
      data: {
        object: {
          id: 'cs_test_a1B2',
          payment_intent: 'pi_3XYZ',
          client_secret: 'pi_3XYZ_secret_abcdef',
          customer_details: { email: 'Bob@Example.com' },
          metadata: { click_id: 'clk-7', order_id: 'B-9' },
        },
      },
    };
    const whole = ['evt_1ABCdef', 'cs_test_a1B2', 'pi_3XYZ', 'bob@example.com', 'clk-7', 'B-9'];
    assert.deepEqual(carriedIds('', JSON.stringify(event), names), whole);
    assert.deepEqual(carriedIds('', JSON.stringify(event).slice(0, -1), names), whole);
    const purchase = { event: { id: 'E-1', app_user_id: 'u1', aliases: ['u2'], transaction_id: 'T1', price: 5 } };
    assert.deepEqual(carriedIds('', JSON.stringify(purchase), names), ['E-1', 'u1', 'u2', 'T1']);
    const attribute = { event: { subscriber_attributes: { affiliate_id: { value: 'ann' } } } };
    assert.deepEqual(carriedIds('', JSON.stringify(attribute), names), ['ann']);
  });

  test('are no macros, no words for nothing, and at most 20', () => {
    assert.deepEqual(carriedIds('clickid={clickid}&txid=null&cid=[CID]&customer_id=', '', names), []);
    const many = Array.from({ length: 50 }, (_, n) => `sub${1 + (n % 5)}=v${n}`).join('&');
    assert.equal(carriedIds(many, '', names).length, 20);
  });
});
