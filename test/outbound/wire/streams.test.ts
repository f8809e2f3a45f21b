import assert from 'node:assert/strict';
import { inTransaction } from '../../../src/db/db.ts';
import { after, before, test } from 'node:test';
import { listMessages } from '../../../src/outbound/messages/message-rows.ts';
import { writeMessages } from '../../../src/outbound/messages/write-messages.ts';
import { streamNumber } from '../../../src/outbound/wire/streams.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const type = 'conversion.created' as const;

/** Two programs whose messages of one type have the same number; among some hundred thousand there are. */
function findNamesakes(): [string, string] {
  const seen = new Map<number, string>();
  for (let n = 0; ; n += 1) {
    const programId = `prg_${n}`;
    const number = streamNumber({ programId, livemode: true, type });
    const other = seen.get(number);
    if (other !== undefined) return [other, programId];
    seen.set(number, programId);
  }
}

test('two programs whose messages share a number see each their own', async () => {
  const programIds = findNamesakes();
  const drafts = programIds.map((programId) => ({ programId, livemode: true, type, data: { of: programId } }));
  await inTransaction(database.db, (trx) => writeMessages(trx, drafts));
  for (const programId of programIds) {
    const { items } = await listMessages(database.db, programId, true, { types: [type] }, { limit: 10 });
    assert.deepEqual(
      items.map(({ data }) => data),
      [{ of: programId }],
    );
  }
});

test('the number of a stream stays what it is: rows keep it', () => {
  const stream = { programId: 'prg_01a201c3a7ab767089c464e21fdc1178', livemode: true, type };
  assert.equal(streamNumber(stream), 201_770_049);
  assert.notEqual(streamNumber({ ...stream, livemode: false }), streamNumber(stream));
});
