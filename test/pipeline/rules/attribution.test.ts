import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runSql } from '../../support/sql.ts';
import type { Explanation } from '../../../src/pipeline/rules/commission.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { addAffiliate, addClick, addOffer, fact, openLedger, sale, usd, type Ledger } from '../../journeys/ledger.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const DAY_MS = 86_400_000;
const SOLD_AT = '2026-06-01T10:00:00.000Z';
const ago = (ms: number): string => new Date(Date.parse(SOLD_AT) - ms).toISOString();
const customer = { refs: ['id:buyer-1'], email: null };

describe('the window of a click', () => {
  test('includes its last millisecond and not the next', async () => {
    const ledger = await openLedger(database.db, { offer: { windowDays: 7 } });
    const atTheEdge = await addClick(ledger, { at: ago(7 * DAY_MS) });
    const past = await addClick(ledger, { at: ago(7 * DAY_MS + 1) });
    await ledger.say([sale('order:edge', usd(10_000), {}, { clickId: atTheEdge })]);
    const ids = await ledger.say([sale('order:past', usd(10_000), {}, { clickId: past })]);
    assert.deepEqual(await ledger.outcomes(ids), [{ outcome: 'not_tracked', reason: 'outside_window' }]);
    assert.deepEqual(await ledger.postings(), [2_000]);
    // The click is what the order is known by, so it is not also among what was passed over.
    const { chosen, passedOver } = await explanation(ledger, 'order:past');
    assert.deepEqual([chosen?.by, chosen?.value, passedOver], ['click', past, []]);
  });

  test('is that of the offer clicked, at the time of the sale and not of its arrival', async () => {
    const ledger = await openLedger(database.db, { offer: { windowDays: 1 } });
    const longOffer = await addOffer(
      database.db,
      ledger.programId,
      { type: 'cps', rateBps: 1_000 },
      { windowDays: 60 },
    );
    const clickId = await addClick(ledger, { offerId: longOffer, at: ago(59 * DAY_MS) });
    ledger.now = new Date('2027-01-01T00:00:00.000Z');
    await ledger.say([sale('order:1', usd(10_000), {}, { clickId })]);
    assert.deepEqual(await ledger.postings(), [1_000]);
  });

  test('stays as it was when the order was judged', async () => {
    const ledger = await openLedger(database.db, { offer: { windowDays: 30 } });
    const clickId = await addClick(ledger, { at: ago(20 * DAY_MS) });
    await ledger.say([sale('order:1', usd(10_000), {}, { clickId })]);
    await database.db('offers').where({ id: ledger.offerId }).update({ attribution_window_days: 1 });
    await ledger.say([fact('link', { refs: ['order:1'] })]);
    assert.equal((await ledger.orders())[0]?.commission, 2_000);
  });
});

describe('of several clicks', () => {
  for (const [model, expected] of [
    ['last_click', 'second'],
    ['first_click', 'first'],
  ] as const) {
    test(`${model} credits the ${expected} one inside the window`, async () => {
      const ledger = await openLedger(database.db, { program: { model } });
      const [first, second, expired] = await Promise.all(
        [0, 1, 2].map(() => addAffiliate(database.db, ledger.programId)),
      );
      const clicks = [
        await addClick(ledger, { affiliateId: second ?? '', at: ago(DAY_MS) }),
        await addClick(ledger, { affiliateId: first ?? '', at: ago(2 * DAY_MS) }),
        await addClick(ledger, { affiliateId: expired ?? '', at: ago(31 * DAY_MS) }),
      ];
      await ledger.say([
        sale('pi', usd(10_000), {}, { clickId: clicks[0] ?? '' }),
        fact('link', { refs: ['pi'], evidence: { clickId: clicks[1] ?? '' } }),
        fact('link', { refs: ['pi'], evidence: { clickId: clicks[2] ?? '' } }),
      ]);
      assert.equal((await ledger.orders())[0]?.affiliateId, expected === 'first' ? first : second);
      const { passedOver } = await explanation(ledger);
      assert.ok(passedOver.some(({ why }) => why.includes('older than the window')));
      assert.ok(passedOver.some(({ why }) => why === "another click counts by the program's model"));
    });
  }
});

