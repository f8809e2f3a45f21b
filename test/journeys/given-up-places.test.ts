import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runSql } from '../support/sql.ts';
import type { Fact } from '../../src/domain/facts.ts';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { fact, openLedger, sale, usd, type Ledger } from './ledger.ts';

let t: TestDatabase;
before(async () => {
  t = await openTestDatabase();
});
after(() => t.close());

const at = (day: number): string => `2026-05-${String(day).padStart(2, '0')}T10:00:00.000Z`;

/** Says the events one by one, and proves the ledger. */
async function live(ledger: Ledger, ...events: Fact[]): Promise<void> {
  for (const event of events) await ledger.say([event]);
  assert.deepEqual((await verifyLedger(t.db, { programId: ledger.programId })).differences, []);
}

async function customers(ledger: Ledger): Promise<{ ref: string; affiliate: string | null }[]> {
  return runSql(
    t.db,
    `select r.ref, c.affiliate_id as affiliate from customer_refs r join customers c on c.id = r.customer_id
     where r.program_id = ? order by r.ref`,
    [ledger.programId],
  );
}

/** A second offer, beside the program's default one; gives its id. */
async function addOffer({ programId }: Ledger, currency: string): Promise<string> {
  const id = `off_${programId.slice('prg_'.length)}`;
  await runSql(
    t.db,
    `insert into offers (id, program_id, name, url, code, commission, currency, status)
     values (?, ?, 'Second', 'https://shop.example/', 'second', '{"type":"cps","rateBps":2000}', ?, 'published')`,
    [id, programId, currency],
  );
  return id;
}

describe('an order that turns out to be another one gives up what it held', () => {
  test('the customer whom it alone had bound by their e-mail is bound no more', async () => {
    const ledger = await openLedger(t.db);
    const { affiliateId } = ledger;
    await live(
      ledger,
      sale('order:1', usd(5_000), {
        occurredAt: at(1),
        customer: { refs: [], email: 'buyer@shop.example' },
        evidence: { affiliate: affiliateId },
      }),
    );
    assert.deepEqual(await customers(ledger), [{ ref: 'email:buyer@shop.example', affiliate: affiliateId }]);
    await live(
      ledger,
      sale('stripe:pi_1', usd(5_000), {
        document: 'payment',
        occurredAt: at(1),
        customer: { refs: ['stripe:cus_1'], email: null },
      }),
      fact('link', { refs: ['order:1', 'stripe:pi_1'] }),
    );
    assert.deepEqual(await customers(ledger), [
      { ref: 'email:buyer@shop.example', affiliate: null },
      { ref: 'stripe:cus_1', affiliate: affiliateId },
    ]);
  });

  test('the first place of its subscription goes to the next payment, which is then the sale', async () => {
    const ledger = await openLedger(t.db);
    const payment = (order: string, day: number, document: 'invoice' | 'checkout'): Fact =>
      sale(order, usd(5_000), {
        document,
        phase: 'subscription',
        subscription: 'stripe:sub_1',
        occurredAt: at(day),
        customer: { refs: ['stripe:cus_1'], email: null },
        evidence: { affiliate: ledger.affiliateId },
      });
    const kinds = async () => (await ledger.orders()).map(({ kind, commission }) => [kind, commission]);
    await live(ledger, payment('stripe:cs_1', 1, 'checkout'), payment('stripe:in_2', 5, 'invoice'));
    assert.deepEqual(await kinds(), [
      ['sale', 1_000],
      ['renewal', 0],
    ]);
    await live(
      ledger,
      payment('stripe:in_1', 9, 'invoice'),
      fact('link', { refs: ['stripe:in_1', 'stripe:cs_1'], occurredAt: at(9) }),
    );
    // The invoice has the say about the order that both are: it was on the 9th.
    assert.deepEqual(await kinds(), [
      ['sale', 1_000],
      ['renewal', 0],
    ]);
  });
});

test('an amount that only one currency can read does not move an order among the payments of its subscription', async () => {
  const ledger = await openLedger(t.db, { program: { currency: 'USD' }, offer: { currency: 'USD' } });
  const yen = await addOffer(ledger, 'JPY');
  const common = { customer: { refs: ['id:u1'], email: null }, subscription: 'stripe:sub_1' };
  await live(
    ledger,
    fact('customer', {
      id: 'link',
      customer: common.customer,
      evidence: { affiliate: ledger.affiliateId, offer: yen },
    }),
    sale('order:1', { major: '49.50', currency: null }, { ...common, phase: 'subscription', occurredAt: at(1) }),
    sale('order:2', { minor: 5_000, currency: 'JPY' }, { ...common, phase: 'subscription', occurredAt: at(5) }),
  );
  assert.deepEqual(
    (await ledger.orders()).map(({ kind, reason, commission }) => [kind, reason, commission]),
    [
      ['sale', 'amount_invalid', 0],
      ['renewal', 'renewal_not_paid', 0],
    ],
  );
});

test('a payment that its source calls a renewal is one, also where the bound offer\u2019s currency alone can read its amount', async () => {
  for (const boundFirst of [true, false]) {
    const ledger = await openLedger(t.db, { program: { currency: 'JPY' }, offer: { currency: 'JPY' } });
    const dollar = await addOffer(ledger, 'USD');
    const customer = { refs: ['id:u1'], email: null };
    const binding = fact('customer', {
      id: 'link',
      customer,
      evidence: { affiliate: ledger.affiliateId, offer: dollar },
      occurredAt: at(1),
    });
    // In yen there is no 49.50, and a renewal follows the binding and nothing else.
    const renewal = sale(
      'order:1',
      { major: '49.50', currency: null },
      { customer, phase: 'recurring', occurredAt: at(2) },
      { affiliate: ledger.affiliateId },
    );
    const unreadable = sale(
      'order:2',
      { major: '1.234', currency: null },
      { customer, phase: 'recurring', occurredAt: at(3) },
    );
    await live(ledger, ...(boundFirst ? [binding, renewal, unreadable] : [unreadable, renewal, binding]));
    assert.deepEqual(
      (await ledger.orders()).map(({ kind, net, currency, reason }) => [kind, net, currency, reason]),
      [
        ['renewal', 4_950, 'USD', 'renewal_not_paid'],
        ['renewal', 0, null, 'amount_invalid'],
      ],
      `bound first: ${boundFirst}`,
    );
  }
});
