import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { startReceiver, type Receiver } from '../outbound/receiver.ts';
import { make, makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let receiver: Receiver;
let ann: { id: string };
let tracker: { id: string; ref: string };

before(async () => {
  receiver = await startReceiver((request, response) => {
    response.statusCode = request.url.startsWith('/gone') ? 410 : 200;
    response.end();
  });
  api = await openApiProgram({ worker: true }, { timezone: 'Asia/Kathmandu', sameDomain: 'review' });
  await makeOffer(api.live);
  ann = await makeAffiliate(api.live, { displayName: 'Ann', email: 'ann@partner.example', referralCode: 'ann' });
  tracker = await make(api.live, '/sources', { kind: 'postback', name: 'Tracker', requireKey: false });
});
after(async () => {
  await api.stop();
  await receiver.close();
});

interface Item {
  kind: string;
  count: number;
  hasMore: boolean;
  subjects: { id: string; name: string; at: string | null }[];
}

async function read(client = api.live): Promise<{ items: Item[]; today: Record<string, Record<string, unknown>> }> {
  const { status, body, text } = await client.get('/attention');
  assert.equal(status, 200, text);
  return body.data as { items: Item[]; today: Record<string, Record<string, unknown>> };
}

async function countOf(kind: string): Promise<number> {
  return (await read()).items.find((item) => item.kind === kind)?.count ?? 0;
}

async function sell(body: object): Promise<string> {
  const answer = await api.live.post('/conversions', { amount: 100, currency: 'USD', ...body });
  assert.equal(answer.status, 201, answer.text);
  return answer.body.data.conversionId as string;
}

test('a program of which nothing is known needs nobody', async () => {
  const { items, today } = await read(api.stranger);
  assert.deepEqual(items, []);
  assert.deepEqual(today['settled'], { count: 0, waiting: 0, p95Ms: null });
  assert.deepEqual(today['delivered'], { count: 0, hasMore: false, waiting: 0, p95Ms: null });
});

test('what was turned away, and what nobody is credited for, is counted', async () => {
  await fetch(`${api.hub.url}/pb/${tracker.id}?clickid={clickid}&sum=5`);
  await waitUntil('the refusal is written', async () => (await countOf('refused_messages')) === 1);
  await api.live.post('/conversions', { amount: 10, currency: 'USD', order_id: 'nobody' });
  assert.equal(await countOf('parked_orders'), 1);
});

test('commissions that only a person approves wait once their hold is over; one in review is a review', async () => {
  assert.equal((await api.live.patch('/program', { holdDays: 14 })).status, 200);
  await sell({ order_id: 'fresh', affiliate_id: 'ann' });
  assert.equal(await countOf('commissions_past_hold'), 0);
  assert.equal((await api.live.patch('/program', { holdDays: 0 })).status, 200);
  assert.equal(await countOf('commissions_past_hold'), 1);
  await sell({ order_id: 'own', affiliate_id: 'ann', customer_email: 'boss@partner.example' });
  assert.deepEqual([await countOf('held_reviews'), await countOf('commissions_past_hold')], [1, 1]);
});

test('who was paid more than is due has a negative balance, and the sums say so', async () => {
  const conversionId = await sell({ order_id: 'paid', affiliate_id: 'ann' });
  await api.live.patch(`/commissions/com_${conversionId.slice(4)}`, { status: 'approved' });
  const payout = await make<{ id: string }>(api.live, '/payouts', { affiliateId: ann.id, currency: 'USD' });
  await api.live.patch(`/payouts/${payout.id}`, { status: 'paid' });
  await api.live.post(`/conversions/${conversionId}/refunds`, {});
  const bob = await makeAffiliate(api.live, { displayName: 'Bob', email: 'bob@agency.example', referralCode: 'bob' });
  const theirs = await sell({ order_id: 'theirs', affiliate_id: 'bob' });
  await api.live.patch(`/commissions/com_${theirs.slice(4)}`, { status: 'approved' });
  assert.equal(await countOf('negative_balances'), 1);
  const balances = (await api.live.get('/balances')).body.data as Record<string, number>[];
  const sumOf = (field: string): number => balances.reduce((sum, each) => sum + (each[field] ?? 0), 0);
  const { body } = await api.live.get('/balances/totals');
  assert.deepEqual(body.data, [
    {
      currency: 'USD',
      pendingMinor: sumOf('pendingMinor'),
      approvedMinor: sumOf('approvedMinor'),
      inPayoutMinor: 0,
      paidMinor: 1_000,
      payableMinor: 1_000,
      heldMinor: sumOf('heldMinor'),
      payees: 1,
    },
  ]);
  assert.equal(body.data[0].approvedMinor, 0);
  await api.live.patch(`/affiliates/${bob.id}`, { status: 'banned' });
  assert.equal((await api.live.get('/balances/totals')).body.data[0].payableMinor, 0);
  assert.deepEqual((await api.test.get('/balances/totals')).body.data, []);
});

test('endpoints that were given up, and what they did not take, are named', async () => {
  const url = new URL('/gone', receiver.url).href;
  const good = new URL('/good', receiver.url).href;
  const { id } = await make<{ id: string }>(api.live, '/webhook-endpoints', { url, description: 'Old shop' });
  await make(api.live, '/webhook-endpoints', { url: good });
  await sell({ order_id: 'told', affiliate_id: 'ann' });
  await waitUntil('the endpoint is given up', async () => (await countOf('disabled_endpoints')) === 1);
  const { items, today } = await read();
  const [subject] = items.find(({ kind }) => kind === 'disabled_endpoints')?.subjects ?? [];
  assert.deepEqual([subject?.id, subject?.name], [id, 'Old shop']);
  await waitUntil('the other one was told', async () => ((await read()).today['delivered']?.['count'] as number) > 0);
  assert.equal(typeof (await read()).today['delivered']?.['p95Ms'], 'number');
  assert.equal(typeof today['settled']?.['p95Ms'], 'number');
  assert.equal(today['settled']?.['waiting'], 0);
  await runSql(api.hub.db, `update deliveries set status = 'failed', next_attempt_at = null where endpoint_id = ?`, [
    id,
  ]);
  assert.ok((await countOf('exhausted_deliveries')) > 0);
  assert.deepEqual((await read(api.test)).items, []);
});

test('a source that was heard of every hour, and then for three hours no more, is silent', async () => {
  const answer = await fetch(`${api.hub.url}/pb/${tracker.id}?txid=T-1&affiliate_id=ann&sum=5`);
  assert.equal(answer.status, 200, await answer.text());
  assert.equal(await countOf('silent_sources'), 0);
  const move = (hours: string): string => `(jsonb_populate_record(null::inbox_events, to_jsonb(e) || jsonb_build_object(
    'id', 'ibx_' || lpad(to_hex((extract(epoch from now() - interval '1 hour' * (${hours})) * 1000)::bigint), 12, '0')
      || substr(e.id, 17),
    'received_at', now() - interval '1 hour' * (${hours})))).*`;
  await runSql(
    api.hub.db,
    `with moved as (delete from inbox_events where source_id = ? returning *)
     insert into inbox_events select ${move('2 + n * 1.1')} from moved e cross join generate_series(1, 8) as n`,
    [tracker.id],
  );
  const [silent] = (await read()).items.filter(({ kind }) => kind === 'silent_sources');
  assert.deepEqual([silent?.subjects[0]?.id, silent?.subjects[0]?.name], [tracker.ref, 'Tracker']);
  await fetch(`${api.hub.url}/pb/${tracker.id}?txid=T-2&affiliate_id=ann&sum=5`);
  assert.equal(await countOf('silent_sources'), 0);
});
