import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import type { Fact } from '../../src/domain/facts.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { addAffiliate, addClick, fact, openLedger, sale, usd, type Ledger } from './ledger.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const DAY_MS = 86_400_000;
const PAID_AT = '2026-06-01T10:00:00.000Z';
const daysBefore = (days: number): string => new Date(Date.parse(PAID_AT) - days * DAY_MS).toISOString();
const daysAfter = (days: number): string => daysBefore(-days);
const revshare = { commission: { type: 'revshare', rateBps: 2_000, durationMonths: null } } as const;

/** What each order earns for whom, in the order of their payments, after the ledger was proven. */
async function earned(ledger: Ledger): Promise<(string | number | null)[][]> {
  const { differences } = await verifyLedger(ledger.db, { programId: ledger.programId });
  // Facts are stored by hand here: their messages say nothing that could be read again.
  assert.deepEqual(
    differences.filter(({ what }) => what === 'order' || what === 'customer'),
    [],
  );
  return (await ledger.orders()).map(({ orderId, affiliateId, reason, commission }) => [
    orderId,
    affiliateId,
    reason,
    commission,
  ]);
}

/** Plays the same facts in both orders of arrival: the ledger is the same. */
async function inBothOrders(
  options: Parameters<typeof openLedger>[1],
  facts: (ledger: Ledger) => Promise<Fact[][]>,
  expected: (ledger: Ledger) => (string | number | null)[][],
): Promise<void> {
  for (const backwards of [false, true]) {
    const ledger = await openLedger(database.db, options);
    const events = await facts(ledger);
    for (const event of backwards ? events.toReversed() : events) await ledger.say(event);
    assert.deepEqual(await earned(ledger), expected(ledger), backwards ? 'backwards' : 'as it happened');
  }
}

describe('the window of a click is judged when the order began', () => {
  test('not when it was paid: a bank debit is ordered long before', async () => {
    for (const [clickDaysBefore, beganDaysBefore, credited] of [
      [35, 6, true],
      [35, 4, false],
    ] as const) {
      const ledger = await openLedger(database.db);
      const clickId = await addClick(ledger, { at: daysBefore(clickDaysBefore) });
      await ledger.say([sale('order:1', usd(10_000), { beganAt: daysBefore(beganDaysBefore) }, { clickId })]);
      assert.deepEqual(await earned(ledger), [
        ['1', ledger.affiliateId, credited ? null : 'outside_window', credited ? 2_000 : 0],
      ]);
    }
  });

  test('by whichever of its facts tells the earliest moment, whenever that arrives', async () => {
    await inBothOrders(
      {},
      async (ledger) => {
        const clickId = await addClick(ledger, { at: daysBefore(40) });
        const session = fact('lead', {
          refs: ['order:1'],
          occurredAt: daysBefore(12),
          subscription: null,
          goal: 'checkout',
        });
        return [[session], [sale('order:1', usd(10_000), {}, { clickId })]];
      },
      (ledger) => [['1', ledger.affiliateId, null, 2_000]],
    );
  });

  test('a click after it counts within ten minutes, and no longer', async () => {
    for (const [minutes, credited] of [
      [10, true],
      [11, false],
    ] as const) {
      const ledger = await openLedger(database.db);
      const at = new Date(Date.parse(PAID_AT) + minutes * 60_000).toISOString();
      await ledger.say([sale('order:1', usd(10_000), {}, { clickId: await addClick(ledger, { at }) })]);
      assert.equal((await ledger.orders())[0]?.commission, credited ? 2_000 : 0);
    }
  });
});

