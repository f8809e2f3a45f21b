import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { compactVersions, versionsOf } from '../../../src/db/versioned-cache.ts';
import { addAffiliate, addOffer, openLedger, sale, usd, type Ledger } from '../../journeys/ledger.ts';
import { createEndpoint } from '../../outbound/fixtures.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { statementsOf } from '../../support/statements.ts';
import { runSql } from '../../support/sql.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const ofConfiguration = /^(loadPrograms|loadAffiliateCodes|loadAffiliates|loadOffers|findSubscribers)$/;

let orders = 0;

/** A new order of a new customer with this evidence; gives what it earned and whom. */
async function sell(ledger: Ledger, evidence: object): Promise<{ affiliateId: string | null; commission: number }> {
  const orderId = `r-${(orders += 1)}`;
  await ledger.say([sale(orderId, usd(10_000), {}, evidence)]);
  const [row] = await runSql<{ affiliateId: string | null; commission: number }>(
    database.db,
    `select affiliate_id as "affiliateId", commission_minor::int as commission
       from orders join order_refs r on r.order_id = orders.id where orders.program_id = ? and r.ref = ?`,
    [ledger.programId, orderId],
  );
  assert.ok(row, orderId);
  return row;
}

async function readVersion(ledger: Ledger): Promise<string> {
  const [row] = await runSql<{ version: string }>(
    database.db,
    `with asked as (select ?::text as program_id) select version from ${versionsOf('asked')} v`,
    [ledger.programId],
  );
  return row?.version ?? '';
}

describe('configuration that a worker knows', () => {
  test('is not read again while it does not change', async () => {
    const ledger = await openLedger(database.db, { affiliate: { code: 'jane' } });
    const known = { referralCode: 'jane' };
    const first = await statementsOf(() => sell(ledger, known));
    assert.equal(first.filter((name) => ofConfiguration.test(name)).length, 5);
    const second = await statementsOf(() => sell(ledger, known));
    assert.deepEqual(
      second.filter((name) => ofConfiguration.test(name)),
      [],
    );
    // What there is not is known, too.
    await sell(ledger, { referralCode: 'nobody' });
    const third = await statementsOf(() => sell(ledger, { referralCode: 'nobody' }));
    assert.deepEqual(
      third.filter((name) => ofConfiguration.test(name)),
      [],
    );
  });

  test('counts as it is from the commit of a change on', async () => {
    const { db } = database;
    const ledger = await openLedger(db, { affiliate: { code: 'ann' } });
    const { programId, affiliateId, offerId } = ledger;
    const sellBy = (referralCode: string): Promise<{ affiliateId: string | null; commission: number }> =>
      sell(ledger, { referralCode });
    assert.deepEqual(await sellBy('ann'), { affiliateId, commission: 2_000 });

    await db('offers')
      .where({ id: offerId })
      .update({ commission: JSON.stringify({ type: 'cps', rateBps: 3_000 }) });
    assert.deepEqual(await sellBy('ann'), { affiliateId, commission: 3_000 });

    await db('affiliates')
      .where({ id: affiliateId })
      .update({ commission_override: JSON.stringify({ rateBps: 500 }) });
    assert.deepEqual(await sellBy('ann'), { affiliateId, commission: 500 });

    assert.deepEqual(await sellBy('ben'), { affiliateId: null, commission: 0 });
    const ben = await addAffiliate(db, programId, { code: 'ben' });
    assert.deepEqual(await sellBy('ben'), { affiliateId: ben, commission: 3_000 });

    await db('affiliate_codes').where({ program_id: programId, code: 'ben' }).update({ affiliate_id: affiliateId });
    assert.deepEqual(await sellBy('ben'), { affiliateId, commission: 500 });

    await db('affiliate_codes').where({ program_id: programId, code: 'ben' }).delete();
    assert.deepEqual(await sellBy('ben'), { affiliateId: null, commission: 0 });

    const other = await addOffer(db, programId, { type: 'cpa', amountMinor: 700 });
    await db('programs').where({ id: programId }).update({ default_offer_id: other });
    assert.deepEqual(await sellBy('ann'), { affiliateId, commission: 700 });

    await db('affiliates').where({ id: affiliateId }).update({ status: 'paused' });
    assert.equal((await sellBy('ann')).commission, 0);
  });

  test('of another transaction that is not committed counts for nobody else', async () => {
    const { db } = database;
    const ledger = await openLedger(db, { affiliate: { code: 'cleo' } });
    const known = { referralCode: 'cleo' };
    await sell(ledger, known);
    const open = await db.transaction();
    await open('offers')
      .where({ id: ledger.offerId })
      .update({ commission: JSON.stringify({ type: 'cps', rateBps: 9_000 }) });
    assert.equal((await sell(ledger, known)).commission, 2_000);
    await open.commit();
    assert.equal((await sell(ledger, known)).commission, 9_000);
  });

  test('tells new endpoints, changed ones and those that are gone', async () => {
    const { db } = database;
    const ledger = await openLedger(db, { affiliate: { code: 'dora' } });
    const told = async (): Promise<number> => {
      await sell(ledger, { referralCode: 'dora' });
      const [{ count } = { count: 0 }] = await runSql<{ count: number }>(
        db,
        `select count(*)::int as count from deliveries d join messages m on m.id = d.message_id
          where m.program_id = ? and d.status = 'pending' and m.type = 'conversion.created'`,
        [ledger.programId],
      );
      return count;
    };
    assert.equal(await told(), 0);
    const id = await createEndpoint(db, ledger.programId, 'https://x.example', { eventTypes: ['conversion.created'] });
    assert.equal(await told(), 1);
    await db('webhook_endpoints')
      .where({ id })
      .update({ event_types: ['payout.paid'] });
    assert.equal(await told(), 1);
    await db('webhook_endpoints').where({ id }).update({ event_types: [] });
    assert.equal(await told(), 2);
    await db('webhook_endpoints').where({ id }).update({ deleted_at: new Date() });
    assert.equal(await told(), 2);
  });
});

