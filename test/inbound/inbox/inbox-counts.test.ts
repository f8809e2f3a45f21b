import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { newId } from '../../../src/domain/ids.ts';
import {
  countNextEvents,
  countSettledSince,
  readInboxCounts,
  readSourceActivity,
} from '../../../src/inbound/inbox/inbox-counts.ts';
import { listInboxEvents, type InboxEvent } from '../../../src/inbound/inbox/inbox-events.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { runSql } from '../../support/sql.ts';

let t: TestDatabase;
const programId = newId('prg');
const [sourceA, sourceB] = [`src_${'a'.repeat(64)}`, `src_${'b'.repeat(64)}`];
const start = Date.now() - 12 * 3_600_000;

before(async () => {
  t = await openTestDatabase();
});
after(() => t.close());

/** The n-th of so many messages, a minute after the one before; whatever it is depends on n alone. */
const made = (n: number) => {
  const kind = ['stripe', 'postback', 'conversion'][n % 3] ?? '';
  const status = n % 7 === 0 ? 'received' : n % 11 === 0 ? 'ignored' : 'processed';
  const outcome = status === 'received' ? null : status === 'ignored' ? 'ignored' : n % 5 === 0 ? 'parked' : 'recorded';
  const reason = n % 50 === 1 && outcome !== null ? 'a rare reason' : null;
  const at = new Date(start + n * 60_000);
  return {
    id: `ibx_${at.getTime().toString(16).padStart(12, '0')}7${n.toString(16).padStart(19, '0')}`,
    sourceId: kind === 'conversion' ? null : kind === 'stripe' ? sourceA : sourceB,
    kind,
    livemode: n % 13 !== 0,
    status,
    outcome,
    reason,
    at,
  };
};
const all = Array.from({ length: 600 }, (_, n) => made(n));

beforeEach(async () => {
  await runSql(t.db, `truncate inbox_events, inbox_counts, inbox_uncounted, inbox_watches`, []);
  await runSql(t.db, `update inbox_counting set counted_to = ''`, []);
  const valuesOf = (read: (event: (typeof all)[number]) => unknown): unknown[] => all.map(read);
  await runSql(
    t.db,
    `insert into inbox_events (id, program_id, source_id, kind, livemode, raw, status, outcome, reason, next_enqueue_at,
       received_at, settled_at)
     select id, ?, source_id, kind, livemode, '', status, outcome, reason, at, at, case when status <> 'received' then at end
     from unnest(?::text[], ?::text[], ?::text[], ?::boolean[], ?::text[], ?::text[], ?::text[], ?::timestamptz[])
       as e (id, source_id, kind, livemode, status, outcome, reason, at)`,
    [
      programId,
      valuesOf(({ id }) => id),
      valuesOf(({ sourceId }) => sourceId),
      valuesOf(({ kind }) => kind),
      valuesOf(({ livemode }) => livemode),
      valuesOf(({ status }) => status),
      valuesOf(({ outcome }) => outcome),
      valuesOf(({ reason }) => reason),
      valuesOf(({ at }) => at),
    ],
  );
});

/** What the counts say, as what the rows say: of all, of one source, of an hour. */
async function assertCounted(): Promise<void> {
  const periods = [
    { from: new Date(start - 3_600_000), until: new Date(start + 24 * 3_600_000) },
    {
      from: new Date(start - (start % 900_000) + 3_600_000),
      until: new Date(start - (start % 900_000) + 2 * 3_600_000),
    },
  ];
  for (const livemode of [true, false]) {
    for (const sourceId of [undefined, sourceA, '']) {
      for (const { from, until } of periods) {
        const { counts, countedTo } = await readInboxCounts(t.db, { programId, livemode, sourceId, from, until });
        const rows = await runSql<(typeof counts)[number]>(
          t.db,
          `select kind, status, coalesce(outcome, '') as outcome, coalesce(reason, '') as reason, count(*)::float8 as count
           from inbox_events where program_id = ? and livemode = ? and received_at >= ? and received_at < ?
             and (?::text is null or coalesce(source_id, '') = ?) group by 1, 2, 3, 4`,
          [programId, livemode, from, until, sourceId ?? null, sourceId ?? null],
        );
        const sorted = (list: typeof counts) =>
          list.map((each) => JSON.stringify(each, Object.keys(each).sort())).sort();
        assert.deepEqual(sorted(counts), sorted(rows));
        assert.equal(countedTo, null);
      }
    }
  }
}

async function countAll(limit = 130): Promise<void> {
  while ((await countNextEvents(t.db, limit, Date.now() + 3_600_000)) > 0);
  for (let after: string | null = ''; after !== null;) after = await countSettledSince(t.db, after, limit);
}

