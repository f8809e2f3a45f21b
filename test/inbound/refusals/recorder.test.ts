import assert from 'node:assert/strict';
import type { Request } from 'express';
import { after, before, test } from 'node:test';
import type { Clock } from '../../../src/domain/clock.ts';
import { createLogger } from '../../../src/process/logging.ts';
import { newId } from '../../../src/domain/ids.ts';
import { refusalWords, type Refusal } from '../../../src/http/refusals.ts';
import { defaultFieldNames } from '../../../src/inbound/fields/names.ts';
import {
  MAX_SOURCES,
  openRefusals,
  SAMPLES_IN_ALL,
  SAMPLES_OF_SOURCE,
  type Refusals,
} from '../../../src/inbound/refusals/recorder.ts';
import { countRefusals, deleteOldRefusals, findRefusals, SAMPLES_KEPT } from '../../../src/inbound/refusals/rows.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { runSql } from '../../support/sql.ts';

let t: TestDatabase;
let now = new Date('2026-11-05T12:34:56.000Z');
const clock: Clock = { now: () => now };
const log = createLogger({ level: 'silent', role: 'test' });
before(async () => {
  t = await openTestDatabase();
});
after(() => t.close());

const programId = newId('prg');
const sourceOf = (id = newId('src'), program = programId) => ({ id, programId: program, livemode: true });

function note(
  refusals: Refusals,
  source: ReturnType<typeof sourceOf>,
  query: string,
  refusal: Refusal = 'macro',
): void {
  const req = { method: 'GET', originalUrl: `/pb/x?${query}`, headers: {}, ip: '192.0.2.7' } as unknown as Request;
  refusals.note(req, { source, refusal, status: 400, message: 'no', names: defaultFieldNames, body: Buffer.alloc(0) });
}

async function rowsOf(sourceId: string): Promise<{ count: number; refs: string[]; at: Date }[]> {
  return runSql(
    t.db,
    `select count::int as count, refs, last_at as at from refused_requests where source_id = ? order by place desc`,
    [sourceId],
  );
}

test('a flood keeps a ring of the newest samples of each source, in which repeats are counted, and counts of all', async () => {
  const refusals = openRefusals({ db: t.db, log, clock });
  const source = sourceOf();
  let noted = 0;
  for (let second = 0; second < 30; second += 1) {
    now = new Date(now.getTime() + 1_000);
    for (let n = 0; n < 100; n += 1, noted += 1) note(refusals, source, `txid=O-${second}-${n % 10}`);
    await refusals.flush();
  }
  const rows = await rowsOf(source.id);
  assert.equal(rows.length, SAMPLES_KEPT);
  assert.equal(30 * SAMPLES_OF_SOURCE > SAMPLES_KEPT, true);
  assert.deepEqual(rows[0]?.refs, ['O-29-3']);
  assert.ok(rows.every(({ count }) => count === 10));
  const counts = await countRefusals(t.db, programId, [source.id], now);
  assert.deepEqual(counts.get(source.id), [{ reason: 'macro', count: noted }]);
  const [found] = await findRefusals(t.db, { programId, livemode: true, reference: 'O-29-3' });
  assert.deepEqual(
    [found?.reason, found?.query, found?.network, found?.count],
    ['macro', 'txid=O-29-3', '192.0.2.7', 10],
  );
  for (const scope of [
    { programId: newId('prg'), livemode: true },
    { programId, livemode: false },
  ]) {
    assert.deepEqual(await findRefusals(t.db, { ...scope, reference: 'O-29-3' }), []);
  }
  await refusals.close();
});

test('what comes again later is counted on the sample that there is, which becomes the newest', async () => {
  const [one, other] = [openRefusals({ db: t.db, log, clock }), openRefusals({ db: t.db, log, clock })];
  const source = sourceOf();
  for (const [refusals, query] of [
    [one, 'txid=A'],
    [one, 'txid=B'],
    [other, 'txid=A&sum=7'],
  ] as const) {
    now = new Date(now.getTime() + 2_000);
    note(refusals, source, query);
    await refusals.flush();
  }
  const rows = await rowsOf(source.id);
  assert.deepEqual(
    rows.map(({ refs, count }) => [refs, count]),
    [
      [['A'], 2],
      [['B'], 1],
    ],
  );
  await Promise.all([one.close(), other.close()]);
});

test('a process keeps little in memory, whatever comes: of many sources, reasons and bodies', async () => {
  const refusals = openRefusals({ db: t.db, log, clock });
  const first = sourceOf();
  for (const refusal of refusalWords) for (let n = 0; n < 20; n += 1) note(refusals, first, `txid=${n}`, refusal);
  const others = Array.from({ length: MAX_SOURCES + 500 }, () => sourceOf());
  for (const source of others) note(refusals, source, `txid=${source.id}`);
  await refusals.flush();
  const [written] = await runSql<{ sources: number; samples: number; ofFirst: number }>(
    t.db,
    `select (select count(distinct source_id)::int from refused_counts where source_id = any(?)) as sources,
       (select count(*)::int from refused_requests where source_id = any(?)) as samples,
       (select count(*)::int from refused_requests where source_id = ?) as "ofFirst"`,
    [others.map(({ id }) => id), others.map(({ id }) => id), first.id],
  );
  assert.deepEqual(written, {
    sources: MAX_SOURCES - 1,
    samples: SAMPLES_IN_ALL - SAMPLES_OF_SOURCE,
    ofFirst: SAMPLES_OF_SOURCE,
  });
  const counts = await countRefusals(t.db, programId, [first.id], now);
  assert.equal(counts.get(first.id)?.length, refusalWords.length);
  await refusals.close();
});

test('what cannot be written waits, counted once, and a process that stops writes what it has', async () => {
  const refusals = openRefusals({ db: t.db, log, clock });
  const source = sourceOf();
  await runSql(t.db, 'alter table refused_requests rename to away', []);
  note(refusals, source, 'txid=kept');
  await refusals.flush();
  await runSql(t.db, 'alter table away rename to refused_requests', []);
  note(refusals, source, 'txid=later');
  await refusals.close();
  assert.deepEqual((await rowsOf(source.id)).flatMap(({ refs }) => refs).toSorted(), ['kept', 'later']);
  const counts = await countRefusals(t.db, programId, [source.id], now);
  assert.deepEqual(counts.get(source.id), [{ reason: 'macro', count: 2 }]);
});

test('what is older than it is kept for is deleted, in steps', async () => {
  const refusals = openRefusals({ db: t.db, log, clock });
  const source = sourceOf();
  const until = now;
  now = new Date(now.getTime() - 40 * 86_400_000);
  for (const n of [1, 2, 3]) note(refusals, source, `txid=old-${n}`);
  await refusals.flush();
  now = until;
  note(refusals, source, 'txid=new');
  await refusals.close();
  const before = new Date(now.getTime() - 30 * 86_400_000);
  let steps = 0;
  while ((await deleteOldRefusals(t.db, before, 2)) >= 2) steps += 1;
  assert.ok(steps >= 1);
  assert.deepEqual(
    (await rowsOf(source.id)).map(({ refs }) => refs),
    [['new']],
  );
  const counts = await countRefusals(t.db, programId, [source.id], new Date(0));
  assert.deepEqual(counts.get(source.id), [{ reason: 'macro', count: 1 }]);
});
