import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let ann: string;
let bob: string;
let sales = 0;

before(async () => {
  api = await openApiProgram({ worker: true });
  await makeOffer(api.live);
  ann = (await makeAffiliate(api.live, { email: 'ann@example.org', referralCode: 'ann' })).id;
  bob = (await makeAffiliate(api.live, { email: 'bob@example.org', referralCode: 'bob' })).id;
});
after(() => api.stop());

const adjust = (body: object, client = api.live) =>
  client.post('/adjustments', { affiliateId: 'ann', currency: 'USD', reason: 'a bonus', ...body });

/** A sale of 100.00 by Ann unless said, of which 10.00 are hers. */
async function sell(more: object = {}): Promise<string> {
  sales += 1;
  const body = { affiliate_id: ann, amount: 100, currency: 'USD', txid: `sale-${sales}`, ...more };
  const answer = await api.live.post('/conversions', body);
  assert.ok(answer.status < 300, answer.text);
  return answer.body.data.conversionId as string;
}

const conversion = async (id: string) => (await api.live.get(`/conversions/${id}`)).body.data;
const correct = (id: string, body: object) =>
  api.live.post(`/conversions/${id}/corrections`, { reason: 'wrong', ...body });

async function approvedOf(affiliateId: string): Promise<number> {
  const [row] = (await api.live.get(`/balances?affiliateId=${affiliateId}&currency=USD`)).body.data;
  return row?.approvedMinor ?? 0;
}

async function settled(): Promise<void> {
  await waitUntil('all is settled', async () => {
    const [row] = await runSql<{ waiting: bigint }>(
      api.hub.db,
      `select (select count(*) from inbox_events where status = 'received') + (select count(*) from resettlements) as waiting`,
    );
    return row?.waiting === 0n;
  });
}

async function assertProven(): Promise<void> {
  await settled();
  assert.deepEqual((await verifyLedger(api.hub.db, { programId: api.programId })).differences, []);
}

async function told(type: string): Promise<number> {
  const [row] = await runSql<{ count: number }>(
    api.hub.db,
    `select count(*)::int as count from every_message where program_id = ? and type = ?`,
    [api.programId, type],
  );
  return row?.count ?? 0;
}

/** What the audit log tells of the newest message, with which it was stored: not after what became of it. */
async function auditedWithMessage(action: string): Promise<{ before: unknown; after: unknown }[]> {
  const rows = await runSql<{ before: unknown; after: unknown; isEarlier: boolean }>(
    api.hub.db,
    `select a.before, a.after, date_trunc('milliseconds', a.created_at) <= e.settled_at as "isEarlier"
     from audit_events a, (select settled_at from inbox_events where program_id = ? order by id desc limit 1) e
     where a.program_id = ? and a.action = ? order by a.id`,
    [api.programId, api.programId, action],
  );
  assert.equal(rows.at(-1)?.isEarlier, true, action);
  return rows.map(({ before: was, after: is }) => ({ before: was, after: is }));
}

