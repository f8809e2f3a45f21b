import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { make, makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let ann: { id: string; referralCode: string };
let bob: { id: string; referralCode: string };
before(async () => {
  api = await openApiProgram({ worker: true }, { sameDomain: 'review' });
  await makeOffer(api.live);
  ann = await makeAffiliate(api.live, { displayName: 'Ann', email: 'ann@partner.example' });
  bob = await makeAffiliate(api.live, { displayName: 'Bob', email: 'bob@agency.example' });
});
after(() => api.stop());

interface Review {
  id: string;
  reasons: string[];
  evidence: { reason: string; because: string | null; affiliates: object[]; domains: string[] }[];
  ledger: object[];
  conversion: { id: string; customerId: string | null };
  commission: { affiliateId: string };
}

async function sell(body: object): Promise<string> {
  const { body: answer, text } = await api.live.post('/conversions', { amount: 100, ...body });
  assert.equal(answer.data.tracked, true, text);
  return `com_${(answer.data.conversionId as string).slice(4)}`;
}

async function reviews(query = ''): Promise<Review[]> {
  const { status, body, text } = await api.live.get(`/reviews${query}`);
  assert.equal(status, 200, text);
  return body.data as Review[];
}

/** Paid to Ann by her code, and then named as Bob's outright. */
async function paidToAnother(orderId: string): Promise<string> {
  const id = await sell({ order_id: orderId, referral_code: ann.referralCode });
  assert.equal((await api.live.patch(`/commissions/${id}`, { status: 'approved' })).status, 200);
  const payout = await make<{ id: string }>(api.live, '/payouts', { affiliateId: ann.id, currency: 'USD' });
  assert.equal((await api.live.patch(`/payouts/${payout.id}`, { status: 'paid' })).status, 200);
  await api.live.post('/conversions', { amount: 100, order_id: orderId, affiliate_id: bob.id });
  return id;
}

test('a review tells what it stands on, and is decided with others in one call', async () => {
  const paid = await paidToAnother('P-1');
  const domains = await Promise.all(
    ['D-1', 'D-2', 'D-3'].map((order) =>
      sell({ order_id: order, affiliate_id: ann.id, customer_email: `${order}@partner.example` }),
    ),
  );
  const plain = await sell({ order_id: 'N-1', affiliate_id: bob.id });

  const all = await reviews();
  assert.deepEqual(all.map(({ id }) => id).toSorted(), [paid, ...domains].toSorted());
  const [ofPaid] = await reviews('?reason=paid_to_another');
  assert.deepEqual(
    [ofPaid?.id, ofPaid?.reasons, ofPaid?.evidence],
    [
      paid,
      ['paid_to_another'],
      [
        {
          reason: 'paid_to_another',
          because: 'named',
          affiliates: [
            { id: ann.id, displayName: 'Ann' },
            { id: bob.id, displayName: 'Bob' },
          ],
          domains: [],
          facts: [],
        },
      ],
    ],
  );
  assert.deepEqual(ofPaid?.ledger, [{ affiliateId: ann.id, currency: 'USD', amountMinor: 1000, inPayoutMinor: 1000 }]);
  const [ofDomain] = await reviews(`?reason=same_domain&affiliateId=${ann.id}&limit=1`);
  assert.deepEqual(
    [ofDomain?.evidence[0]?.domains, ofDomain?.conversion.id.slice(4)],
    [['partner.example'], ofDomain?.id.slice(4)],
  );
  assert.deepEqual((await api.stranger.get('/reviews')).body.data, []);

  const decide = async (body: object) => {
    const { status, body: answer, text } = await api.live.post('/reviews/decisions', body);
    assert.equal(status, 200, text);
    type Item = {
      id: string;
      outcome: string;
      commission: { status: string; affiliateId: string } | null;
      error: { code: string } | null;
    };
    return (answer.data as Item[]).map(({ id, outcome, commission, error }) => [
      id,
      outcome,
      commission?.status ?? error?.code,
      commission?.affiliateId ?? null,
    ]);
  };
  const [first = '', second = '', third = ''] = domains;
  assert.deepEqual(await decide({ ids: [first, `cnv_${second.slice(4)}`, plain, 'com_unknown'], status: 'approved' }), [
    [first, 'decided', 'approved', ann.id],
    [`cnv_${second.slice(4)}`, 'decided', 'approved', ann.id],
    [plain, 'refused', 'CONFLICT', null],
    ['com_unknown', 'refused', 'NOT_FOUND', null],
  ]);
  assert.deepEqual(await decide({ ids: [third], status: 'rejected', reason: 'a colleague' }), [
    [third, 'decided', 'rejected', ann.id],
  ]);
  const [event] = (await api.live.get('/audit-events?limit=1')).body.data;
  assert.deepEqual([event.action, event.objectId], ['commission.rejected', third]);
  assert.deepEqual(await decide({ ids: [paid], affiliateId: bob.referralCode }), [[paid, 'decided', 'paid', bob.id]]);
  assert.deepEqual(await reviews(), []);
});

test('a call decides at most a hundred, each once, and only who may write', async () => {
  const many = Array.from({ length: 101 }, (_, n) => `com_${n}`);
  assert.equal((await api.live.post('/reviews/decisions', { ids: many, status: 'approved' })).status, 400);
  assert.equal((await api.live.post('/reviews/decisions', { ids: ['a', 'a'], status: 'approved' })).status, 400);
  assert.equal((await api.live.post('/reviews/decisions', { ids: ['a'] })).status, 400);
  assert.equal((await api.reader.post('/reviews/decisions', { ids: ['a'], status: 'approved' })).status, 403);
});
