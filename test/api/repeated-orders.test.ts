import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { make, makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let ann: { id: string; referralCode: string };
let bob: { id: string; referralCode: string };
before(async () => {
  api = await openApiProgram({ worker: true });
  await makeOffer(api.live);
  ann = await makeAffiliate(api.live);
  bob = await makeAffiliate(api.live);
});
after(() => api.stop());

const recorded = 'A conversion with this order is already recorded';

interface Answer {
  tracked: boolean;
  reason?: string;
  message: string;
  conversionId: string;
}

async function post(body: object): Promise<Answer> {
  return (await api.live.post('/conversions', body)).body.data as Answer;
}

/** Makes an order, and gives the answers to what is said of it again. */
async function repeat(sale: object, ...changes: object[]): Promise<{ id: string; messages: string[] }> {
  const { conversionId } = await post(sale);
  const messages: string[] = [];
  for (const change of changes) {
    const { tracked, reason, message } = await post({ ...sale, ...change });
    assert.deepEqual([tracked, reason], [false, 'duplicate_order'], JSON.stringify(change));
    messages.push(message);
  }
  return { id: conversionId, messages };
}

test('a repeat that says the same says no more; one with another amount says both, and how that is corrected', async () => {
  const sale = { order_id: 'A-1', amount: 50, affiliate_id: ann.id };
  const { id, messages } = await repeat(sale, {}, { amount: 30 }, { amount: 70 }, { currency: 'EUR' });
  assert.deepEqual(messages, [
    `${recorded}.`,
    `${recorded}, and what it says stands: the amount is 50.00 USD, not 30.00 USD. ` +
      `POST /api/v1/conversions/${id}/corrections {"amountMinor":3000,"reason":"…"} corrects it.`,
    `${recorded}, and what it says stands: the amount is 50.00 USD, not 70.00 USD. ` +
      `POST /api/v1/conversions/${id}/corrections {"amountMinor":7000,"reason":"…"} corrects it.`,
    `${recorded}, and what it says stands: the amount is 50.00 USD, not 50.00 EUR. ` +
      `PATCH /api/v1/commissions/com_${id.slice(4)} {"status":"rejected"} takes it back, and another order id reports it anew.`,
  ]);
  // Doing as it says corrects it.
  await make(api.live, `/conversions/${id}/corrections`, { amountMinor: 3000, reason: 'the shop said so' });
  await make(api.live, `/conversions/${id}/refunds`, { amountMinor: 1000 });
  const { data } = (await api.live.get(`/conversions/${id}`)).body;
  assert.deepEqual([data.grossMinor, data.refundedMinor, data.commission.amountMinor], [3000, 1000, 200]);
  assert.equal((await post({ ...sale, amount: 30 })).message, `${recorded}.`);
  assert.match((await post(sale)).message, /is 30\.00 USD \(10\.00 USD of it refunded\), not 50\.00 USD/);
});

test('a repeat with another affiliate says both; naming outright corrects what a click or a code decided', async () => {
  const credited = async (id: string) => (await api.live.get(`/conversions/${id}`)).body.data.affiliateId as string;
  const named = `A message about the order that names ${bob.id} by affiliateId credits them.`;
  const click = async (affiliateId: string) => (await make<{ id: string }>(api.live, '/clicks', { affiliateId })).id;
  for (const [index, [evidence, other]] of [
    [{ referral_code: ann.referralCode }, { referral_code: bob.referralCode }],
    [{ click_id: await click(ann.id) }, { click_id: undefined, referral_code: bob.referralCode }],
  ].entries()) {
    const sale = { order_id: `B-${index}`, amount: 50 };
    const { id, messages } = await repeat({ ...sale, ...evidence }, other ?? {});
    assert.deepEqual(messages, [
      `${recorded}, and what it says stands: the affiliate is ${ann.id}, not ${bob.id}. ${named}`,
    ]);
    assert.equal((await post({ ...sale, affiliate_id: bob.id })).tracked, true);
    assert.equal(await credited(id), bob.id);
  }
});

test('what no message corrects a person does; what is rejected is reported anew, and what is in a payout stays', async () => {
  const sale = { order_id: 'C-1', amount: 50, affiliate_id: ann.id };
  const { id, messages } = await repeat(sale, { affiliate_id: bob.id });
  const commission = `com_${id.slice(4)}`;
  assert.deepEqual(messages, [
    `${recorded}, and what it says stands: the affiliate is ${ann.id}, not ${bob.id}. ` +
      `POST /api/v1/conversions/${id}/corrections {"affiliateId":"${bob.id}","reason":"…"} credits them.`,
  ]);
  await make(api.live, `/conversions/${id}/corrections`, { affiliateId: bob.id, reason: 'the shop said so' });
  assert.equal((await api.live.get(`/conversions/${id}`)).body.data.affiliateId, bob.id);
  assert.equal((await api.live.patch(`/commissions/${commission}`, { status: 'rejected' })).status, 200);
  const anew = await post({ ...sale, order_id: 'C-1b', affiliate_id: bob.id });
  assert.equal(anew.tracked, true);

  const paid = { order_id: 'C-2', amount: 50, affiliate_id: ann.id };
  const { conversionId } = await post(paid);
  await api.live.patch(`/commissions/com_${conversionId.slice(4)}`, { status: 'approved' });
  await make(api.live, '/payouts', { affiliateId: ann.id, currency: 'USD' });
  assert.match((await post({ ...paid, currency: 'EUR' })).message, /It is in a payout, and stays as it is\.$/);
});

test('a code that nobody has is named in a repeat, too, and a parked order says how it is credited', async () => {
  const sale = { order_id: 'D-1', amount: 50, affiliate_id: ann.id };
  const { messages } = await repeat(sale, { affiliate_id: undefined, referral_code: 'typo', coupon_code: 'TYPO10' });
  assert.deepEqual(messages, [
    `${recorded}, and what it says stands: no affiliate has the referral code 'typo' or the coupon code 'TYPO10'.`,
  ]);
  const parked = await repeat({ order_id: 'D-2', amount: 50 }, {}, { referral_code: 'typo' });
  for (const message of parked.messages)
    assert.match(message, /It is credited to nobody yet: a later message about the order/);
  assert.match(parked.messages[1] ?? '', /no affiliate has the referral code 'typo'/);
  assert.equal((await post({ order_id: 'D-2', amount: 50, referral_code: ann.referralCode })).tracked, true);
});