test('a bonus is in balances, payouts and proofs, and no conversion', async () => {
  const made = await adjust({ amountMinor: 5_000, reference: 'spring' });
  assert.equal(made.status, 201, made.text);
  const { id, createdBy, createdByName, createdAt: _createdAt, occurredAt: _occurredAt, ...shown } = made.body.data;
  assert.match(id, /^adj_/);
  assert.deepEqual(shown, {
    affiliateId: ann,
    amountMinor: 5_000,
    currency: 'USD',
    status: 'approved',
    reason: 'a bonus',
    reference: 'spring',
    payoutId: null,
    livemode: true,
  });
  assert.match(createdBy, /^key_/);
  assert.equal(createdByName, 'key');
  const again = await adjust({ amountMinor: 5_000, reference: 'spring' });
  assert.deepEqual([again.status, again.body.data.id], [200, id]);
  const other = await adjust({ amountMinor: 5_001, reference: 'spring' });
  assert.deepEqual([other.status, other.body.error.code], [409, 'CONFLICT']);
  assert.match(other.body.error.message, /stands at 50\.00 USD/);
  assert.equal((await adjust({ amountMinor: -1_500, reason: 'paid by mistake' })).status, 201);
  assert.equal(await approvedOf(ann), 3_500);

  const messages = (await api.live.get('/inbox-events?kind=adjustment')).body.data as { conversionId: string }[];
  assert.equal(messages.length, 2);
  for (const named of [id, 'spring']) {
    const hits = (await api.live.get(`/search?q=${named}`)).body.data;
    assert.deepEqual(hits, [{ kind: 'adjustment', id, title: 'a bonus', mode: 'live' }], named);
    const trace = (await api.live.get(`/trace?q=${named}`)).body.data;
    assert.equal(trace.verdict.cause, 'earned');
    assert.match(
      trace.verdict.sentence,
      /^Jane Smith \(aff_\w+\) is given 50\.00 USD by the key 'key' \(key_\w+\): a bonus\. It is approved,/i,
    );
    assert.deepEqual(trace.found, [{ kind: 'adjustment', id, title: 'a bonus' }]);
    const [order] = trace.orders;
    assert.deepEqual([order.conversionId, order.commissionId, order.adjustmentId], [null, null, id]);
  }
  assert.deepEqual((await api.live.get('/conversions')).body.data, []);
  assert.deepEqual((await api.live.get('/commissions')).body.data, []);
  assert.equal((await api.live.get(`/conversions/${id}`)).status, 404);
  const stats = (await api.live.get('/stats')).body.data;
  assert.deepEqual([stats.conversions, stats.amounts], [0, []]);
  assert.equal(await told('adjustment.created'), 2);
  assert.equal(await told('conversion.created'), 0);
  assert.equal(await told('commission.created'), 0);

  const payout = (await api.live.post('/payouts', { affiliateId: ann, currency: 'USD' })).body.data;
  assert.equal(payout.amountMinor, 3_500);
  const entries = (await api.live.get(`/payouts/${payout.id}/entries`)).body.data as Record<string, unknown>[];
  assert.deepEqual(
    entries.map(({ conversionId, commissionId, amountMinor }) => [conversionId, commissionId, amountMinor]),
    [
      [null, null, -1_500],
      [null, null, 5_000],
    ],
  );
  assert.ok(entries.every(({ adjustmentId }) => String(adjustmentId).startsWith('adj_')));
  assert.equal((await api.live.get(`/trace?q=${id}`)).body.data.verdict.cause, 'in_payout');
  assert.equal((await api.live.patch(`/payouts/${payout.id}`, { status: 'paid' })).status, 200);
  const paid = (await api.live.get(`/trace?q=${id}`)).body.data.verdict;
  assert.deepEqual(
    [paid.cause, paid.sentence.endsWith(`: a bonus. It was paid in payout ${payout.id}.`)],
    ['paid', true],
  );
  const list = (await api.live.get('/adjustments?affiliateId=ann')).body.data;
  assert.deepEqual(
    list.map((one: { amountMinor: number; status: string; payoutId: string }) => [
      one.amountMinor,
      one.status,
      one.payoutId,
    ]),
    [
      [-1_500, 'paid', payout.id],
      [5_000, 'paid', payout.id],
    ],
  );
  assert.deepEqual((await api.live.get('/adjustments?reference=spring')).body.data.length, 1);
  await assertProven();

  const [event] = (await api.live.get('/inbox-events?limit=1')).body.data;
  assert.equal((await api.live.post(`/inbox-events/${event.id}/replay`)).status, 202);
  await assertProven();
  assert.equal((await api.live.get('/adjustments')).body.data.length, 2, 'a replay adds nothing');
  const audited = await runSql<{ action: string }>(
    api.hub.db,
    `select action from audit_events where program_id = ? and object_id = ?`,
    [api.programId, id],
  );
  assert.deepEqual(audited, [{ action: 'adjustment.created' }]);
});