describe('bindings in layers', () => {
  const ann = { refs: ['id:ann'], email: null };
  const bruno = { refs: ['id:bruno'], email: null };
  const payment = (
    order: string,
    customer: typeof ann,
    subscription: string,
    occurredAt: string,
    evidence: Parameters<typeof sale>[3] = {},
  ): Fact => sale(order, usd(1_000), { customer, subscription, occurredAt, phase: 'subscription' }, evidence);

  test('a subscription renews for whoever it was first credited to, whoever owns it then', async () => {
    let bob = '';
    await inBothOrders(
      revshare,
      async (ledger) => {
        bob = await addAffiliate(database.db, ledger.programId);
        return [
          [payment('order:a1', ann, 's:a', daysBefore(60), { affiliate: ledger.affiliateId })],
          [payment('order:b1', bruno, 's:b', daysBefore(50), { affiliate: bob })],
          [payment('order:a2', bruno, 's:a', daysBefore(30))],
          [payment('order:b2', bruno, 's:b', daysBefore(20))],
        ];
      },
      (ledger) => [
        ['a1', ledger.affiliateId, null, 200],
        ['b1', bob, null, 200],
        ['a2', ledger.affiliateId, null, 200],
        ['b2', bob, null, 200],
      ],
    );
  });

  test('a second subscription that another affiliate sold renews for that affiliate', async () => {
    let bob = '';
    await inBothOrders(
      revshare,
      async (ledger) => {
        bob = await addAffiliate(database.db, ledger.programId);
        return [
          [payment('order:1', ann, 's:1', daysBefore(60), { affiliate: ledger.affiliateId })],
          [payment('order:2', ann, 's:2', daysBefore(40), { affiliate: bob })],
          [payment('order:3', ann, 's:2', daysBefore(10))],
          [payment('order:4', ann, 's:1', daysBefore(5))],
        ];
      },
      (ledger) => [
        ['1', ledger.affiliateId, null, 200],
        ['2', bob, null, 200],
        ['3', bob, null, 200],
        ['4', ledger.affiliateId, null, 200],
      ],
    );
  });

  test('a renewal that nothing binds is credited by its own evidence, and binds what follows', async () => {
    await inBothOrders(
      revshare,
      async (ledger) => {
        const renewal = { customer: ann, phase: 'recurring' as const, subscription: 's:1' };
        const own = { affiliate: ledger.affiliateId };
        return [
          [sale('order:1', usd(1_000), { ...renewal, occurredAt: daysBefore(60) })],
          [sale('order:2', usd(1_000), { ...renewal, occurredAt: daysBefore(30) }, own)],
          [sale('order:3', usd(1_000), { ...renewal, occurredAt: daysBefore(1) })],
        ];
      },
      (ledger) => [
        ['1', null, 'no_attribution', 0],
        ['2', ledger.affiliateId, null, 200],
        ['3', ledger.affiliateId, null, 200],
      ],
    );
  });

  test('what a subscription credits binds no customer', async () => {
    await inBothOrders(
      revshare,
      async (ledger) => [
        [payment('order:1', ann, 's:1', daysBefore(60), { affiliate: ledger.affiliateId })],
        [payment('order:2', bruno, 's:1', daysBefore(30))],
        [sale('order:3', usd(1_000), { customer: bruno, occurredAt: daysBefore(10) })],
      ],
      (ledger) => [
        ['1', ledger.affiliateId, null, 200],
        ['2', ledger.affiliateId, null, 200],
        ['3', null, 'no_attribution', 0],
      ],
    );
  });
});

describe('a CPA place', () => {
  const customer = { refs: ['id:1'], email: null };
  const cpa = { commission: { type: 'cpa', amountMinor: 1_000 } } as const;
  const refund = (refundId: string, occurredAt: string): Fact =>
    fact('refund', { id: `refund:${refundId}`, refs: ['order:1'], occurredAt, refundId, amount: usd(5_000) });

  test('goes to the next order once nothing remains of the first', async () => {
    await inBothOrders(
      cpa,
      (ledger) => {
        const evidence = { affiliate: ledger.affiliateId };
        return Promise.resolve([
          [sale('order:1', usd(5_000), { customer, occurredAt: daysBefore(9) }, evidence)],
          [refund('re_1', daysBefore(8))],
          [sale('order:2', usd(5_000), { customer, occurredAt: daysBefore(5) }, evidence)],
        ]);
      },
      (ledger) => [
        ['1', ledger.affiliateId, null, 0],
        ['2', ledger.affiliateId, null, 1_000],
      ],
    );
  });

  test('comes back to the first when it gets its money back', async () => {
    await inBothOrders(
      cpa,
      (ledger) => {
        const evidence = { affiliate: ledger.affiliateId };
        const dispute = { refs: ['order:1'], disputeId: 'du_1' };
        return Promise.resolve([
          [sale('order:1', usd(5_000), { customer, occurredAt: daysBefore(9) }, evidence)],
          [fact('dispute', { ...dispute, id: 'dispute:1', occurredAt: daysBefore(8), amount: usd(5_000) })],
          [sale('order:2', usd(5_000), { customer, occurredAt: daysBefore(5) }, evidence)],
          [
            fact('dispute_won', {
              ...dispute,
              id: 'dispute_won:1',
              occurredAt: daysBefore(8),
              statedAt: daysBefore(1),
            }),
          ],
        ]);
      },
      (ledger) => [
        ['1', ledger.affiliateId, null, 1_000],
        ['2', ledger.affiliateId, 'cpa_customer_limit', 0],
      ],
    );
  });
});

