import assert from 'node:assert/strict';
import { statementsOf } from '../../support/statements.ts';
import { inTransaction } from '../../../src/db/db.ts';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { runSql } from '../../support/sql.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createEndpoint, createProgram, draftMessage, readDeliveries, writeDrafts } from '../fixtures.ts';

let database: TestDatabase;
let programId: string;

before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());
beforeEach(async () => {
  programId = await createProgram(database.db);
});
afterEach(() => database.db.raw('truncate messages, deliveries, webhook_endpoints cascade'));

async function readMessages() {
  return runSql<{ id: string; type: string; body: string; livemode: boolean; programId: string }>(
    database.db,
    'select id, type, body, livemode, program_id as "programId" from every_message order by id',
  );
}

describe('writing messages', () => {
  test('keeps the exact body, whatever is in the data', async () => {
    const data = { text: 'line\nfeed "quoted" \\ \u0000 \u2028 \ud800 {a,b} NULL 🚀', empty: '', list: [1, null] };
    await writeDrafts(database.db, [draftMessage(programId, { data }), draftMessage(programId, { data: {} })]);
    const [first, second] = await readMessages();
    assert.deepEqual((JSON.parse(first?.body ?? '') as { data: unknown }).data, data);
    assert.deepEqual((JSON.parse(second?.body ?? '') as { data: unknown }).data, {});
  });

  test('lists the messages of a batch in the order they were written', async () => {
    const types = ['conversion.created', 'commission.created', 'commission.approved', 'payout.created'] as const;
    await writeDrafts(
      database.db,
      types.map((type) => draftMessage(programId, { type })),
    );
    assert.deepEqual(
      (await readMessages()).map((message) => message.type),
      types,
    );
  });

  test('leaves nothing behind when its transaction fails', async () => {
    await createEndpoint(database.db, programId, 'https://example.com');
    await assert.rejects(
      inTransaction(database.db, async (trx) => {
        const { writeMessages } = await import('../../../src/outbound/messages/write-messages.ts');
        await writeMessages(trx, [draftMessage(programId)]);
        throw new Error('the pipeline failed');
      }),
      /the pipeline failed/,
    );
    assert.deepEqual(await readMessages(), []);
    assert.deepEqual(await readDeliveries(database.db), []);
  });

  test('takes the same few statements for one draft and for a thousand, of several programs', async () => {
    const other = await createProgram(database.db);
    await createEndpoint(database.db, programId, 'https://example.com');
    await createEndpoint(database.db, other, 'https://example.com', { eventTypes: ['payout.paid'] });
    const drafts = Array.from({ length: 1_000 }, (_, n) => draftMessage(n % 2 === 0 ? programId : other));
    const statements = await statementsOf(async () => {
      assert.equal((await writeDrafts(database.db, drafts)).length, 500);
    });
    const ofOne = await statementsOf(() => writeDrafts(database.db, drafts.slice(0, 1)));
    assert.ok(ofOne.length > 0 && ofOne.length <= statements.length, ofOne.join('\n'));
    assert.ok(statements.length <= 3, statements.join('\n'));
  });

  test('marks tests, so that receivers can tell', async () => {
    await writeDrafts(database.db, [draftMessage(programId, { livemode: false })]);
    const [message] = await readMessages();
    assert.equal(message?.livemode, false);
    assert.equal((JSON.parse(message?.body ?? '') as { livemode: boolean }).livemode, false);
  });
});
