import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fact } from '../../../src/domain/facts.ts';
import { postbackSettingsSchema } from '../../../src/program/sources.ts';
import { isMacro } from '../../../src/domain/unreplaced-macros.ts';
import { readMessage } from '../../../src/inbound/postback/message.ts';
import { normalizePostback } from '../../../src/inbound/postback/normalize.ts';
import { findPreset, listPresets, postbackUrlOf, presets } from '../../../src/inbound/postback/presets.ts';
import { compileSettings } from '../../../src/inbound/postback/settings.ts';

const context = { livemode: true, receivedAt: new Date('2026-11-05T12:00:00.000Z'), orderScope: null, keyless: null };

/** The one fact of a query by a preset, in the parts that presets decide. */
function read(preset: string, query: string, own: object = {}) {
  const compiled = compileSettings(postbackSettingsSchema.parse({ preset, ...own }));
  const { pairs } = readMessage(
    { url: `/pb/src_1?${query}`, body: Buffer.alloc(0), contentType: undefined },
    compiled.names,
  );
  const normalized = normalizePostback(pairs, compiled, context);
  assert.equal(normalized.kind, 'facts');
  const fact = (normalized as { facts: Fact[] }).facts[0] as Fact;
  return {
    type: fact.type,
    click: fact.evidence.clickId,
    ref: fact.refs[0],
    ...('goal' in fact ? { goal: fact.goal } : {}),
    ...(fact.type === 'tracker' ? { state: fact.state, word: fact.word, amount: fact.amount } : {}),
    ...(fact.type === 'sale' ? { amount: fact.gross } : {}),
  };
}

/** A postback as each tracker words it, and what it must mean. */
const examples: Record<string, [query: string, meaning: object][]> = {
  voluum: [
    [
      'cid=clk_1&payout=12.50&currency=EUR&txid=t1&et=signup',
      { type: 'sale', click: 'clk_1', ref: 'order:t1', goal: 'signup', amount: { minor: 1250, currency: 'EUR' } },
    ],
    ['cid=clk_1', { type: 'action', click: 'clk_1', ref: 'click:clk_1:purchase', goal: 'purchase' }],
  ],
  keitaro: [
    [
      'subid=clk_1&payout=9&currency=usd&tid=2&status=sale&cost=1.5',
      {
        type: 'tracker',
        click: 'clk_1',
        ref: 'order:2',
        goal: 'purchase',
        state: 'sale',
        word: 'sale',
        amount: { minor: 900, currency: 'USD' },
      },
    ],
    [
      'subid=clk_1&revenue=9&tid=2',
      { type: 'sale', click: 'clk_1', ref: 'order:2', goal: 'purchase', amount: { major: '9', currency: null } },
    ],
  ],
  binom: [
    [
      'cnv_id=clk_1&payout=5&cnv_currency=USD&cnv_status=Hold&cnv_status2=x&event1=3',
      {
        type: 'tracker',
        click: 'clk_1',
        ref: 'click:clk_1:purchase',
        goal: 'purchase',
        state: 'hold',
        word: 'Hold',
        amount: { minor: 500, currency: 'USD' },
      },
    ],
  ],
  everflow: [
    [
      'nid=17&transaction_id=clk_1&amount=20.00&order_id=o1&adv_event_id=buy&event_id=4&adv1=a',
      { type: 'sale', click: 'clk_1', ref: 'order:o1', goal: 'buy', amount: { major: '20', currency: null } },
    ],
    ['transaction_id=clk_1&event_id=4', { type: 'action', click: 'clk_1', ref: 'click:clk_1:4', goal: '4' }],
  ],
  tune: [
    [
      'offer_id=88&transaction_id=clk_1&amount=100.5&payout=10&revenue=15&conversion_unique_id=u1&goal_id=3&goal_ref=buy&status=approved',
      {
        type: 'tracker',
        click: 'clk_1',
        ref: 'order:u1',
        goal: 'buy',
        state: 'sale',
        word: 'approved',
        amount: { major: '100.5', currency: null },
      },
    ],
    [
      'transaction_id=clk_1&payout=10&revenue=15',
      {
        type: 'sale',
        click: 'clk_1',
        ref: 'click:clk_1:purchase',
        goal: 'purchase',
        amount: { major: '15', currency: null },
      },
    ],
  ],
  affise: [
    [
      'clickid=clk_1&sum=7.25&action_id=a1&goal=2&status=1',
      {
        type: 'tracker',
        click: 'clk_1',
        ref: 'order:a1',
        goal: '2',
        state: 'sale',
        word: '1',
        amount: { major: '7.25', currency: null },
      },
    ],
  ],
  redtrack: [
    [
      'clickid=clk_1&sum=3&rdtk_event_id=e1&type=Purchase&status=approved',
      {
        type: 'tracker',
        click: 'clk_1',
        ref: 'order:e1',
        goal: 'Purchase',
        state: 'sale',
        word: 'approved',
        amount: { major: '3', currency: null },
      },
    ],
  ],
  bemob: [
    [
      'cid=clk_1&payout=4&txid=t1&status=reject',
      {
        type: 'tracker',
        click: 'clk_1',
        ref: 'order:t1',
        goal: 'purchase',
        state: 'rejected',
        word: 'reject',
        amount: { major: '4', currency: null },
      },
    ],
  ],
  affspace: [
    [
      'clickid=clk_1&sum=149.99&action_id=ORDER-98765&user_id=cust_12345&goal=purchase',
      {
        type: 'sale',
        click: 'clk_1',
        ref: 'order:ORDER-98765',
        goal: 'purchase',
        amount: { major: '149.99', currency: null },
      },
    ],
  ],
};

