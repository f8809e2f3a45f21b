import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runSql } from '../support/sql.ts';
import type { FactAmount } from '../../src/domain/facts.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { openHttpProgram } from './http-program.ts';
import { fact, openLedger, sale, usd, type Ledger } from './ledger.ts';
import { paid, refunded } from './stripe-events.ts';

let database: TestDatabase;
let hub: TestHub;
before(async () => {
  database = await openTestDatabase();
  hub = await startHub();
});
after(async () => {
  await hub.stop();
  await database.close();
});

async function flags(ledger: Ledger): Promise<string[]> {
  const [row] = await runSql<{ flags: string[] }>(
    ledger.db,
    `select explanation -> 'flags' as flags from orders where program_id = ? and explanation is not null`,
    [ledger.programId],
  );
  return row?.flags ?? [];
}

describe('what no rule may post is recorded with its reason', () => {
  test('a refund larger than its sale takes back all there was, and is flagged', async () => {
    const ledger = await openLedger(database.db);
    await ledger.say([sale('1', usd(10_000), {}, { affiliate: ledger.affiliateId })]);
    await ledger.say([fact('refund', { refs: ['1'], refundId: 're', amount: usd(10_001) })]);
    await ledger.say([fact('refund', { refs: ['1'], refundId: 're2', amount: usd(9_000_000_000_000_000) })]);
    const [order] = await ledger.orders();
    assert.deepEqual([order?.commission, order?.refunded, order?.status], [0, 10_000, 'reversed']);
    assert.deepEqual(await flags(ledger), ['refund_exceeds_gross']);
    assert.deepEqual(await ledger.postings(), [2_000, -2_000]);
  });

  test('currencies that disagree within an order: the stated sale stands, the rest is flagged', async () => {
    const ledger = await openLedger(database.db);
    const eur = (minor: number): FactAmount => ({ minor, currency: 'EUR' });
    await ledger.say([sale('1', usd(10_000), { document: 'invoice' }, { affiliate: ledger.affiliateId })]);
    await ledger.say([sale('1', eur(9_000), { id: 'pi', document: 'payment' })]);
    await ledger.say([fact('refund', { refs: ['1'], refundId: 're', amount: eur(9_000) })]);
    await ledger.say([fact('dispute', { refs: ['1'], disputeId: 'du', amount: eur(9_000) })]);
    const [order] = await ledger.orders();
    assert.deepEqual([order?.commission, order?.refunded, order?.currency], [2_000, 0, 'USD']);
    assert.deepEqual(await flags(ledger), ['currency_mismatch']);
  });

  for (const [what, gross, net] of [
    ['negative', usd(-100), usd(-100)],
    ['zero', usd(0), usd(0)],
    ['absurd', usd(9_000_000_000_000_000), usd(9_000_000_000_000_000)],
    ['of no currency', { minor: 100, currency: 'XYZ' }, { minor: 100, currency: 'XYZ' }],
    ['with a net above its gross', usd(100), usd(101)],
    ['in two currencies', usd(100), { minor: 100, currency: 'EUR' }],
    ['no number in its currency', { major: '1.005', currency: null }, { major: '1.005', currency: null }],
  ] as [string, FactAmount, FactAmount][]) {
    test(`an amount that is ${what}`, async () => {
      for (const commission of [
        { type: 'cps', rateBps: 2_000 },
        { type: 'cpa', amountMinor: 3_000 },
      ] as const) {
        const ledger = await openLedger(database.db, { commission });
        const ids = await ledger.say([sale('1', gross, { net }, { affiliate: ledger.affiliateId })]);
        assert.deepEqual(await ledger.outcomes(ids), [{ outcome: 'not_tracked', reason: 'amount_invalid' }]);
        assert.deepEqual(await flags(ledger), ['amount_invalid']);
        assert.deepEqual(await ledger.postings(), []);
        // A sound statement of the same sale mends it.
        await ledger.say([sale('1', usd(10_000), { id: 'sound' })]);
        assert.equal((await ledger.orders())[0]?.status, 'pending');
      }
    });
  }

  test('a negative refund and a negative dispute give nobody money', async () => {
    const ledger = await openLedger(database.db);
    await ledger.say([sale('1', usd(10_000), {}, { affiliate: ledger.affiliateId })]);
    await ledger.say([fact('refund', { refs: ['1'], refundId: 're', amount: usd(-5_000) })]);
    await ledger.say([fact('dispute', { refs: ['1'], disputeId: 'du', amount: usd(-5_000) })]);
    assert.deepEqual(await ledger.postings(), [2_000]);
    assert.deepEqual(await flags(ledger), ['amount_invalid']);
  });

  test('a refund, a dispute or a word about an order that nobody sold waits, and posts nothing', async () => {
    const ledger = await openLedger(database.db);
    await ledger.say([fact('refund', { refs: ['1'], refundId: 're', amount: usd(100) })]);
    await ledger.say([fact('dispute', { refs: ['2'], disputeId: 'du', amount: usd(100) })]);
    await ledger.say([fact('decision', { refs: ['3'], status: 'approved', reason: null, by: 'key_1' })]);
    assert.deepEqual(
      (await ledger.orders()).map(({ status }) => status),
      ['waiting', 'waiting', 'waiting'],
    );
    assert.deepEqual(await ledger.postings(), []);
  });
});

