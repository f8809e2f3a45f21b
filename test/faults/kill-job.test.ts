import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKey } from '../../src/program/api-keys.ts';
import { ApiClient } from '../api/api-client.ts';
import { openLedger, sale, usd } from '../journeys/ledger.ts';
import { startHub } from '../support/hub.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { killHard, spawnWorker, stopGracefully } from './processes.ts';

const COMMISSIONS = 600;

test('a worker killed amid a job of 600 decisions: another one finishes it, and each is decided once', async () => {
  const hub = await startHub({ worker: false });
  const workers = [];
  try {
    const ledger = await openLedger(hub.db);
    const facts = Array.from({ length: COMMISSIONS }, (_, n) =>
      sale(`order:${n}`, usd(1_000), {}, { affiliate: ledger.affiliateId }),
    );
    await ledger.say(facts);
    const options = { name: 'operator', mode: 'live', access: 'write' } as const;
    const { plaintext: key } = await createKey(hub.db, ledger.programId, options);
    const api = new ApiClient(hub.url, key);
    const asked = await api.post('/commissions/decisions', { filter: {}, status: 'approved' });
    assert.deepEqual([asked.status, asked.body.data.status, asked.body.data.total], [202, 'queued', COMMISSIONS]);
    const { id } = asked.body.data;

    const doomed = spawnWorker(hub, 'postgres');
    workers.push(doomed);
    await waitUntil(
      'a page is under way',
      async () => {
        const [job] = await runSql<{ begun: boolean }>(hub.db, `select cursor <> '' as begun from jobs where id = ?`, [
          id,
        ]);
        return job?.begun;
      },
      { timeoutMs: 30_000, everyMs: 5 },
    );
    await killHard(doomed);
    const left = (await api.get(`/jobs/${id}`)).body.data;
    assert.ok(left.finishedAt === null && left.done < COMMISSIONS, JSON.stringify(left));

    const next = spawnWorker(hub, 'postgres');
    workers.push(next);
    const job = await waitUntil(
      'the job is finished',
      async () => {
        const { data } = (await api.get(`/jobs/${id}`)).body;
        return data.finishedAt === null ? null : (data as Record<string, unknown>);
      },
      { timeoutMs: 60_000 },
    );
    assert.deepEqual(
      [job['status'], job['total'], job['succeeded'], job['skipped'], job['failed']],
      ['completed', COMMISSIONS, COMMISSIONS, 0, 0],
    );
    const [sums] = await runSql<Record<string, number>>(
      hub.db,
      `select (select count(*)::int from orders where status = 'approved') as approved,
         (select count(*)::int from facts where fact->>'type' = 'decision') as facts,
         (select count(distinct order_id)::int from facts where fact->>'type' = 'decision') as decided,
         (select count(*)::int from inbox_events where kind = 'decision' and outcome = 'updated') as messages,
         (select count(*)::int from audit_events where action = 'commission.approved') as audited,
         (select count(*)::int from every_message where type = 'commission.approved') as told,
         (select count(*)::int from ledger_entries) as postings`,
    );
    assert.deepEqual(sums, {
      approved: COMMISSIONS,
      facts: COMMISSIONS,
      decided: COMMISSIONS,
      messages: COMMISSIONS,
      audited: COMMISSIONS,
      told: COMMISSIONS,
      postings: COMMISSIONS,
    });
    assert.equal(await stopGracefully(next), 0);
  } finally {
    for (const worker of workers) worker.kill('SIGKILL');
    await hub.stop();
  }
});