test('what makes no sense is refused, and test money stays apart', async () => {
  for (const [body, field] of [
    [{ amountMinor: 0 }, 'amountMinor'],
    [{ amountMinor: 1.5 }, 'amountMinor'],
    [{ amountMinor: 1, currency: 'DOLLARS' }, 'currency'],
    [{ amountMinor: 1, reason: ' ' }, 'reason'],
    [{ amountMinor: 1, affiliateId: 'nobody' }, 'affiliateId'],
    [{ amountMinor: 1, occurredAt: '2099-01-01T00:00:00Z' }, 'occurredAt'],
  ] as const) {
    const answer = await adjust(body);
    assert.equal(answer.status, 400, answer.text);
    assert.ok(field in answer.body.error.details, answer.text);
  }
  const before = await approvedOf(ann);
  const made = await adjust({ amountMinor: 700, reference: 'spring' }, api.test);
  assert.deepEqual([made.status, made.body.data.livemode], [201, false]);
  assert.equal((await api.live.get(`/adjustments/${made.body.data.id}`)).status, 404);
  assert.equal((await api.test.get(`/adjustments/${made.body.data.id}`)).status, 200);
  assert.equal((await api.stranger.get(`/adjustments/${made.body.data.id}`)).status, 404);
  assert.equal(await approvedOf(ann), before);

  const banned = await makeAffiliate(api.live, {
    email: 'banned@example.org',
    referralCode: 'banned',
    status: 'banned',
  });
  assert.equal((await adjust({ affiliateId: 'banned', amountMinor: 900 })).status, 201, 'the balance moves');
  assert.equal(await approvedOf(banned.id), 900);
  assert.equal((await api.live.post('/payouts', { affiliateId: banned.id, currency: 'USD' })).status, 409);
});

test('the newest correction of an amount counts, and refunds count against it', async () => {
  const id = await sell({ tax: 20 });
  const first = await correct(id, { amountMinor: 5_000, reason: 'a discount was left out' });
  assert.equal(first.status, 201, first.text);
  const { amountMinor, grossMinor, commission, explanation } = first.body.data;
  assert.deepEqual([grossMinor, amountMinor, commission.amountMinor], [5_000, 4_000, 400], 'net stays the same share');
  const { reason, by, statedGrossMinor, statedNetMinor } = explanation.amounts.corrected;
  assert.deepEqual([reason, statedGrossMinor, statedNetMinor], ['a discount was left out', 10_000, 8_000]);
  assert.match(by, /^key_/);
  const second = await correct(id, { amount: '60.00', tax: '6' });
  assert.deepEqual([second.body.data.grossMinor, second.body.data.amountMinor], [6_000, 5_400]);
  assert.deepEqual(await auditedWithMessage('conversion.corrected'), [
    { before: { grossMinor: 10_000 }, after: { grossMinor: 5_000, reason: 'a discount was left out' } },
    {
      before: { grossMinor: 5_000, amountMinor: 4_000 },
      after: { grossMinor: 6_000, amountMinor: 5_400, reason: 'wrong' },
    },
  ]);
  assert.equal((await api.live.post(`/conversions/${id}/refunds`, { amountMinor: 3_000 })).status, 201);
  assert.equal((await conversion(id)).commission.amountMinor, 270);
  assert.ok((await told('conversion.updated')) >= 2);
  assert.ok((await told('commission.updated')) >= 2);
  const repeated = await api.live.post('/conversions', {
    affiliate_id: ann,
    amount: 100,
    tax: 20,
    txid: `sale-${sales}`,
  });
  assert.equal(repeated.body.data.reason, 'duplicate_order');
  assert.equal((await conversion(id)).grossMinor, 6_000, 'a repeat changes nothing');
  await assertProven();
});

