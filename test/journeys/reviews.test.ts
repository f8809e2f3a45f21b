import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { inTransaction } from '../../src/db/db.ts';
import type { Fact } from '../../src/domain/facts.ts';
import { listBalances, payableMinor } from '../../src/ledger/balances.ts';
import { createPayout, finishPayout } from '../../src/ledger/payouts.ts';
import { runSql } from '../support/sql.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { addAffiliate, addClick, addOffer, fact, openLedger, sale, usd, type Ledger } from './ledger.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const paidAt = '2026-05-30T10:00:00.000Z';
const eur = (minor: number) => ({ minor, currency: 'EUR' });

interface Seen {
  status: string;
  affiliate: string | null;
  commission: number;
  reasons: string[] | null;
}

async function look(ledger: Ledger, orderId = '1'): Promise<Seen> {
  const { differences } = await verifyLedger(ledger.db, { programId: ledger.programId });
  assert.deepEqual(
    differences.filter(({ what }) => what === 'order' || what === 'customer' || what === 'payout'),
    [],
  );
  const [row] = await runSql<Seen>(
    ledger.db,
    `select status, affiliate_id as affiliate, commission_minor::int as commission, review -> 'reasons' as reasons
     from orders where program_id = ? and order_id = ? and status <> 'merged'`,
    [ledger.programId, orderId],
  );
  return row as Seen;
}

async function grounds(ledger: Ledger): Promise<string[]> {
  const rows = await runSql<{ grounds: string[] }>(
    ledger.db,
    `select review -> 'grounds' as grounds from orders where program_id = ? and review is not null`,
    [ledger.programId],
  );
  return rows.flatMap((row) => row.grounds);
}

async function balanceOf(ledger: Ledger, affiliateId: string) {
  const { items } = await listBalances(ledger.db, ledger.programId, { affiliateId }, { limit: 10, after: null });
  const [balance] = items;
  if (!balance) return null;
  return {
    approved: Number(balance.approvedMinor),
    held: Number(balance.heldMinor),
    payable: Number(payableMinor(balance)),
  };
}

async function payOut(ledger: Ledger, affiliateId: string): Promise<void> {
  const input = { affiliateId, currency: 'USD', createdBy: 'key_1' };
  const payout = await inTransaction(ledger.db, (trx) => createPayout(trx, ledger.programId, input, ledger.now));
  assert.ok(payout);
  const finished = await inTransaction(ledger.db, (trx) =>
    finishPayout(trx, ledger.programId, payout.id, 'paid', ledger.now),
  );
  assert.ok(finished);
}

const approve = (settles: string[] = []): Fact =>
  fact('decision', {
    refs: ['order:1'],
    occurredAt: '2026-06-01T11:00:00.000Z',
    status: 'approved',
    reason: null,
    by: 'key_1',
    settles,
  });

const foreignRefund = (id: string): Fact =>
  fact('refund', {
    id: `refund:${id}`,
    refs: ['order:1'],
    occurredAt: '2026-05-31T10:00:00.000Z',
    refundId: id,
    amount: eur(900),
  });

describe('a refund in a currency that cannot be set against the payment', () => {
  test('takes back what only time approved, until a person decides, and a new one asks again', async () => {
    const ledger = await openLedger(database.db, { program: { autoApprove: true } });
    await ledger.say([sale('order:1', usd(10_000), { occurredAt: paidAt }, { affiliate: ledger.affiliateId })]);
    assert.deepEqual(await look(ledger), {
      status: 'approved',
      affiliate: ledger.affiliateId,
      commission: 2_000,
      reasons: null,
    });
    await ledger.say([foreignRefund('re_1')]);
    assert.deepEqual(await look(ledger), {
      status: 'pending',
      affiliate: ledger.affiliateId,
      commission: 2_000,
      reasons: ['currency_mismatch'],
    });
    await ledger.say([approve(await grounds(ledger))]);
    assert.deepEqual((await look(ledger)).reasons, null);
    assert.equal((await look(ledger)).status, 'approved');
    await ledger.say([foreignRefund('re_2')]);
    assert.deepEqual(await look(ledger), {
      status: 'approved',
      affiliate: ledger.affiliateId,
      commission: 2_000,
      reasons: ['currency_mismatch'],
    });
  });

  test('holds what a person approved: it is in the balance and not payable', async () => {
    const ledger = await openLedger(database.db);
    await ledger.say([sale('order:1', usd(10_000), { occurredAt: paidAt }, { affiliate: ledger.affiliateId })]);
    await ledger.say([approve()]);
    assert.deepEqual(await balanceOf(ledger, ledger.affiliateId), { approved: 2_000, held: 0, payable: 2_000 });
    await ledger.say([foreignRefund('re_1')]);
    assert.deepEqual(await balanceOf(ledger, ledger.affiliateId), { approved: 2_000, held: 2_000, payable: 0 });
    const input = { affiliateId: ledger.affiliateId, currency: 'USD', createdBy: 'key_1' };
    const payout = await inTransaction(ledger.db, (trx) => createPayout(trx, ledger.programId, input, ledger.now));
    assert.equal(payout, null, 'nothing is payable');
  });
});

