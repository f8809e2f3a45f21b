import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { ANNOUNCED_EVERY_MS, WORKER_LOCKS } from '../../src/queue/channels.ts';
import { addTracker } from '../journeys/tracker.ts';
import { startHub } from '../support/hub.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';

// Less than the ten seconds after which the sweep finds it.
const SOON_MS = 5_000;

test('what a worker was told of while nobody listened is settled when it listens again, not by the sweep', async () => {
  const hub = await startHub();
  try {
    const { ledger, pathOf } = await addTracker(hub);
    // Whoever waits for an outcome would have the message enqueued after a while; a tracker does not.
    const fire = async (txid: string): Promise<void> => {
      assert.equal(await (await fetch(`${hub.url}${pathOf(txid)}`)).text(), 'OK');
    };
    await fire('before');
    await waitUntil('the first is settled', async () => (await ledger.orders()).length === 1);
    // By then the web process has heard of the worker.
    await wait(1.5 * ANNOUNCED_EVERY_MS);
    // Its listening connection ends, and in the same moment it is told.
    await waitUntil('it listens', async () => (await endListener()) === 1);
    const started = performance.now();
    await fire('told-to-nobody');
    await waitUntil('it is settled', async () => (await ledger.orders()).length === 2, { timeoutMs: 20_000 });
    assert.ok(performance.now() - started < SOON_MS, `${performance.now() - started} ms`);

    async function endListener(): Promise<number> {
      const ended = await runSql(
        hub.db,
        `select pg_terminate_backend(pid) from pg_locks
          where locktype = 'advisory' and classid::bigint = ? and granted
            and database = (select oid from pg_database where datname = current_database())`,
        [WORKER_LOCKS],
      );
      return ended.length;
    }
  } finally {
    await hub.stop();
  }
});