describe('the strongest evidence wins', () => {
  test('a named affiliate before a click, a click before a code, a code before a coupon', async () => {
    const ledger = await openLedger(database.db);
    const [named = '', clicked = '', coded = '', couponed = ''] = await Promise.all(
      ['n', 'c', 'r', 'k'].map((name) =>
        addAffiliate(database.db, ledger.programId, { code: `code-${name}`, coupon: `cpn-${name}` }),
      ),
    );
    const clickId = await addClick(ledger, { affiliateId: clicked });
    const all = { couponCode: 'CPN-K', referralCode: 'Code-R', clickId, affiliate: named };
    const without = (...keys: (keyof typeof all)[]) =>
      Object.fromEntries(Object.entries(all).filter(([key]) => !keys.includes(key as keyof typeof all)));
    await ledger.say([sale('order:1', usd(100), {}, all)]);
    await ledger.say([sale('order:2', usd(100), {}, without('affiliate'))]);
    await ledger.say([sale('order:3', usd(100), {}, without('affiliate', 'clickId'))]);
    await ledger.say([sale('order:4', usd(100), {}, without('affiliate', 'clickId', 'referralCode'))]);
    const credited = (await ledger.orders()).map(({ affiliateId }) => affiliateId);
    assert.deepEqual(credited, [named, clicked, coded, couponed]);
  });

  test('a click that was recorded before all that a visitor may write: reference, code and coupon, alone and together', async () => {
    const ledger = await openLedger(database.db);
    const [clicked, self] = await Promise.all([
      addAffiliate(database.db, ledger.programId),
      addAffiliate(database.db, ledger.programId, { code: 'code-self', coupon: 'cpn-self' }),
    ]);
    const clickId = await addClick(ledger, { affiliateId: clicked });
    const written = [{ reference: self }, { referralCode: 'code-self' }, { couponCode: 'cpn-self' }];
    const all = Object.assign({}, ...written);
    for (const [index, evidence] of [...written, all].entries()) {
      const customer = { refs: [`id:${index}`], email: null };
      const next = { occurredAt: '2026-06-02T00:00:00.000Z', customer };
      await ledger.say([sale(`order:${index}a`, usd(100), { customer }, { clickId, ...evidence })]);
      // And before what the click has bound.
      await ledger.say([sale(`order:${index}b`, usd(100), next, evidence)]);
    }
    assert.deepEqual([...new Set((await ledger.orders()).map(({ affiliateId }) => affiliateId))], [clicked]);
  });

  test('of one kind the earlier, and the other is called later, not weaker', async () => {
    const ledger = await openLedger(database.db);
    const [first = '', second = ''] = await Promise.all([0, 1].map(() => addAffiliate(database.db, ledger.programId)));
    await ledger.say([sale('order:1', usd(100), {}, { affiliate: first })]);
    const later = { refs: ['order:1'], occurredAt: '2026-06-02T00:00:00.000Z' };
    await ledger.say([fact('link', { ...later, evidence: { affiliate: second } })]);
    assert.equal((await ledger.orders())[0]?.affiliateId, first);
    assert.deepEqual((await explanation(ledger, 'order:1')).passedOver, [
      { by: 'affiliate', value: second, why: 'later evidence of the same kind', affiliateId: second },
    ]);
  });

  test('what was followed is not passed over as well where others say it again, and each is told of once', async () => {
    const ledger = await openLedger(database.db);
    const evidence = { affiliate: ledger.affiliateId, referralCode: 'nobody' };
    await ledger.say([sale('order:1', usd(100), {}, evidence)]);
    const later = { refs: ['order:1'], occurredAt: '2026-06-02T00:00:00.000Z', evidence };
    await ledger.say([fact('link', later)]);
    const { chosen, passedOver } = await explanation(ledger, 'order:1');
    assert.deepEqual([chosen?.by, chosen?.value], ['affiliate', ledger.affiliateId]);
    assert.deepEqual(passedOver, [{ by: 'referral_code', value: 'nobody', why: 'no such affiliate' }]);
  });

  test('the coupon before all else where the program puts coupons first, also against the binding', async () => {
    const ledger = await openLedger(database.db, { program: { couponFirst: true } });
    const couponed = await addAffiliate(database.db, ledger.programId, { coupon: 'save10' });
    const clickId = await addClick(ledger);
    await ledger.say([sale('order:1', usd(100), { customer }, { clickId })]);
    await ledger.say([
      sale(
        'order:2',
        usd(100),
        { customer, occurredAt: '2026-06-02T00:00:00.000Z' },
        { clickId, couponCode: 'SAVE10' },
      ),
    ]);
    assert.deepEqual(
      (await ledger.orders()).map(({ affiliateId }) => affiliateId),
      [ledger.affiliateId, couponed],
    );
    assert.equal((await explanation(ledger, 'order:2')).chosen?.by, 'coupon');
  });

  test('the binding before codes, and a later click for its own sale without binding again', async () => {
    const ledger = await openLedger(database.db);
    const rival = await addAffiliate(database.db, ledger.programId, { code: 'rival' });
    const clickId = await addClick(ledger);
    const rivalClick = await addClick(ledger, { affiliateId: rival, at: '2026-06-02T00:00:00.000Z' });
    const at = (day: number): string => `2026-06-0${day}T10:00:00.000Z`;
    await ledger.say([sale('order:1', usd(100), { customer, occurredAt: at(1) }, { clickId })]);
    await ledger.say([sale('order:2', usd(100), { customer, occurredAt: at(2) }, { referralCode: 'rival' })]);
    await ledger.say([sale('order:3', usd(100), { customer, occurredAt: at(3) }, { clickId: rivalClick })]);
    await ledger.say([sale('order:4', usd(100), { customer, occurredAt: at(4) })]);
    const own = ledger.affiliateId;
    assert.deepEqual(
      (await ledger.orders()).map(({ affiliateId }) => affiliateId),
      [own, own, rival, own],
    );
    const { chosen, passedOver } = await explanation(ledger, 'order:2');
    assert.equal(chosen?.by, 'binding');
    assert.deepEqual(passedOver, [{ by: 'referral_code', value: 'rival', why: 'weaker evidence', affiliateId: rival }]);
  });

  test('a renewal follows the binding alone', async () => {
    const ledger = await openLedger(database.db, {
      commission: { type: 'revshare', rateBps: 1_000, durationMonths: null },
    });
    const rival = await addAffiliate(database.db, ledger.programId);
    const subscribed = { customer, phase: 'subscription' as const, subscription: 'stripe:sub_1' };
    await ledger.say([sale('in_1', usd(100), subscribed, { affiliate: ledger.affiliateId })]);
    await ledger.say([
      sale('in_2', usd(100), { ...subscribed, occurredAt: '2026-07-01T10:00:00.000Z' }, { affiliate: rival }),
    ]);
    const [, renewal] = await ledger.orders();
    assert.deepEqual([renewal?.kind, renewal?.affiliateId], ['renewal', ledger.affiliateId]);
  });

  test('what names an affiliate, click, coupon or offer of another program names nothing', async () => {
    const ledger = await openLedger(database.db);
    const stranger = await openLedger(database.db);
    await addAffiliate(database.db, stranger.programId, { code: 'theirs', coupon: 'theirs' });
    const clickId = await addClick(stranger);
    for (const [index, evidence] of [
      { affiliate: stranger.affiliateId },
      { clickId },
      { reference: clickId },
      { referralCode: 'theirs' },
      { couponCode: 'theirs' },
    ].entries()) {
      const ids = await ledger.say([sale(`order:${index}`, usd(100), {}, evidence)]);
      assert.deepEqual(await ledger.outcomes(ids), [{ outcome: 'parked', reason: 'no_attribution' }]);
    }
    for (const [index, [evidence, reason]] of [
      [{ affiliate: stranger.affiliateId }, 'affiliate_not_found'],
      [{ clickId }, 'click_not_found'],
      [{ affiliate: ledger.affiliateId, offer: stranger.offerId }, 'offer_not_found'],
    ].entries() as IterableIterator<[number, [object, string]]>) {
      const ids = await ledger.store([[sale(`order:c${index}`, usd(100), {}, evidence)]], { kind: 'conversion' });
      await ledger.settle(ids);
      assert.deepEqual(await ledger.outcomes(ids), [{ outcome: 'rejected', reason }]);
    }
    assert.deepEqual(await ledger.postings(), []);
  });
});

