import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { requestDueApprovals } from '../../src/pipeline/work-items/find-overdue.ts';
import { settleSafely } from '../../src/pipeline/settle-safely.ts';
import { createLogger } from '../../src/process/logging.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { runSql } from '../support/sql.ts';
import { addAffiliate, addClick, addOffer, fact, openLedger, sale, usd, type Ledger } from './ledger.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const customer = { refs: ['id:buyer-1'], email: null };
const log = createLogger({ level: 'silent', role: 'test' });

describe('what is paid', () => {
  test('CPA: once a customer and offer, in the offer\u2019s currency; another offer pays again', async () => {
    const ledger = await openLedger(database.db, {
      commission: { type: 'cpa', amountMinor: 3_000 },
      offer: { currency: 'EUR' },
    });
    const other = await addOffer(database.db, ledger.programId, { type: 'cpa', amountMinor: 500 });
    const affiliate = ledger.affiliateId;
    const at = (day: number): string => `2026-06-0${day}T00:00:00.000Z`;
    await ledger.say([sale('order:1', usd(100), { customer, occurredAt: at(1) }, { affiliate })]);
    await ledger.say([sale('order:2', usd(100), { customer, occurredAt: at(2) }, { affiliate })]);
    await ledger.say([sale('order:3', usd(100), { customer, occurredAt: at(3) }, { affiliate, offer: other })]);
    assert.deepEqual(
      (await ledger.orders()).map(({ commission, commissionCurrency, reason }) => [
        commission,
        commissionCurrency,
        reason,
      ]),
      [
        [3_000, 'EUR', null],
        [0, 'EUR', 'cpa_customer_limit'],
        [500, 'USD', null],
      ],
    );
  });

  test('CPA without a customer: once a click, offer and goal', async () => {
    const ledger = await openLedger(database.db, { commission: { type: 'cpa', amountMinor: 3_000 } });
    const clickId = await addClick(ledger);
    const action = (order: string, goal: string) => fact('action', { refs: [order], goal, evidence: { clickId } });
    await ledger.say([action('order:1', 'signup')]);
    const ids = await ledger.say([action('order:2', 'signup')], [action('order:3', 'deposit')]);
    assert.deepEqual(await ledger.outcomes(ids), [
      { outcome: 'not_tracked', reason: 'cpa_click_limit' },
      { outcome: 'recorded', reason: null },
    ]);
    assert.deepEqual(await ledger.postings(), [3_000, 3_000]);
  });

  test('CPA falls to zero only when nothing of the payment remains', async () => {
    const ledger = await openLedger(database.db, { commission: { type: 'cpa', amountMinor: 3_000 } });
    await ledger.say([sale('pi', usd(10_000), {}, { affiliate: ledger.affiliateId })]);
    const refund = (id: string, minor: number) =>
      fact('refund', { id, refs: ['pi'], refundId: id, amount: usd(minor) });
    await ledger.say([refund('re_1', 9_999)]);
    assert.deepEqual(await ledger.postings(), [3_000]);
    await ledger.say([refund('re_2', 1)]);
    assert.deepEqual(await ledger.postings(), [3_000, -3_000]);
  });

  test('a sale of nothing is in a month of the revenue share like any other, whenever the first payment is told of', async () => {
    const first = sale('order:1', usd(100), { customer, occurredAt: '2026-01-02T00:00:00.000Z' });
    const ofNothing = sale('order:2', usd(100), { customer, net: usd(0), occurredAt: '2026-03-02T00:00:00.000Z' });
    for (const facts of [
      [first, ofNothing],
      [ofNothing, first],
    ]) {
      const ledger = await openLedger(database.db, {
        commission: { type: 'revshare', rateBps: 1_000, durationMonths: 1 },
      });
      const evidence = { affiliate: ledger.affiliateId };
      await ledger.say([sale('order:0', usd(0), { customer, occurredAt: '2026-01-01T00:00:00.000Z' }, evidence)]);
      await ledger.say([
        fact('customer', { id: 'bound', refs: [], customer, evidence, occurredAt: '2026-01-01T00:00:00.000Z' }),
      ]);
      for (const one of facts) await ledger.say([one]);
      const rows = await runSql<{ reason: string | null }>(
        database.db,
        `select reason from orders where program_id = ? and reference = 'order:2'`,
        [ledger.programId],
      );
      assert.deepEqual(rows, [{ reason: 'max_duration' }]);
      assert.deepEqual((await verifyLedger(database.db, { programId: ledger.programId })).differences, []);
    }
  });

  test('CPS: each one-off sale and the first of a subscription, not its renewals', async () => {
    const ledger = await openLedger(database.db);
    const affiliate = ledger.affiliateId;
    const subscribed = { customer, phase: 'subscription' as const, subscription: 'stripe:sub_1' };
    await ledger.say([sale('order:1', usd(100), { customer, occurredAt: '2026-01-01T00:00:00.000Z' }, { affiliate })]);
    await ledger.say([sale('order:2', usd(100), { customer, occurredAt: '2026-01-02T00:00:00.000Z' })]);
    await ledger.say([sale('in_1', usd(100), { ...subscribed, occurredAt: '2026-02-01T00:00:00.000Z' })]);
    await ledger.say([sale('in_2', usd(100), { ...subscribed, occurredAt: '2026-03-01T00:00:00.000Z' })]);
    assert.deepEqual(
      (await ledger.orders()).map(({ kind, commission, reason }) => [kind, commission, reason]),
      [
        ['sale', 20, null],
        ['sale', 20, null],
        ['sale', 20, null],
        ['renewal', 0, 'renewal_not_paid'],
      ],
    );
  });

  test('a trial and a zero invoice are leads; the first money of the subscription is its sale', async () => {
    const ledger = await openLedger(database.db);
    const subscribed = { customer, subscription: 'stripe:sub_1', goal: 'purchase' };
    const affiliate = ledger.affiliateId;
    await ledger.say([fact('lead', { ...subscribed, refs: ['in_0'], evidence: { affiliate } })]);
    await ledger.say([
      sale('in_1', usd(4_900), { ...subscribed, phase: 'subscription', occurredAt: '2026-06-15T00:00:00.000Z' }),
    ]);
    assert.deepEqual(
      (await ledger.orders()).map(({ kind, status, commission }) => [kind, status, commission]),
      [
        ['lead', 'pending', 0],
        ['sale', 'pending', 980],
      ],
    );
  });

  test('RevShare: [first payment, + months) by calendar days of the program\u2019s zone; Jan 31 + 1 month is the last of February', async () => {
    for (const [timezone, last, after] of [
      ['UTC', '2026-02-27T23:59:59.999Z', '2026-02-28T00:00:00.000Z'],
      ['America/New_York', '2026-02-28T04:59:59.999Z', '2026-02-28T05:00:00.000Z'],
    ] as const) {
      const ledger = await openLedger(database.db, {
        commission: { type: 'revshare', rateBps: 2_000, durationMonths: 1 },
        program: { timezone },
      });
      const first = '2026-01-31T12:00:00.000Z';
      await ledger.say([sale('1', usd(100), { customer, occurredAt: first }, { affiliate: ledger.affiliateId })]);
      await ledger.say([sale('2', usd(100), { customer, phase: 'recurring', occurredAt: last })]);
      await ledger.say([sale('3', usd(100), { customer, phase: 'recurring', occurredAt: after })]);
      assert.deepEqual(
        (await ledger.orders()).map(({ commission, reason }) => [commission, reason]),
        [
          [20, null],
          [20, null],
          [0, 'max_duration'],
        ],
        timezone,
      );
    }
  });

  test('an override beats the offer\u2019s terms in the offer\u2019s own language only', async () => {
    for (const [commission, override, expected] of [
      [{ type: 'cps', rateBps: 2_000 }, { rateBps: 5_000 }, 5_000],
      [{ type: 'revshare', rateBps: 2_000, durationMonths: null }, { rateBps: 0 }, 0],
      [{ type: 'cpa', amountMinor: 3_000 }, { amountMinor: 1_234 }, 1_234],
      [{ type: 'cps', rateBps: 2_000 }, { amountMinor: 1_234 }, 2_000],
      [{ type: 'cpa', amountMinor: 3_000 }, { rateBps: 5_000 }, 3_000],
    ] as const) {
      const ledger = await openLedger(database.db, { commission, affiliate: { override } });
      await ledger.say([sale('1', usd(10_000), {}, { affiliate: ledger.affiliateId })]);
      assert.equal((await ledger.orders())[0]?.commission, expected);
    }
  });

  test('percentages are of net and rounded once, half up, after all refunds together', async () => {
    const ledger = await openLedger(database.db, { commission: { type: 'cps', rateBps: 3_333 } });
    await ledger.say([sale('1', usd(1_000), { net: usd(833) }, { affiliate: ledger.affiliateId })]);
    for (let part = 1; part <= 3; part += 1) {
      await ledger.say([fact('refund', { refs: ['1'], refundId: `re_${part}`, amount: usd(111) })]);
    }
    // Net 833 × (1000 − 333) / 1000 = 555.6 → 556; × 0.3333 = 185.3 → 185. Rounded part by part it would be 186.
    assert.equal((await ledger.orders())[0]?.commission, 185);
  });
});

