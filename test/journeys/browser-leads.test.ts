import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import type { CommissionTerms } from '../../src/domain/terms.ts';
import { ApiClient } from '../api/api-client.ts';
import { make } from '../api/api-program.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { runSql } from '../support/sql.ts';
import { openHttpProgram, type HttpProgram } from './http-program.ts';

let hub: TestHub;
let visitor: ApiClient;
before(async () => {
  hub = await startHub();
  visitor = new ApiClient(hub.url, null);
});
after(() => hub.stop());

/** A program that takes leads from browsers, with a second affiliate (`partner-two`). */
async function open(
  options: { commission?: CommissionTerms; offer?: object; program?: object } = {},
): Promise<HttpProgram & { other: string }> {
  const { program = {}, ...rest } = options;
  const opened = await openHttpProgram(hub, { ...rest, program: { browserLeads: true, ...program } });
  const other = await make<{ id: string }>(opened.api, '/affiliates', {
    displayName: 'Second',
    email: 'second@example.com',
    referralCode: 'partner-two',
  });
  await opened.api.patch('/program', { defaultOfferId: opened.offerId });
  return { ...opened, other: other.id };
}

async function visit(program: HttpProgram, code = 'partner-one'): Promise<string> {
  const { status, body } = await visitor.post('//affitor/api/v1/track/click', {
    affiliate_url: `https://shop.example/?aff=${code}`,
    program_id: program.id,
  });
  assert.equal(status, 200, JSON.stringify(body));
  return body.click_id as string;
}

async function lead(said: object, status = 200): Promise<void> {
  const answer = await visitor.post('//affitor/api/v1/track/lead', said);
  assert.equal(answer.status, status, answer.text);
}

const dayAgo = () => new Date(Date.now() - 86_400_000).toISOString();

async function sale(program: HttpProgram, order: string, said: object): Promise<void> {
  const body = { order_id: order, amount: '100.00', currency: 'USD', ...said };
  const { status, text } = await program.api.post('/conversions', body);
  assert.ok(status < 300, text);
}

interface Order {
  name: string;
  affiliateId: string | null;
  commission: number;
  status: string;
  by: string | null;
  why: string | null;
}

/** What came of everything: each order by its own id, a lead by its reference. The proof finds nothing. */
async function ordersOf(program: HttpProgram): Promise<Record<string, Order>> {
  await program.settled();
  const { differences } = await verifyLedger(hub.db, { programId: program.id });
  assert.deepEqual(differences, []);
  const rows = await runSql<Order>(
    hub.db,
    `select coalesce(order_id, reference) as name, affiliate_id as "affiliateId", commission_minor::int as commission, status,
       explanation #>> '{chosen,by}' as by, explanation #>> '{passedOver,0,why}' as why
     from orders where program_id = ? and merged_into is null and kind is not null`,
    [program.id],
  );
  return Object.fromEntries(rows.map((row) => [row.name, row]));
}