describe('what is undone twice', () => {
  const refund = (id: string, day: number): Fact =>
    fact('refund', { id, refs: ['order:1'], occurredAt: daysAfter(day), refundId: 're_1', amount: null });
  const reversal = (id: string, day: number): Fact =>
    fact('refund_failed', { id, refs: ['order:1'], occurredAt: daysAfter(day), refundId: 're_1' });

  test('a refund after its reversal counts, and so does the last of many', async () => {
    for (const [facts, commission] of [
      [[refund('a', 1), reversal('b', 2), refund('c', 3)], 0],
      [[refund('a', 1), reversal('b', 2), refund('c', 3), reversal('d', 4)], 2_000],
    ] as const) {
      await inBothOrders(
        {},
        (ledger) =>
          Promise.resolve([
            [sale('order:1', usd(10_000), {}, { affiliate: ledger.affiliateId })],
            ...facts.map((one) => [one]),
          ]),
        (ledger) => [['1', ledger.affiliateId, null, commission]],
      );
    }
  });

  test('a dispute that was won and then lost takes its amount', async () => {
    const dispute = { refs: ['order:1'], disputeId: 'du_1', occurredAt: daysAfter(1) };
    await inBothOrders(
      {},
      (ledger) =>
        Promise.resolve([
          [sale('order:1', usd(10_000), {}, { affiliate: ledger.affiliateId })],
          [fact('dispute', { ...dispute, id: 'dispute:1', amount: usd(4_000) })],
          [fact('dispute_won', { ...dispute, id: 'won:1', statedAt: daysAfter(5) })],
          [fact('dispute', { ...dispute, id: 'lost:1', amount: usd(4_000), lost: true, statedAt: daysAfter(9) })],
        ]),
      (ledger) => [['1', ledger.affiliateId, null, 1_200]],
    );
  });
});

describe('evidence that a visitor may set', () => {
  test('an affiliate id in it is weaker than a coupon, and a referral code names nobody', async () => {
    const ledger = await openLedger(database.db, { affiliate: { code: '1001' } });
    const bob = await addAffiliate(database.db, ledger.programId, { coupon: 'BOB10' });
    await ledger.say(
      [sale('order:1', usd(1_000), { occurredAt: daysBefore(3) }, { reference: ledger.affiliateId })],
      [sale('order:2', usd(1_000), { occurredAt: daysBefore(2) }, { reference: '1001' })],
      [
        sale(
          'order:3',
          usd(1_000),
          { occurredAt: daysBefore(1) },
          { reference: ledger.affiliateId, discounts: ['promo_unknown', 'bob10'] },
        ),
      ],
    );
    assert.deepEqual(await earned(ledger), [
      ['1', ledger.affiliateId, null, 200],
      ['2', null, 'no_attribution', 0],
      ['3', bob, null, 200],
    ]);
  });

  test('buyer and affiliate are one person by the mailbox that their addresses lead to', async () => {
    const ledger = await openLedger(database.db, { affiliate: { email: 'jane.doe@gmail.com' } });
    const customer = { refs: ['id:1'], email: 'JaneDoe+shop@googlemail.com' };
    await ledger.say([sale('order:1', usd(1_000), { customer }, { affiliate: ledger.affiliateId })]);
    assert.deepEqual(await earned(ledger), [['1', ledger.affiliateId, 'self_referral', 0]]);
  });
});