describe('daily caps', () => {
  const cap = { commission: { type: 'cpa', amountMinor: 100 } as const, offer: { dailyCap: 1 } };
  const reasons = async (ledger: Ledger): Promise<(string | null)[]> =>
    (await ledger.orders()).map(({ reason }) => reason);

  test('count by the day of the sale in the program\u2019s zone, also on the days when the clocks change', async () => {
    const ledger = await openLedger(database.db, { ...cap, program: { timezone: 'America/New_York' } });
    // Midnight in New York, before and after 8 March 2026 (23 hours long) and 1 November 2026 (25 hours).
    for (const [index, occurredAt] of [
      '2026-03-08T04:59:59.999Z', // the 7th, 23:59:59 EST
      '2026-03-08T05:00:00.000Z', // the 8th begins
      '2026-03-09T03:59:59.999Z', // still the 8th, 23:59:59 EDT
      '2026-03-09T04:00:00.000Z', // the 9th begins
      '2026-11-01T04:00:00.000Z', // 1 November begins
      '2026-11-02T04:59:59.999Z', // still the 1st, 25 hours later
      '2026-11-02T05:00:00.000Z', // the 2nd begins
    ].entries()) {
      await ledger.say([
        fact('action', {
          refs: [`order:${index}`],
          goal: 'x',
          occurredAt,
          evidence: { affiliate: ledger.affiliateId },
        }),
      ]);
    }
    assert.deepEqual(await reasons(ledger), [null, null, 'cap_exceeded', null, null, 'cap_exceeded', null]);
  });

  test('hold under concurrency, and give a slot once however often its order is settled', async () => {
    const ledger = await openLedger(database.db, { ...cap, offer: { dailyCap: 5 } });
    const events = Array.from({ length: 20 }, (_, index) => [
      fact('action', { refs: [`order:${index}`], goal: 'x', evidence: { affiliate: ledger.affiliateId } }),
    ]);
    const ids = await ledger.store(events);
    const batches = Array.from({ length: 5 }, (_, batch) => ids.slice(batch * 4, batch * 4 + 4));
    await Promise.all(batches.map((batch) => ledger.settle(batch)));
    const granted = async (): Promise<number> => (await reasons(ledger)).filter((reason) => reason === null).length;
    assert.equal(await granted(), 5);
    await ledger.say(...Array.from({ length: 20 }, (_, index) => [fact('link', { refs: [`order:${index}`] })]));
    assert.equal(await granted(), 5);
    const [counter] = await database.db('cap_counters').where({ program_id: ledger.programId }).select('taken');
    assert.equal(counter?.taken, 5);
  });
});

