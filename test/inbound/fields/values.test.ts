import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FactAmount } from '../../../src/domain/facts.ts';
import { giveField, type GivenFields } from '../../../src/inbound/fields/given.ts';
import { defaultFieldNames } from '../../../src/inbound/fields/names.ts';
import { readNet } from '../../../src/inbound/fields/net.ts';
import { isIdMacro, isMacro } from '../../../src/domain/unreplaced-macros.ts';
import { Problems } from '../../../src/inbound/fields/problems.ts';
import {
  isTooFarAhead,
  readAmount,
  readEmail,
  readId,
  readTime,
  readUrl,
  readWord,
  type Worthless,
} from '../../../src/inbound/fields/values.ts';
import { parseTime } from '../../../src/domain/parse-time.ts';

const receivedAt = new Date('2026-11-05T12:00:00.000Z');

function give(body: Record<string, unknown>, problems: Problems): GivenFields {
  const given: GivenFields = {};
  for (const [name, value] of Object.entries(body)) giveField(given, defaultFieldNames, name, value, problems);
  return given;
}

function amountOf(body: Record<string, unknown>, nothing: Worthless = 'refused') {
  const problems = new Problems();
  return { amount: readAmount(give(body, problems), problems, nothing), details: problems.details };
}

describe('macros that the tracker did not replace', () => {
  const macros = [
    '{clickid}',
    '{click_id}',
    '{{clickid}}',
    '${clickid}',
    '{sub.1}',
    '{status:lead=0,sale=1}',
    'order-{txid}',
    '[CID]',
    '[]',
    '#cid#',
    '<clickid>',
    '%7Bclickid%7D',
    '%7bclickid%7d',
    '%5BCID%5D',
    '%CLICK_ID%',
    '__CLICKID__',
    'REPLACE',
    'REPLACE_CLICK_ID',
    'OPTIONAL',
    '[[CID]]',
    '%%TXID%%',
    '!!!orderId!!!',
    '*|TXID|*',
    '@@txid@@',
    '$TXID$',
    '<<<txid>>>',
    '{{txid',
    'txid}}',
    'YOUR_TXID',
    '{txid',
    '[[TXID',
    '%%TXID',
    '<<txid',
    '##TXID##',
    '$$TXID$$',
    '%%TXID:x|1%%',
    '${txid}',
    '{% txid %}',
    '<%= txid %>',
    '&lt;txid&gt;',
    '%5B%5BTXID%5D%5D',
    '%25%25TXID%25%25',
    '{{txid}',
    '${txid',
    '[[TXID]',
    '%%TXID%',
    '!!!txid!',
    '%TXID%%',
    '*|TXID|',
    '<<<txid>',
    '#{txid',
  ];
  for (const macro of macros) {
    it(`${macro} is one`, () => {
      assert.equal(isMacro(macro), true);
      const problems = new Problems();
      assert.equal(readWord(give({ CID: macro }, problems), 'clickId', problems), null);
      assert.match(problems.details['CID'] ?? '', /which the sender did not replace/);
      assert.ok(problems.details['CID']?.includes(macro));
      assert.equal(problems.details['reason'], 'unreplaced_macro');
    });
  }

  const values = [
    'ORDER-98765',
    '0M8K2L9P5QRS',
    'test_0M8K2L9P5QRS',
    'clk_0190b6f2',
    'REPLACEMENT-7',
    'replace_me',
    'optional',
    'order #7',
    'a[0]',
    '#7',
    '50%',
    '100% off',
    '__x',
    '<3',
    'a{b',
    '}x{',
    'ann@example.com',
    '$5',
    '10$',
    'sale!!!',
    '*7*',
    '@@',
    'yours_7',
    'YOURS-7',
    '%20%',
    'a}',
    '{3F2504E0-4F89-11D3-9A0C-0305E82C3301}',
    '%7B3F2504E0-4F89-11D3-9A0C-0305E82C3301%7D',
    'order-{3f2504e04f8911d39a0c0305e82c3301}',
    '$txid',
    'your_friend',
    '##7',
    'a&b',
  ];
  for (const value of values) {
    it(`${value} is a value`, () => {
      assert.equal(isMacro(value), false);
    });
  }

  it('of an order or click may look like a word that somebody chose elsewhere', () => {
    for (const id of [
      '$txid',
      '$order->id',
      'your_order_id',
      'your-click-id',
      'replace_me',
      'INSERT_ID_HERE',
      '[TXID',
      '<txid',
      'A-%%TXID%%',
      'x*|TXID|*',
      'A-[[TXID]]',
    ]) {
      const problems = new Problems();
      assert.equal(readId(give({ txid: id }, problems), 'orderId', problems), null, id);
      assert.equal(problems.details['reason'], 'unreplaced_macro', id);
      assert.equal(readWord(give({ goal: id }, problems), 'goal', problems), id);
    }
    assert.equal(isMacro('{3F2504E0-4F89-11D3-9A0C-0305E82C3301}{txid}'), true);
    for (const id of [
      '$5',
      '50%',
      'a%%',
      'A!!!',
      '[7',
      '<3',
      'yours_7',
      'your-7',
      'A-1',
      '{3F2504E0-4F89-11D3-9A0C-0305E82C3301}',
    ]) {
      assert.equal(isIdMacro(id), false, id);
    }
  });

  it('and words that stand for nothing are told apart, in quotes and brackets, too', () => {
    for (const id of [
      'null',
      '"null"',
      "'undefined'",
      '(null)',
      '""',
      '{00000000-0000-0000-0000-000000000000}',
      ' [object Object] ',
    ]) {
      const problems = new Problems();
      assert.equal(readId(give({ clickid: id }, problems), 'clickId', problems), null, id);
      assert.equal(problems.details['reason'], 'placeholder_id', id);
    }
    const problems = new Problems();
    for (const id of ['"A-1"', '(1)', "'", 'nullable', '00', '-10']) {
      assert.equal(readId(give({ clickid: id }, problems), 'clickId', problems), id);
    }
  });

  it('are found in every field that is used, amounts, times and currencies too', () => {
    for (const body of [{ sum: '{sum}' }, { amount_minor: '{cents}' }, { sum: '1', currency: '{currency}' }]) {
      const { amount, details } = amountOf(body);
      assert.equal(amount === null || details['reason'] === 'unreplaced_macro', true);
      assert.equal(details['reason'], 'unreplaced_macro', JSON.stringify(body));
    }
    const problems = new Problems();
    readTime(give({ occurred_at: '{timestamp}' }, problems), receivedAt, problems);
    assert.match(problems.details['occurred_at'] ?? '', /macro/);
  });
});