/** Every word of every table, written out by hand. */
const words: Record<string, Record<string, string>> = {
  voluum: {
    approved: 'sale',
    confirmed: 'sale',
    sale: 'sale',
    lead: 'lead',
    pending: 'hold',
    hold: 'hold',
    declined: 'rejected',
    rejected: 'rejected',
    '1': 'unknown',
  },
  keitaro: {
    lead: 'lead',
    hold: 'hold',
    sale: 'sale',
    rebill: 'sale',
    deposit: 'sale',
    rejected: 'rejected',
    trash: 'rejected',
    approved: 'unknown',
  },
  binom: {
    approved: 'sale',
    approve: 'sale',
    confirmed: 'sale',
    checkout: 'sale',
    sale: 'sale',
    lead: 'lead',
    signup: 'lead',
    pending: 'hold',
    hold: 'hold',
    declined: 'rejected',
    rejected: 'rejected',
    reject: 'rejected',
    trash: 'rejected',
    '2': 'unknown',
  },
  everflow: {
    approved: 'sale',
    confirmed: 'sale',
    sale: 'sale',
    lead: 'lead',
    pending: 'hold',
    hold: 'hold',
    declined: 'rejected',
    rejected: 'rejected',
    invalid: 'rejected',
  },
  tune: { approved: 'sale', pending: 'hold', rejected: 'rejected', sale: 'unknown', '1': 'unknown' },
  affise: {
    '1': 'sale',
    '2': 'hold',
    '3': 'rejected',
    '5': 'hold',
    approved: 'sale',
    confirmed: 'sale',
    pending: 'hold',
    hold: 'hold',
    declined: 'rejected',
    '4': 'unknown',
  },
  redtrack: {
    approved: 'sale',
    confirmed: 'sale',
    sale: 'sale',
    lead: 'lead',
    pending: 'hold',
    hold: 'hold',
    declined: 'rejected',
    rejected: 'rejected',
  },
  bemob: {
    approved: 'sale',
    confirmed: 'sale',
    sale: 'sale',
    new: 'lead',
    lead: 'lead',
    pending: 'hold',
    hold: 'hold',
    declined: 'rejected',
    rejected: 'rejected',
    reject: 'rejected',
  },
  affspace: { pending: 'hold', approved: 'sale', rejected: 'rejected', reversed: 'rejected', hold: 'unknown' },
};