describe('approval', () => {
  test('comes with the posting where the program approves by itself and holds nothing', async () => {
    const ledger = await openLedger(database.db, { program: { autoApprove: true } });
    await ledger.say([sale('1', usd(100), {}, { affiliate: ledger.affiliateId })]);
    assert.equal((await ledger.orders())[0]?.status, 'approved');
    assert.deepEqual(await ledger.messageTypes(), ['conversion.created', 'commission.created', 'commission.approved']);
  });

  test('comes when the hold of the order\u2019s own time is over, by the sweep, to the millisecond', async () => {
    const ledger = await openLedger(database.db, { program: { autoApprove: true, holdDays: 14 } });
    await ledger.say([
      sale('1', usd(100), { occurredAt: '2026-06-01T10:00:00.000Z' }, { affiliate: ledger.affiliateId }),
    ]);
    await database.db('programs').where({ id: ledger.programId }).update({ hold_days: 1 });
    assert.equal(await sweep(ledger, '2026-06-15T09:59:59.999Z'), 'pending');
    assert.equal(await sweep(ledger, '2026-06-15T10:00:00.000Z'), 'approved');
    assert.ok((await ledger.messageTypes()).includes('commission.approved'));
  });

  test('never comes by itself where only people approve', async () => {
    const ledger = await openLedger(database.db);
    await ledger.say([sale('1', usd(100), {}, { affiliate: ledger.affiliateId })]);
    assert.equal(await sweep(ledger, '2036-01-01T00:00:00.000Z'), 'pending');
  });

  test('is taken back by a full refund, and comes back with the money', async () => {
    const ledger = await openLedger(database.db, { program: { autoApprove: true } });
    await ledger.say([sale('1', usd(100), {}, { affiliate: ledger.affiliateId })]);
    await ledger.say([fact('dispute', { refs: ['1'], disputeId: 'du', amount: usd(100) })]);
    assert.equal((await ledger.orders())[0]?.status, 'reversed');
    await ledger.say([fact('dispute_won', { refs: ['1'], disputeId: 'du' })]);
    assert.equal((await ledger.orders())[0]?.status, 'approved');
    assert.deepEqual(await ledger.postings(), [20, -20, 20]);
  });
});