describe('amounts', () => {
  const accepted: [Record<string, unknown>, FactAmount][] = [
    [
      { sum: '149.99', currency: 'USD' },
      { minor: 14999, currency: 'USD' },
    ],
    [
      { sum: '149.9', currency: 'usd' },
      { minor: 14990, currency: 'USD' },
    ],
    [
      { amount: 149.99, currency: 'EUR' },
      { minor: 14999, currency: 'EUR' },
    ],
    [
      { amount: 0.07, currency: 'USD' },
      { minor: 7, currency: 'USD' },
    ],
    [
      { amount: 1.1, currency: 'USD' },
      { minor: 110, currency: 'USD' },
    ],
    [
      { amount: 19.99, currency: 'USD' },
      { minor: 1999, currency: 'USD' },
    ],
    [
      { amount: 5000, currency: 'JPY' },
      { minor: 5000, currency: 'JPY' },
    ],
    [
      { amount: '5000.00', currency: 'JPY' },
      { minor: 5000, currency: 'JPY' },
    ],
    [
      { revenue: '12.340', currency: 'KWD' },
      { minor: 12340, currency: 'KWD' },
    ],
    [
      { amount_cents: 4900, currency: 'USD' },
      { minor: 4900, currency: 'USD' },
    ],
    [{ amountMinor: '4900' }, { minor: 4900, currency: null }],
    [{ sum: '149.90' }, { major: '149.9', currency: null }],
    [{ sum: '0012.50' }, { major: '12.5', currency: null }],
    [{ sum: '.5' }, { major: '0.5', currency: null }],
    [{ sum: '12.3400' }, { major: '12.34', currency: null }],
    [
      { sum: '49.00', amount_minor: 4900, currency: 'USD' },
      { minor: 4900, currency: 'USD' },
    ],
    [
      { sum: '49.00', amount_minor: 4900 },
      { minor: 4900, currency: null },
    ],
    [
      { sum: '1000000000000', currency: 'USD' },
      { minor: 100_000_000_000_000, currency: 'USD' },
    ],
  ];
  for (const [body, amount] of accepted) {
    it(`${JSON.stringify(body)} is ${JSON.stringify(amount)}`, () => {
      assert.deepEqual(amountOf(body), { amount, details: {} });
    });
  }

  const refused: [Record<string, unknown>, string, RegExp][] = [
    [{ sum: '1,234' }, 'sum', /without grouping, not '1,234'/],
    [{ sum: '1.234,50' }, 'sum', /without grouping/],
    [{ sum: '1 234' }, 'sum', /without grouping/],
    [{ sum: '1_000' }, 'sum', /without grouping/],
    [{ sum: '$10' }, 'sum', /plain decimal/],
    [{ sum: '10 USD' }, 'sum', /plain decimal/],
    [{ sum: '+10' }, 'sum', /plain decimal/],
    [{ sum: '1e3' }, 'sum', /plain decimal/],
    [{ sum: '0x10' }, 'sum', /plain decimal/],
    [{ sum: 'NaN' }, 'sum', /plain decimal/],
    [{ sum: 'ten' }, 'sum', /plain decimal/],
    [{ sum: '٣' }, 'sum', /plain decimal/],
    [{ sum: 1e21 }, 'sum', /plain decimal/],
    [{ sum: 5e-7 }, 'sum', /plain decimal/],
    [{ sum: 0.1 + 0.2 }, 'sum', /more decimals than any currency/],
    [{ sum: '1.00001' }, 'sum', /more decimals than any currency/],
    [{ sum: '1.005', currency: 'USD' }, 'sum', /more than the 2 decimals of USD/],
    [{ sum: '149.99', currency: 'JPY' }, 'sum', /more than the 0 decimals of JPY/],
    [{ sum: '1.2345', currency: 'KWD' }, 'sum', /more than the 3 decimals of KWD/],
    [{ sum: '0' }, 'sum', /must be positive/],
    [{ sum: '0.00', currency: 'USD' }, 'sum', /must be positive/],
    [{ sum: 0 }, 'sum', /must be positive/],
    [{ sum: -0 }, 'sum', /must be positive/],
    [{ Amount: '-5' }, 'Amount', /must be positive/],
    [{ amount_minor: 0 }, 'amount_minor', /must be positive/],
    [{ amount_minor: -1 }, 'amount_minor', /must be positive/],
    [{ amount_minor: '49.5' }, 'amount_minor', /whole number of minor units/],
    [{ amount_minor: 49.5 }, 'amount_minor', /whole number of minor units/],
    [{ amount_minor: '4,900' }, 'amount_minor', /whole number of minor units/],
    [{ amount_minor: 1e15 }, 'amount_minor', /larger than any amount/],
    [{ sum: '1000000000000.01', currency: 'USD' }, 'sum', /larger than any amount/],
    [{ sum: '9'.repeat(19) }, 'sum', /larger than any amount/],
    [{ sum: '9'.repeat(5000) }, 'sum', /plain decimal/],
    [{ sum: '10', currency: 'ABC' }, 'currency', /ISO 4217/],
    [{ sum: '10', currency: 'US' }, 'currency', /ISO 4217/],
    [{ sum: '10', currency: 840 }, 'currency', /ISO 4217/],
    [{ sum: '49.00', amount_minor: 4901, currency: 'USD' }, 'amount_minor', /disagrees with sum/],
    [{ sum: '5000', amount_minor: 500000, currency: 'JPY' }, 'amount_minor', /disagrees with sum/],
  ];
  for (const [body, name, message] of refused) {
    it(`${JSON.stringify(body).slice(0, 60)} is refused under ${name}`, () => {
      const { details } = amountOf(body);
      assert.match(details[name] ?? 'nothing', message);
    });
  }

  it('of nothing are no amount where no sale is meant', () => {
    for (const sum of ['0', '0.00', '-5']) assert.deepEqual(amountOf({ sum }, 'absent'), { amount: null, details: {} });
    assert.match(amountOf({ sum: '1,0' }, 'absent').details['sum'] ?? '', /grouping/);
  });

  it('of nothing are no amount in a postback, and what is less than nothing is refused there', () => {
    for (const sum of ['0', '0.00', 0])
      assert.deepEqual(amountOf({ sum }, 'zero_absent'), { amount: null, details: {} });
    assert.match(amountOf({ sum: '-5' }, 'zero_absent').details['sum'] ?? '', /must be positive/);
    assert.match(amountOf({ amount_minor: -1 }, 'zero_absent').details['amount_minor'] ?? '', /must be positive/);
  });
});

