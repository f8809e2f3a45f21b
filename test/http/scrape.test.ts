import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createDatabase } from '../../src/db/database.ts';
import { inTransaction, type Trx } from '../../src/db/db.ts';
import { openScrape } from '../../src/http/scrape.ts';
import { countUnsettled, readDeliveryBacklog, readOldestUnsettled } from '../../src/statistics/backlog.ts';
import { replayEvent } from '../../src/audit/replay.ts';
import { openApiProgram, type ApiProgram } from '../api/api-program.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';

let api: ApiProgram;
let aheadMs = 0;
const clock = { now: () => new Date(Date.now() + aheadMs) };

before(async () => {
  api = await openApiProgram({ clock, env: { RESULT_TIMEOUT_MS: '0' } });
});
after(() => api.stop());

/** Read anew, and not what a scrape just before was told. */
const scrape = (deadlineMs?: number): Promise<string> => openScrape(api.hub.deps, deadlineMs)();

/** The value of one series: `name{label="value"}`, with labels in the order of the text. */
function valueOf(text: string, series: string): number | null {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? null : Number(line.slice(series.length + 1));
}

const sale = (orderId: string) => ({ type: 'sale', orderId, amount: '10.00', currency: 'USD' });

describe('what waits', () => {
  test('messages: how many, and since when the oldest; a replayed one waits since its replay', async () => {
    const empty = await scrape();
    assert.equal(valueOf(empty, 'tributary_inbox_waiting_rows'), 0);
    assert.equal(valueOf(empty, 'tributary_inbox_oldest_unsettled_seconds'), 0);

    for (const orderId of ['1', '2', '3'])
      assert.equal((await api.live.post('/conversions', sale(orderId))).status, 202);
    aheadMs = 90_000;
    const waiting = await scrape();
    assert.equal(valueOf(waiting, 'tributary_inbox_waiting_rows'), 3);
    const age = valueOf(waiting, 'tributary_inbox_oldest_unsettled_seconds') ?? 0;
    assert.ok(age >= 90 && age < 100, String(age));

    // Counted one by one, or the older by the first of those that came together.
    for (const counted of [0, 1, 100]) assert.equal(await countUnsettled(api.hub.db, counted), 3);

    // The first failed a moment ago and has its next turn; the others still wait since they came.
    await runSql(
      api.hub.db,
      `update inbox_events set attempts = 1, next_enqueue_at = now() + interval '90 seconds' + interval '5 seconds'
        where id = (select min(id) from inbox_events)`,
    );
    assert.ok((valueOf(await scrape(), 'tributary_inbox_oldest_unsettled_seconds') ?? 0) >= 90);

    // All of them have failed three and four times, just now: their next turns are both twenty seconds away.
    await runSql(
      api.hub.db,
      `update inbox_events set attempts = case when id = (select min(id) from inbox_events) then 3 else 4 end,
         next_enqueue_at = now() + interval '90 seconds' + interval '20 seconds'`,
    );
    const tried = valueOf(await scrape(), 'tributary_inbox_oldest_unsettled_seconds') ?? -1;
    assert.ok(tried >= 0 && tried < 10, String(tried));

    await runSql(api.hub.db, `update inbox_events set status = 'processed', outcome = 'recorded', settled_at = now()`);
    for (const counted of [0, 1, 100]) assert.equal(await countUnsettled(api.hub.db, counted), 0);
    assert.equal(valueOf(await scrape(), 'tributary_inbox_oldest_unsettled_seconds'), 0);
    const [event] = await runSql<{ id: string }>(api.hub.db, 'select id from inbox_events limit 1');
    await runSql(api.hub.db, `update inbox_events set received_at = received_at - interval '1 year'`);
    aheadMs = 30_000;
    await replayEvent({ db: api.hub.db, queues: api.hub.deps.queues }, api.programId, true, event?.id ?? '');
    const replayed = await scrape();
    assert.equal(valueOf(replayed, 'tributary_inbox_waiting_rows'), 1);
    const since = valueOf(replayed, 'tributary_inbox_oldest_unsettled_seconds') ?? 0;
    assert.ok(since >= 29 && since < 40, String(since));
    aheadMs = 0;
    await runSql(api.hub.db, `update inbox_events set status = 'processed', outcome = 'recorded', settled_at = now()`);
  });

  test('deliveries: since when the oldest is due; paused endpoints are counted apart, stopped ones not at all', async () => {
    const urls = ['slow', 'paused', 'disabled'].map((name) => `https://example.com/${name}`);
    const ids: string[] = [];
    for (const url of urls) ids.push((await api.live.post('/webhook-endpoints', { url })).body.data.id as string);
    const [, paused, disabled] = ids;
    await runSql(
      api.hub.db,
      `insert into deliveries (program_id, message_id, endpoint_id, status, next_attempt_at, created_at)
       select ?, 'evt_' || e.id || n, e.id, 'pending', now() - n * interval '60 seconds', now()
         from webhook_endpoints e cross join generate_series(-1, 5) n`,
      [api.programId],
    );
    await runSql(api.hub.db, `update webhook_endpoints set paused_until = now() + interval '1 hour' where id = ?`, [
      paused,
    ]);
    await runSql(
      api.hub.db,
      `update webhook_endpoints set disabled_at = now(), disabled_reason = 'manual' where id = ?`,
      [disabled],
    );
    const text = await scrape();
    const due = valueOf(text, 'tributary_deliveries_oldest_due_seconds') ?? 0;
    assert.ok(due >= 300 && due < 310, String(due));
    assert.equal(valueOf(text, 'tributary_deliveries_paused_endpoints'), 1);
    await runSql(api.hub.db, 'delete from deliveries where endpoint_id <> ?', [paused]);
    assert.equal(valueOf(await scrape(), 'tributary_deliveries_oldest_due_seconds'), 0);
    await runSql(api.hub.db, 'delete from deliveries');
  });

  test('jobs, by queue and state', async () => {
    await waitUntil('the queue has jobs', async () => {
      const text = await scrape();
      return (valueOf(text, 'tributary_queue_jobs{queue="intake",state="waiting"}') ?? 0) > 0;
    });
    assert.equal(valueOf(await scrape(), 'tributary_queue_jobs{queue="delivery",state="waiting"}'), 0);
  });

  test('is read by indexes alone from large tables, planned as a web process does and as a worker does', async () => {
    await runSql(
      api.hub.db,
      `insert into inbox_events (id, program_id, kind, livemode, raw, facts, status, outcome, settled_at, next_enqueue_at, received_at)
       select 'ibx_' || n, ?, 'event', true, '', '[]', case when n > 19990 then 'received' else 'processed' end,
              case when n > 19990 then null else 'recorded' end, case when n > 19990 then null else now() end, now(), now()
         from generate_series(1, 20000) n`,
      [api.programId],
    );
    await runSql(
      api.hub.db,
      `insert into deliveries (program_id, message_id, endpoint_id, status, next_attempt_at, created_at)
       select ?, 'evt_' || n, 'whe_' || n % 20, case when n % 100 = 0 then 'pending' else 'succeeded' end,
              case when n % 100 = 0 then now() end, now() from generate_series(1, 20000) n`,
      [api.programId],
    );
    await runSql(api.hub.db, 'analyze inbox_events');
    await runSql(api.hub.db, 'analyze deliveries');
    for (const role of ['web', 'worker'] as const) {
      const db = createDatabase({ url: api.hub.databaseUrl, role, poolSize: 1 });
      try {
        await inTransaction(db, async (trx) => {
          for (let times = 0; times < 7; times += 1) {
            assert.equal(await countUnsettled(trx), 10);
            await readOldestUnsettled(trx, new Date());
            await readDeliveryBacklog(trx, new Date());
          }
          const none = ['deliveries', 'inbox_events'].map((relname) => ({ relname, scans: 0 }));
          assert.deepEqual(await readScans(trx), none, role);
        });
      } finally {
        await db.destroy();
      }
    }
  });
});

