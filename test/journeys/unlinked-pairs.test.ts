import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Fact } from '../../src/domain/facts.ts';
import { normalizeStripe } from '../../src/inbound/stripe/normalize.ts';
import { findConversionByReference, readHalves } from '../../src/ledger/conversions.ts';
import { normalizeDecision } from '../../src/operations/decision-fact.ts';
import { runSql } from '../support/sql.ts';
import { readFixture } from '../inbound/stripe/fixtures.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { fact, openLedger, sale, usd, type Ledger } from './ledger.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const customer = { refs: ['stripe:cus_1'], email: null };
const at = (minute: number): string => new Date(Date.UTC(2026, 5, 1, 10, minute)).toISOString();

function payment(name: string, minute: number, fields: Partial<Parameters<typeof sale>[2]> = {}): Fact {
  return sale(`stripe:pi_${name}`, usd(4_900), { document: 'payment', customer, occurredAt: at(minute), ...fields });
}

function invoice(name: string, minute: number, affiliate: string): Fact {
  return sale(
    `stripe:in_${name}`,
    usd(4_900),
    { document: 'invoice', phase: 'subscription', subscription: 'stripe:sub_1', customer, occurredAt: at(minute) },
    { affiliate },
  );
}

describe('a payment intent and an invoice that nothing links', () => {
  test('are one order, in either order, and its explanation says so', async () => {
    for (const invoiceFirst of [true, false]) {
      const ledger = await openLedger(database.db);
      const facts = [[invoice('1', 0, ledger.affiliateId)], [payment('1', 0)]];
      for (const event of invoiceFirst ? facts : facts.toReversed()) await ledger.say(event);
      const orders = await ledger.orders();
      assert.equal(orders.length, 1);
      assert.equal(orders[0]?.commission, 980);
      assert.deepEqual(await sums(ledger), [980]);
      assert.deepEqual(await flags(ledger), ['joined_without_link']);
      const created = (await ledger.messageTypes()).filter((type) => type === 'conversion.created');
      assert.equal(created.length, 1);
    }
  });

  test('are one in one batch, too', async () => {
    const ledger = await openLedger(database.db);
    await ledger.say([invoice('1', 0, ledger.affiliateId)], [payment('1', 0)]);
    assert.equal((await ledger.orders()).length, 1);
    assert.deepEqual(await sums(ledger), [980]);
  });

  test('are two when they are further apart than an hour, of another customer, amount or account', async () => {
    const ledger = await openLedger(database.db);
    await ledger.say([invoice('1', 0, ledger.affiliateId)]);
    await ledger.say([payment('late', 61)]);
    await ledger.say([payment('other', 0, { customer: { refs: ['stripe:cus_2'], email: null } })]);
    await ledger.say([payment('account', 0, { customer: { refs: ['stripe:acct_1:cus_1'], email: null } })]);
    await ledger.say([payment('amount', 0, { gross: usd(4_901), net: usd(4_901) })]);
    assert.equal((await ledger.orders()).length, 5);
    await ledger.say([payment('edge', 60)]);
    assert.equal((await ledger.orders()).length, 5, 'the hour is inclusive');
  });

  test('part again when a link shows that the invoice was paid by another payment', async () => {
    const ledger = await openLedger(database.db);
    await ledger.say([payment('1', 0)]);
    await ledger.say([invoice('2', 1, ledger.affiliateId)]);
    assert.equal((await ledger.orders()).length, 1);
    // The true pairs are 1–1 and 2–2; so far the payment of the one stood with the invoice of the other.
    await ledger.say([fact('link', { refs: ['stripe:pi_2', 'stripe:in_2'] })]);
    await ledger.say([payment('2', 1)]);
    assert.equal((await ledger.orders()).length, 2);
    await ledger.say([invoice('1', 0, ledger.affiliateId)]);
    await ledger.say([fact('link', { id: 'l1', refs: ['stripe:pi_1', 'stripe:in_1'] })]);
    const orders = await ledger.orders();
    assert.equal(orders.length, 2);
    assert.equal(
      orders.reduce((sum, { commission }) => sum + commission, 0),
      980, // The second payment of the subscription is a renewal, which this offer does not pay.
    );
    assert.deepEqual(await flags(ledger), []);
  });

  test('what a person decided of them as one stands for both when they part, whichever came first', async () => {
    for (const invoiceFirst of [true, false]) {
      const ledger = await openLedger(database.db);
      const affiliate = ledger.affiliateId;
      const facts = [[invoice('2', 0, affiliate)], [payment('1', 0, { evidence: { affiliate } })]];
      for (const event of invoiceFirst ? facts : facts.toReversed()) await ledger.say(event);
      const one = await findConversionByReference(database.db, ledger.programId, true, ['stripe:pi_1']);
      const halves = await readHalves(database.db, one?.id ?? '');
      assert.deepEqual(halves, ['stripe:in_2', 'stripe:pi_1']);
      const verdict = { status: 'approved', reason: null, by: 'key_1' } as const;
      const decided = normalizeDecision({ halves, livemode: true, openGrounds: [] }, verdict, ledger.now);
      assert.ok(decided.kind === 'facts');
      await ledger.say(decided.facts);
      await ledger.say([fact('link', { refs: ['stripe:pi_1', 'stripe:in_9'] })]);
      const states = (await ledger.orders()).map(({ orderId, status }) => [orderId, status]);
      assert.deepEqual(states, [
        ['in_2', 'approved'],
        ['pi_1', 'approved'],
      ]);
    }
  });

  test('a refund that knows the payment alone takes back the commission of the invoice', async () => {
    const ledger = await openLedger(database.db);
    await ledger.say([invoice('1', 0, ledger.affiliateId)]);
    await ledger.say([payment('1', 0)]);
    await ledger.say([
      fact('refund', { refs: ['stripe:pi_1', 'stripe:ch_1'], refundId: 're_1', amount: usd(4_900), occurredAt: at(5) }),
    ]);
    const [order] = await ledger.orders();
    assert.equal(order?.status, 'reversed');
    assert.deepEqual(await sums(ledger), [0]);
  });

  test('stay one through the whole journey of a newer Stripe version without invoice_payment.paid', async () => {
    const journey = 'subscription-first-invoice/';
    const events = ['01-charge.succeeded', '02-payment_intent.succeeded', '04-invoice.paid'].map((name) => {
      const normalized = normalizeStripe(readFixture('endive', journey + name).event, new Date('2026-11-20T00:00:00Z'));
      assert.ok(normalized.kind === 'facts');
      return normalized.facts;
    });
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const ledger = await openLedger(database.db, { affiliate: { code: 'partner-one' } });
      for (const index of order) await ledger.say(events[index] ?? []);
      const orders = await ledger.orders();
      assert.equal(orders.length, 1);
      assert.equal(orders[0]?.commission, 980);
    }
  });

  test('of two workers at once neither misses the other', async () => {
    for (let round = 0; round < 10; round += 1) {
      const ledger = await openLedger(database.db);
      const [first, second] = [[invoice('1', 0, ledger.affiliateId)], [payment('1', 0)]];
      const ids = await ledger.store([first, second]);
      await Promise.all(ids.map((id) => ledger.settle([id])));
      assert.equal((await ledger.orders()).length, 1);
      assert.deepEqual(await sums(ledger), [980]);
    }
  });
});

async function sums(ledger: Ledger): Promise<number[]> {
  return [(await ledger.postings()).reduce((sum, amount) => sum + amount, 0)];
}

async function flags(ledger: Ledger): Promise<string[]> {
  const rows = await runSql<{ flag: string }>(
    ledger.db,
    `select json_array_elements_text(explanation -> 'flags') as flag from orders
     where program_id = ? and merged_into is null`,
    [ledger.programId],
  );
  return rows.map(({ flag }) => flag);
}