describe('what is left without tax and shipping', () => {
  const left: [Record<string, unknown>, FactAmount][] = [
    [
      { sum: '119', currency: 'USD' },
      { minor: 11900, currency: 'USD' },
    ],
    [
      { sum: '119', currency: 'USD', tax: '19' },
      { minor: 10000, currency: 'USD' },
    ],
    [
      { sum: '119', currency: 'USD', tax: 19, shipping: '4.90' },
      { minor: 9510, currency: 'USD' },
    ],
    [
      { sum: '119', tax: '19', shipping: 4.9 },
      { major: '95.1', currency: null },
    ],
    [
      { sum: '12.345', tax: '0.005' },
      { major: '12.34', currency: null },
    ],
    [
      { amount_minor: 11900, currency: 'USD', tax: '19.00' },
      { minor: 10000, currency: 'USD' },
    ],
    [
      { amount_minor: 11900, tax: '0', shipping: '0.00' },
      { minor: 11900, currency: null },
    ],
    [
      { sum: '5000', currency: 'JPY', tax: '455' },
      { minor: 4545, currency: 'JPY' },
    ],
    [
      { sum: '10', tax: '10' },
      { major: '0', currency: null },
    ],
    [
      { sum: '10', currency: 'USD', tax: '6', shipping: '4' },
      { minor: 0, currency: 'USD' },
    ],
  ];
  const netOf = (body: Record<string, unknown>) => {
    const problems = new Problems();
    const given = give(body, problems);
    const net = readNet(given, readAmount(given, problems, 'refused'), problems);
    return { net, details: problems.details };
  };
  for (const [body, net] of left) {
    it(`${JSON.stringify(body)} is ${JSON.stringify(net)}`, () => {
      assert.deepEqual(netOf(body), { net, details: {} });
    });
  }

  const refused: [Record<string, unknown>, string, RegExp][] = [
    [{ sum: '10', tax: '10.01' }, 'tax', /less than nothing/],
    [{ sum: '10', currency: 'USD', tax: '6', shipping: '4.01' }, 'shipping', /less than nothing/],
    [{ sum: '10', tax: '-1' }, 'tax', /negative/],
    [{ sum: '10', tax: '1,5' }, 'tax', /without grouping/],
    [{ sum: '10', tax: '{tax}' }, 'tax', /macro/],
    [{ sum: '10', currency: 'USD', shipping: '1.005' }, 'shipping', /decimals of USD/],
    [{ amount_minor: 1000, tax: '1' }, 'tax', /needs a currency/],
    [{ tax: 'some' }, 'tax', /plain decimal/],
  ];
  for (const [body, name, message] of refused) {
    it(`${JSON.stringify(body)} is refused under ${name}`, () => {
      assert.match(netOf(body).details[name] ?? 'nothing', message);
    });
  }
});

