import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inTransaction, type Trx } from '../../../src/db/db.ts';
import { findCustomer } from '../../../src/ledger/customers.ts';
import { readFamilyRows } from '../../../src/pipeline/rows/family-rows.ts';
import { openLedger } from '../../journeys/ledger.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { runSql } from '../../support/sql.ts';

const CUSTOMERS = 20_000;
const idOf = (n: number): string => `cus_${n.toString(16).padStart(32, '0')}`;

let database: TestDatabase;
let programId: string;
before(async () => {
  database = await openTestDatabase();
  ({ programId } = await openLedger(database.db));
  await runSql(
    database.db,
    `insert into customers (id, program_id, livemode, merged_into)
     select 'cus_' || lpad(to_hex(n), 32, '0'), ?, true, case when n = 2 then 'cus_' || lpad('1', 32, '0') end
     from generate_series(1, ?::int) as n`,
    [programId, CUSTOMERS],
  );
  await runSql(
    database.db,
    `insert into customer_refs (program_id, livemode, ref, customer_id) values (?, true, 'id:two', ?)`,
    [programId, idOf(2)],
  );
  // As many, of others: a table that is read whole then shows.
  await runSql(
    database.db,
    `insert into anonymous_leads (program_id, livemode, fact_id, click_id, customer_id, received_at)
     select ?, true, 'lead:' || n, 'clk_' || n, 'cus_' || lpad(to_hex(n), 32, 'f'), now() from generate_series(1, ?::int) as n`,
    [programId, CUSTOMERS],
  );
  await runSql(database.db, 'vacuum analyze');
});
after(() => database.close());

/** The tables that this transaction read from end to end, with so many rows each, whatever it wanted of them. */
function readWhole(trx: Trx): Promise<unknown[]> {
  return runSql(
    trx,
    `select relname as name, seq_tup_read as rows from pg_stat_xact_user_tables where seq_tup_read > 100`,
  );
}

test('the families of a batch are found by keys alone: what they cost does not grow with the number of customers', () =>
  inTransaction(database.db, async (trx) => {
    const ids = Array.from({ length: 500 }, (_, n) => idOf(n + 2));
    const rows = await readFamilyRows(trx, ids);
    assert.equal(rows.length, 501);
    const merged = rows.filter(({ start }) => start === idOf(2)).map(({ id, mergedInto }) => ({ id, mergedInto }));
    assert.deepEqual(
      merged.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      [
        { id: idOf(1), mergedInto: null },
        { id: idOf(2), mergedInto: idOf(1) },
      ],
    );
    assert.deepEqual(await readWhole(trx), []);
  }));

test('so is who stands for a customer', () =>
  inTransaction(database.db, async (trx) => {
    const found = await findCustomer(trx, programId, true, 'two');
    assert.equal(found?.id, idOf(1));
    assert.deepEqual(await readWhole(trx), []);
  }));
