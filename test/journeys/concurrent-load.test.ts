import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ApiClient } from '../api/api-client.ts';
import { cliEnvironment, runCli } from '../cli/run-cli.ts';
import { spawnWorker, stopGracefully } from '../faults/processes.ts';
import { forEachBackend } from '../support/both-backends.ts';
import { startHub } from '../support/hub.ts';
import { openHttpProgram, type HttpProgram } from './http-program.ts';
import { disputed, invoicePaid, paid, refunded, stripeEvent } from './stripe-events.ts';

// More for a longer load: LOAD_STORIES=100. Each is told in some 30 messages.
const stories = Number(process.env.LOAD_STORIES ?? 6);
const CALLERS = 24;

forEachBackend((backend) => {
  test('after a concurrent load on two web and three worker processes tributary verify says equal, and while it lasts', async () => {
    const first = await startHub({ backend });
    const second = await startHub({ backend, worker: false, env: { DATABASE_URL: first.databaseUrl } });
    const workers = [spawnWorker(first, backend), spawnWorker(first, backend)];
    try {
      let turn = 0;
      const program = await openHttpProgram(
        // Stripe and RevenueCat come by either of the two.
        Object.defineProperty({ ...first }, 'url', { get: () => (turn++ % 2 === 0 ? first.url : second.url) }),
        {
          program: { autoApprove: true },
          commission: { type: 'revshare', rateBps: 2_000, durationMonths: null },
        },
      );
      const sends = Array.from({ length: stories }, (_, n) => tellStory(program, String(n))).flat();
      // Each twice, in an order that is no order, the same in every run.
      const load = [...sends, ...sends]
        .map((send, n) => ({ send, at: createHash('sha256').update(String(n)).digest('hex') }))
        .toSorted((a, b) => (a.at < b.at ? -1 : 1))
        .map(({ send }) => send);
      const others = [new ApiClient(first.url, program.key), new ApiClient(second.url, program.key)];
      load.splice(load.length / 3, 0, ...others.map((api) => () => payOut(api, program)));
      load.splice(load.length / 2, 0, ...others.map((api) => () => replaySome(api)));
      const meanwhile = runCli(['verify'], cliEnvironment(first));
      await Promise.all(
        Array.from({ length: CALLERS }, async () => {
          for (let send = load.shift(); send; send = load.shift()) await send();
        }),
      );
      const during = await meanwhile;
      assert.equal(during.code, 0, during.stdout);
      await program.settled();
      await payOut(others[0] as ApiClient, program);

      const { code, stdout } = await runCli(['verify'], cliEnvironment(first));
      assert.equal(code, 0, stdout);
      assert.match(stdout, /^equal: .* postings, .* payouts compared$/m);
      assert.doesNotMatch(stdout, /still to be settled/);
      const earned = (await program.conversions()).map(
        (one) => `${one.kind} ${one.amountMinor} ${one.commissionMinor}`,
      );
      assert.deepEqual(
        earned.toSorted(byText),
        Array.from({ length: stories }, () => expected)
          .flat()
          .toSorted(byText),
      );
      const sum = (await program.postings()).reduce((total, amount) => total + amount, 0);
      assert.equal(sum, stories * expected.reduce((total, words) => total + Number(words.split(' ')[2]), 0));
    } finally {
      for (const worker of workers) await stopGracefully(worker);
      await second.stop();
      await first.stop();
    }
  });
});

/** What one story comes to: kind, net, commission at 20 %. */
const expected = [
  'sale 10000 1400', // refunded 3000, a dispute won
  'sale 4900 980',
  'renewal 4900 980',
  'renewal 4900 980',
  'sale 10000 2000', // told by a backend, too
  'sale 1000 200', // RevenueCat
  'renewal 1000 0', // refunded by support
  'sale 4900 980', // a payment and an invoice that nothing links
  'sale 10000 2000', // of a connected account
  'sale 10000 0', // of another with the same ids, refunded
  'sale 10000 2000', // attributed by the customer's metadata
  'sale 10000 1500', // a cumulative figure of 2500
];

function tellStory(program: HttpProgram, n: string): (() => Promise<void>)[] {
  const paidAt = Date.UTC(2026, 8, 1) / 1_000;
  const payment = (name: string) => ({ id: `${name}${n}`, currency: 'usd', paidAt });
  const [a, c, e, f, g, h] = [payment('a'), payment('c'), payment('e'), payment('f'), payment('g'), payment('h')];
  const stripe = [
    paid(a, 10_000),
    refunded(a, '1', 3_000, 1),
    disputed(a, 5_000, 2, 'needs_response'),
    disputed(a, 5_000, 2, 'won'),
    ...[0, 1, 2].map((month) => invoicePaid(`b${n}`, String(month), 4_900, Date.UTC(2026, month, 28) / 1_000)),
    paid(c, 10_000),
    paid(e, 4_900),
    invoicePaid(e.id, '1', 4_900, paidAt + 60),
    { ...paid(f, 10_000), account: 'acct_1' },
    { ...paid(f, 10_000), account: 'acct_2' },
    { ...refunded(f, '1', 10_000, 1), account: 'acct_2' },
    paid(g, 10_000, ''),
    stripeEvent('customer.updated', paidAt, {
      id: `cus_${g.id}`,
      object: 'customer',
      email: `${g.id}@shop.example`,
      metadata: { affiliate_id: 'partner-one' },
    }),
    paid(h, 10_000),
    ...[1_000, 2_500].map((amount_refunded) =>
      stripeEvent('charge.refunded', paidAt + amount_refunded, {
        id: `ch_${h.id}`,
        object: 'charge',
        amount_refunded,
        currency: 'usd',
        payment_intent: `pi_${h.id}`,
      }),
    ),
  ];
  const revenuecat = ['01-initial-purchase', '02-renewal', '05-support-refund'].map((name) => {
    const text = readFileSync(new URL(`../../fixtures/revenuecat/subscription/${name}.json`, import.meta.url), 'utf8');
    const own = text
      .replaceAll('20000008100000', `2000${n.padStart(10, '0')}`)
      .replaceAll('player-1001', `player-${n}`);
    return JSON.parse(own) as object;
  });
  return [
    ...stripe.map((event) => () => program.stripe(event)),
    ...revenuecat.map((event) => () => program.revenuecat(event)),
    async () => {
      const sale = { affiliate_id: program.affiliateId, order_id: `pi_${c.id}`, amount: '100.00', currency: 'USD' };
      const answer = await program.api.post('/conversions', sale);
      assert.ok(answer.status < 300, answer.text);
    },
  ];
}

/** Of what is payable at this moment, if anything is. */
async function payOut(api: ApiClient, { affiliateId }: HttpProgram): Promise<void> {
  const payout = await api.post('/payouts', { affiliateId, currency: 'USD' });
  if (payout.status === 409) return;
  assert.equal(payout.status, 201, payout.text);
  const done = await api.patch(`/payouts/${payout.body.data.id}`, { status: 'paid' });
  assert.equal(done.status, 200, done.text);
}

async function replaySome(api: ApiClient): Promise<void> {
  const events = (await api.get('/inbox-events?limit=20')).body.data as { id: string }[];
  for (const { id } of events) assert.equal((await api.post(`/inbox-events/${id}/replay`)).status, 202);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}