async function settle(where: string): Promise<void> {
  await runSql(
    t.db,
    `update inbox_events set status = 'processed', outcome = 'updated', settled_at = now() where status = 'received' and ${where}`,
    [],
  );
}

async function replay(where: string): Promise<void> {
  await runSql(
    t.db,
    `update inbox_events set facts = '[]', status = 'received', outcome = null, reason = null, settled_at = null where ${where}`,
    [],
  );
}

test('the counts are those of the rows at every moment: before and after counting, settling and replays in any order', async () => {
  await assertCounted();
  await countNextEvents(t.db, 250, Date.now() + 3_600_000);
  await assertCounted();
  await replay(`kind = 'postback' and outcome = 'parked'`);
  await assertCounted();
  await countAll();
  await assertCounted();
  await settle(`kind = 'stripe'`);
  await assertCounted();
  await countAll();
  await assertCounted();
  await replay(`status = 'ignored'`);
  await runSql(
    t.db,
    `update inbox_events set facts = '[]', status = 'ignored', outcome = 'ignored', reason = 'now', settled_at = now() where id = ?`,
    [made(1).id],
  );
  await assertCounted();
  await settle('true');
  await countAll();
  await assertCounted();
  const left = await runSql(t.db, 'select from inbox_uncounted', []);
  assert.deepEqual(left, []);
});

test('what came lately is counted in no one place twice, and not before it may be', async () => {
  const [late] = await runSql<{ id: string }>(t.db, `select max(id) as id from inbox_events`, []);
  await countNextEvents(t.db, 1_000, made(599).at.getTime());
  const [{ counted } = { counted: '' }] = await runSql<{ counted: string }>(
    t.db,
    'select counted_to as counted from inbox_counting',
    [],
  );
  assert.ok(counted < (late?.id ?? ''), 'the newest wait for a while');
  await assertCounted();
});

test('of each source how much came since and when the last did, in one go', async () => {
  const since = new Date(start - (start % 900_000) + 3_600_000);
  for (const step of [
    async () => undefined,
    () => countAll(),
    () => replay(`kind = 'stripe' and outcome = 'recorded'`),
  ]) {
    await step();
    const activity = await readSourceActivity(t.db, programId, [sourceA, sourceB, 'src_unknown'], since);
    for (const id of [sourceA, sourceB]) {
      const its = all.filter(({ sourceId, at }) => sourceId === id && at >= since);
      assert.equal(activity.get(id)?.events, its.length);
      assert.deepEqual(activity.get(id)?.lastEventAt, its.at(-1)?.at);
    }
    assert.deepEqual([activity.get('src_unknown')?.events, activity.get('src_unknown')?.lastEventAt], [0, null]);
  }
});

test('a list by kind, outcome or reason gives the same rows by the counts as by all rows, page by page', async () => {
  const filters = [
    { kinds: ['stripe'] },
    { reason: 'a rare reason' },
    { kinds: ['postback', 'conversion'], outcomes: ['parked'] },
    { outcomes: ['recorded'], sourceId: sourceB },
    { reason: 'a rare reason', from: new Date(start + 3_600_000), until: new Date(start + 5 * 3_600_000) },
    { reason: 'nothing has it' },
  ];
  const check = async (): Promise<void> => {
    const rows = await listInboxEvents(t.db, programId, { livemode: true }, { limit: 1_000 });
    for (const filter of filters) {
      const found: InboxEvent[] = [];
      for (let beforeId: string | null = null; ;) {
        const page = await listInboxEvents(t.db, programId, { livemode: true, ...filter }, { limit: 7, beforeId });
        found.push(...page.items);
        beforeId = page.items.at(-1)?.id ?? null;
        if (!page.hasMore) break;
      }
      const expected = rows.items.filter(
        (row) =>
          (filter.kinds?.includes(row.kind) ?? true) &&
          (filter.outcomes?.includes(row.outcome ?? '') ?? true) &&
          (filter.reason === undefined || filter.reason === row.reason) &&
          (filter.sourceId === undefined || filter.sourceId === row.sourceId) &&
          (filter.from === undefined || row.receivedAt >= filter.from) &&
          (filter.until === undefined || row.receivedAt < filter.until),
      );
      assert.deepEqual(
        found.map(({ id }) => id),
        expected.map(({ id }) => id),
        JSON.stringify(filter),
      );
    }
  };
  await check();
  await countNextEvents(t.db, 300, Date.now() + 3_600_000);
  await check();
  await countAll();
  await check();
  await settle(`kind = 'postback'`);
  await replay(`reason = 'a rare reason' and kind = 'stripe'`);
  await check();
});
