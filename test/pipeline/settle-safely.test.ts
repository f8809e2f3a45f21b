import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runSql } from '../support/sql.ts';
import { MAX_ATTEMPTS } from '../../src/pipeline/settle-safely.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { openLedger, sale, usd, type Ledger } from '../journeys/ledger.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

async function statuses(
  ledger: Ledger,
  ids: string[],
): Promise<{ status: string; attempts: number; error: string | null }[]> {
  return runSql(
    ledger.db,
    `select status, attempts::int as attempts, error from inbox_events where id = any(?) order by id`,
    [ids],
  );
}

describe('settling with care', () => {
  test('a poison event holds up nobody in its batch, and after five attempts it is failed and visible', async () => {
    const ledger = await openLedger(database.db);
    const evidence = { affiliate: ledger.affiliateId };
    // A time that the database cannot read: what no adapter makes, but a bug might.
    const poison = sale('order:bad', usd(100), { occurredAt: 'the day after tomorrow' }, evidence);
    const ids = await ledger.store([
      [sale('order:1', usd(100), {}, evidence)],
      [poison],
      [sale('order:2', usd(100), {}, evidence)],
    ]);
    await ledger.settle(ids);
    assert.deepEqual(
      (await statuses(ledger, ids)).map(({ status }) => status),
      ['processed', 'received', 'processed'],
    );
    assert.equal((await ledger.orders()).length, 2);
    for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt += 1) await ledger.settle(ids);
    const [, bad] = await statuses(ledger, ids);
    assert.equal(bad?.status, 'failed');
    assert.equal(bad.attempts, MAX_ATTEMPTS);
    assert.match(bad.error ?? '', /not a time in ISO 8601/);
  });

  test('a job that comes twice, or twice at once, settles its events once', async () => {
    const ledger = await openLedger(database.db);
    const ids = await ledger.store(
      Array.from({ length: 40 }, (_, n) => [sale(`order:${n}`, usd(1_000), {}, { affiliate: ledger.affiliateId })]),
    );
    await Promise.all([ledger.settle(ids), ledger.settle(ids), ledger.settle(ids.slice(10))]);
    await ledger.settle(ids);
    assert.equal((await ledger.orders()).length, 40);
    assert.deepEqual(await ledger.postings(), Array<number>(40).fill(200));
  });
});