describe('what was paid stays with whom it was paid', () => {
  test('late evidence for somebody else opens a review, which a person may decide either way', async () => {
    for (const keep of [true, false]) {
      const ledger = await openLedger(database.db, { program: { autoApprove: true } });
      const bob = await addAffiliate(database.db, ledger.programId);
      await ledger.say([sale('order:1', usd(10_000), { occurredAt: paidAt }, { referralCode: ledger.affiliateId })]);
      await payOut(ledger, ledger.affiliateId);
      const named = fact('link', { refs: ['order:1'], occurredAt: paidAt, evidence: { affiliate: bob } });
      await ledger.say([named]);
      assert.deepEqual(await look(ledger), {
        status: 'paid',
        affiliate: ledger.affiliateId,
        commission: 2_000,
        reasons: ['paid_to_another'],
      });
      assert.deepEqual(await ledger.postings(), [2_000], 'nothing moves by itself');
      const settles = await grounds(ledger);
      const decision = keep
        ? approve(settles)
        : fact('assignment', {
            refs: ['order:1'],
            occurredAt: '2026-06-01T11:00:00.000Z',
            affiliateId: bob,
            by: 'key_1',
            settles,
          });
      await ledger.say([decision]);
      const owner = keep ? ledger.affiliateId : bob;
      assert.deepEqual(await look(ledger), { status: 'paid', affiliate: owner, commission: 2_000, reasons: null });
      assert.deepEqual(await ledger.postings(), keep ? [2_000] : [2_000, -2_000, 2_000]);
    }
  });

  test('a refund of the same affiliate is netted as ever', async () => {
    const ledger = await openLedger(database.db, { program: { autoApprove: true } });
    await ledger.say([sale('order:1', usd(10_000), { occurredAt: paidAt }, { affiliate: ledger.affiliateId })]);
    await payOut(ledger, ledger.affiliateId);
    await ledger.say([fact('refund', { refs: ['order:1'], occurredAt: paidAt, refundId: 're_1', amount: usd(5_000) })]);
    assert.deepEqual(await balanceOf(ledger, ledger.affiliateId), { approved: -1_000, held: 0, payable: 0 });
    assert.equal((await look(ledger)).reasons, null);
  });

  test('a merge into an order of somebody else leaves what was paid, and asks', async () => {
    const ledger = await openLedger(database.db, { program: { autoApprove: true } });
    const bob = await addAffiliate(database.db, ledger.programId);
    await ledger.say([sale('order:1', usd(10_000), { occurredAt: paidAt }, { affiliate: ledger.affiliateId })]);
    await ledger.say([sale('order:2', usd(10_000), { occurredAt: paidAt }, { affiliate: bob })]);
    await payOut(ledger, bob);
    await ledger.say([fact('link', { refs: ['order:1', 'order:2'], occurredAt: paidAt })]);
    const seen = await look(ledger);
    assert.deepEqual([seen.affiliate, seen.commission, seen.reasons], [bob, 2_000, ['paid_to_another']]);
  });
});