describe('a lead that a browser sends without a key', () => {
  test('credits what its customer buys, where nothing else does, and says so', async () => {
    const program = await open();
    const click = await visit(program);
    await lead({ click_id: click, customer_key: 'ann', email: 'ann@shop.example' });
    await sale(program, 'A-1', { customer_id: 'ann' });
    const orders = await ordersOf(program);
    assert.partialDeepStrictEqual(orders['A-1'], {
      affiliateId: program.affiliateId,
      commission: 2_000,
      by: 'anonymous_lead',
    });
    assert.partialDeepStrictEqual(orders['lead:id:ann'], { affiliateId: program.affiliateId, status: 'pending' });
    const { body } = await program.api.get('/customers/ann');
    assert.partialDeepStrictEqual(body.data, {
      email: null,
      binding: { affiliateId: program.affiliateId, clickId: click },
    });
  });

  test('is weaker than all other evidence, and than whoever that bound, however early it came', async () => {
    const program = await open();
    for (const [index, evidence] of [
      { affiliateId: program.other },
      { clickId: await visit(program, 'partner-two') },
      { referralCode: 'partner-two' },
    ].entries()) {
      const customer_id = `early-${index}`;
      await lead({ click_id: await visit(program), customer_key: customer_id });
      await sale(program, `own-${index}`, { customer_id, ...evidence });
      await sale(program, `next-${index}`, { customer_id });
      const orders = await ordersOf(program);
      for (const name of [`own-${index}`, `next-${index}`])
        assert.equal(orders[name]?.affiliateId, program.other, name);
    }
  });

  test('credits nothing by the affiliate id of client_reference_id, which is stronger', async () => {
    const program = await open();
    await lead({ click_id: await visit(program), customer_key: 'ref' });
    await program.stripe({
      id: 'evt_reference',
      type: 'checkout.session.completed',
      created: Math.floor(Date.now() / 1000) + 1,
      livemode: true,
      data: {
        object: {
          id: 'cs_reference',
          object: 'checkout.session',
          mode: 'payment',
          payment_status: 'paid',
          amount_total: 10_000,
          currency: 'usd',
          created: Math.floor(Date.now() / 1000) + 1,
          client_reference_id: program.other,
          payment_intent: 'pi_reference',
          customer: null,
          customer_details: {},
          metadata: {},
        },
      },
    });
    await sale(program, 'pi_reference', { customer_id: 'ref' });
    const orders = await ordersOf(program);
    assert.partialDeepStrictEqual(orders['pi_reference'], { affiliateId: program.other, by: 'reference' });
  });

  test('counts for nothing where more was known of the customer before, also where that arrives later', async () => {
    const program = await open();
    await sale(program, 'B-0', { customer_id: 'bea' });
    await lead({ click_id: await visit(program), customer_key: 'bea' });
    await sale(program, 'B-1', { customer_id: 'bea' });
    await lead({ click_id: await visit(program), customer_key: 'cy' });
    await sale(program, 'C-1', { customer_id: 'cy' });
    assert.equal((await ordersOf(program))['C-1']?.affiliateId, program.affiliateId);
    await sale(program, 'C-0', { customer_id: 'cy', occurredAt: dayAgo() });
    const orders = await ordersOf(program);
    for (const name of ['B-0', 'B-1', 'C-0', 'C-1', 'lead:id:bea', 'lead:id:cy']) {
      assert.partialDeepStrictEqual(orders[name], { affiliateId: null, commission: 0, status: 'parked' }, name);
    }
    assert.equal(orders['lead:id:cy']?.why, 'more was known of the customer before');
  });

  test('is undone by what is dated before it, but what was paid stays with whom it was paid', async () => {
    const program = await open({ program: { autoApprove: true } });
    await lead({ click_id: await visit(program), customer_key: 'pat' });
    await sale(program, 'P-1', { customer_id: 'pat' });
    await ordersOf(program);
    const payout = await program.api.post('/payouts', { affiliateId: program.affiliateId, currency: 'USD' });
    assert.equal(payout.status, 201, payout.text);
    await sale(program, 'P-0', { customer_id: 'pat', occurredAt: dayAgo() });
    const orders = await ordersOf(program);
    assert.partialDeepStrictEqual(orders['P-1'], { affiliateId: program.affiliateId, commission: 2_000, by: 'payout' });
  });

  test('counts once for a click: the first to be received, whichever arrives first', async () => {
    const program = await open();
    const click = await visit(program);
    for (const customer_key of ['dan', 'eve']) await lead({ click_id: click, customer_key });
    await sale(program, 'D-1', { customer_id: 'dan' });
    await sale(program, 'E-1', { customer_id: 'eve' });
    const orders = await ordersOf(program);
    assert.deepEqual([orders['D-1']?.affiliateId, orders['E-1']?.affiliateId], [program.affiliateId, null]);
    assert.equal(orders['lead:id:eve']?.why, 'another lead of this click came first');
  });

  test('joins nobody: neither its key with its click, nor what was bought by the click alone with its key', async () => {
    const program = await open();
    const click = await visit(program);
    await lead({ click_id: click, customer_key: 'victim' });
    const own = { transaction_id: 'F-1', click_id: click, amount_cents: 10_000 };
    assert.equal((await program.api.post('//affitor/api/v1/track/sale', own)).status, 200);
    await sale(program, 'F-2', { customer_id: 'victim', referralCode: 'partner-two' });
    await sale(program, 'F-3', { customer_id: 'victim' });
    const orders = await ordersOf(program);
    assert.deepEqual(
      ['F-1', 'F-2', 'F-3'].map((name) => orders[name]?.affiliateId),
      [program.affiliateId, program.other, program.other],
    );
    const { body } = await program.api.get('/customers/victim');
    assert.deepEqual(body.data.references, ['id:victim']);
  });

  test('takes no e-mail, gives none, and introduces nobody', async () => {
    const program = await open();
    await sale(program, 'G-guest', { customer_email: 'guest@shop.example', referralCode: 'partner-two' });
    await sale(program, 'G-0', { customer_id: 'gil', customer_email: 'gil@shop.example' });
    await lead({ click_id: await visit(program), customer_key: 'thief', email: 'guest@shop.example' });
    await lead({ click_id: await visit(program), customer_key: 'gil', email: 'aaa@shop.example' });
    await sale(program, 'G-guest-2', { customer_email: 'guest@shop.example' });
    const orders = await ordersOf(program);
    assert.equal(orders['G-guest-2']?.affiliateId, program.other);
    const [gil, thief] = await Promise.all(['gil', 'thief'].map((id) => program.api.get(`/customers/${id}`)));
    assert.deepEqual([gil?.body.data.email, thief?.body.data.email], ['gil@shop.example', null]);
  });

  test('names no customer of a payment provider', async () => {
    const program = await open();
    const click = await visit(program);
    for (const customer_key of ['cus_abc123', 'acct_9:cus_abc123']) await lead({ click_id: click, customer_key }, 400);
    assert.deepEqual(await ordersOf(program), {});
  });

  test('of an affiliate’s own e-mail credits nothing', async () => {
    const program = await open();
    await lead({ click_id: await visit(program), customer_key: 'self', email: 'Partner@Example.com' });
    await sale(program, 'S-1', { customer_id: 'self' });
    assert.equal((await ordersOf(program))['S-1']?.affiliateId, null);
  });

  test('and the one that a server sends with a key are one lead, which is the server’s', async () => {
    const program = await open();
    await lead({ click_id: await visit(program), customer_key: 'kim' });
    const click_id = await visit(program, 'partner-two');
    const keyed = await program.api.post('//affitor/api/v1/track/lead', { click_id, customer_key: 'kim' });
    assert.equal(keyed.status, 200);
    await sale(program, 'K-1', { customer_id: 'kim' });
    const orders = await ordersOf(program);
    assert.deepEqual(Object.keys(orders).sort(), ['K-1', 'lead:id:kim']);
    for (const { affiliateId } of Object.values(orders)) assert.equal(affiliateId, program.other);
  });

  test('takes a CPA slot after all others, and a slot of a daily cap from nobody', async () => {
    const program = await open({ commission: { type: 'cpa', amountMinor: 3_000 }, offer: { dailyCap: 1 } });
    await lead({ click_id: await visit(program), customer_key: 'lee' });
    await sale(program, 'L-1', { customer_id: 'lee' });
    await lead({ click_id: await visit(program), customer_key: 'max' });
    await sale(program, 'M-1', { customer_id: 'max' });
    const before = await ordersOf(program);
    assert.deepEqual([before['L-1']?.commission, before['M-1']?.commission], [3_000, 0]);
    // Of the same customer and the same offer, and the first of the day that somebody else may have.
    await sale(program, 'L-2', { customer_id: 'lee', affiliateId: program.other });
    const after = await ordersOf(program);
    assert.deepEqual([after['L-1']?.commission, after['L-2']?.commission], [0, 3_000]);
  });

  test('does not make a first payment a renewal, and goes on for what a customer pays again', async () => {
    const program = await open({ commission: { type: 'revshare', rateBps: 1_000, durationMonths: null } });
    await lead({ click_id: await visit(program), customer_key: 'ned' });
    const pay = async (said: object) => {
      const body = { customer_key: 'ned', amount_cents: 1_000, is_recurring: true, ...said };
      const answer = await program.api.post('//affitor/api/v1/track/sale', body);
      assert.equal(answer.status, 200, answer.text);
    };
    await pay({ transaction_id: 'N-1', click_id: await visit(program, 'partner-two') });
    await lead({ click_id: await visit(program), customer_key: 'ola' });
    await pay({ transaction_id: 'O-1', customer_key: 'ola' });
    const kinds = (await program.conversions()).filter(({ kind }) => kind !== 'lead').map(({ kind }) => kind);
    assert.deepEqual(kinds, ['sale', 'renewal']);
    const orders = await ordersOf(program);
    assert.deepEqual([orders['N-1']?.affiliateId, orders['O-1']?.affiliateId], [program.other, program.affiliateId]);
  });
});

describe('the proof finds', () => {
  for (const [what, change, field] of [
    ['that counts no more by hand', `update anonymous_leads set why_not = 'by hand'`, 'standing'],
    ['that names another click', `update anonymous_leads set click_id = 'clk_other', why_not = 'by hand'`, 'content'],
    [
      'that was received at another time',
      `update anonymous_leads set received_at = now() + interval '1 day'`,
      'content',
    ],
    ['that is gone', 'delete from anonymous_leads', 'lead'],
    ['that is not the first of its click', `update lead_clicks set fact_id = 'another'`, 'first of its click'],
  ] as const) {
    test(`a lead ${what}`, async () => {
      const program = await open();
      await lead({ click_id: await visit(program), customer_key: 'pia' });
      await ordersOf(program);
      await runSql(hub.db, `${change} where program_id = ?`, [program.id]);
      const { differences } = await verifyLedger(hub.db, { programId: program.id });
      assert.ok(
        differences.some((one) => one.field === field),
        JSON.stringify(differences),
      );
    });
  }
});
