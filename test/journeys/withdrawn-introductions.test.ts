import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import type { Fact, FactCustomer } from '../../src/domain/facts.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { addAffiliate, fact, openLedger, sale, usd } from './ledger.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const EMAIL = 'ada@shop.example';

function bought(order: string, customer: FactCustomer, affiliate: string | null, minute: number): Fact {
  const occurredAt = `2026-05-01T12:0${minute}:00.000Z`;
  return sale(order, usd(10_000), { customer, occurredAt }, affiliate === null ? {} : { affiliate });
}

for (const together of [false, true]) {
  const when = together ? 'in the batch that brings a guest’s order' : 'after a guest’s order';
  test(`an e-mail that an earlier message of the same fact did not tell stands for the next who was told of with it, ${when}`, async () => {
    const ledger = await openLedger(database.db);
    const other = await addAffiliate(database.db, ledger.programId, {
      email: 'other@affiliates.example',
      code: 'other',
    });
    const first = (email: string): Fact => bought('1', { refs: ['id:u1'], email }, ledger.affiliateId, 1);
    // Received first, and worked on last.
    const [earlier = '', later = ''] = await ledger.store([[first('another@shop.example')], [first(EMAIL)]]);
    await ledger.settle([later]);
    await ledger.say([bought('2', { refs: ['id:u2'], email: EMAIL }, other, 2)]);
    const [guest = ''] = await ledger.store([[bought('3', { refs: [], email: EMAIL }, null, 3)]]);
    if (!together) await ledger.settle([guest]);
    await ledger.settle(together ? [earlier, guest] : [earlier]);
    assert.deepEqual(
      (await ledger.orders()).map(({ affiliateId }) => affiliateId),
      [ledger.affiliateId, other, other],
    );
    assert.deepEqual((await verifyLedger(database.db, { programId: ledger.programId })).differences, []);
  });
}

test('of two messages of one fact about a customer that two workers settle at once, the first to be received says when', async () => {
  const said = (day: number): Fact =>
    fact('funnel', {
      id: 'registered',
      customer: { refs: ['id:u1'], email: EMAIL },
      occurredAt: `2026-05-0${day}T12:00:00.000Z`,
      eventType: 'registration',
      url: null,
    });
  for (let round = 0; round < 5; round += 1) {
    const ledger = await openLedger(database.db);
    const [earlier = '', later = ''] = await ledger.store([[said(2)], [said(1)]]);
    await Promise.all([ledger.settle([later]), ledger.settle([earlier])]);
    assert.deepEqual((await verifyLedger(database.db, { programId: ledger.programId })).differences, []);
  }
});
