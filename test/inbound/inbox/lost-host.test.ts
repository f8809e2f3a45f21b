import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { InboxMessage } from '../../../src/inbound/inbox/inbox.ts';
import { openApiProgram, type ApiProgram } from '../../api/api-program.ts';
import { openSeverableDatabase, type SeverableDatabase } from '../../support/severable-database.ts';
import { runSql } from '../../support/sql.ts';

let database: SeverableDatabase;
let api: ApiProgram;

before(async () => {
  database = await openSeverableDatabase();
  api = await openApiProgram({ env: { DATABASE_URL: database.url } });
});
after(async () => {
  await api.stop();
  await database.close();
});

const message = (name: string): InboxMessage => ({
  programId: api.programId,
  sourceId: null,
  kind: 'conversion',
  raw: Buffer.from(name),
  headers: {},
  normalized: { kind: 'ignored', livemode: true, reason: 'of a test' },
});

async function countStored(name: string): Promise<number> {
  const rows = await runSql(api.hub.deps.db, 'select 1 from inbox_events where raw = ?', [Buffer.from(name)]);
  return rows.length;
}

for (const what of ['everything', 'answers'] as const) {
  test(`where the database's host is lost (${what}) a message is stored by another connection, once, within seconds`, async () => {
    await api.hub.deps.inbox.append(message(`before ${what}`));
    database.lose(what);
    const start = performance.now();
    await Promise.all([1, 2, 3].map((n) => api.hub.deps.inbox.append(message(`${what} ${n}`))));
    assert.ok(performance.now() - start < 5_000);
    for (const n of [1, 2, 3]) assert.equal(await countStored(`${what} ${n}`), 1);
  });
}

test('where the whole database hangs the senders are told within five seconds, all of them, and when to come back', async () => {
  await api.hub.deps.inbox.append(message('before it hangs'));
  database.hang();
  const start = performance.now();
  const later = new Promise((resolve) => void setTimeout(resolve, 500));
  const answers = await Promise.allSettled([
    api.hub.deps.inbox.append(message('first')),
    later.then(() => api.hub.deps.inbox.append(message('second'))),
  ]);
  assert.ok(performance.now() - start < 5_800);
  for (const answer of answers) {
    assert.equal(answer.status, 'rejected');
    const { code, status, retryAfterS } = answer.reason as { code: string; status: number; retryAfterS: number };
    assert.deepEqual([code, status, retryAfterS], ['UNAVAILABLE', 503, 5]);
  }
  await database.restore();
  await api.hub.deps.inbox.append(message('afterwards'));
});
