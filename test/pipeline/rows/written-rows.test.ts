import assert from 'node:assert/strict';
import { inTransaction } from '../../../src/db/db.ts';
import { after, before, test } from 'node:test';
import { runSql } from '../../support/sql.ts';
import { settleBatch } from '../../../src/pipeline/settle-batch.ts';
import { appendFacts, type FactRow } from '../../../src/pipeline/rows/fact-rows.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { addClick, fact, openLedger, sale, usd } from '../../journeys/ledger.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

test('facts of which some are there after all are stored all the same, each once, as the first message stated it', async () => {
  const ledger = await openLedger(database.db);
  const row = (name: string, inboxId: string, orderId: string): FactRow => ({
    scope: { programId: ledger.programId, livemode: true },
    known: { fact: sale(`order:${name}`, usd(100)), inboxId, posted: true },
    orderId,
    halfId: null,
    customerId: null,
    attribution: null,
    namesItsClick: false,
  });
  await inTransaction(database.db, async (trx) => {
    await appendFacts(trx, [row('a', 'ibx_2', 'cnv_1'), row('b', 'ibx_2', 'cnv_1')]);
    await appendFacts(trx, [row('b', 'ibx_1', 'cnv_2'), row('c', 'ibx_3', 'cnv_2'), row('a', 'ibx_3', 'cnv_2')]);
  });
  const stored = await runSql(
    database.db,
    `select fact->'refs'->>0 as ref, inbox_id, order_id from facts where program_id = ? order by 1`,
    [ledger.programId],
  );
  assert.deepEqual(stored, [
    { ref: 'order:a', inbox_id: 'ibx_2', order_id: 'cnv_1' },
    { ref: 'order:b', inbox_id: 'ibx_1', order_id: 'cnv_1' },
    { ref: 'order:c', inbox_id: 'ibx_3', order_id: 'cnv_2' },
  ]);
});

test('a partial refund writes its order on the page where it is, and touches no index of it', async () => {
  const ledger = await openLedger(database.db);
  const clickId = await addClick(ledger);
  const customer = { refs: ['stripe:cus_hot'], email: 'hot@example.com' };
  const paid = { customer, phase: 'subscription', subscription: 'stripe:sub_hot' } as const;
  await ledger.say([sale('order:hot', usd(10_000), paid, { clickId })]);
  const refund = { refs: ['order:hot'], refundId: 're_hot', amount: usd(1_000) };
  const eventIds = await ledger.store([[fact('refund', refund)]]);
  await inTransaction(database.db, async (trx) => {
    await settleBatch(trx, { eventIds, resettlementIds: [] }, ledger.now);
    const [writes] = await runSql<{ all: bigint; hot: bigint }>(
      trx,
      `select pg_stat_get_xact_tuples_updated(id) as all, pg_stat_get_xact_tuples_hot_updated(id) as hot
       from (select 'orders'::regclass::oid as id)`,
    );
    assert.deepEqual(writes, { all: 1n, hot: 1n });
  });
  assert.deepEqual(await ledger.postings(), [2_000, -200]);
});