describe('decisions of people', () => {
  const decide = (status: 'approved' | 'rejected', minute: number, reason: string | null = null) =>
    fact('decision', {
      refs: ['1'],
      status,
      reason,
      by: 'key_1',
      occurredAt: new Date(Date.UTC(2026, 5, 1, 12, minute)).toISOString(),
    });

  test('approve before the hold is over, and reject what was approved; a rejection says why and is final', async () => {
    const ledger = await openLedger(database.db, { program: { autoApprove: true, holdDays: 30 } });
    await ledger.say([sale('1', usd(100), {}, { affiliate: ledger.affiliateId })]);
    await ledger.say([decide('approved', 1)]);
    assert.equal((await ledger.orders())[0]?.status, 'approved');
    await ledger.say([decide('rejected', 2, 'fraud')]);
    await ledger.say([decide('approved', 3)]);
    const [order] = await ledger.orders();
    assert.deepEqual([order?.status, order?.reason, order?.commission], ['rejected', 'fraud', 0]);
    assert.deepEqual(await ledger.postings(), [20, -20]);
  });

  test('free the CPA slot of what they reject', async () => {
    const ledger = await openLedger(database.db, { commission: { type: 'cpa', amountMinor: 3_000 } });
    const affiliate = ledger.affiliateId;
    await ledger.say([sale('1', usd(100), { customer }, { affiliate })]);
    await ledger.say([sale('2', usd(100), { customer, occurredAt: '2026-06-02T00:00:00.000Z' }, { affiliate })]);
    await ledger.say([decide('rejected', 1)]);
    assert.deepEqual(
      (await ledger.orders()).map(({ status, commission }) => [status, commission]),
      [
        ['rejected', 0],
        ['pending', 3_000],
      ],
    );
  });
});

