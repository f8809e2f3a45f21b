import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../../src/domain/errors.ts';
import { PLACEHOLDERS } from '../../../src/domain/placeholders.ts';
import { giveField, type GivenFields } from '../../../src/inbound/fields/given.ts';
import {
  defaultFieldNames,
  fieldSpellings,
  findField,
  renameFields,
  type ConversionField,
  type FieldNames,
} from '../../../src/inbound/fields/names.ts';
import { toPlainDecimal } from '../../../src/inbound/fields/plain-decimal.ts';
import { Problems } from '../../../src/inbound/fields/problems.ts';

/** The table of the API's documentation, written out once more by hand. */
const documented: [ConversionField, string[]][] = [
  ['clickId', ['clickid', 'click_id', 'cid']],
  ['amount', ['sum', 'amount', 'revenue']],
  ['amountMinor', ['amount_minor', 'amount_cents']],
  ['orderId', ['action_id', 'txid', 'order_id', 'external_id', 'transaction_id']],
  ['customerId', ['user_id', 'customer_id', 'customer_key']],
  ['customerEmail', ['customer_email']],
  ['goal', ['goal', 'event', 'event_type']],
  ['affiliateId', ['affiliate_id']],
  ['referralCode', ['referral_code']],
  ['couponCode', ['coupon_code']],
  ['currency', ['currency']],
  ['isRenewal', ['is_recurring', 'renewal']],
  ['subscriptionId', ['subscription_id']],
  ['tax', ['tax']],
  ['shipping', ['shipping']],
  ['status', ['status']],
  ['offerId', ['offer_id']],
  ['productId', ['product_id']],
  ['occurredAt', ['occurred_at']],
  ['url', ['url']],
  ['sub1', ['sub1']],
  ['sub2', ['sub2']],
  ['sub3', ['sub3']],
  ['sub4', ['sub4']],
  ['sub5', ['sub5']],
  ['metadata', ['metadata']],
  ['secure', ['secure']],
];

function give(pairs: [string, unknown][], names: FieldNames = defaultFieldNames): GivenFields {
  const problems = new Problems();
  const given: GivenFields = {};
  for (const [name, value] of pairs) giveField(given, names, name, value, problems);
  problems.throwIfAny();
  return given;
}

function detailsOf(run: () => unknown): Record<string, string> {
  let details: Record<string, string> | undefined;
  assert.throws(run, (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, 'VALIDATION_ERROR');
    details = error.details;
    return true;
  });
  return details ?? {};
}

describe('the alias table', () => {
  it('is the documented one', () => {
    assert.deepEqual(Object.entries(fieldSpellings), documented);
  });

  for (const [field, spellings] of documented) {
    it(`reads ${spellings.join(', ')} as ${field}, whatever the case, with _, - or without`, () => {
      for (const spelling of spellings) {
        const camel = spelling.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
        const variants = [
          spelling,
          spelling.toUpperCase(),
          camel,
          spelling.replaceAll('_', ''),
          spelling.replaceAll('_', '-'),
          `_${spelling}-`,
        ];
        for (const variant of variants) assert.equal(findField(defaultFieldNames, variant)?.field, field, variant);
      }
    });
  }

  it('leaves other names to their sender', () => {
    for (const name of ['clickid2', 'tid', 'payout', 'subid', 'id', '', '__proto__', 'constructor', 'click.id']) {
      assert.equal(findField(defaultFieldNames, name), undefined, name);
    }
    assert.deepEqual(
      give([
        ['payout', '12'],
        ['nested', { deep: [true] }],
      ]),
      {},
    );
  });
});

