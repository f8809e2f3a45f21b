import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import type { Fact } from '../../src/domain/facts.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { runSql } from '../support/sql.ts';
import { statementsOf } from '../support/statements.ts';
import { addClick, addOffer, fact, openLedger, sale, usd } from './ledger.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const at = (day: number): string => `2026-06-0${day}T10:00:00.000Z`;

function anonymousLead(ref: string, clickId: string, occurredAt: string): Fact {
  return fact('lead', {
    id: `anonymous:${ref}`,
    refs: [`lead:${ref}`],
    occurredAt,
    customer: { refs: [ref], email: null },
    evidence: { clickId },
    subscription: null,
    goal: 'lead',
    anonymous: { email: null },
  });
}

function knownCustomer(ref: string, occurredAt: string): Fact {
  return fact('customer', { id: `known:${ref}`, customer: { refs: [ref], email: null }, occurredAt });
}

// Which of the messages below come in which batch.
const deliveries = [
  [[0], [1], [2], [3], [4]],
  [[4], [3], [2], [1], [0]],
  [[2], [0], [1], [4], [3]],
  [
    [0, 3],
    [1, 2, 4],
  ],
  [[1, 4], [2], [0, 3]],
];

for (const delivery of deliveries) {
  test(`why an anonymous lead does not count is told alike when messages come as ${JSON.stringify(delivery)}`, async () => {
    const ledger = await openLedger(database.db);
    const clickId = await addClick(ledger);
    const expired = await addClick(ledger, { at: '2026-01-01T00:00:00.000Z' });
    const messages = [
      anonymousLead('id:late', clickId, at(3)),
      knownCustomer('id:late', at(2)),
      anonymousLead('id:early', clickId, at(1)),
      anonymousLead('id:nobody', expired, at(3)),
      knownCustomer('id:nobody', at(2)),
    ];
    for (const batch of delivery) await ledger.say(...batch.map((index) => [messages[index] as Fact]));
    const rows = await runSql<{ reference: string; told: { by: string; why: string }[] }>(
      database.db,
      `select reference, explanation -> 'passedOver' as told from orders where program_id = ? order by reference`,
      [ledger.programId],
    );
    assert.deepEqual(
      rows.map(({ reference, told }) => [reference, told.map(({ by, why }) => `${by}: ${why}`)]),
      [
        ['lead:id:early', []],
        ['lead:id:late', ['anonymous_lead: another lead of this click came first']],
        ['lead:id:nobody', ['anonymous_lead: more was known of the customer before']],
      ],
    );
    const { differences } = await verifyLedger(database.db, { programId: ledger.programId });
    assert.deepEqual(differences, []);
  });
}

test('leads are read where customers have some, and cost batches of other customers no statement', async () => {
  const ledger = await openLedger(database.db);
  const clickId = await addClick(ledger);
  await ledger.say([anonymousLead('id:ann', clickId, at(1))], [knownCustomer('id:ben', at(1))]);
  const countReads = async (buyer: string): Promise<number> => {
    const customer = { refs: [buyer], email: null };
    const statements = await statementsOf(() =>
      ledger.say([sale(`of:${buyer}`, usd(10_000), { customer, occurredAt: at(2) })]),
    );
    return statements.filter((name) => /Lead/.test(name)).length;
  };
  assert.equal(await countReads('id:ben'), 0);
  assert.equal(await countReads('id:new'), 0);
  assert.equal(await countReads('id:ann'), 1);
  const credited = (await ledger.orders()).map(({ affiliateId }) => affiliateId);
  assert.deepEqual(credited, [ledger.affiliateId, ledger.affiliateId, null, null]);
});

test('a lead gives neither offer nor click to what a person assigned, be it to its own affiliate', async () => {
  const ledger = await openLedger(database.db);
  const offerId = await addOffer(database.db, ledger.programId, { type: 'cps', rateBps: 9_000 });
  const clickId = await addClick(ledger, { offerId });
  const customer = { refs: ['id:ann'], email: null };
  await ledger.say([anonymousLead('id:ann', clickId, at(1))]);
  await ledger.say([sale('bought', usd(10_000), { customer, occurredAt: at(2) })]);
  const commissions = async (): Promise<number[]> => (await ledger.orders()).map(({ commission }) => commission);
  assert.deepEqual(await commissions(), [0, 9_000]);
  const { affiliateId } = ledger;
  await ledger.say([fact('assignment', { refs: ['bought'], affiliateId, by: 'key_1', settles: [] })]);
  assert.deepEqual(await commissions(), [0, 2_000]);
});
