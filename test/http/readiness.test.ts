import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createDatabase } from '../../src/db/database.ts';
import type { Db } from '../../src/db/db.ts';
import type { ReadinessReport } from '../../src/http/readiness.ts';
import { createLogger } from '../../src/process/logging.ts';
import { openLedger, sale, usd } from '../journeys/ledger.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { openSeverableDatabase, type SeverableDatabase } from '../support/severable-database.ts';
import { waitUntil } from '../support/wait-until.ts';

let database: SeverableDatabase;
let hub: TestHub;
/** On the hub's own database, by the same door. */
let db: Db;
let lines: { level: number; msg: string }[] = [];
const log = createLogger(
  { level: 'info', role: 'test' },
  { write: (line) => void lines.push(JSON.parse(line) as { level: number; msg: string }) },
);

before(async () => {
  database = await openSeverableDatabase();
  hub = await startHub({ env: { DATABASE_URL: database.url }, log, worker: false });
  db = createDatabase({ url: database.url, role: 'test' });
});
after(async () => {
  await hub.stop();
  await db.destroy();
  await database.close();
});

type Answer = ReadinessReport & { httpStatus: number };

async function ask(): Promise<Answer> {
  const started = performance.now();
  const answer = await fetch(`${hub.url}/readyz`);
  const report = (await answer.json()) as ReadinessReport;
  const took = performance.now() - started;
  assert.ok(took < 1_000, `an answer took ${took} ms`);
  return { ...report, httpStatus: answer.status };
}

/** What /readyz says once it has `status`; fails where it takes longer than point 4 of operations.md promises. */
function untilStatus(status: Answer['status'], timeoutMs: number): Promise<Answer> {
  return waitUntil(
    `/readyz says ${status}`,
    async () => {
      const answer = await ask();
      return answer.status === status ? answer : null;
    },
    { timeoutMs, everyMs: 100 },
  );
}

const IN_A_FAULT_MS = 5_000;
const AFTER_A_FAULT_MS = 10_000;

test('all is in order, with a line a check', async () => {
  const { httpStatus, checks } = await untilStatus('ok', AFTER_A_FAULT_MS);
  assert.equal(httpStatus, 200);
  assert.deepEqual(Object.keys(checks), ['database', 'queue', 'settling', 'migrations']);
  for (const check of Object.values(checks)) {
    assert.deepEqual([check.ok, check.error], [true, null]);
    assert.ok(check.age >= 0 && check.age < 3);
  }
  assert.deepEqual([checks.settling.oldestUnsettled, checks.settling.workers], [null, 0]);
});

