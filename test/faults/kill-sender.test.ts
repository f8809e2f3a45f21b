import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { makeAffiliate, makeOffer, openApiProgram } from '../api/api-program.ts';
import { startReceiver } from '../outbound/receiver.ts';
import { forEachBackend } from '../support/both-backends.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { killHard, spawnWorker, stopGracefully } from './processes.ts';

const CONVERSIONS = 120;
const ANSWERED_AFTER_MS = 300;

// A process of its own starts within it on a busy machine; a lease lasts 30 s.
const LAST_ARRIVAL_WITHIN_MS = 15_000;

forEachBackend((backend) => {
  test('what a killed worker had leased is sent by the next at once, and only what was in flight a second time', async () => {
    const receiver = await startReceiver((_request, response) => {
      void wait(ANSWERED_AFTER_MS).then(() => response.end('ok'));
    });
    const api = await openApiProgram({ backend });
    const worker = spawnWorker(api.hub, backend);
    let next = worker;
    try {
      const affiliate = await makeAffiliate(api.live);
      const offer = await makeOffer(api.live);
      await api.live.post('/webhook-endpoints', { url: receiver.url, eventTypes: ['conversion.created'] });
      await Promise.all(
        Array.from({ length: CONVERSIONS }, (_, n) =>
          api.live.post('/conversions', {
            affiliateId: affiliate.id,
            offerId: offer.id,
            orderId: `order-${n}`,
            amount: 10,
            currency: 'USD',
          }),
        ),
      );
      await waitUntil('some are sent', () => receiver.received.length > 10, { timeoutMs: 60_000 });
      const [leased] = await runSql<{ count: bigint }>(
        api.hub.db,
        'select count(*) from deliveries where locked_until > now() and locked_by is not null',
      );
      assert.ok(Number(leased?.count) > 5, `${leased?.count} leases say who holds them`);
      const inFlight = receiver.mostOpen;
      await killHard(worker);
      const killedAt = performance.now();
      next = spawnWorker(api.hub, backend);
      const orders = (): Set<string> =>
        new Set(receiver.received.map(({ body }) => (JSON.parse(body) as { data: { orderId: string } }).data.orderId));
      await waitUntil('all arrived', () => orders().size === CONVERSIONS, { timeoutMs: 60_000 });
      const took = performance.now() - killedAt;
      assert.ok(took < LAST_ARRIVAL_WITHIN_MS, `the last arrived ${Math.round(took)} ms after the kill`);
      const twice = receiver.received.length - CONVERSIONS;
      // Those answered were to be recorded together with those under way.
      assert.ok(twice <= 2 * inFlight, `${twice} arrived twice, ${inFlight} were in flight`);
      assert.equal(await stopGracefully(next), 0);
    } finally {
      next.kill('SIGKILL');
      await api.stop();
      await receiver.close();
    }
  });
});