describe('orders that payouts paid to two affiliates turn out to be one', () => {
  /** Two orders of 100.00, paid to the ledger's affiliate and to another one. */
  async function openTwoPaid(first: '1' | '2'): Promise<{ ledger: Ledger; bob: string }> {
    const ledger = await openLedger(database.db, { program: { autoApprove: true } });
    const bob = await addAffiliate(database.db, ledger.programId);
    const sales = {
      '1': sale('order:1', usd(10_000), { occurredAt: paidAt }, { affiliate: ledger.affiliateId }),
      '2': sale('order:2', usd(10_000), { occurredAt: paidAt }, { affiliate: bob }),
    };
    await ledger.say([sales[first]]);
    await ledger.say([sales[first === '1' ? '2' : '1']]);
    await payOut(ledger, ledger.affiliateId);
    await payOut(ledger, bob);
    return { ledger, bob };
  }
  const join = fact('link', { refs: ['order:1', 'order:2'], occurredAt: paidAt });
  const refund = fact('refund', { refs: ['order:2'], occurredAt: paidAt, refundId: 're_1', amount: usd(5_000) });

  test('whose the order is, and what both keep, does not depend on what came first', async () => {
    const outcomes = [];
    for (const first of ['1', '2'] as const) {
      for (const facts of [
        [refund, join],
        [join, refund],
      ]) {
        const { ledger, bob } = await openTwoPaid(first);
        for (const one of facts) await ledger.say([one]);
        const { affiliate, ...seen } = await look(ledger);
        const keeper = affiliate === bob ? bob : ledger.affiliateId;
        const other = keeper === bob ? ledger.affiliateId : bob;
        // Named at the same time: the fact's id decides, and it is that of the first order.
        assert.equal(keeper, ledger.affiliateId);
        outcomes.push([seen, await balanceOf(ledger, keeper), await balanceOf(ledger, other)]);
      }
    }
    const seen = { status: 'paid', commission: 1_000, reasons: ['paid_to_another'] };
    const even = { approved: 0, held: 0, payable: 0 };
    const expected = [seen, { ...even, approved: -1_000, held: -1_000 }, even];
    assert.deepEqual(outcomes, [expected, expected, expected, expected]);
  });

  test('a person who keeps it leaves both what they were paid; one who assigns it takes it back from the other', async () => {
    for (const keeps of [true, false]) {
      const { ledger, bob } = await openTwoPaid('1');
      await ledger.say([join]);
      const settles = await grounds(ledger);
      assert.equal(settles.length, 1);
      const assigned = { refs: ['order:1'], affiliateId: bob, by: 'key_1', settles };
      await ledger.say([keeps ? approve(settles) : fact('assignment', assigned)]);
      const seen = { status: 'paid', commission: 2_000, reasons: null };
      assert.deepEqual(await look(ledger), { ...seen, affiliate: keeps ? ledger.affiliateId : bob });
      const even = { approved: 0, held: 0, payable: 0 };
      assert.deepEqual(await balanceOf(ledger, ledger.affiliateId), keeps ? even : { ...even, approved: -2_000 });
      assert.deepEqual(await balanceOf(ledger, bob), even);
    }
  });

  test('what was decided about an order stays decided when another one turns out to be it', async () => {
    const ledger = await openLedger(database.db, { program: { autoApprove: true } });
    const bob = await addAffiliate(database.db, ledger.programId);
    // Known first, so that it stands for both.
    await ledger.say([sale('order:2', usd(10_000), { occurredAt: paidAt }, { affiliate: ledger.affiliateId })]);
    await ledger.say([sale('order:1', usd(10_000), { occurredAt: paidAt }, { referralCode: ledger.affiliateId })]);
    await payOut(ledger, ledger.affiliateId);
    await ledger.say([fact('link', { refs: ['order:2'], occurredAt: paidAt })]);
    await ledger.say([fact('link', { refs: ['order:1'], occurredAt: paidAt, evidence: { affiliate: bob } })]);
    assert.deepEqual((await look(ledger)).reasons, ['paid_to_another']);
    await ledger.say([approve(await grounds(ledger))]);
    await ledger.say([join]);
    assert.deepEqual(await look(ledger), {
      status: 'paid',
      affiliate: ledger.affiliateId,
      commission: 2_000,
      reasons: null,
    });
  });

  test('the offer of a paid order is that of its affiliate’s own evidence, whether or not others were named before', async () => {
    const outcomes = [];
    for (const turn of [0, 1]) {
      const ledger = await openLedger(database.db, { program: { autoApprove: true } });
      const bob = await addAffiliate(database.db, ledger.programId);
      const other = await addOffer(database.db, ledger.programId, { type: 'cps', rateBps: 1_000 });
      const clickId = await addClick(ledger, { offerId: other });
      await ledger.say([sale('order:1', usd(10_000), { occurredAt: paidAt }, { referralCode: ledger.affiliateId })]);
      await payOut(ledger, ledger.affiliateId);
      const late = [
        fact('link', { refs: ['order:1'], occurredAt: paidAt, evidence: { clickId } }),
        fact('link', { refs: ['order:1'], occurredAt: paidAt, evidence: { affiliate: bob } }),
      ];
      for (const one of turn === 0 ? late : late.toReversed()) await ledger.say([one]);
      const { affiliate, ...seen } = await look(ledger);
      assert.equal(affiliate, ledger.affiliateId);
      outcomes.push(seen);
    }
    const expected = { status: 'paid', commission: 1_000, reasons: ['paid_to_another'] };
    assert.deepEqual(outcomes, [expected, expected]);
  });
});