test('whose a conversion is, a person says, paid or not', async () => {
  const [parked, paid] = [await sell({ affiliate_id: undefined, customer_id: 'parked' }), await sell()];
  const credited = await correct(parked, { affiliateId: 'bob', reason: 'told by phone' });
  assert.equal(credited.body.data.affiliateId, bob);
  assert.deepEqual(
    [credited.body.data.explanation.chosen.by, credited.body.data.explanation.decided.reason],
    ['assignment', 'told by phone'],
  );
  await api.live.patch(`/commissions/${paid.replace('cnv_', 'com_')}`, { status: 'approved' });
  const payout = (await api.live.post('/payouts', { affiliateId: ann, currency: 'USD' })).body.data;
  const waits = await correct(paid, { affiliateId: 'bob' });
  assert.deepEqual([waits.status, waits.body.error.message.includes(payout.id)], [409, true]);
  await api.live.patch(`/payouts/${payout.id}`, { status: 'paid' });
  const before = { ann: await approvedOf(ann), bob: await approvedOf(bob) };
  assert.equal((await correct(paid, { affiliateId: 'bob', amountMinor: 20_000 })).status, 201);
  assert.deepEqual(
    { ann: await approvedOf(ann), bob: await approvedOf(bob) },
    { ann: before.ann - 1_000, bob: before.bob + 2_000 },
    'what was paid is taken back from one and due to the other',
  );
  await assertProven();
});

test('what cannot be corrected is refused with the reason', async () => {
  const rejected = await sell();
  await api.live.patch(`/commissions/${rejected.replace('cnv_', 'com_')}`, { status: 'rejected' });
  const survivor = await sell({ txid: 'pi_survivor' });
  const merged = await sell({ txid: 'in_merged' });
  const refs = ['stripe:pi_survivor', 'stripe:in_merged'];
  const link = { id: 'link:1', refs, occurredAt: new Date().toISOString(), customer: null, evidence: {} };
  await api.hub.deps.inbox.appendAndWait({
    programId: api.programId,
    sourceId: null,
    kind: 'decision',
    raw: Buffer.from('{}'),
    headers: {},
    normalized: { kind: 'facts', livemode: true, facts: [{ ...link, type: 'link' }] },
  });
  await makeAffiliate(api.live, { email: 'paused@example.org', referralCode: 'paused', status: 'paused' });
  const open = await sell();
  for (const [id, body, words] of [
    [rejected, { amountMinor: 1 }, 'rejected'],
    [merged, { amountMinor: 1 }, survivor],
    [open, { affiliateId: 'paused' }, 'is paused'],
  ] as const) {
    const answer = await correct(id, body);
    assert.equal(answer.status, 409, answer.text);
    assert.ok(answer.body.error.message.includes(words), answer.text);
  }
  for (const body of [
    {},
    { amountMinor: 0 },
    { amount: '1,5' },
    { amountMinor: 1, amount: '2' },
    { tax: 1 },
    { affiliateId: 'x' },
  ]) {
    assert.equal((await correct(open, body)).status, 400, JSON.stringify(body));
  }
  assert.equal((await api.live.post(`/conversions/${open}/corrections`, { amountMinor: 1 })).status, 400, 'no reason');
  assert.equal(
    (await api.stranger.post(`/conversions/${open}/corrections`, { amountMinor: 1, reason: 'x' })).status,
    404,
  );
  await assertProven();
});