describe('times', () => {
  const accepted: [string | number, string][] = [
    ['2026-11-05T10:20:30Z', '2026-11-05T10:20:30.000Z'],
    ['2026-11-05T10:20:30.123Z', '2026-11-05T10:20:30.123Z'],
    ['2026-11-05T10:20:30.123456789Z', '2026-11-05T10:20:30.123Z'],
    ['2026-11-05T10:20:30.5z', '2026-11-05T10:20:30.500Z'],
    ['2026-11-05T10:20Z', '2026-11-05T10:20:00.000Z'],
    ['2026-11-05 10:20:30+02:00', '2026-11-05T08:20:30.000Z'],
    ['2026-11-05T10:20:30 02:00', '2026-11-05T08:20:30.000Z'],
    ['2026-11-05T10:20:30-0530', '2026-11-05T15:50:30.000Z'],
    ['2026-03-01T00:30:00+01:00', '2026-02-28T23:30:00.000Z'],
    [1_762_338_030, '2025-11-05T10:20:30.000Z'],
    ['1762338030', '2025-11-05T10:20:30.000Z'],
    ['1762338030.75', '2025-11-05T10:20:30.750Z'],
    [1_762_338_030_123, '2025-11-05T10:20:30.123Z'],
    ['1762338030123', '2025-11-05T10:20:30.123Z'],
  ];
  for (const [text, time] of accepted) {
    it(`${text} is ${time}`, () => {
      assert.equal(parseTime(String(text))?.toISOString(), time);
    });
  }

  const refused = [
    '2026-11-05',
    '2026-11-05T10:20:30',
    '2026-02-30T10:20:30Z',
    '2026-13-01T10:20:30Z',
    '2026-11-05T24:00:00Z',
    '2026-11-05T10:60:00Z',
    '2026-11-05T10:20:30+25:00',
    '2026-11-05T10:20:30+02:99',
    '05/11/2026',
    'Thu, 05 Nov 2026 10:20:30 GMT',
    'yesterday',
    '-1762338030',
    '0',
    '',
    '999999999999999999',
  ];
  for (const text of refused) {
    it(`'${text}' is refused`, () => {
      assert.equal(parseTime(text), null);
    });
  }

  it('more than a year ahead are refused with their reason, nearer ones taken', () => {
    const read = (occurredAt: string) => {
      const problems = new Problems();
      return { time: readTime(give({ occurredAt }, problems), receivedAt, problems), details: problems.details };
    };
    assert.equal(read('2027-11-05T12:00:00.000Z').time, '2027-11-05T12:00:00.000Z');
    assert.deepEqual(read('2027-11-05T12:00:00.001Z'), {
      time: null,
      details: { occurredAt: 'is more than a year ahead', reason: 'occurred_at_in_future' },
    });
    assert.equal(isTooFarAhead(new Date('2400-01-01'), receivedAt), true);
  });
});