describe('who is not paid', () => {
  test('an affiliate who is the buyer, by any address of theirs', async () => {
    const ledger = await openLedger(database.db, { affiliate: { email: 'Jane@Example.com' } });
    await database.db('affiliates').where({ id: ledger.affiliateId }).update({ payment_email: 'pay@example.com' });
    const affiliate = ledger.affiliateId;
    for (const [index, email] of ['jane@example.com', 'PAY@example.com'].entries()) {
      const bought = { customer: { refs: [`id:${index}`], email } };
      const ids = await ledger.say([sale(`order:${index}`, usd(100), bought, { affiliate })]);
      assert.deepEqual(await ledger.outcomes(ids), [{ outcome: 'not_tracked', reason: 'self_referral' }]);
    }
    assert.deepEqual(await ledger.postings(), []);
  });

  test('an affiliate whose address shows only later to be the buyer\u2019s', async () => {
    const ledger = await openLedger(database.db, { affiliate: { email: 'jane@example.com' } });
    await ledger.say([sale('order:1', usd(10_000), { customer }, { affiliate: ledger.affiliateId })]);
    await ledger.say([fact('customer', { customer: { ...customer, email: 'jane@example.com' } })]);
    const [order] = await ledger.orders();
    assert.deepEqual([order?.status, order?.reason, order?.commission], ['not_tracked', 'self_referral', 0]);
    assert.deepEqual(await ledger.postings(), [2_000, -2_000]);
  });

  test('an affiliate who is banned, of what is paid from then on, by new customers and by bound ones', async () => {
    const ledger = await openLedger(database.db, {
      commission: { type: 'revshare', rateBps: 2_000, durationMonths: null },
    });
    const affiliate = ledger.affiliateId;
    const before = new Date(Date.now() - 60_000).toISOString();
    await ledger.say([sale('order:1', usd(100), { customer, occurredAt: before }, { affiliate })]);
    await database.db('affiliates').where({ id: affiliate }).update({ status: 'banned' });
    const during = new Date(Date.now() + 60_000).toISOString();
    const another = { customer: { refs: ['id:buyer-2'], email: null }, occurredAt: during };
    const renewal = { customer, phase: 'recurring' as const, occurredAt: during };
    const ids = [
      ...(await ledger.say([sale('order:2', usd(100), another, { affiliate })])),
      ...(await ledger.say([sale('order:3', usd(100), renewal)])),
    ];
    const notPaid = { outcome: 'not_tracked', reason: 'affiliate_not_active' };
    assert.deepEqual(await ledger.outcomes(ids), [notPaid, notPaid]);
    // What was paid before the ban was earned, however late it becomes known.
    await ledger.say([sale('order:4', usd(100), { customer, phase: 'recurring', occurredAt: before })]);
    assert.deepEqual(await ledger.postings(), [20, 20]);
    // What occurred while banned stays unpaid afterwards; what follows is earned again.
    await database.db('affiliates').where({ id: affiliate }).update({ status: 'active' });
    const after = new Date(Date.now() + 1_000).toISOString();
    await ledger.say([sale('order:5', usd(100), { customer, phase: 'recurring', occurredAt: after })]);
    assert.deepEqual(await ledger.postings(), [20, 20, 20]);
  });

  for (const status of ['pending', 'paused']) {
    test(`an affiliate who is ${status}, for new customers; those bound before go on paying`, async () => {
      const ledger = await openLedger(database.db, {
        commission: { type: 'revshare', rateBps: 2_000, durationMonths: null },
      });
      const affiliate = ledger.affiliateId;
      await ledger.say([sale('order:1', usd(100), { customer }, { affiliate })]);
      await database.db('affiliates').where({ id: affiliate }).update({ status });
      const another = { customer: { refs: ['id:buyer-2'], email: null } };
      const ids = await ledger.say([sale('order:2', usd(100), another, { affiliate })]);
      assert.deepEqual(await ledger.outcomes(ids), [{ outcome: 'not_tracked', reason: 'affiliate_not_active' }]);
      await ledger.say([
        sale('order:3', usd(100), { customer, phase: 'recurring', occurredAt: '2026-07-01T00:00:00.000Z' }),
      ]);
      assert.deepEqual(await ledger.postings(), [20, 20]);
    });
  }

  test('an offer that is not published: a caller is refused, a provider\u2019s money is recorded and not paid', async () => {
    for (const status of ['draft', 'paused', 'archived']) {
      const ledger = await openLedger(database.db, { offer: { status } });
      const clickId = await addClick(ledger);
      const one = await ledger.store([[sale('order:1', usd(100), {}, { clickId })]], { kind: 'conversion' });
      await ledger.settle(one);
      assert.deepEqual(await ledger.outcomes(one), [{ outcome: 'rejected', reason: 'offer_not_active' }]);
      const other = await ledger.say([sale('stripe:pi_1', usd(100), {}, { clickId })]);
      assert.deepEqual(await ledger.outcomes(other), [{ outcome: 'not_tracked', reason: 'offer_not_active' }]);
      assert.deepEqual(await ledger.postings(), []);
    }
  });
});