describe('a tracker\u2019s words about one order', () => {
  const say = (state: 'unknown' | 'lead' | 'hold' | 'sale' | 'rejected', minute: number, minor: number | null = null) =>
    fact('tracker', {
      refs: ['order:1'],
      state,
      word: state,
      amount: minor === null ? null : usd(minor),
      goal: 'purchase',
      occurredAt: new Date(Date.UTC(2026, 5, 1, 10, minute)).toISOString(),
    });
  const journey = async (
    words: ReturnType<typeof say>[],
    options: Parameters<typeof openLedger>[1] = {},
  ): Promise<[kind: string | null, status: string, commission: number][]> => {
    const ledger = await openLedger(database.db, { program: { autoApprove: true }, ...options });
    const clickId = await addClick(ledger);
    const seen: [string | null, string, number][] = [];
    for (const word of words) {
      await ledger.say([{ ...word, evidence: { clickId } }]);
      const [order] = await ledger.orders();
      seen.push([order?.kind ?? null, order?.status ?? '', order?.commission ?? -1]);
    }
    return seen;
  };

  test('go from lead over hold to sale with the amount of each; only the sale is approved', async () => {
    assert.deepEqual(await journey([say('lead', 0), say('hold', 1, 5_000), say('sale', 2, 10_000)]), [
      ['lead', 'pending', 0],
      ['sale', 'pending', 1_000],
      ['sale', 'approved', 2_000],
    ]);
  });

  test('a late earlier state changes nothing, a newer amount of the same state does', async () => {
    assert.deepEqual(
      await journey([say('sale', 2, 10_000), say('hold', 1, 5_000), say('lead', 0), say('sale', 3, 7_000)]),
      [
        ['sale', 'approved', 2_000],
        ['sale', 'approved', 2_000],
        ['sale', 'approved', 2_000],
        ['sale', 'approved', 1_400],
      ],
    );
  });

  test('rejected is final', async () => {
    assert.deepEqual(await journey([say('sale', 1, 10_000), say('rejected', 2), say('sale', 3, 10_000)]), [
      ['sale', 'approved', 2_000],
      ['sale', 'rejected', 0],
      ['sale', 'rejected', 0],
    ]);
  });

  test('an unknown word is recorded and pays nothing until a known one comes', async () => {
    assert.deepEqual(await journey([say('unknown', 0, 10_000), say('sale', 1, 10_000)]), [
      ['action', 'not_tracked', 0],
      ['sale', 'approved', 2_000],
    ]);
  });

  test('a sale of a CPA offer needs no amount, whatever its goal', async () => {
    const cpa = { commission: { type: 'cpa', amountMinor: 3_000 } as const };
    const registered = { ...say('sale', 1), goal: 'registration' } as ReturnType<typeof say>;
    assert.deepEqual(await journey([registered], cpa), [['lead', 'approved', 3_000]]);
  });
});

/** Settles what is due at that time, as the worker's sweep does; gives the status of the first order. */
async function sweep(ledger: Ledger, now: string): Promise<string | undefined> {
  const clock = { now: () => new Date(now) };
  const resettlementIds = await requestDueApprovals(ledger.db, clock.now(), 100);
  await settleSafely({ db: ledger.db, log, clock }, { eventIds: [], resettlementIds });
  return (await ledger.orders())[0]?.status;
}

test('another affiliate\u2019s override is not mine', async () => {
  const ledger = await openLedger(database.db, { affiliate: { override: { rateBps: 5_000 } } });
  const other = await addAffiliate(database.db, ledger.programId);
  await ledger.say([sale('1', usd(100), {}, { affiliate: other })]);
  assert.deepEqual(await ledger.postings(), [20]);
});
