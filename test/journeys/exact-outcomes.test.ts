import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { ApiClient } from '../api/api-client.ts';
import { readFixture } from '../inbound/stripe/fixtures.ts';
import { forEachBackend } from '../support/both-backends.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { openHttpProgram } from './http-program.ts';
import { disputed, invoicePaid, paid, refunded } from './stripe-events.ts';

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

const sum = (amounts: number[]): number => amounts.reduce((total, amount) => total + amount, 0);
const payment = (id: string, currency = 'usd') => ({ id, currency, paidAt: Date.UTC(2026, 8, 1) / 1_000 });

describe('exact outcomes, 20 % of net', () => {
  for (const link of ['01-charge.succeeded', '06-invoice_payment.paid']) {
    test(`(a) one $49 subscription, its four events (with ${link}) in all 24 orders, each delivered twice`, async () => {
      const events = ['02-payment_intent.succeeded', '03-checkout.session.completed', '04-invoice.paid', link].map(
        (name) => readFixture('endive', `subscription-first-invoice/${name}`).event,
      );
      const orders = permutations([0, 1, 2, 3]);
      assert.equal(orders.length, 24);
      await inGroupsOf(6, orders, async (order) => {
        const program = await openHttpProgram(hub);
        for (const index of order) {
          await program.stripe(events[index] ?? {});
          await program.stripe(events[index] ?? {});
          await program.settled();
        }
        const conversions = await program.conversions();
        assert.deepEqual(
          conversions.map(({ kind, commissionMinor }) => [kind, commissionMinor]),
          [['sale', 980]],
          order.join(),
        );
        assert.equal(sum(await program.postings()), 980);
        assert.equal(await program.told('conversion.created'), 1, order.join());
      });
    });
  }

  test('(b) a $100 sale, two refunds, one of them twice, a dispute won, a refund that fails: stands at 1400', async () => {
    const program = await openHttpProgram(hub);
    const one = payment('b');
    const story: [event: object, postings: number[]][] = [
      [paid(one, 10_000), [2_000]],
      [refunded(one, '1', 3_000, 1), [-600]],
      [refunded(one, '2', 2_000, 2), [-400]],
      [refunded(one, '1', 3_000, 1), []],
      [disputed(one, 5_000, 3, 'needs_response'), [-1_000]],
      [disputed(one, 5_000, 3, 'won'), [1_000]],
      [refunded(one, '2', 2_000, 2, 'failed'), [400]],
    ];
    let before = 0;
    for (const [event, expected] of story) {
      await program.stripe(event);
      await program.settled();
      const postings = await program.postings();
      assert.deepEqual(postings.slice(before), expected);
      before = postings.length;
    }
    assert.equal((await program.conversions())[0]?.commissionMinor, 1_400);
    assert.equal(sum(await program.postings()), 1_400);
  });

  test('(c) a full refund before its sale shows as +2000 −2000', async () => {
    const program = await openHttpProgram(hub);
    const one = payment('c');
    await program.stripe(refunded(one, '1', 10_000, 5));
    await program.settled();
    assert.deepEqual(await program.conversions(), []);
    await program.stripe(paid(one, 10_000));
    await program.settled();
    assert.deepEqual(await program.postings(), [2_000, -2_000]);
    assert.equal((await program.conversions())[0]?.status, 'reversed');
  });

  test('(d) paid 2000, then refunded: the payout is unchanged, the next 1500 leave payable 0 and balance −500', async () => {
    const program = await openHttpProgram(hub, { program: { autoApprove: true } });
    const { api, affiliateId } = program;
    const sell = async (orderId: string, amount: string): Promise<string> => {
      const body = { affiliate_id: affiliateId, order_id: orderId, amount, currency: 'USD' };
      const answer = await api.post('/conversions', body);
      assert.equal(answer.status, 201, answer.text);
      assert.equal(answer.body.data.status, 'approved');
      return answer.body.data.conversionId as string;
    };
    const sold = await sell('d-1', '100.00');
    const payout = await api.post('/payouts', { affiliateId, currency: 'USD' });
    assert.equal(payout.body.data.amountMinor, 2_000, payout.text);
    const paidOut = await api.patch(`/payouts/${payout.body.data.id}`, { status: 'paid' });
    assert.equal(paidOut.status, 200, paidOut.text);
    assert.equal((await api.get(`/conversions/${sold}`)).body.data.status, 'paid');
    assert.equal((await api.post(`/conversions/${sold}/refunds`, {})).status, 201);
    await sell('d-2', '75.00');
    const [balance] = (await api.get(`/balances?affiliateId=${affiliateId}`)).body.data;
    assert.equal(balance.balanceMinor, -500);
    assert.equal(balance.approvedMinor, -500);
    assert.equal(balance.payableMinor, 0);
    assert.equal(balance.paidMinor, 2_000);
    const unchanged = (await api.get(`/payouts/${payout.body.data.id}`)).body.data;
    assert.deepEqual([unchanged.amountMinor, unchanged.status], [2_000, 'paid']);
    assert.equal((await api.get(`/conversions/${sold}`)).body.data.status, 'paid', 'paid stays paid');
    assert.equal((await api.post('/payouts', { affiliateId, currency: 'USD' })).status, 409);
    assert.deepEqual(await program.postings(), [2_000, -2_000, 1_500]);
  });

  test('(e) JPY 5000 earns 1000, KWD 12.340 earns 2.468, UGX sent as 500000 is 5 000 UGX and earns 1 000', async () => {
    const program = await openHttpProgram(hub);
    await program.stripe(paid(payment('jpy', 'jpy'), 5_000));
    await program.stripe(paid(payment('kwd', 'kwd'), 12_340));
    await program.stripe(paid(payment('ugx', 'ugx'), 500_000));
    for (const [orderId, amount, currency] of [
      ['j', '5000', 'JPY'],
      ['k', '12.340', 'KWD'],
    ]) {
      const body = { affiliate_id: program.affiliateId, order_id: orderId, amount, currency };
      const answer = await program.api.post('/conversions', body);
      assert.equal(answer.body.data.commission.amountMinor, currency === 'JPY' ? 1_000 : 2_468, answer.text);
    }
    await program.settled();
    const earned = (await program.conversions()).map((one) => [
      one.currency,
      one.amountMinor,
      one.commissionMinor,
      one.commissionCurrency,
    ]);
    assert.deepEqual(earned.toSorted(byText), [
      ['JPY', 5_000, 1_000, 'JPY'],
      ['JPY', 5_000, 1_000, 'JPY'],
      ['KWD', 12_340, 2_468, 'KWD'],
      ['KWD', 12_340, 2_468, 'KWD'],
      ['UGX', 5_000, 1_000, 'UGX'],
    ]);
  });

  test('(f) CPA $30 with a cap of 100 a day, 150 at once: 100 are paid, 50 are recorded as over the cap', async () => {
    const program = await openHttpProgram(hub, {
      commission: { type: 'cpa', amountMinor: 3_000 },
      offer: { dailyCap: 100 },
    });
    const answers = await Promise.all(
      Array.from({ length: 150 }, (_, index) =>
        program.api.post('/conversions', { affiliate_id: program.affiliateId, order_id: `f-${index}` }),
      ),
    );
    await program.settled();
    const conversions = await program.conversions();
    assert.equal(conversions.filter(({ commissionMinor }) => commissionMinor === 3_000).length, 100);
    assert.equal(conversions.filter(({ reason }) => reason === 'cap_exceeded').length, 50);
    assert.deepEqual(await program.postings(), Array<number>(100).fill(3_000));
    assert.equal(answers.filter(({ body }) => body.data.tracked === true).length, 100);
    const refused = answers.filter(({ body }) => body.data.tracked === false);
    assert.equal(refused.length, 50);
    assert.ok(refused.every(({ status, body }) => status === 200 && body.data.reason === 'cap_exceeded'));
  });

  test('(g) RevShare 12 months: the 13th payment earns 0; a rate changed in month 3 does not touch the customer', async () => {
    const program = await openHttpProgram(hub, {
      commission: { type: 'revshare', rateBps: 2_000, durationMonths: 12 },
    });
    for (let month = 0; month < 13; month += 1) {
      if (month === 2) {
        const commission = { type: 'revshare', rateBps: 500, durationMonths: 12 };
        assert.equal((await program.api.patch(`/offers/${program.offerId}`, { commission })).status, 200);
      }
      const paidAt = Date.UTC(2025, month, 31 > daysOf(month) ? daysOf(month) : 31, 12) / 1_000;
      await program.stripe(invoicePaid('g', String(month), 4_900, paidAt));
      await program.settled();
    }
    const conversions = await program.conversions();
    assert.deepEqual(
      conversions.map(({ kind }) => kind),
      ['sale', ...Array<string>(12).fill('renewal')],
    );
    assert.deepEqual(
      conversions.map(({ commissionMinor }) => commissionMinor),
      [...Array<number>(12).fill(980), 0],
    );
    assert.equal(conversions[12]?.reason, 'max_duration');
  });

  test('(h) RevenueCat: initial, renewal, retry, unsubscribe, support refund, sandbox post 200, 200, 0, 0, −200, 0', async () => {
    const program = await openHttpProgram(hub, {
      commission: { type: 'revshare', rateBps: 2_000, durationMonths: null },
    });
    const story: [fixture: string, postings: number[]][] = [
      ['01-initial-purchase', [200]],
      ['02-renewal', [200]],
      ['03-renewal-retry', []],
      ['04-unsubscribe', []],
      ['05-support-refund', [-200]],
      ['06-sandbox-purchase', []],
    ];
    let before = 0;
    for (const [name, expected] of story) {
      const path = new URL(`../../fixtures/revenuecat/subscription/${name}.json`, import.meta.url);
      await program.revenuecat(JSON.parse(readFileSync(path, 'utf8')) as object);
      await program.settled();
      const postings = await program.postings();
      assert.deepEqual(postings.slice(before), expected, name);
      before = postings.length;
    }
  });
});