describe('a row of the table', () => {
  it('takes the first present one that is not empty', () => {
    const given = give([
      ['sum', ''],
      ['amount', '  '],
      ['revenue', '5'],
      ['click_id', null],
      ['cid', ' c1 '],
    ]);
    assert.deepEqual(given, {
      amount: { name: 'revenue', text: '5', rank: 0 },
      clickId: { name: 'cid', text: 'c1', rank: 0 },
    });
  });

  it('admits spellings that agree, amounts by their value', () => {
    assert.equal(
      give([
        ['sum', '149.9'],
        ['amount', '149.90'],
        ['revenue', 149.9],
      ]).amount?.text,
      '149.9',
    );
    assert.equal(
      give([
        ['txid', 'A1'],
        ['orderId', 'A1'],
      ]).orderId?.name,
      'txid',
    );
    assert.equal(
      give([
        ['order_id', 77],
        ['txid', '77'],
      ]).orderId?.text,
      '77',
    );
    assert.equal(
      give([
        ['currency', 'usd'],
        ['CURRENCY', 'USD'],
      ]).currency?.text,
      'usd',
    );
  });

  it('refuses spellings that disagree, naming both', () => {
    const details = detailsOf(() =>
      give([
        ['click_id', 'c1'],
        ['CID', 'c2'],
        ['sum', '1'],
        ['amount', '1.01'],
      ]),
    );
    assert.deepEqual(details, {
      CID: "disagrees with click_id: 'c2' is not 'c1'",
      amount: "disagrees with sum: '1.01' is not '1'",
    });
    assert.deepEqual(
      detailsOf(() =>
        give([
          ['txid', 'a1'],
          ['order_id', 'A1'],
        ]),
      ),
      {
        order_id: "disagrees with txid: 'A1' is not 'a1'",
      },
    );
  });
});

describe('values', () => {
  it('are text or numbers; ids as whole numbers, amounts as any', () => {
    const given = give([
      ['order_id', 1001],
      ['user_id', 7],
      ['amount', 149.99],
      ['amount_minor', 14999],
      ['tax', 1.5],
      ['is_recurring', true],
    ]);
    assert.equal(given.orderId?.text, '1001');
    assert.equal(given.customerId?.text, '7');
    assert.equal(given.tax?.text, '1.5');
    assert.equal(given.isRenewal?.text, 'true');
    assert.equal(given.amount?.text, '149.99');
    assert.equal(given.amountMinor?.text, '14999');
  });

  const wrong: [string, unknown, RegExp][] = [
    ['order_id', { id: 1 }, /not an object/],
    ['click_id', ['c1'], /not a list/],
    ['amount', true, /not true or false/],
    ['amount', ['12'], /not a list/],
    ['sub3', {}, /not an object/],
    ['order_id', 2 ** 53, /below 2\^53/],
    ['user_id', 1.5, /whole number/],
    ['metadata', 'text', /must be an object/],
    ['metadata', 5, /must be an object/],
    ['click_id', 'a\0b', /NUL/],
    ['click_id', 'a\ud800', /broken Unicode/],
    ['their_own', 'a\0', /NUL/],
    ['their_own', { deep: { deeper: ['\0'] } }, /NUL/],
    ['their_own', { 'a\0': 1 }, /NUL/],
    ['metadata', { note: '\0' }, /NUL/],
    ['metadata', { note: 'a\ud800' }, /broken Unicode/],
    ['metadata', { a: { b: { c: { d: { e: { f: 1 } } } } } }, /5 levels/],
    ['metadata', { text: 'x'.repeat(17_000) }, /16 KiB/],
    ['metadata', Object.fromEntries(Array.from({ length: 51 }, (_, key) => [`k${key}`, key])), /50 keys/],
  ];
  for (const [name, value, message] of wrong) {
    it(`of another kind are refused by name: ${name} ${JSON.stringify(value).slice(0, 40)}`, () => {
      assert.match(detailsOf(() => give([[name, value]]))[name] ?? '', message);
    });
  }

  it('null and undefined are absent', () => {
    const pairs: [string, unknown][] = [
      ['click_id', null],
      ['sum', undefined],
      ['metadata', null],
    ];
    assert.deepEqual(give(pairs), {});
  });

  it('of metadata are kept as JSON', () => {
    assert.equal(give([['metadata', { a: [1] }]]).metadata?.text, '{"a":[1]}');
  });

  for (const word of [...PLACEHOLDERS, 'NULL', ' Guest ', 'UNDEFINED']) {
    it(`'${word}' is no customer, e-mail or subscription, and hides none that is named beside it`, () => {
      const given = give([
        ['user_id', word],
        ['customer_id', 'u1'],
        ['customer_email', word],
        ['subscription_id', word],
      ]);
      assert.deepEqual(given, { customerId: { name: 'customer_id', text: 'u1', rank: 0 } });
    });
  }

  it('that say yes and no in several words agree', () => {
    const said = (one: unknown, other: unknown) => () =>
      give([
        ['is_recurring', one],
        ['renewal', other],
      ]);
    said(true, '1')();
    said('no', 0)();
    assert.match(detailsOf(said('yes', false))['renewal'] ?? '', /disagrees with is_recurring/);
  });

  it('are all reported at once', () => {
    const details = detailsOf(() =>
      give([
        ['order_id', {}],
        ['click_id', []],
        ['sum', false],
      ]),
    );
    assert.deepEqual(Object.keys(details), ['order_id', 'click_id', 'sum']);
  });

  it('nested deeper than any stack are walked all the same', () => {
    let nested: unknown = 'end';
    for (let level = 0; level < 200_000; level += 1) nested = [nested];
    assert.deepEqual(give([['their_own', nested]]), {});
    assert.match(detailsOf(() => give([['metadata', nested]]))['metadata'] ?? '', /5 levels/);
  });
});

