import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { runSql } from '../../support/sql.ts';
import { make, makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from '../../api/api-program.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { startReceiver, type Receiver } from '../receiver.ts';

let api: ApiProgram;
let tracker: Receiver;
let offerId: string;
let status = 200;

before(async () => {
  tracker = await startReceiver((_request, response) => response.writeHead(status).end());
  api = await openApiProgram({ worker: true, env: { RETRY_SCHEDULE: '0.2,0.2,0.2' } });
  offerId = (await makeOffer(api.live)).id;
});
after(async () => {
  await api.stop();
  await tracker.close();
});
beforeEach(() => {
  tracker.received.length = 0;
  status = 200;
});

/** A click of a new affiliate with this template. */
async function click(template: string | null, more: object = {}): Promise<{ clickId: string; affiliateId: string }> {
  const postbackUrl = template && `http://127.0.0.1:${tracker.port}/pb?${template}`;
  const affiliate = await makeAffiliate(api.live, { postbackUrl });
  const { id } = await make<{ id: string }>(api.live, '/clicks', {
    affiliateId: affiliate.id,
    offerId,
    sub1: 'their-click',
    sub2: 'a&b',
    ...more,
  });
  return { clickId: id, affiliateId: affiliate.id };
}

async function convert(body: object, client = api.live): Promise<string> {
  const answer = await client.post('/conversions', { amount: '100.00', currency: 'USD', ...body });
  assert.equal(answer.status, 201, answer.text);
  return answer.body.data.conversionId as string;
}

async function decide(conversionId: string, decision: 'approved' | 'rejected'): Promise<void> {
  const { body } = await api.live.get(`/conversions/${conversionId}`);
  const answer = await api.live.patch(`/commissions/${body.data.commission.id}`, { status: decision });
  assert.ok(answer.status < 300, answer.text);
}

/** All deliveries that were due have been made. */
async function settled(): Promise<void> {
  await waitUntil('nothing is pending', async () => {
    const rows = await runSql(
      api.hub.db,
      `select 1 from deliveries where status = 'pending'
       union all select 1 from inbox_events where status = 'received' limit 1`,
    );
    return rows.length === 0;
  });
}

const queries = () => tracker.received.map(({ url }) => url.replace(/^\/pb\?/, ''));

describe('an affiliate’s postback', () => {
  test('is fired when the commission is recorded, with the affiliate’s own click id', async () => {
    const { clickId } = await click('cid={click_id}&p={payout}&a={amount}&c={currency}&t={txid}&s2={sub2}');
    await convert({ click_id: clickId, order_id: 'PB-1' });
    await waitUntil('it is fired', () => tracker.received.length === 1);
    assert.deepEqual(queries(), ['cid=their-click&p=10.00&a=100.00&c=USD&t=PB-1&s2=a%26b']);
    assert.equal(tracker.received[0]?.method, 'GET');
    assert.equal(tracker.received[0]?.headers['webhook-signature'], undefined);
  });

  test('is fired as it was meant, with spaces within its macros', async () => {
    const template = 'cid={ click_id }&at={date:j F Y h:i A,Europe/Berlin}&s={status:lead=0 sale=1}&g={sub3|no goal}';
    const { clickId } = await click(template, { occurredAt: '2026-11-20T10:00:00Z' });
    await convert({ click_id: clickId, occurred_at: '2026-11-20T13:15:00Z' });
    await settled();
    assert.deepEqual(
      tracker.received.map(({ url }) => url),
      ['/pb?cid=their-click&at=20%20November%202026%2002%3A15%20PM&s=1&g=no%20goal'],
    );
  });

  test('that was set before spellings of others were refused is fired as ever', async () => {
    const { clickId, affiliateId } = await click('cid={click_id}', { occurredAt: '2026-11-20T10:00:00Z' });
    await runSql(api.hub.db, 'update webhook_endpoints set url = ? where affiliate_id = ?', [
      `http://127.0.0.1:${tracker.port}/pb?cid={click_id}&amp;geo=[geo]&d={date:Y-Q}`,
      affiliateId,
    ]);
    await convert({ click_id: clickId, occurred_at: '2026-11-20T13:15:00Z' });
    await settled();
    assert.deepEqual(
      tracker.received.map(({ url }) => url),
      ['/pb?cid=their-click&amp;geo=[geo]&d=2026-Q'],
    );
  });

  test('without {status} or {payout} is fired once, whatever happens later', async () => {
    const { clickId } = await click('once={conversion_id}');
    const conversionId = await convert({ click_id: clickId });
    await decide(conversionId, 'approved');
    await api.live.post(`/conversions/${conversionId}/refunds`, { amountMinor: 2_000 });
    await settled();
    assert.deepEqual(queries(), [`once=${conversionId}`]);
  });

  test('with {status} or {payout} is fired again when they change, and never with the same URL twice', async () => {
    const { clickId } = await click('p={payout}&s={status:pending=0,approved=1,reversed=9}');
    const conversionId = await convert({ click_id: clickId });
    await decide(conversionId, 'approved');
    await settled();
    await api.live.post(`/conversions/${conversionId}/refunds`, { amountMinor: 5_000, refundId: 're_a' });
    await settled();
    await api.live.post(`/conversions/${conversionId}/refunds`, { refundId: 're_b' });
    await settled();
    assert.deepEqual(queries(), ['p=10.00&s=0', 'p=10.00&s=1', 'p=5.00&s=1', 'p=0.00&s=9']);
  });

  test('is not fired for tests, for other affiliates, for what earns nothing', async () => {
    const own = await click('x={conversion_id}');
    const other = await click(null);
    await convert({ click_id: other.clickId });
    await convert({ affiliate_id: own.affiliateId }, api.test);
    const parked = await api.live.post('/conversions', { amount: '5.00', currency: 'USD', order_id: 'PB-nobody' });
    assert.equal(parked.body.data.reason, 'no_attribution');
    await settled();
    assert.deepEqual(queries(), []);
  });

  test('of a rejected conversion goes only to those who heard of it before', async () => {
    const told = await click('s={status}');
    const untold = await click('n={conversion_id}');
    for (const { clickId } of [told, untold]) {
      const conversionId = await convert({ click_id: clickId });
      await settled();
      await decide(conversionId, 'rejected');
    }
    await settled();
    const words = queries().map((query) => query.replace(/cnv_.*/, 'cnv'));
    assert.deepEqual(words.toSorted(), ['n=cnv', 's=pending', 's=rejected']);
  });

  test('that fails is retried and logged like a webhook', async () => {
    status = 500;
    const { clickId } = await click('r={conversion_id}');
    const conversionId = await convert({ click_id: clickId });
    await waitUntil('it is retried', () => tracker.received.length >= 2);
    status = 200;
    await settled();
    assert.equal(new Set(queries()).size, 1);
    const { body } = await api.live.get('/messages?limit=5');
    const message = body.data.find((item: { data: { id: string } }) => item.data.id === conversionId);
    const attempts = await waitUntil('attempts are recorded', async () => {
      const answer = await api.live.get(`/messages/${message.id}/attempts`);
      return answer.body.data.length >= 3 ? (answer.body.data as { status: string }[]) : null;
    });
    assert.deepEqual([attempts.at(-1)?.status, attempts[0]?.status], ['failed', 'succeeded']);
  });

  test('to an address that is not public is refused at the attempt, however it got there', async () => {
    const { clickId, affiliateId } = await click(null);
    await api.hub.db('affiliates').where({ id: affiliateId }).update({ postback_url: 'http://10.0.0.1/?c={click_id}' });
    const conversionId = await convert({ click_id: clickId });
    const error = await waitUntil('the attempt is recorded', async () => {
      const [row] = await runSql<{ error: string }>(
        api.hub.db,
        `select a.error from every_attempt a join messages m on m.id = a.message_id where m.body like ? limit 1`,
        [`%${conversionId}%`],
      );
      return row?.error;
    });
    assert.match(error, /refused: .*not a public address/);
  });
});

describe('a program’s postback', () => {
  test('hears of all affiliates, by POST with a body, on the events it chose', async () => {
    const { id } = await make<{ id: string }>(api.live, '/webhook-endpoints', {
      kind: 'postback',
      url: `http://127.0.0.1:${tracker.port}/program?a={affiliate_id}`,
      method: 'POST',
      bodyTemplate: '{"order":"{txid}","state":"{status}"}',
      eventTypes: ['commission.approved'],
      headers: { 'X-Token': 'program' },
    });
    const { clickId, affiliateId } = await click(null);
    const conversionId = await convert({ click_id: clickId, order_id: 'PB-"quoted"' });
    await settled();
    assert.equal(tracker.received.length, 0);
    await decide(conversionId, 'approved');
    await waitUntil('it is fired', () => tracker.received.length === 1);
    const [request] = tracker.received;
    assert.deepEqual([request?.method, request?.url], ['POST', `/program?a=${affiliateId}`]);
    assert.deepEqual(JSON.parse(request?.body ?? ''), { order: 'PB-"quoted"', state: 'approved' });
    assert.deepEqual([request?.headers['x-token'], request?.headers['content-type']], ['program', 'application/json']);
    await api.live.delete(`/webhook-endpoints/${id}`);
  });

  test('two endpoints with one URL fire it once', async () => {
    const url = `http://127.0.0.1:${tracker.port}/pb?same={conversion_id}`;
    for (let n = 0; n < 2; n += 1) await make(api.live, '/webhook-endpoints', { kind: 'postback', url });
    const { clickId } = await click(null);
    const conversionId = await convert({ click_id: clickId });
    await settled();
    assert.deepEqual(queries(), [`same=${conversionId}`]);
  });
});
