import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let orders = 0;

before(async () => {
  api = await openApiProgram({ worker: true });
  await makeOffer(api.live);
});
after(() => api.stop());

/** A sale of 100.00, of which 10.00 are the affiliate's. */
async function sell(affiliateId: string, more: object = {}): Promise<{ conversionId: string; commissionId: string }> {
  orders += 1;
  const body = { affiliate_id: affiliateId, amount: 100, txid: `o-${orders}`, ...more };
  const { conversionId } = (await api.live.post('/conversions', body)).body.data;
  return { conversionId, commissionId: conversionId.replace('cnv_', 'com_') };
}

const approve = (id: string) => api.live.patch(`/commissions/${id}`, { status: 'approved' });
const refund = (id: string, body?: object) => api.live.post(`/conversions/${id}/refunds`, body);
const pay = (affiliateId: string) => api.live.post('/payouts', { affiliateId, currency: 'USD' });
const commission = async (id: string) => (await api.live.get(`/commissions/${id}`)).body.data;
async function balance(affiliateId: string): Promise<Record<string, number>> {
  const { data } = (await api.live.get(`/balances?affiliateId=${affiliateId}`)).body;
  assert.equal(data.length, 1);
  const { affiliateId: _id, currency: _currency, ...amounts } = data[0];
  return amounts;
}
const nothing = {
  pendingMinor: 0,
  approvedMinor: 0,
  inPayoutMinor: 0,
  paidMinor: 0,
  balanceMinor: 0,
  payableMinor: 0,
  heldMinor: 0,
};

test('money goes from pending to approved to payout to paid, and what failed is payable again', async () => {
  const { id } = await makeAffiliate(api.live);
  const { commissionId } = await sell(id);
  assert.deepEqual(await balance(id), { ...nothing, pendingMinor: 1000 });
  const early = await pay(id);
  assert.deepEqual([early.status, early.body.error.code], [409, 'CONFLICT']);
  assert.equal((await approve(commissionId)).body.data.status, 'approved');
  assert.deepEqual(await balance(id), { ...nothing, approvedMinor: 1000, balanceMinor: 1000, payableMinor: 1000 });
  const failing = await pay(id);
  assert.equal(failing.status, 201);
  assert.deepEqual([failing.body.data.amountMinor, failing.body.data.status], [1000, 'pending']);
  assert.deepEqual(await balance(id), { ...nothing, inPayoutMinor: 1000 });
  assert.equal((await pay(id)).status, 409);
  assert.equal((await api.live.patch(`/payouts/${failing.body.data.id}`, { status: 'failed' })).status, 200);
  const payout = (await pay(id)).body.data;
  const paid = await api.live.patch(`/payouts/${payout.id}`, { status: 'paid' });
  assert.ok(paid.body.data.paidAt);
  assert.deepEqual(await balance(id), { ...nothing, paidMinor: 1000 });
  const { status, paidAt, entries } = await commission(commissionId);
  assert.deepEqual([status, paidAt], ['paid', paid.body.data.paidAt]);
  assert.deepEqual(
    entries.map((entry: { amountMinor: number; payoutId: string }) => [entry.amountMinor, entry.payoutId]),
    [[1000, payout.id]],
  );
  // The ends are final.
  assert.equal((await api.live.patch(`/payouts/${payout.id}`, { status: 'paid' })).status, 200);
  assert.equal((await api.live.patch(`/payouts/${payout.id}`, { status: 'failed' })).status, 409);
  assert.equal((await api.live.patch(`/payouts/${failing.body.data.id}`, { status: 'paid' })).status, 409);
});

test('a refund of what was paid is taken from the next payout', async () => {
  const { id } = await makeAffiliate(api.live);
  const first = await sell(id);
  await approve(first.commissionId);
  await api.live.patch(`/payouts/${(await pay(id)).body.data.id}`, { status: 'paid' });
  assert.equal((await refund(first.conversionId, { amountMinor: 7000 })).status, 201);
  assert.deepEqual(await balance(id), { ...nothing, approvedMinor: -700, paidMinor: 1000, balanceMinor: -700 });
  assert.equal((await pay(id)).status, 409);
  const second = await sell(id);
  await approve(second.commissionId);
  const payout = (await pay(id)).body.data;
  assert.equal(payout.amountMinor, 300);
  await api.live.patch(`/payouts/${payout.id}`, { status: 'paid' });
  assert.deepEqual(await balance(id), { ...nothing, paidMinor: 1300 });
  assert.deepEqual(
    (await commission(first.commissionId)).entries.map((entry: { amountMinor: number }) => entry.amountMinor),
    [1000, -700],
  );
});