describe('fields renamed by a source', () => {
  it('beat the table, and leave the rest of it', () => {
    const names = renameFields({ transaction_id: 'click_id', payout: 'sum' });
    const given = give(
      [
        ['transactionId', 'c1'],
        ['PAYOUT', '9'],
        ['txid', 'o1'],
      ],
      names,
    );
    assert.deepEqual([given.clickId?.text, given.amount?.text, given.orderId?.text], ['c1', '9', 'o1']);
    assert.equal(given.clickId?.name, 'transactionId');
    for (const spelling of ['transaction_id', 'TRANSACTION_ID', 'transaction-id']) {
      assert.equal(findField(names, spelling)?.field, 'clickId', spelling);
    }
  });

  it('may be fallbacks, which count only where nothing better is given, in any order', () => {
    const names = renameFields({ revenue: 'amount?', payout: 'amount??' });
    assert.equal(
      give(
        [
          ['payout', '1'],
          ['revenue', '2'],
          ['amount', '3'],
        ],
        names,
      ).amount?.text,
      '3',
    );
    assert.equal(
      give(
        [
          ['amount', '3'],
          ['revenue', '2'],
          ['payout', '1'],
        ],
        names,
      ).amount?.text,
      '3',
    );
    assert.equal(
      give(
        [
          ['payout', '1'],
          ['revenue', '2'],
        ],
        names,
      ).amount?.text,
      '2',
    );
    assert.equal(give([['payout', '1']], names).amount?.text, '1');
  });

  it('may take a name out of the table', () => {
    assert.deepEqual(give([['offer_id', '17']], renameFields({ offer_id: '' })), {});
  });

  it('later maps beat earlier ones', () => {
    const names = renameFields({ x: 'click_id' }, { X: 'order_id' });
    assert.equal(give([['x', '1']], names).orderId?.text, '1');
  });

  it('to what is no field are refused by name', () => {
    const details = detailsOf(() => renameFields({ payout: 'profit' }));
    assert.match(details['fields.payout'] ?? '', /must be one of clickid, sum/);
    assert.ok(detailsOf(() => renameFields({ ' ': 'sum' })));
  });
});

describe('plain decimals', () => {
  const cases: [string, string | null][] = [
    ['149.9', '149.9'],
    ['149.90', '149.9'],
    ['0149.900', '149.9'],
    ['149.', '149'],
    ['.5', '0.5'],
    ['-0', '0'],
    ['-0.00', '0'],
    ['000', '0'],
    ['-5.10', '-5.1'],
    ['1,234', null],
    ['1e3', null],
    ['', null],
    ['.', null],
    ['-', null],
    ['+1', null],
    ['1.2.3', null],
    ['Infinity', null],
    ['１２', null],
    [`1.${'0'.repeat(100_000)}1`, null],
  ];
  for (const [text, plain] of cases) {
    it(`'${text.slice(0, 20)}' is ${plain}`, () => {
      assert.equal(toPlainDecimal(text), plain);
    });
  }
});