test('a paid order that nothing names its affiliate for any more stays with them by the offer and click of that time', async () => {
  const outcomes = [];
  for (const turn of [0, 1]) {
    const ledger = await openLedger(database.db, { program: { autoApprove: true } });
    const { affiliateId } = ledger;
    const bob = await addAffiliate(database.db, ledger.programId);
    const other = await addOffer(database.db, ledger.programId, { type: 'cps', rateBps: 1_000 });
    const clickId = await addClick(ledger, { offerId: other, at: '2026-05-01T00:00:00.000Z' });
    const customer = { refs: ['id:u1'], email: null };
    await ledger.say([
      fact('customer', { customer, occurredAt: '2026-05-20T00:00:00.000Z', evidence: { affiliate: affiliateId } }),
    ]);
    await ledger.say([sale('order:1', usd(10_000), { occurredAt: paidAt, customer })]);
    await payOut(ledger, affiliateId);
    // Told of late: who bound the customer before, first their own click to another offer, then somebody else.
    const late = [
      sale('order:2', usd(100), { occurredAt: '2026-05-10T00:00:00.000Z', customer }, { clickId }),
      sale('order:3', usd(100), { occurredAt: '2026-05-09T00:00:00.000Z', customer }, { affiliate: bob }),
    ];
    for (const one of turn === 0 ? late : late.toReversed()) await ledger.say([one]);
    const { affiliate, ...seen } = await look(ledger);
    assert.equal(affiliate, affiliateId);
    const [by] = await runSql<{ offer: string; click: string | null }>(
      ledger.db,
      `select offer_id as offer, click_id as click from orders where program_id = ? and order_id = '1'`,
      [ledger.programId],
    );
    assert.deepEqual(by, { offer: ledger.offerId, click: null });
    outcomes.push(seen);
  }
  const expected = { status: 'paid', commission: 2_000, reasons: ['paid_to_another'] };
  assert.deepEqual(outcomes, [expected, expected]);
});

test('an order that a person assigned remembers whom its coupon named, whoever has that coupon later', async () => {
  const ledger = await openLedger(database.db);
  const bob = await addAffiliate(database.db, ledger.programId, { coupon: 'SPRING' });
  const customer = { refs: ['id:u1'], email: null };
  await ledger.say([sale('order:1', usd(10_000), { occurredAt: paidAt, customer }, { couponCode: 'spring' })]);
  await ledger.say([fact('assignment', { refs: ['order:1'], affiliateId: bob, by: 'key_1', settles: [] })]);
  const assigned = { status: 'pending', affiliate: bob, commission: 2_000, reasons: null };
  assert.deepEqual(await look(ledger), assigned);
  await database
    .db('affiliate_codes')
    .where({ program_id: ledger.programId, code: 'spring' })
    .update({ affiliate_id: ledger.affiliateId });
  await ledger.say([fact('link', { refs: ['order:1'], occurredAt: paidAt })]);
  assert.deepEqual(await look(ledger), assigned);
});

describe('an affiliate who is banned', () => {
  test('is paid nothing until that changes', async () => {
    const ledger = await openLedger(database.db, { program: { autoApprove: true } });
    await ledger.say([sale('order:1', usd(10_000), { occurredAt: paidAt }, { affiliate: ledger.affiliateId })]);
    await ledger.db('affiliates').where({ id: ledger.affiliateId }).update({ status: 'banned' });
    assert.deepEqual(await balanceOf(ledger, ledger.affiliateId), { approved: 2_000, held: 0, payable: 0 });
    const input = { affiliateId: ledger.affiliateId, currency: 'USD', createdBy: 'key_1' };
    await assert.rejects(
      inTransaction(ledger.db, (trx) => createPayout(trx, ledger.programId, input, ledger.now)),
      { code: 'CONFLICT' },
    );
    await ledger.db('affiliates').where({ id: ledger.affiliateId }).update({ status: 'active' });
    assert.deepEqual(await balanceOf(ledger, ledger.affiliateId), { approved: 2_000, held: 0, payable: 2_000 });
  });
});
