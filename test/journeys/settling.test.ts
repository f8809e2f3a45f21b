import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Fact } from '../../src/domain/facts.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { addAffiliate, addClick, fact, openLedger, sale, usd } from './ledger.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

describe('settling', () => {
  test('a click and a sale make one conversion with its commission, its posting and its messages', async () => {
    const ledger = await openLedger(database.db);
    const clickId = await addClick(ledger);
    const ids = await ledger.say([sale('order:1', usd(10_000), {}, { clickId })]);
    assert.deepEqual(await ledger.outcomes(ids), [{ outcome: 'recorded', reason: null }]);
    const [order] = await ledger.orders();
    assert.equal(order?.kind, 'sale');
    assert.equal(order.status, 'pending');
    assert.equal(order.commission, 2_000);
    assert.equal(order.affiliateId, ledger.affiliateId);
    assert.equal(order.orderId, '1');
    assert.deepEqual(await ledger.postings(), [2_000]);
    assert.deepEqual(await ledger.messageTypes(), ['conversion.created', 'commission.created']);
  });

  test('a repeat is a duplicate, in the same batch and in a later one', async () => {
    const ledger = await openLedger(database.db);
    const clickId = await addClick(ledger);
    const one = sale('order:1', usd(10_000), {}, { clickId });
    const ids = await ledger.say([one], [one]);
    ids.push(...(await ledger.say([one])));
    assert.deepEqual(
      (await ledger.outcomes(ids)).map(({ outcome }) => outcome),
      ['recorded', 'duplicate', 'duplicate'],
    );
    assert.deepEqual(await ledger.postings(), [2_000]);
    assert.deepEqual(await ledger.messageTypes(), ['conversion.created', 'commission.created']);
  });

  test('of a fact that one message states twice the first statement counts, and a replay changes nothing', async () => {
    const ledger = await openLedger(database.db);
    const one = sale('order:1', usd(10_000), {}, { affiliate: ledger.affiliateId });
    const other = { ...one, occurredAt: '2026-06-01T09:00:00.000Z' };
    const link = fact('customer', { id: 'link', customer: { refs: ['id:u1'], email: null } });
    const ids = await ledger.say([one, other, link, { ...link, occurredAt: other.occurredAt }]);
    await database
      .db('inbox_events')
      .whereIn('id', ids)
      .update({ status: 'received', outcome: null, settled_at: null });
    await ledger.settle(ids);
    const rows = await database
      .db('facts')
      .where({ program_id: ledger.programId })
      .orderBy('id')
      .select<{ fact: Fact }[]>('fact');
    assert.deepEqual(
      rows.map((row) => row.fact),
      [link, one],
    );
    assert.deepEqual(await ledger.postings(), [2_000]);
  });

  test('cumulative figures are of one payment each: an order of two payments adds them up', async () => {
    const ledger = await openLedger(database.db);
    const invoice = sale('stripe:in_1', usd(10_000), { document: 'invoice' }, { affiliate: ledger.affiliateId });
    const paidBy = (n: number): Fact => fact('link', { refs: ['stripe:in_1', `stripe:pi_${n}`] });
    const total = (n: number, minor: number): Fact =>
      fact('refund_total', {
        id: `total:${n}:${minor}`,
        refs: [`stripe:ch_${n}`, `stripe:pi_${n}`],
        paymentRef: `stripe:ch_${n}`,
        amount: usd(minor),
      });
    const refund = (id: string, n: number, minor: number): Fact =>
      fact('refund', {
        id,
        refundId: id,
        refs: [`stripe:ch_${n}`, `stripe:pi_${n}`],
        amount: usd(minor),
        paymentRef: `stripe:ch_${n}`,
      });
    const refunded = async () => (await ledger.orders()).map((order) => [order.refunded, order.commission]);
    await ledger.say([invoice], [paidBy(1)], [paidBy(2)], [total(1, 2_000)], [total(2, 1_000)], [total(2, 3_000)]);
    assert.deepEqual(await refunded(), [[5_000, 1_000]]);
    await ledger.say([refund('re_1', 1, 2_000)], [refund('re_2', 2, 1_000)]);
    assert.deepEqual(await refunded(), [[5_000, 1_000]], 'the figures counted these refunds');
    await ledger.say([refund('re_3', 1, 500)]);
    assert.deepEqual(await refunded(), [[5_500, 900]], 'of the first payment, whose figure is yet to come');
    await ledger.say([fact('refund', { refundId: 'mine', refs: ['stripe:in_1'], amount: usd(2_000) })]);
    assert.deepEqual(await refunded(), [[5_500, 900]], 'told by the caller: what the figures show already');
    await ledger.say([paidBy(3)], [refund('re_4', 3, 700)]);
    assert.deepEqual(await refunded(), [[6_200, 760]], 'of a third payment, which no figure is of');
    const named = { refundId: 're_5', refs: ['stripe:pi_1'], amount: usd(300), paymentRef: 'stripe:pi_1' };
    await ledger.say([fact('refund', named)], [total(1, 2_800)]);
    assert.deepEqual(await refunded(), [[6_500, 700]], 'named by its payment intent, and in the figure of its charge');
  });

  test('partial refunds, a dispute won and a failed refund each post their own change', async () => {
    const ledger = await openLedger(database.db);
    const affiliate = ledger.affiliateId;
    const at = (minute: number): string => `2026-06-01T10:${String(minute).padStart(2, '0')}:00.000Z`;
    await ledger.say([sale('order:1', usd(10_000), {}, { affiliate })]);
    const refund = (id: string, minor: number, minute: number) =>
      fact('refund', { id, refs: ['order:1'], refundId: id, amount: usd(minor), occurredAt: at(minute) });
    await ledger.say([refund('re_1', 3_000, 1)]);
    await ledger.say([refund('re_2', 2_000, 2)]);
    await ledger.say([refund('re_1', 3_000, 1)]);
    await ledger.say([
      fact('dispute', { refs: ['order:1'], disputeId: 'du_1', amount: usd(5_000), occurredAt: at(3) }),
    ]);
    await ledger.say([fact('dispute_won', { refs: ['order:1'], disputeId: 'du_1', occurredAt: at(4) })]);
    await ledger.say([fact('refund_failed', { refs: ['order:1'], refundId: 're_2', occurredAt: at(5) })]);
    assert.deepEqual(await ledger.postings(), [2_000, -600, -400, -1_000, 1_000, 400]);
    assert.equal((await ledger.orders())[0]?.commission, 1_400);
  });

  test('a full refund that came before its sale shows as earned and reversed', async () => {
    const ledger = await openLedger(database.db);
    await ledger.say([
      fact('refund', { refs: ['pi'], refundId: 're', amount: usd(10_000), occurredAt: '2026-06-01T11:00:00.000Z' }),
    ]);
    assert.equal((await ledger.orders())[0]?.status, 'waiting');
    await ledger.say([sale('pi', usd(10_000), {}, { affiliate: ledger.affiliateId })]);
    assert.deepEqual(await ledger.postings(), [2_000, -2_000]);
    assert.equal((await ledger.orders())[0]?.status, 'reversed');
  });

  test('a parked sale is attributed by evidence that arrives later', async () => {
    const ledger = await openLedger(database.db);
    const ids = await ledger.say([sale('pi', usd(4_900))]);
    assert.deepEqual(await ledger.outcomes(ids), [{ outcome: 'parked', reason: 'no_attribution' }]);
    const late = await ledger.say([fact('link', { refs: ['pi'], evidence: { affiliate: ledger.affiliateId } })]);
    assert.deepEqual(await ledger.outcomes(late), [{ outcome: 'updated', reason: null }]);
    assert.deepEqual(await ledger.postings(), [980]);
  });

  test('two orders that a later message shows to be one are merged, and paid once', async () => {
    const ledger = await openLedger(database.db);
    const affiliate = ledger.affiliateId;
    await ledger.say([sale('in_1', usd(4_900), { document: 'invoice' }, { affiliate })]);
    await ledger.say([sale('pi_1', usd(4_900), { document: 'payment' }, { affiliate })]);
    assert.deepEqual(await ledger.postings(), [980, 980]);
    await ledger.say([fact('link', { refs: ['in_1', 'pi_1'] })]);
    const orders = await ledger.orders();
    assert.equal(orders.length, 1);
    assert.equal(orders[0]?.commission, 980);
    assert.equal(
      (await ledger.postings()).reduce((sum, amount) => sum + amount, 0),
      980,
    );
    assert.ok((await ledger.messageTypes()).includes('conversion.updated'));
  });

  test('the earliest attributed order binds the customer, and a binding that moves settles the others again', async () => {
    const ledger = await openLedger(database.db, {
      commission: { type: 'revshare', rateBps: 1000, durationMonths: null },
    });
    const rival = await addAffiliate(database.db, ledger.programId);
    const customer = { refs: ['id:7'], email: null };
    await ledger.say([
      sale(
        'b',
        usd(1_000),
        { customer, occurredAt: '2026-03-01T00:00:00.000Z' },
        { couponCode: 'x', affiliate: rival },
      ),
    ]);
    await ledger.say([sale('c', usd(1_000), { customer, occurredAt: '2026-04-01T00:00:00.000Z' })]);
    assert.deepEqual(
      (await ledger.orders()).map((order) => order.affiliateId),
      [rival, rival],
    );
    await ledger.say([
      sale('a', usd(1_000), { customer, occurredAt: '2026-02-01T00:00:00.000Z' }, { affiliate: ledger.affiliateId }),
    ]);
    assert.deepEqual(
      (await ledger.orders()).map((order) => order.affiliateId),
      [ledger.affiliateId, rival, ledger.affiliateId],
    );
  });

  test('CPA pays a customer once, and an earlier order that arrives late takes the place', async () => {
    const ledger = await openLedger(database.db, { commission: { type: 'cpa', amountMinor: 3_000 } });
    const customer = { refs: ['id:7'], email: null };
    const affiliate = ledger.affiliateId;
    await ledger.say([sale('b', usd(1_000), { customer, occurredAt: '2026-03-01T00:00:00.000Z' }, { affiliate })]);
    const ids = await ledger.say([
      sale('c', usd(1_000), { customer, occurredAt: '2026-04-01T00:00:00.000Z' }, { affiliate }),
    ]);
    assert.deepEqual(await ledger.outcomes(ids), [{ outcome: 'not_tracked', reason: 'cpa_customer_limit' }]);
    await ledger.say([sale('a', usd(1_000), { customer, occurredAt: '2026-02-01T00:00:00.000Z' }, { affiliate })]);
    assert.deepEqual(
      (await ledger.orders()).map((order) => [order.status, order.commission]),
      [
        ['pending', 3_000],
        ['not_tracked', 0],
        ['not_tracked', 0],
      ],
    );
    assert.equal(
      (await ledger.postings()).reduce((sum, amount) => sum + amount, 0),
      3_000,
    );
  });

  test('the first payment of a subscription is the sale, the others are renewals by the binding', async () => {
    const ledger = await openLedger(database.db, {
      commission: { type: 'revshare', rateBps: 2000, durationMonths: 12 },
    });
    const customer = { refs: ['stripe:cus_1', 'stripe:sub_1'], email: null };
    for (let month = 0; month < 13; month += 1) {
      const occurredAt = new Date(Date.UTC(2025, month, 15)).toISOString();
      await ledger.say([
        sale(
          `in_${String(month).padStart(2, '0')}`,
          usd(4_900),
          { document: 'invoice', phase: 'subscription', subscription: 'stripe:sub_1', customer, occurredAt },
          { affiliate: ledger.affiliateId },
        ),
      ]);
    }
    const orders = await ledger.orders();
    assert.deepEqual(
      orders.map((order) => order.kind),
      ['sale', ...Array<string>(12).fill('renewal')],
    );
    assert.deepEqual(
      orders.map((order) => order.commission),
      [...Array<number>(12).fill(980), 0],
    );
    assert.equal(orders[12]?.reason, 'max_duration');
  });

  test('a daily cap pays the first hundred of a day and records the others', async () => {
    const ledger = await openLedger(database.db, {
      commission: { type: 'cpa', amountMinor: 3_000 },
      offer: { dailyCap: 100 },
    });
    const events = Array.from({ length: 150 }, (_, index) => [
      fact('action', { refs: [`order:${index}`], goal: 'signup', evidence: { affiliate: ledger.affiliateId } }),
    ]);
    await ledger.say(...events);
    const orders = await ledger.orders();
    assert.equal(orders.filter((order) => order.commission === 3_000).length, 100);
    assert.equal(orders.filter((order) => order.reason === 'cap_exceeded').length, 50);
  });
});
