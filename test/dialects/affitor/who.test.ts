import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inTransaction, type Db, type Trx } from '../../../src/db/db.ts';
import { numberOf } from '../../../src/dialects/affitor/numbers.ts';
import { findWho, type Who } from '../../../src/dialects/affitor/who.ts';
import { runSql } from '../../support/sql.ts';
import { statementsOf } from '../../support/statements.ts';
import { customerRef } from '../../../src/inbound/fields/references.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';

describe('the look-up that concurrent calls share', () => {
  let database: TestDatabase;
  let db: Db;
  const one = { programId: 'prg_one', livemode: true };
  const oneTest = { programId: 'prg_one', livemode: false };
  const two = { programId: 'prg_two', livemode: true };

  before(async () => {
    database = await openTestDatabase({ poolSize: 1 });
    ({ db } = database);
    await addClick('prg_one', 'clk_one');
    await addClick('prg_two', 'clk_two');
    await addCustomer(one, 'cus_one', { affiliateId: 'aff_one', refs: [customerRef('ann'), 'cust:x'] });
    await addCustomer(oneTest, 'cus_test', { affiliateId: null, refs: [customerRef('ann')] });
    await addCustomer(two, 'cus_two', { affiliateId: 'aff_two', clickId: 'clk_two', refs: [customerRef('ann')] });
  });
  after(() => database.close());

  async function addClick(programId: string, id: string): Promise<void> {
    const occurred_at = new Date();
    await db('clicks').insert({ id, program_id: programId, livemode: true, affiliate_id: 'aff', occurred_at });
  }

  async function addCustomer(
    { programId, livemode }: typeof one,
    id: string,
    { affiliateId, clickId = null, refs }: { affiliateId: string | null; clickId?: string | null; refs: string[] },
  ): Promise<void> {
    const scope = { program_id: programId, livemode };
    const bound_at = affiliateId === null ? null : new Date();
    await db('customers').insert({ ...scope, id, affiliate_id: affiliateId, click_id: clickId, bound_at });
    await db('customer_refs').insert(refs.map((ref) => ({ ...scope, ref, customer_id: id })));
  }

  const ann = { customer_key: 'ann' };
  const affiliateOf = (who: Who): string | null | undefined => who.customer?.affiliateId;

  it('answers each by its own program and mode', async () => {
    let answers: Who[] = [];
    const statements = await statementsOf(async () => {
      answers = await Promise.all([
        findWho(db, two, ann),
        findWho(db, one, ann),
        findWho(db, oneTest, ann),
        findWho(db, { programId: 'prg_three', livemode: true }, ann),
      ]);
    });
    assert.equal(statements.length, 1);
    assert.deepEqual(answers.map(affiliateOf), ['aff_two', 'aff_one', null, undefined]);
    assert.deepEqual(answers[1]?.customer?.references, [customerRef('ann'), 'cust:x'].sort());
  });

  it('knows neither an unknown click nor that of another program, beside those it knows', async () => {
    const [own, foreign, unknown, none, nobody] = await Promise.all([
      findWho(db, two, { click_id: 'clk_two' }),
      findWho(db, one, { click_id: 'clk_two' }),
      findWho(db, one, { click_id: 'clk_none', customer_key: 'ben' }),
      findWho(db, one, {}),
      findWho(db, one, { click_id: 'clk_one', customer_key: 'ben' }),
    ]);
    assert.deepEqual([own.clickId, affiliateOf(own), own.refs], ['clk_two', 'aff_two', [customerRef('ann')]]);
    assert.deepEqual(foreign, { clickId: null, customer: null, refs: [] });
    assert.deepEqual(unknown, { clickId: null, customer: null, refs: [customerRef('ben')] });
    assert.deepEqual(none, { clickId: null, customer: null, refs: [] });
    assert.deepEqual(nobody, { clickId: 'clk_one', customer: null, refs: [customerRef('ben')] });
  });

  it('what the database refuses fails its own caller alone', async () => {
    const results = await Promise.allSettled([
      findWho(db, one, ann),
      findWho(db, one, { customer_key: 'a\0b' }),
      findWho(db, two, ann),
    ]);
    assert.deepEqual(
      results.map((result) => (result.status === 'fulfilled' ? affiliateOf(result.value) : result.status)),
      ['aff_one', 'rejected', 'aff_two'],
    );
  });

  it('sees what was written before it was asked, however busy it is', async () => {
    const before = findWho(db, one, { customer_key: 'late' });
    await addCustomer(one, 'cus_late', { affiliateId: 'aff_late', refs: [customerRef('late')] });
    assert.equal(affiliateOf(await findWho(db, one, { customer_key: 'late' })), 'aff_late');
    await before;
  });

  it('reads by index alone, though planned while there was little', async () => {
    const crowd = { programId: 'prg_crowd', livemode: true };
    const addMany = async (from: number, to: number): Promise<void> => {
      await runSql(
        db,
        `insert into customers (id, program_id, livemode, click_id)
         select 'cus_crowd' || n, 'prg_crowd', true, 'clk_crowd' || n from generate_series(?::int, ?::int) n`,
        [from, to],
      );
      const objects = Array.from({ length: to - from + 1 }, (_, index) => `cnv_${from + index}`);
      await Promise.all(objects.map((id) => numberOf(db, 'prg_crowd', 'sale', id)));
    };
    const look = async (on: Db, n: number): Promise<void> => {
      await findWho(on, crowd, { click_id: `clk_crowd${n}`, customer_key: `key${n}` });
      await numberOf(on, 'prg_crowd', 'sale', `cnv_${n}`);
    };
    // As few as make the planner prefer another index.
    await addMany(1, 1);
    await db.raw('analyze customers');
    await addMany(2, 50);
    await db.raw('analyze affitor_numbers');
    await look(db, 1);
    await addMany(51, 2_000);
    // Counts since the session last reported, which it does between transactions.
    const countRead = (trx: Trx) =>
      runSql<{ relname: string; rows: bigint }>(
        trx,
        `select relname, seq_tup_read + idx_tup_fetch as rows from pg_stat_xact_user_tables
         where relname in ('affitor_numbers', 'customers') order by relname`,
      );
    const [numbers, customers] = await inTransaction(db, async (trx) => {
      const earlier = await countRead(trx);
      await look(trx, 1_500);
      return (await countRead(trx)).map(({ rows }, index) => rows - (earlier[index]?.rows ?? 0n));
    });
    assert.equal(numbers, 1n);
    // Found by the click, then by its id, and once more for the references that its row has.
    assert.equal(customers, 3n);
  });
});