describe('over HTTP', () => {
  test('callers are refused what they could mend: amounts, currencies, dates far ahead', async () => {
    const program = await openHttpProgram(hub);
    const sound = { affiliate_id: program.affiliateId, amount: '10.00', currency: 'USD' };
    const ahead = new Date(Date.now() + 400 * 86_400_000).toISOString();
    for (const [index, wrong] of [
      { amount: '-5' },
      { amount: '0' },
      { amount: '1e9' },
      { amount: '1000000000000000' },
      { amount: '1.005' },
      { currency: 'XYZ' },
      { occurred_at: ahead },
      { affiliate_id: 'aff_of_nobody' },
    ].entries()) {
      const answer = await program.api.post('/conversions', { ...sound, order_id: `bad-${index}`, ...wrong });
      assert.equal(answer.status, 400, `${JSON.stringify(wrong)}: ${answer.text}`);
      assert.equal(answer.body.error.code, 'VALIDATION_ERROR');
    }
    const near = new Date(Date.now() + 300 * 86_400_000).toISOString();
    assert.equal(
      (await program.api.post('/conversions', { ...sound, order_id: 'near', occurred_at: near })).status,
      201,
    );
    assert.deepEqual(await program.postings(), [200]);
  });

  test('Stripe\u2019s messages that cannot be true are kept as unprocessable', async () => {
    const program = await openHttpProgram(hub);
    const one = { id: 'far', currency: 'usd', paidAt: Math.floor(Date.now() / 1_000) + 400 * 86_400 };
    await program.stripe(paid(one, 10_000));
    await program.stripe(paid({ ...one, id: 'negative', paidAt: 1_780_000_000 }, -10_000));
    await program.stripe(paid({ ...one, id: 'absurd', paidAt: 1_780_000_000 }, 9e15));
    await program.settled();
    const events = await hub.db('inbox_events').where({ program_id: program.id }).select('status', 'error');
    assert.deepEqual(
      events.map(({ status }) => status as string),
      ['unprocessable', 'unprocessable', 'unprocessable'],
    );
    assert.ok(events.every(({ error }) => typeof error === 'string' && error.length > 0));
    assert.deepEqual(await program.conversions(), []);
  });

  test('a payout of nothing is refused, and so is one of more than is payable', async () => {
    const program = await openHttpProgram(hub, { program: { autoApprove: true } });
    const body = { affiliateId: program.affiliateId, currency: 'USD' };
    assert.equal((await program.api.post('/payouts', body)).status, 409);
    const one = { id: 'payout', currency: 'usd', paidAt: 1_780_000_000 };
    await program.stripe(paid(one, 10_000));
    await program.stripe(refunded(one, '1', 10_000, 1));
    await program.settled();
    assert.equal((await program.api.post('/payouts', body)).status, 409);
  });
});