test('a customer who is bound to another earns for them from then on, renewals too', async () => {
  const at = (day: number) => `2026-0${day}-15T12:00:00Z`;
  const of = { affiliate_id: undefined, customer_id: 'rebound' };
  const first = await sell({ ...of, affiliate_id: ann, subscription_id: 'S-9', occurred_at: at(1) });
  const renewal = await sell({ ...of, subscription_id: 'S-9', is_recurring: true, occurred_at: at(2) });
  const between = await sell({ ...of, occurred_at: at(2) });
  const later = await sell({ ...of, occurred_at: at(4) });
  const clicked = await sell({ ...of, affiliate_id: 'ann', occurred_at: at(4) });
  const { customerId } = await conversion(later);
  const bound = await api.live.post('/customers/rebound/binding', {
    affiliateId: 'bob',
    reason: 'moved',
    since: at(3),
  });
  assert.equal(bound.status, 201, bound.text);
  assert.equal(bound.body.data.id, customerId);
  const { affiliateId, boundAt, reason } = bound.body.data.binding;
  assert.deepEqual([affiliateId, boundAt, reason], [bob, '2026-03-15T12:00:00.000Z', 'moved']);
  assert.deepEqual(await auditedWithMessage('customer.bound'), [
    { before: { affiliateId: ann }, after: { affiliateId: bob, since: '2026-03-15T12:00:00.000Z', reason: 'moved' } },
  ]);
  const next = await sell({ ...of, subscription_id: 'S-9', is_recurring: true, occurred_at: at(5) });
  await settled();
  const whose = async (id: string) => (await conversion(id)).affiliateId;
  assert.deepEqual(
    await Promise.all([first, renewal, between, later, clicked, next].map(whose)),
    [ann, ann, ann, bob, ann, bob],
    'from then on, but not what names an affiliate of its own',
  );
  assert.equal((await conversion(later)).explanation.decided.reason, 'moved');
  await assertProven();

  // The newest decision counts, for what it is about.
  await api.live.post('/customers/rebound/binding', { affiliateId: 'ann', reason: 'and back', since: at(5) });
  await settled();
  assert.deepEqual(await Promise.all([later, next].map(whose)), [bob, ann]);
  await assertProven();
  const inactive = await api.live.post('/customers/rebound/binding', { affiliateId: 'banned', reason: 'x' });
  assert.deepEqual([inactive.status, inactive.body.error.code], [409, 'CONFLICT']);
});

test('of many conversions in one call each has its own outcome', async () => {
  const conversions = [
    { affiliate_id: ann, amount: 10, order_id: 'batch-1' },
    { affiliate_id: ann, amount: 10, order_id: 'batch-1' },
    { affiliate_id: 'nobody', amount: 10, order_id: 'batch-2' },
    { amount: '1,234', order_id: 'batch-3' },
    { amount: 10, order_id: 'batch-4', customer_id: 'batch' },
    { affiliate_id: ann, amount: 10 },
  ];
  const headers = { 'idempotency-key': 'batch' };
  const answer = await api.ingest.post('/conversions/batch', { conversions }, headers);
  assert.equal(answer.status, 200, answer.text);
  const { data } = answer.body;
  assert.deepEqual(
    data.map(({ index, status }: { index: number; status: number }) => [index, status]),
    [201, 200, 400, 400, 200, 201].map((status, index) => [index, status]),
  );
  assert.equal(data[1].data.reason, 'duplicate_order');
  assert.equal(data[2].error.details.reason, 'affiliate_not_found');
  assert.equal(data[4].data.reason, 'no_attribution');
  const again = await api.ingest.post('/conversions/batch', { conversions }, headers);
  assert.equal(again.text, answer.text);
  const single = await api.ingest.post('/conversions', conversions[0]);
  assert.deepEqual(single.body.data, data[1].data, 'as the call for it alone answers');
  assert.equal((await api.ingest.post('/conversions/batch', { conversions: [] })).status, 400);
  const many = Array.from({ length: 1_000 }, (_, n) => ({ affiliate_id: ann, amount: 1, order_id: `many-${n}` }));
  assert.equal((await api.ingest.post('/conversions/batch', { conversions: [...many, {}] })).status, 400);
  const all = await api.ingest.post('/conversions/batch', { conversions: many });
  assert.deepEqual(new Set(all.body.data.map(({ status }: { status: number }) => status)), new Set([201]));
  await assertProven();
});
