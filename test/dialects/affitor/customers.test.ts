import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { everythingOf } from '../../../src/domain/scope.ts';
import { createDatabase } from '../../../src/db/database.ts';
import { numberOf } from '../../../src/dialects/affitor/numbers.ts';
import { nextSaleNumber } from '../../../src/dialects/affitor/sale-numbers.ts';
import { updateOffer } from '../../../src/program/offers.ts';
import {
  at,
  openConformanceProgram,
  send,
  type CaseAnswer,
  type ConformanceProgram,
  type KeyName,
} from '../conformance.ts';

describe('whom Affitor tells of', () => {
  let program: ConformanceProgram;
  before(async () => {
    program = await openConformanceProgram();
    const commission = { type: 'revshare', rateBps: 2000, durationMonths: null } as const;
    await updateOffer(program.hub.db, everythingOf(program.programId), program.offerId, { commission });
  });
  after(() => program.hub.stop());

  const track = async (what: string, body: object, key: KeyName = 'live'): Promise<CaseAnswer> => {
    const answer = await send(program, '/affitor', { path: `/api/v1/track/${what}`, body, key });
    assert.equal(answer.status, 200, answer.text);
    return answer;
  };
  const visit = async (): Promise<string> =>
    String(
      at(await track('click', { affiliate_url: `https://x.example/?aff=${program.referralCode}` }, 'none'), 'click_id'),
    );
  const order = async (orderId: string) => (await program.hub.db('orders').where('order_id', orderId))[0];

  it('two customers of one click stay two, each credited', async () => {
    const click_id = await visit();
    await track('lead', { click_id, customer_key: 'ann' });
    await track('lead', { click_id, customer_key: 'ben' });
    await track('sale', { transaction_id: 'ann-1', customer_key: 'ann', amount_cents: 1000 });
    await track('sale', { transaction_id: 'ben-1', customer_key: 'ben', click_id, amount_cents: 1000 });
    const [ann, ben] = [await order('ann-1'), await order('ben-1')];
    assert.notEqual(ann.customer_id, ben.customer_id);
    assert.deepEqual([ann.affiliate_id, ben.affiliate_id], [program.affiliateId, program.affiliateId]);
  });

  it('a click that nobody signed up with is a customer of its own, whom the first key takes over', async () => {
    const click_id = await visit();
    await track('sale', { transaction_id: 'guest-1', click_id, amount_cents: 1000, subscription_id: 'S1' });
    await track('sale', {
      transaction_id: 'guest-2',
      click_id,
      amount_cents: 1000,
      subscription_id: 'S1',
      is_recurring: true,
    });
    await track('lead', { click_id, customer_key: 'cleo' });
    await track('sale', {
      transaction_id: 'cleo-3',
      customer_key: 'cleo',
      amount_cents: 1000,
      subscription_id: 'S1',
      is_recurring: true,
    });
    const orders = [await order('guest-1'), await order('guest-2'), await order('cleo-3')];
    assert.deepEqual(
      orders.map(({ kind, commission_minor }) => [kind, commission_minor]),
      [
        ['sale', 200n],
        ['renewal', 200n],
        ['renewal', 200n],
      ],
    );
    assert.equal(new Set(orders.map(({ customer_id }) => customer_id)).size, 1);
  });

  it('is_recurring of a customer who comes with a click and was never heard of is the first payment', async () => {
    const click_id = await visit();
    const sale = { transaction_id: 'dora-1', customer_key: 'dora', click_id, amount_cents: 500, is_recurring: true };
    await track('sale', { ...sale, subscription_id: 'S2' });
    const first = await order('dora-1');
    assert.deepEqual([first.kind, first.commission_minor, first.affiliate_id], ['sale', 100n, program.affiliateId]);
  });

  it('a sale whose transaction is a Stripe payment is the order that Stripe tells of', async () => {
    const click_id = await visit();
    await track('sale', { transaction_id: 'pi_affitor1', click_id, amount_cents: 500 });
    const refs = await program.hub.db('order_refs').where('ref', 'stripe:pi_affitor1').select('livemode');
    assert.deepEqual(refs, [{ livemode: true }]);
  });

  it('a customer with the e-mail of another is credited by theirs, where the program takes them for one', async () => {
    const { db } = program.hub;
    await db('programs').where('id', program.programId).update('identify_by_email', true);
    const click_id = await visit();
    await track('lead', { click_id, customer_key: 'flo', email: 'flo@shop.example' });
    await track('lead', { click_id, customer_key: 'flo-again', email: 'flo@shop.example' });
    await track('sale', { transaction_id: 'flo-1', customer_key: 'flo-again', amount_cents: 1000 });
    const sale = await order('flo-1');
    assert.deepEqual([sale.affiliate_id, sale.commission_minor], [program.affiliateId, 200n]);
    await db('programs').where('id', program.programId).update('identify_by_email', false);
  });

  it('a test key makes test rows, of a live click, too', async () => {
    const click_id = await visit();
    await track('lead', { click_id, customer_key: 'eve' }, 'test');
    await track('sale', { transaction_id: 'eve-1', customer_key: 'eve', amount_cents: 500 }, 'test');
    const sale = await order('eve-1');
    assert.deepEqual([sale.livemode, sale.affiliate_id], [false, program.affiliateId]);
  });

  it('an amount in a currency without decimals is in its smallest unit', async () => {
    const click_id = await visit();
    await track('sale', { transaction_id: 'yen-1', click_id, amount_cents: 1000, currency: 'jpy' });
    const refund = await track('refund', { transaction_id: 'yen-1' });
    assert.equal(at(refund, 'deductionAmount'), 200);
  });

  it('numbers are given once, without a duplicate, however many ask at once', async () => {
    const { db } = program.hub;
    const wanted = Array.from({ length: 40 }, (_, index) => `cnv_${index % 20}`);
    const numbers = await Promise.all(wanted.map((id) => numberOf(db, 'prg_numbers', 'sale', id)));
    const byObject = new Map(wanted.map((id, index) => [id, numbers[index]]));
    assert.deepEqual(
      numbers,
      wanted.map((id) => byObject.get(id)),
    );
    assert.equal(new Set(byObject.values()).size, 20);
    assert.equal(await numberOf(db, 'prg_of_another', 'sale', 'cnv_x'), 1);
  });

  it('no two sales have one number, whichever process takes it and however many at once', async () => {
    const other = createDatabase({ url: program.hub.databaseUrl, role: 'test' });
    try {
      const wanted = Array.from({ length: 250 }, (_, n) =>
        nextSaleNumber(n % 2 ? other : program.hub.db, 'prg_blocks'),
      );
      const named = numberOf(other, 'prg_blocks', 'sale', 'cnv_of_another_way');
      const numbers = [...(await Promise.all(wanted)), await named];
      assert.equal(new Set(numbers).size, 251);
      assert.ok(Math.min(...numbers) >= 1 && Math.max(...numbers) <= 401, String(Math.max(...numbers)));
    } finally {
      await other.destroy();
    }
  });

  it('a sale gets its number behind thousands of others', async () => {
    const wanted = Array.from({ length: 3_000 }, () => nextSaleNumber(program.hub.db, 'prg_burst'));
    assert.equal(new Set(await Promise.all(wanted)).size, 3_000);
  });

  it('a refund tells the number of its sale, also of one that came another way, each time the same', async () => {
    const click_id = await visit();
    const sale = await track('sale', { transaction_id: 'numbered-1', click_id, amount_cents: 1000 });
    const refund = await track('refund', { transaction_id: 'numbered-1', refund_amount_cents: 100 });
    assert.equal(at(refund, 'commission_id'), at(sale, 'commission_id'));

    const body = { clickId: click_id, orderId: 'numbered-2', amount: '10.00', currency: 'USD' };
    assert.equal((await send(program, '/api/v1', { path: '/conversions', body, key: 'live' })).status, 201);
    const first = await track('refund', { transaction_id: 'numbered-2', refund_amount_cents: 100 });
    const second = await track('refund', { transaction_id: 'numbered-2', refund_amount_cents: 200 });
    assert.equal(typeof at(first, 'commission_id'), 'number');
    assert.equal(at(second, 'commission_id'), at(first, 'commission_id'));
    assert.notEqual(at(first, 'commission_id'), at(sale, 'commission_id'));
  });
});