test('of payouts made at once one takes all, and each entry is in one', async () => {
  const { id } = await makeAffiliate(api.live);
  for (let index = 0; index < 3; index += 1) await approve((await sell(id)).commissionId);
  const answers = await Promise.all(Array.from({ length: 6 }, () => pay(id)));
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [201, 409, 409, 409, 409, 409],
  );
  assert.deepEqual(await balance(id), { ...nothing, inPayoutMinor: 3000 });
});

test('the same refund id gives the same answer; without an amount all that remains goes', async () => {
  const { id } = await makeAffiliate(api.live);
  const { conversionId, commissionId } = await sell(id);
  const first = await refund(conversionId, { amountMinor: 2500, refundId: 'r-1' });
  assert.equal(first.status, 201);
  assert.deepEqual([first.body.data.refundId, first.body.data.amountMinor], ['r-1', 2500]);
  assert.deepEqual((await refund(conversionId, { amountMinor: 2500, refundId: 'r-1' })).body, first.body);
  assert.equal((await commission(commissionId)).amountMinor, 750);
  const rest = await refund(conversionId);
  assert.equal(rest.body.data.amountMinor, 7500);
  const { data } = (await api.live.get(`/conversions/${conversionId}`)).body;
  assert.deepEqual([data.refundedMinor, data.status, data.commission.amountMinor], [10000, 'reversed', 0]);
  assert.ok(data.facts.some((fact: { id: string; type: string }) => fact.type === 'refund' && fact.id === 'r-1'));
  assert.equal((await refund(conversionId)).status, 409);
  const headers = { 'idempotency-key': 'refund' };
  const other = await sell(id);
  const once = await api.live.post(`/conversions/${other.conversionId}/refunds`, { amountMinor: 100 }, headers);
  await api.hub.db.raw('delete from idempotency_keys');
  const again = await api.live.post(`/conversions/${other.conversionId}/refunds`, { amountMinor: 100 }, headers);
  assert.equal(again.body.data.refundId, once.body.data.refundId);
  assert.equal((await api.live.get(`/conversions/${other.conversionId}`)).body.data.refundedMinor, 100);
});