describe('the version of a configuration', () => {
  test('comes never twice, be its marks put together', async () => {
    const { db } = database;
    const ledger = await openLedger(db);
    const seen = new Set([await readVersion(ledger)]);
    for (let round = 0; round < 40; round += 1) {
      if (round % 20 === 19) await compactVersions(db);
      else await addAffiliate(db, ledger.programId);
      seen.add(await readVersion(ledger));
    }
    assert.equal(seen.size, 41);
    const marks = await runSql(db, `select 1 from configuration_changes where program_id = ?`, [ledger.programId]);
    assert.equal(marks.length, 1);
  });

  test('is that of the other program, and of what is of no account, left alone', async () => {
    const { db } = database;
    const [one, two] = [await openLedger(db), await openLedger(db)];
    const endpointId = await createEndpoint(db, two.programId, 'https://x.example');
    const before = [await readVersion(one), await readVersion(two)];
    await db('webhook_endpoints')
      .where({ id: endpointId })
      .update({ failures: 3, paused_until: new Date(), next_slot_at: new Date(), updated_at: new Date() });
    await db('affiliates').where({ id: two.affiliateId }).update({ updated_at: new Date() });
    assert.deepEqual([await readVersion(one), await readVersion(two)], before);
    await db('webhook_endpoints').where({ id: endpointId }).update({ failing_since: new Date() });
    assert.equal(await readVersion(one), before[0]);
    assert.notEqual(await readVersion(two), before[1]);
  });

  test('changes by a status that bans, and by the end of the ban', async () => {
    const ledger = await openLedger(database.db);
    const versions = [await readVersion(ledger)];
    for (const status of ['banned', 'active']) {
      await database.db('affiliates').where({ id: ledger.affiliateId }).update({ status });
      versions.push(await readVersion(ledger));
    }
    assert.equal(new Set(versions).size, 3);
  });
});