/** How often this transaction has read each large table from end to end: what others read is told of late, and is not ours. */
async function readScans(trx: Trx): Promise<unknown> {
  return await runSql(
    trx,
    `select relname, seq_scan::integer as scans from pg_stat_xact_user_tables
     where relname in ('inbox_events', 'deliveries') order by relname`,
  );
}

describe('a scrape', () => {
  test('of a database that hangs is answered in time, without what is not known, and counts that', async () => {
    const blocker = await api.hub.db.transaction();
    try {
      await blocker.raw('lock table inbox_watches in access exclusive mode');
      const started = performance.now();
      const text = await scrape(300);
      assert.ok(performance.now() - started < 1_500);
      assert.equal(valueOf(text, 'tributary_inbox_oldest_unsettled_seconds'), null);
      assert.equal(valueOf(text, 'tributary_inbox_waiting_rows'), null);
      assert.equal(valueOf(text, 'tributary_deliveries_oldest_due_seconds'), 0);
      assert.equal(valueOf(text, 'tributary_scrape_errors_total{source="inbox_age"}'), 1);
      assert.equal(valueOf(text, 'tributary_scrape_errors_total{source="inbox_count"}'), 1);
      assert.equal(valueOf(text, 'tributary_scrape_errors_total{source="deliveries"}'), 0);
    } finally {
      await blocker.rollback();
    }
    assert.equal(valueOf(await scrape(), 'tributary_inbox_waiting_rows'), 10);
  });

  test('tells how the pool is used, how long callers waited, and what runs', async () => {
    const text = await scrape();
    assert.ok((valueOf(text, 'tributary_db_pool_connections{pool="primary",state="free"}') ?? 0) > 0);
    assert.equal(valueOf(text, 'tributary_db_pool_waiting{pool="primary"}'), 0);
    assert.ok((valueOf(text, 'tributary_db_pool_wait_seconds_count{pool="primary"}') ?? 0) > 10);
    assert.match(
      text,
      new RegExp(`tributary_build_info\\{version="\\d[^"]*",node="${process.version}",queue="postgres"\\} 1`),
    );
  });
});