test('refunds that cannot be are refused', async () => {
  const { id } = await makeAffiliate(api.live);
  const { conversionId } = await sell(id);
  for (const [body, field] of [
    [{ amountMinor: 10001 }, 'amountMinor'],
    [{ amountMinor: 0 }, 'amountMinor'],
    [{ amountMinor: 1.5 }, 'amountMinor'],
    [{ amountMinor: '100' }, 'amountMinor'],
    [{ refundId: '' }, 'refundId'],
    [{ occurredAt: 'never' }, 'occurredAt'],
    [{ sum: 1 }, 'sum'],
  ] as const) {
    const answer = await refund(conversionId, body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.deepEqual(Object.keys(answer.body.error.details), [field], answer.text);
  }
  assert.equal((await api.stranger.post(`/conversions/${conversionId}/refunds`)).status, 404);
  assert.equal((await api.test.post(`/conversions/${conversionId}/refunds`)).status, 404);
  const cpa = await makeOffer(api.live, { commission: { type: 'cpa', amountMinor: 500 } });
  const action = await api.live.post('/conversions', { affiliate_id: id, offer_id: cpa.id, txid: 'cpa-1' });
  assert.equal((await refund(action.body.data.conversionId)).status, 409);
});

test('a commission is decided once: rejected is final, paid stays paid, leads and what a tracker holds are not approved', async () => {
  const { id } = await makeAffiliate(api.live);
  const { commissionId } = await sell(id);
  const rejected = await api.live.patch(`/commissions/${commissionId}`, { status: 'rejected', reason: 'fraud' });
  assert.deepEqual(
    [rejected.body.data.status, rejected.body.data.reason, rejected.body.data.amountMinor],
    ['rejected', 'fraud', 0],
  );
  assert.deepEqual(
    rejected.body.data.entries.map((entry: { amountMinor: number; type: string }) => [entry.amountMinor, entry.type]),
    [
      [1000, 'earning'],
      [-1000, 'decision'],
    ],
  );
  assert.equal((await approve(commissionId)).status, 409);
  assert.equal((await api.live.patch(`/commissions/${commissionId}`, { status: 'rejected' })).status, 200);
  const held = await sell(id, { status: 'hold' });
  assert.equal((await approve(held.commissionId)).status, 409);
  const lead = await sell(id, { status: 'lead', amount: undefined });
  assert.equal((await approve(lead.commissionId)).status, 409);
  const other = await sell(id);
  await approve(other.commissionId);
  assert.equal((await api.live.patch(`/commissions/${other.commissionId}`, { status: 'rejected' })).status, 200);
  assert.equal((await api.stranger.patch(`/commissions/${other.commissionId}`, { status: 'rejected' })).status, 404);
  for (const body of [{}, { status: 'paid' }, { status: 'approved', reason: 7 }]) {
    assert.equal((await api.live.patch(`/commissions/${other.commissionId}`, body)).status, 400);
  }
  // Who decided is recorded.
  const { data } = (await api.live.get(`/conversions/${other.conversionId}`)).body;
  const decisions = data.facts.filter(({ type }: { type: string }) => type === 'decision');
  assert.equal(decisions.length, 2);
  assert.match(decisions[0].by, /^key_/);
});

test('commissions and balances are listed a page at a time; test money is in neither balances nor payouts', async () => {
  const mine = await makeAffiliate(api.live);
  const made = [await sell(mine.id), await sell(mine.id, { currency: 'EUR' }), await sell(mine.id)];
  const path = `/commissions?affiliateId=${mine.referralCode}&limit=2`;
  const first = (await api.live.get(path)).body;
  const second = (await api.live.get(`${path}&cursor=${first.pagination.nextCursor}`)).body;
  assert.deepEqual(
    [...first.data, ...second.data].map(({ id }: { id: string }) => id),
    made.map(({ commissionId }) => commissionId).reverse(),
  );
  assert.equal(second.pagination.hasMore, false);
  assert.deepEqual((await api.live.get(`/commissions?affiliateId=${mine.id}&status=approved`)).body.data, []);
  const seen: string[] = [];
  let cursor = '';
  do {
    const page = (await api.live.get(`/balances?limit=1${cursor && `&cursor=${cursor}`}`)).body;
    seen.push(
      ...page.data.map((row: { affiliateId: string; currency: string }) => `${row.affiliateId} ${row.currency}`),
    );
    cursor = page.pagination.nextCursor;
  } while (cursor);
  assert.equal(new Set(seen).size, seen.length);
  assert.ok(seen.includes(`${mine.id} EUR`) && seen.includes(`${mine.id} USD`));
  await api.test.post('/conversions', { affiliate_id: mine.id, amount: 1, txid: 'test' });
  assert.deepEqual((await api.test.get('/balances')).body.data, []);
  assert.equal((await api.test.post('/payouts', { affiliateId: mine.id, currency: 'USD' })).status, 409);
});

test('payouts are listed, found, and another program’s are not', async () => {
  const { id } = await makeAffiliate(api.live);
  await approve((await sell(id)).commissionId);
  const payout = (await pay(id)).body.data;
  assert.deepEqual((await api.live.get(`/payouts?affiliateId=${id}&status=pending`)).body.data, [payout]);
  assert.deepEqual((await api.live.get(`/payouts/${payout.id}`)).body.data, payout);
  assert.equal((await api.stranger.get(`/payouts/${payout.id}`)).status, 404);
  assert.equal((await api.stranger.patch(`/payouts/${payout.id}`, { status: 'paid' })).status, 404);
  for (const [body, field] of [
    [{ affiliateId: id }, 'currency'],
    [{ affiliateId: id, currency: 'XYZ' }, 'currency'],
    [{ affiliateId: 'nobody', currency: 'USD' }, 'affiliateId'],
    [{ affiliateId: id, currency: 'USD', amountMinor: 5 }, 'amountMinor'],
  ] as const) {
    const answer = await api.live.post('/payouts', body);
    assert.deepEqual([answer.status, Object.keys(answer.body.error.details)], [400, [field]]);
  }
});

test('the schema itself refuses payouts that are not the sum of their entries, and steps back', async () => {
  const { id } = await makeAffiliate(api.live);
  await approve((await sell(id)).commissionId);
  const { db } = api.hub;
  const fake = (payoutId: string) => [payoutId, api.programId, id];
  await assert.rejects(
    db.raw(
      `insert into payouts (id, program_id, affiliate_id, currency, amount_minor, created_by, created_at, updated_at)
       values (?, ?, ?, 'USD', 5, 'x', now(), now())`,
      fake('pay_fake'),
    ),
    /not the sum of its entries/,
  );
  const payout = (await pay(id)).body.data;
  await assert.rejects(db.raw('update payouts set amount_minor = 1 where id = ?', [payout.id]), /does not change/);
  await api.live.patch(`/payouts/${payout.id}`, { status: 'failed' });
  await assert.rejects(
    db.raw(`update payouts set status = 'pending', failed_at = null where id = ?`, [payout.id]),
    /stays so/,
  );
});

test('subscribers hear of payouts and of the commissions that they pay', async () => {
  const { id } = await makeAffiliate(api.live);
  const { commissionId } = await sell(id);
  await approve(commissionId);
  const payout = (await pay(id)).body.data;
  await api.live.patch(`/payouts/${payout.id}`, { status: 'paid' });
  const { rows } = await api.hub.db.raw(
    `select type from every_message where body::jsonb->'data'->>'id' in (?, ?) order by id`,
    [payout.id, commissionId],
  );
  assert.deepEqual(rows.map(({ type }: { type: string }) => type).sort(), [
    'commission.approved',
    'commission.created',
    'commission.paid',
    'payout.created',
    'payout.paid',
  ]);
});