forEachBackend((backend) => {
  test('(i) the same txid on two web processes 50 ms apart: one commission, both callers told the truth', async () => {
    const first = await startHub({ backend });
    const second = await startHub({ backend, worker: false, env: { DATABASE_URL: first.databaseUrl } });
    try {
      const program = await openHttpProgram(first);
      const elsewhere = new ApiClient(second.url, program.key);
      for (let round = 0; round < 10; round += 1) {
        const body = { affiliate_id: program.affiliateId, txid: `i-${round}`, amount: '49.00', currency: 'USD' };
        const answers = await Promise.all([
          program.api.post('/conversions', body),
          wait(round % 2 === 0 ? 50 : 0).then(() => elsewhere.post('/conversions', body)),
        ]);
        const [told, repeated] = answers.toSorted((a, b) => b.status - a.status);
        assert.deepEqual([told?.status, told?.body.data.tracked], [201, true], told?.text);
        assert.deepEqual([repeated?.status, repeated?.body.data.tracked], [200, false], repeated?.text);
        assert.equal(told?.body.data.commission.amountMinor, 980);
        assert.equal(repeated?.body.data.reason, 'duplicate_order');
        assert.equal(repeated?.body.data.conversionId, told?.body.data.conversionId);
      }
      assert.deepEqual(await program.postings(), Array<number>(10).fill(980));
      assert.equal(await program.told('conversion.created'), 10);
    } finally {
      await second.stop();
      await first.stop();
    }
  });
});

function daysOf(month: number): number {
  return new Date(Date.UTC(2025, month + 1, 0)).getUTCDate();
}

function permutations<T>(items: T[]): T[][] {
  if (items.length <= 1) return [items];
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((others) => [item, ...others]));
}

/** Several at a time, since each mostly waits for the queue. */
async function inGroupsOf<T>(size: number, items: T[], run: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += size) {
    await Promise.all(items.slice(start, start + size).map(run));
  }
}

function byText(a: unknown[], b: unknown[]): number {
  return a.join() < b.join() ? -1 : 1;
}