describe('evidence that arrives late', () => {
  test('a customer whose metadata names the affiliate attributes all that was parked', async () => {
    const ledger = await openLedger(database.db, {
      commission: { type: 'revshare', rateBps: 2_000, durationMonths: null },
    });
    await ledger.say([sale('pi_1', usd(100), { customer, occurredAt: '2026-05-01T00:00:00.000Z' })]);
    await ledger.say([
      sale('pi_2', usd(100), { customer, phase: 'recurring', occurredAt: '2026-06-01T00:00:00.000Z' }),
    ]);
    assert.deepEqual(await ledger.postings(), []);
    await ledger.say([
      fact('customer', {
        customer,
        evidence: { affiliate: ledger.affiliateId },
        occurredAt: '2026-07-01T00:00:00.000Z',
      }),
    ]);
    assert.deepEqual(
      (await ledger.orders()).map(({ status, commission }) => [status, commission]),
      [
        ['pending', 20],
        ['pending', 20],
      ],
    );
  });

  test('two customers that turn out to be one share the binding of the earlier order', async () => {
    const ledger = await openLedger(database.db);
    await ledger.say([
      sale(
        'a',
        usd(100),
        { customer: { refs: ['rc:anon'], email: null }, occurredAt: '2026-05-01T00:00:00.000Z' },
        {
          affiliate: ledger.affiliateId,
        },
      ),
    ]);
    await ledger.say([sale('b', usd(100), { customer: { refs: ['rc:u1'], email: null } })]);
    assert.equal((await ledger.orders())[1]?.status, 'parked');
    // RevenueCat's TRANSFER and SUBSCRIBER_ALIAS say no more than this.
    await ledger.say([fact('customer', { customer: { refs: ['rc:u1', 'rc:anon'], email: null } })]);
    assert.deepEqual(
      (await ledger.orders()).map(({ status }) => status),
      ['pending', 'pending'],
    );
  });
});

async function explanation(ledger: Ledger, reference?: string): Promise<Explanation> {
  const [row] = await runSql<{ explanation: Explanation }>(
    ledger.db,
    `select explanation from orders where program_id = ? and (?::text is null or reference = ?)`,
    [ledger.programId, reference ?? null, reference ?? null],
  );
  assert.ok(row);
  return row.explanation;
}