describe('refused requests are counted by the kind of their source and a reason of our own', () => {
  const refused = async (kind: string, reason: string): Promise<number> =>
    valueOf(await scrape(), `tributary_refused_requests_total{kind="${kind}",reason="${reason}"}`) ?? 0;

  test('whatever a client sends', async () => {
    const make = async (input: object) => (await api.live.post('/sources', input)).body.data.url as string;
    const postback = await make({ kind: 'postback', name: 'a', allowedCidrs: ['203.0.113.0/24'] });
    const open = await make({ kind: 'postback', name: 'b' });
    const stripe = await make({ kind: 'stripe', name: 'c', signingSecrets: ['whsec_0123456789abcdef0123456789'] });
    const evil = 'evil"label{}';
    await fetch(`${postback}?secure=${encodeURIComponent(evil)}`);
    await fetch(`${open}?secure=${encodeURIComponent(evil)}`);
    await fetch(`${api.hub.url}/pb/src_${encodeURIComponent(evil)}`);
    await fetch(stripe, { method: 'POST', body: '{}', headers: { 'stripe-signature': evil } });
    await fetch(`${api.hub.url}/api/v1/conversions`, { method: 'POST', body: '{}' });
    await waitUntil('the last of them is counted', async () => (await refused('api', 'unauthenticated')) === 1);
    assert.equal(await refused('postback', 'address'), 1);
    assert.equal(await refused('postback', 'unauthenticated'), 1);
    assert.equal(await refused('postback', 'unknown'), 1);
    assert.equal(await refused('stripe', 'signature'), 1);
    assert.doesNotMatch(await scrape(), /evil/);
  });
});
