import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from '../api/api-program.ts';
import { forEachBackend } from '../support/both-backends.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openWireMeter, type WireMeter, type WireStatement } from '../support/wire-meter.ts';
import { startReceiver } from '../outbound/receiver.ts';

const WARM_UP = 30;
const MEASURED = 15;

/** Long enough for whatever a worker does by the clock, be nothing to do. */
const IDLE_MS = 6_000;
const byTransactions = new Set(['begin', 'commit']);

/** What follows a delivery, as the end of a job, has happened by then. */
const SETTLING_MS = 120;

/** What each costs: it is sent, run and answered, and the batch of one pays for all of it. */
const most = { statements: 13, roundTrips: 8 };

forEachBackend((backend) => {
  test('one conversion with its delivery costs few statements and few round trips', async (t) => {
    let meter: WireMeter | undefined;
    const receiver = await startReceiver();
    const api = await openApiProgram({
      backend,
      worker: true,
      databaseThrough: async (url) => {
        meter = await openWireMeter(url);
        return meter.url;
      },
    });
    assert.ok(meter);
    const affiliate = await makeAffiliate(api.live);
    const offer = await makeOffer(api.live);
    await api.live.post('/webhook-endpoints', { url: receiver.url, eventTypes: ['conversion.created'] });
    meter.take();
    await wait(IDLE_MS);
    const byTheClock = new Set(meter.take().map(({ label }) => label));
    const counts: WireStatement[][] = [];
    for (let n = 0; n < WARM_UP + MEASURED; n += 1) {
      meter.take();
      await convert(api, affiliate.id, offer.id, n);
      await waitUntil('it is delivered and recorded', async () => {
        const rows = await runSql(api.hub.db, `select 1 from deliveries where status = 'pending'`);
        return receiver.received.length === n + 1 && rows.length === 0;
      });
      await wait(SETTLING_MS);
      if (n >= WARM_UP)
        counts.push(meter.take().filter(({ label }) => !byTheClock.has(label) || byTransactions.has(label)));
    }
    await api.stop();
    await receiver.close();
    await meter.close();

    // All cost the same, but for what connections that are new ask: one had none.
    const parsedOf = (statements: WireStatement[]): number => statements.filter(({ parsed }) => parsed).length;
    const [undisturbed = []] = counts.toSorted((a, b) => a.length - b.length || parsedOf(a) - parsedOf(b));
    const list = undisturbed.map(
      ({ application, label, parsed, roundTrip }) =>
        `${roundTrip ? '→' : ' '} ${label} (${application}${parsed ? ', parsed' : ''})`,
    );
    t.diagnostic(`\n${list.join('\n')}`);
    const roundTrips = undisturbed.filter(({ roundTrip }) => roundTrip).length;
    assert.ok(undisturbed.length <= most.statements, `${undisturbed.length} statements`);
    assert.ok(roundTrips <= most.roundTrips, `${roundTrips} round trips`);
    assert.equal(parsedOf(undisturbed), 0, 'all are prepared');
  });
});

async function convert(api: ApiProgram, affiliateId: string, offerId: string, n: number): Promise<void> {
  const answer = await api.live.post('/conversions', {
    affiliateId,
    offerId,
    orderId: `order-${n}`,
    customerId: `customer-${n}`,
    amount: 49.9,
    currency: 'USD',
  });
  assert.equal(answer.status, 201, answer.text);
}
