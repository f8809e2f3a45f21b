import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSql } from '../support/sql.ts';
import { createKey } from '../../src/program/api-keys.ts';
import { createSource, postbackSettingsSchema } from '../../src/program/sources.ts';
import { addClick, openLedger } from '../journeys/ledger.ts';
import { forEachBackend } from '../support/both-backends.ts';
import { startHub } from '../support/hub.ts';
import { waitUntil } from '../support/wait-until.ts';
import { killHard, spawnWorker, stopGracefully } from './processes.ts';

const POSTBACKS = 5_000;
const CALLERS = 16;

forEachBackend((backend) => {
  test('a worker killed while 5 000 postbacks come in: each acknowledged one is exactly one conversion', async () => {
    const hub = await startHub({ backend, worker: false });
    let worker = spawnWorker(hub, backend);
    try {
      const ledger = await openLedger(hub.db);
      const clickId = await addClick(ledger, { at: new Date().toISOString() });
      const { plaintext: key } = await createKey(hub.db, ledger.programId, {
        name: 'tracker',
        mode: 'live',
        access: 'write',
      });
      const source = await createSource(hub.db, hub.deps.secrets, ledger.programId, {
        kind: 'postback',
        settings: postbackSettingsSchema.parse({ purpose: 'primary', response: 'ok' }),
        secrets: null,
      });
      const acknowledged = new Set<string>();
      let next = 0;
      let killed = 0;
      const caller = async (): Promise<void> => {
        while (next < POSTBACKS) {
          const txid = `kill-${next}`;
          next += 1;
          const answer = await fetch(
            `${hub.url}/pb/${source.id}?cid=${clickId}&txid=${txid}&sum=10.00&currency=USD&secure=${key}`,
          );
          if (answer.status === 200) acknowledged.add(`order:${txid}`);
          await answer.arrayBuffer();
        }
      };
      const killer = async (): Promise<void> => {
        for (const at of [1_000, 2_500, 4_000]) {
          await waitUntil('enough postbacks came in', () => next >= at, { timeoutMs: 60_000 });
          await killHard(worker);
          killed += 1;
          worker = spawnWorker(hub, backend);
        }
      };
      await Promise.all([killer(), ...Array.from({ length: CALLERS }, caller)]);
      assert.equal(killed, 3);
      assert.equal(acknowledged.size, POSTBACKS);
      await waitUntil(
        'all that was acknowledged is settled',
        async () => {
          const [row] = await runSql<{ waiting: bigint }>(
            hub.db,
            `select count(*) as waiting from inbox_events where status = 'received'`,
          );
          return row?.waiting === 0n;
        },
        { timeoutMs: 90_000, everyMs: 100 },
      );
      const conversions = await runSql<{ reference: string; commission: number; entries: number }>(
        hub.db,
        `select reference, commission_minor::int as commission,
           (select count(*)::int from ledger_entries where order_id = orders.id) as entries
         from orders where program_id = ? and kind = 'sale'`,
        [ledger.programId],
      );
      assert.equal(conversions.length, POSTBACKS);
      assert.deepEqual(new Set(conversions.map((row) => row.reference)), acknowledged);
      assert.ok(conversions.every((row) => row.commission === 200 && row.entries === 1));
      assert.equal(await stopGracefully(worker), 0);
    } finally {
      worker.kill('SIGKILL');
      await hub.stop();
    }
  });
});