test('a database that is away: 503 with what to do, one line in the log, and one when it is back', async () => {
  lines = [];
  await database.sever();
  const { httpStatus, checks } = await untilStatus('unavailable', IN_A_FAULT_MS);
  assert.equal(httpStatus, 503);
  assert.match(checks.database.error ?? '', /cannot be connected to.*DATABASE_URL.*\(ECONN/);
  assert.doesNotMatch(JSON.stringify(checks), /127\.0\.0\.1|tributary:/, 'no host and no role');
  // What fails meanwhile is not a line each.
  const headers = { authorization: `Bearer ${hub.adminToken}` };
  for (let n = 0; n < 5; n += 1) assert.equal((await fetch(`${hub.url}/api/v1/programs`, { headers })).status, 503);
  assert.equal((await fetch(`${hub.url}/livez`)).status, 200);
  await database.restore();
  assert.equal((await untilStatus('ok', AFTER_A_FAULT_MS)).httpStatus, 200);
  await waitUntil('the log says so', () => lines.some(({ msg }) => msg === 'database is back'));
  const ofDatabase = lines.map(({ msg }) => msg).filter((msg) => !msg.startsWith('queue'));
  assert.deepEqual(ofDatabase, ['database is away; a line a minute tells while it is', 'database is back']);
});

test('a database that hangs holds up no answer and is told in time', async () => {
  database.hang();
  const { checks } = await untilStatus('unavailable', IN_A_FAULT_MS);
  assert.match(checks.database.error ?? '', /does not answer in time/);
  assert.ok(
    Math.max(...(await Promise.all(Array.from({ length: 20 }, ask))).map(({ httpStatus }) => httpStatus)) === 503,
  );
  await database.restore();
  await untilStatus('ok', AFTER_A_FAULT_MS);
});

test('a database that takes no writes is not one to store in', async () => {
  const [{ name = '' } = {}] = (await db.raw('select current_database() as name')).rows as { name?: string }[];
  await db.raw(`alter database ${name} set default_transaction_read_only = on`);
  await endOtherSessions();
  const { httpStatus, checks } = await untilStatus('unavailable', IN_A_FAULT_MS);
  assert.equal(httpStatus, 503);
  assert.match(checks.database.error ?? '', /takes no writes/);
  // Who is connected stays with what takes no writes, as after a switchover whose old primary lives on.
  await db.raw(`set default_transaction_read_only = off; alter database ${name} reset default_transaction_read_only`);
  await untilStatus('ok', AFTER_A_FAULT_MS);
});

async function endOtherSessions(): Promise<void> {
  await db.raw(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`);
}

test('a schema that is not the code’s is named, whichever of the two is behind', async () => {
  await db.raw(`update schema_migrations set name = '999_of_tomorrow.ts' where name like '002%'`);
  const missing = await untilStatus('unavailable', IN_A_FAULT_MS);
  assert.match(missing.checks.migrations.error ?? '', /missing: 002_inbox_and_ledger; run `tributary migrate`/);
  await db.raw(`insert into schema_migrations (name) values ('002_inbox_and_ledger.ts')`);
  const newer = await waitUntil('the newer one is named', async () => {
    const answer = await ask();
    return /newer version/.test(answer.checks.migrations.error ?? '') ? answer : null;
  });
  assert.equal(newer.httpStatus, 503);
  assert.match(newer.checks.migrations.error ?? '', /migrated by a newer version \(999_of_tomorrow\)/);
  await db.raw(`delete from schema_migrations where name like '999%'`);
  await untilStatus('ok', AFTER_A_FAULT_MS);
});

test('from Redis back to PostgreSQL without migrate: the queue’s tables are named, and the log says what to run', async () => {
  lines = [];
  await db.raw('alter schema bullmq rename to bullmq_away');
  const { httpStatus, checks } = await untilStatus('degraded', IN_A_FAULT_MS);
  assert.equal(httpStatus, 200, 'it can store');
  assert.match(checks.queue.error ?? '', /tables are missing.*tributary migrate/);
  assert.equal(lines.filter(({ msg }) => /run `tributary migrate`/.test(msg)).length, 1);
  await db.raw('alter schema bullmq_away rename to bullmq');
  await untilStatus('ok', AFTER_A_FAULT_MS);
});

test('settling that stands still: degraded where messages are stored, 503 where they are to be settled', async () => {
  const ledger = await openLedger(db);
  ledger.now = new Date(Date.now() - 60_000);
  const ids = await ledger.store([[sale('order:1', usd(1_000), {}, { affiliate: ledger.affiliateId })]]);
  const { httpStatus, checks } = await untilStatus('degraded', IN_A_FAULT_MS);
  assert.equal(httpStatus, 200);
  assert.ok((checks.settling.oldestUnsettled ?? 0) > 50);
  assert.match(checks.settling.error ?? '', /has waited for \d+ s and no worker is connected: start one/);
  hub.deps.readiness.watch({ needsSettling: true });
  // Old messages alone are a backlog: it stands still once none is settled for a while.
  assert.equal((await untilStatus('unavailable', AFTER_A_FAULT_MS)).httpStatus, 503);
  // A sweep that finds it puts it off; it waits all the same.
  await db.raw(`update inbox_watches set due_at = now() + interval '15 seconds'`);
  await waitUntil('another look', async () => (await ask()).checks.database.age < 1);
  assert.equal((await ask()).httpStatus, 503);
  await ledger.settle(ids);
  await untilStatus('ok', AFTER_A_FAULT_MS);
});