describe('the tracker presets', () => {
  it('are these nine', () => {
    const ids = ['voluum', 'keitaro', 'binom', 'everflow', 'tune', 'affise', 'redtrack', 'bemob', 'affspace'];
    assert.deepEqual(
      presets.map(({ id }) => id),
      ids,
    );
    assert.deepEqual(Object.keys(examples), ids);
    assert.deepEqual(Object.keys(words), ids);
    assert.equal(findPreset('nobody'), null);
    assert.equal(findPreset(null), null);
  });

  for (const { id, name } of presets) {
    describe(name, () => {
      for (const [query, meaning] of examples[id] ?? []) {
        it(`reads ${query}`, () => {
          assert.deepEqual(read(id, query), meaning);
        });
      }

      it('maps its own words, in any case, and records others', () => {
        const statusName = id === 'binom' ? 'cnv_status' : 'status';
        const clickName = Object.entries(findPreset(id)?.fields ?? {}).find(([, ours]) => ours === 'click_id')?.[0];
        const table = words[id] ?? {};
        for (const [word, state] of Object.entries(table)) {
          for (const spelling of [word, word.toUpperCase(), ` ${word} `]) {
            const query = `${clickName}=clk_1&${statusName}=${encodeURIComponent(spelling)}`;
            assert.equal(read(id, query).state, state, spelling);
          }
        }
        const mapped = Object.keys(table).filter((word) => table[word] !== 'unknown');
        assert.deepEqual(Object.keys(findPreset(id)?.statuses ?? {}).sort(), mapped.sort(), 'every word is tested');
      });

      it('has a URL to paste whose every value is a macro to fill', () => {
        const listed = listPresets('https://hub.example.com').find((preset) => preset.id === id);
        const url = new URL(listed?.postbackUrl ?? '');
        assert.equal(`${url.origin}${url.pathname}`, 'https://hub.example.com/pb/SOURCE_ID');
        assert.equal(url.searchParams.get('secure'), 'API_KEY');
        url.searchParams.delete('secure');
        for (const value of url.searchParams.values()) assert.ok(isMacro(value), value);
        // Filled in, it is a message that the preset reads.
        const query = [...url.searchParams.keys()]
          .map((key) => `${key}=${key.includes('currency') ? 'USD' : '7'}`)
          .join('&');
        const filled = read(id, query);
        assert.equal(filled.click, '7');
        assert.ok('amount' in filled);
      });
    });
  }

  it('list what a source maps, without the marks of fallbacks', () => {
    const tune = listPresets('https://hub.example.com').find(({ id }) => id === 'tune');
    assert.deepEqual(tune?.fields['payout'], 'amount');
    assert.deepEqual(Object.keys(tune ?? {}).sort(), [
      'documentation',
      'fields',
      'id',
      'name',
      'postbackUrl',
      'response',
      'statuses',
    ]);
  });

  it("are on the base of a source's own fields and words", () => {
    const own = { fields: { tid: 'goal', ext: 'order_id' }, statuses: { sale: 'hold', Jackpot: 'sale' } };
    assert.deepEqual(read('keitaro', 'subid=clk_1&tid=g&ext=o1&status=jackpot', own), {
      type: 'tracker',
      click: 'clk_1',
      ref: 'order:o1',
      goal: 'g',
      state: 'sale',
      word: 'jackpot',
      amount: null,
    });
    assert.deepEqual(read('keitaro', 'subid=clk_1&tid=g&ext=o1&status=sale', own).state, 'hold');
    assert.deepEqual(read('keitaro', 'subid=clk_1&tid=g&ext=o1&status=lead', own).state, 'lead');
    assert.deepEqual(read('keitaro', 'subid=clk_1&tid=g&ext=o1&status=jackpot').state, 'unknown');
    assert.deepEqual(read('keitaro', 'subid=clk_1&tid=g&ext=o1').ref, 'order:g');
  });
});

it("a source's URL names its key only where it asks for one", () => {
  assert.equal(
    postbackUrlOf('https://hub.example.com', 'src_1', 'bemob', false),
    'https://hub.example.com/pb/src_1?cid={externalId}&payout={payout}&txid={txid}&status={status}',
  );
  assert.match(
    postbackUrlOf('https://hub.example.com', 'src_1', null, true),
    /\/pb\/src_1\?clickid=.*&secure=API_KEY$/,
  );
});
