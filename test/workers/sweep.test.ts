import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSql } from '../support/sql.ts';
import { normalizeConversion } from '../../src/inbound/conversion/normalize.ts';
import { openLedger, sale, usd } from '../journeys/ledger.ts';
import { forEachBackend } from '../support/both-backends.ts';
import { startHub } from '../support/hub.ts';
import { waitUntil } from '../support/wait-until.ts';

forEachBackend((backend) => {
  test('rows whose job was lost are settled by the sweep, those of another program too', async () => {
    const hub = await startHub({ backend });
    try {
      const ledger = await openLedger(hub.db);
      const other = await openLedger(hub.db);
      // Stored straight into the table, long overdue: no job ever named them.
      ledger.now = other.now = new Date(Date.now() - 60_000);
      await ledger.store([[sale('order:1', usd(1_000), {}, { affiliate: ledger.affiliateId })]]);
      await other.store([[sale('order:1', usd(2_000), {}, { affiliate: other.affiliateId })]]);
      await waitUntil('both are settled', async () => {
        const [mine, theirs] = [await ledger.orders(), await other.orders()];
        return mine[0]?.commission === 200 && theirs[0]?.commission === 400;
      });
    } finally {
      await hub.stop();
    }
  });

  test('a commission is approved when its hold is over, without anybody asking', async () => {
    const hub = await startHub({ backend });
    try {
      const ledger = await openLedger(hub.db, { program: { autoApprove: true, holdDays: 1 } });
      const occurredAt = new Date(Date.now() - 86_400_000 + 6_000).toISOString();
      ledger.now = new Date(Date.now() - 10_000);
      await ledger.say([sale('order:1', usd(1_000), { occurredAt }, { affiliate: ledger.affiliateId })]);
      assert.equal((await ledger.orders())[0]?.status, 'pending');
      await waitUntil('it is approved', async () => (await ledger.orders())[0]?.status === 'approved', {
        timeoutMs: 30_000,
      });
      assert.ok((await ledger.messageTypes()).includes('commission.approved'));
    } finally {
      await hub.stop();
    }
  });

  test('a caller who waits gets the outcome, and without a worker in time the id of what is stored', async () => {
    const hub = await startHub({ backend, worker: false });
    try {
      const ledger = await openLedger(hub.db);
      const message = {
        programId: ledger.programId,
        sourceId: null,
        kind: 'conversion' as const,
        raw: Buffer.from('{}'),
        headers: {},
        normalized: normalizeConversion(
          { affiliate_id: ledger.affiliateId, amount: '10.00', order_id: 'late' },
          { livemode: true, receivedAt: new Date() },
        ),
      };
      const { id, settled } = await hub.deps.inbox.appendAndWait(message, 200);
      assert.equal(settled, null);
      const waiting = hub.deps.inbox.appendAndWait({ ...message }, 10_000);
      await waitUntil('the second is stored', async () => {
        const rows = await runSql<{ id: string }>(hub.db, `select id from inbox_events where program_id = ?`, [
          ledger.programId,
        ]);
        return rows.length === 2 && rows;
      });
      const rows = await runSql<{ id: string }>(hub.db, `select id from inbox_events where program_id = ?`, [
        ledger.programId,
      ]);
      await ledger.settle(rows.map((row) => row.id));
      const second = await waiting;
      assert.equal(second.settled?.outcome, 'duplicate');
      const [first] = await ledger.outcomes([id]);
      assert.equal(first?.outcome, 'recorded');
    } finally {
      await hub.stop();
    }
  });
});