describe('texts', () => {
  it('are bounded to 255 characters', () => {
    const problems = new Problems();
    const given = give({ txid: 'x'.repeat(255), cid: 'y'.repeat(256), goal: `{${'z'.repeat(300_000)}` }, problems);
    assert.equal(readWord(given, 'orderId', problems)?.length, 255);
    assert.equal(readWord(given, 'clickId', problems), null);
    assert.equal(readWord(given, 'goal', problems), null);
    assert.deepEqual(problems.details, {
      cid: 'must have at most 255 characters',
      goal: 'must have at most 255 characters',
    });
  });

  it('e-mails are lower-cased and must look like one', () => {
    const read = (customer_email: string) => {
      const problems = new Problems();
      return readEmail(give({ customer_email }, problems), problems) ?? problems.details['customer_email'];
    };
    assert.equal(read(' Ann@Example.COM '), 'ann@example.com');
    for (const text of ['ann', 'ann@', '@example.com', 'a b@example.com', 'a@b@c']) {
      assert.equal(read(text), 'must be an e-mail address', text);
    }
  });

  it('addresses of pages may be longer', () => {
    const problems = new Problems();
    assert.equal(readUrl(give({ url: `https://example.com/${'a'.repeat(1000)}` }, problems), problems)?.length, 1020);
    assert.equal(readUrl(give({ url: 'x'.repeat(2049) }, problems), problems), null);
    assert.ok(problems.details['url']);
  });
});
