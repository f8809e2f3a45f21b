import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { makeAffiliate } from '../api/api-program.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { openHttpProgram, type HttpProgram } from './http-program.ts';
import { paid, refunded, type StripePayment } from './stripe-events.ts';

const PAID_AT = 1_790_000_000;

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

/** Sells for 100.00 by Stripe, of which 20.00 are the affiliate's; gives the commission's id. */
async function sell(program: HttpProgram, name: string): Promise<{ payment: StripePayment; id: string }> {
  const payment = { id: name, currency: 'usd', paidAt: PAID_AT };
  await program.stripe(paid(payment, 10_000));
  await program.settled();
  const [newest] = (await program.api.get('/commissions?limit=1')).body.data;
  return { payment, id: newest.id };
}

/** A refund in another currency, which cannot be set against the payment. */
async function refundAbroad(program: HttpProgram, payment: StripePayment, name: string): Promise<void> {
  await program.stripe(refunded({ ...payment, currency: 'eur' }, name, 900, 5));
  await program.settled();
}

async function commission({ api }: HttpProgram, id: string) {
  const { status, amountMinor, affiliateId, review } = (await api.get(`/commissions/${id}`)).body.data;
  return { status, amountMinor, affiliateId, reasons: review === null ? null : review.reasons };
}

async function balance({ api }: HttpProgram, affiliateId: string) {
  const [row] = (await api.get(`/balances?affiliateId=${affiliateId}`)).body.data;
  const { approvedMinor, heldMinor, payableMinor, paidMinor } = row;
  return { approvedMinor, heldMinor, payableMinor, paidMinor };
}

async function pay({ api }: HttpProgram, affiliateId: string): Promise<number> {
  const made = await api.post('/payouts', { affiliateId, currency: 'USD' });
  assert.equal(made.status, 201, made.text);
  const { id, amountMinor } = made.body.data;
  assert.equal((await api.patch(`/payouts/${id}`, { status: 'paid' })).status, 200);
  return amountMinor as number;
}

async function assertProven({ id }: HttpProgram): Promise<void> {
  assert.deepEqual((await verifyLedger(hub.db, { programId: id })).differences, []);
}

test('what a review holds is in no payout until a person decides, and a new reason holds it again', async () => {
  const program = await openHttpProgram(hub);
  const { api, affiliateId } = program;
  const held = await sell(program, 'held');
  await api.patch(`/commissions/${held.id}`, { status: 'approved' });
  await refundAbroad(program, held.payment, '1');
  const open = { status: 'approved', amountMinor: 2_000, affiliateId, reasons: ['currency_mismatch'] };
  assert.deepEqual(await commission(program, held.id), open, 'what a person approved stays approved');
  const nothingPayable = { approvedMinor: 2_000, heldMinor: 2_000, payableMinor: 0, paidMinor: 0 };
  assert.deepEqual(await balance(program, affiliateId), nothingPayable);
  assert.equal((await api.post('/payouts', { affiliateId, currency: 'USD' })).status, 409);

  const free = await sell(program, 'free');
  await api.patch(`/commissions/${free.id}`, { status: 'approved' });
  const both = { approvedMinor: 4_000, heldMinor: 2_000, payableMinor: 2_000, paidMinor: 0 };
  assert.deepEqual(await balance(program, affiliateId), both);
  assert.equal(await pay(program, affiliateId), 2_000, 'the other commission alone');
  assert.equal((await commission(program, held.id)).status, 'approved');

  assert.equal((await api.patch(`/commissions/${held.id}`, { affiliateId })).status, 409, 'it is not about whom');
  assert.equal((await api.patch(`/commissions/${held.id}`, { status: 'approved' })).status, 200);
  assert.deepEqual(await commission(program, held.id), { ...open, reasons: null });
  assert.equal((await balance(program, affiliateId)).payableMinor, 2_000);

  await refundAbroad(program, held.payment, '1');
  assert.equal((await commission(program, held.id)).reasons, null, 'a repeat is no new reason');
  await refundAbroad(program, held.payment, '2');
  assert.deepEqual(await commission(program, held.id), open);
  assert.equal((await api.post('/payouts', { affiliateId, currency: 'USD' })).status, 409);

  const rejected = await api.patch(`/commissions/${held.id}`, { status: 'rejected', reason: 'refunded abroad' });
  assert.deepEqual([rejected.body.data.status, rejected.body.data.review], ['rejected', null]);
  const rest = { approvedMinor: 0, heldMinor: 0, payableMinor: 0, paidMinor: 2_000 };
  assert.deepEqual(await balance(program, affiliateId), rest);
  await assertProven(program);
});

test('where time approved, a review takes that back, and the decision gives it again', async () => {
  const program = await openHttpProgram(hub, { program: { autoApprove: true, holdDays: 0 } });
  const { payment, id } = await sell(program, 'timed');
  assert.equal((await commission(program, id)).status, 'approved');
  await refundAbroad(program, payment, '1');
  const open = await commission(program, id);
  assert.deepEqual([open.status, open.reasons], ['pending', ['currency_mismatch']]);
  await program.api.patch(`/commissions/${id}`, { status: 'approved' });
  const decided = await commission(program, id);
  assert.deepEqual([decided.status, decided.reasons], ['approved', null]);
  await assertProven(program);
});

test('whose a paid commission is, a person says: it is taken back from one and is due to the other', async () => {
  const program = await openHttpProgram(hub);
  const { api, affiliateId } = program;
  const bob = await makeAffiliate(api, { email: 'bob@example.org', referralCode: 'bob' });
  const { id } = await sell(program, 'whose');
  await api.patch(`/commissions/${id}`, { status: 'approved' });
  assert.equal(
    (await api.patch(`/commissions/${id}`, { affiliateId: bob.id })).status,
    409,
    'nothing asks whose it is',
  );
  assert.equal(await pay(program, affiliateId), 2_000);
  await api.post('/conversions', {
    txid: 'pi_whose',
    amount: 100,
    affiliate_id: bob.id,
    occurred_at: PAID_AT - 60,
  });
  await program.settled();
  const open = { status: 'paid', amountMinor: 2_000, affiliateId, reasons: ['paid_to_another'] };
  assert.deepEqual(await commission(program, id), open);

  assert.equal((await api.patch(`/commissions/${id}`, { affiliateId: 'bob' })).status, 200);
  assert.deepEqual(await commission(program, id), { ...open, affiliateId: bob.id, reasons: null });
  const nothing = { approvedMinor: 0, heldMinor: 0, payableMinor: 0, paidMinor: 0 };
  assert.deepEqual(await balance(program, affiliateId), { ...nothing, approvedMinor: -2_000, paidMinor: 2_000 });
  assert.deepEqual(await balance(program, bob.id), { ...nothing, approvedMinor: 2_000, payableMinor: 2_000 });
  assert.equal(await pay(program, bob.id), 2_000);
  await assertProven(program);
});
