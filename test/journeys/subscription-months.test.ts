import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { openHttpProgram } from './http-program.ts';

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

test('the months of a subscription that nobody is known to pay for begin with its first payment, whichever comes first', async () => {
  const payments = [
    { order_id: 'P1', occurredAt: '2026-01-10T00:00:00.000Z', is_recurring: false, referralCode: 'partner-one' },
    { order_id: 'P2', occurredAt: '2026-02-09T00:00:00.000Z', is_recurring: true },
    { order_id: 'P3', occurredAt: '2026-02-10T00:00:00.000Z', is_recurring: true },
    { order_id: 'P4', occurredAt: '2026-07-10T00:00:00.000Z', is_recurring: true, referralCode: 'partner-one' },
  ];
  for (const order of [payments, payments.toReversed(), [...payments.slice(2), ...payments.slice(0, 2)]]) {
    const program = await openHttpProgram(hub, {
      commission: { type: 'revshare', rateBps: 1_000, durationMonths: 1 },
    });
    for (const payment of order) {
      const body = { ...payment, subscription_id: 'S-1', amount: '100.00', currency: 'USD' };
      const answer = await program.api.post('/conversions', body);
      assert.ok(answer.status === 200 || answer.status === 201, answer.text);
      await program.settled();
    }
    const conversions = await program.conversions();
    assert.deepEqual(
      conversions.map(({ kind, commissionMinor, reason }) => [kind, commissionMinor, reason]),
      [
        ['sale', 1_000, null],
        ['renewal', 1_000, null],
        ['renewal', 0, 'max_duration'],
        ['renewal', 0, 'max_duration'],
      ],
    );
    assert.deepEqual((await verifyLedger(hub.db, { programId: program.id })).differences, []);
  }
});
