import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { eventTypeNames, eventTypes, type EventTypeName } from '../../../src/outbound/events/event-types.ts';
import { make, makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from '../../api/api-program.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { startReceiver, type Receiver } from '../receiver.ts';

let api: ApiProgram;
let receiver: Receiver;

before(async () => {
  receiver = await startReceiver((request, response) => {
    const status = request.url === '/gone' ? 410 : request.url === '/broken' ? 500 : 200;
    response.writeHead(status).end();
  });
  api = await openApiProgram({ worker: true, env: { RETRY_SCHEDULE: '0.1' } });
});
after(async () => {
  await api.stop();
  await receiver.close();
});

interface Event {
  type: EventTypeName;
  data: Record<string, unknown>;
  previous?: Record<string, unknown>;
}

test('every event type is emitted at its moment, signed, in the shape that the catalogue says', async () => {
  const { live } = api;
  const { secret } = await make<{ secret: string }>(live, '/webhook-endpoints', { url: receiver.url });
  const affiliate = await makeAffiliate(live);
  await live.patch(`/affiliates/${affiliate.id}`, { status: 'paused' });
  await live.patch(`/affiliates/${affiliate.id}`, { status: 'active' });
  const offer = await makeOffer(live);
  const click = await make<{ id: string }>(live, '/clicks', { affiliateId: affiliate.id, offerId: offer.id });
  const lead = await live.post('/events', { eventType: 'lead', click_id: click.id });
  assert.ok(lead.status < 300, lead.text);

  const paid = await convert(affiliate.id, offer.id);
  await decide(paid, 'approved');
  await live.post(`/conversions/${paid.conversionId}/refunds`, { amountMinor: 1_000 });
  for (const status of ['failed', 'paid']) {
    const payout = await make<{ id: string }>(live, '/payouts', { affiliateId: affiliate.id, currency: 'USD' });
    await live.patch(`/payouts/${payout.id}`, { status });
  }
  await make(live, '/adjustments', { affiliateId: affiliate.id, amountMinor: -1, currency: 'USD', reason: 'rounding' });
  await decide(await convert(affiliate.id, offer.id), 'rejected');
  const reversed = await convert(affiliate.id, offer.id);
  await live.post(`/conversions/${reversed.conversionId}/refunds`, {});

  const origin = `http://127.0.0.1:${receiver.port}`;
  await make(live, '/webhook-endpoints', { url: `${origin}/gone`, eventTypes: ['affiliate.created'] });
  await make(live, '/webhook-endpoints', { url: `${origin}/broken`, eventTypes: ['affiliate.created'] });
  await makeAffiliate(live, { email: 'last@example.com' });

  const received = () => receiver.received.filter((request) => request.url === '/hook');
  const missing = () => {
    const types = new Set(received().map((request) => (JSON.parse(request.body) as Event).type));
    return eventTypeNames.filter((type) => !types.has(type));
  };
  await waitUntil('all types arrive', () => missing().length === 0).catch(() => undefined);
  assert.deepEqual(missing(), []);

  for (const request of received()) {
    new SvixWebhook(secret).verify(request.body, request.headers);
    const { type, data, previous } = new StandardWebhook(secret).verify(request.body, request.headers) as Event;
    const described = eventTypes[type];
    const shape = described.data.strict().safeParse(data);
    assert.ok(shape.success, `${type}: ${shape.error?.message}`);
    if (previous === undefined) continue;
    assert.ok(described.hasPrevious, `${type} has previous`);
    for (const [field, value] of Object.entries(previous)) {
      assert.ok(field in data, `${type}: ${field}`);
      assert.notDeepEqual(value, data[field], `${type}: ${field} did change`);
    }
  }
  const changes = received().map((request) => JSON.parse(request.body) as Event);
  // A refund of a part changes what the affiliate earns, so both the conversion and the commission are told of.
  const lessened = changes.find(({ type, data }) => type === 'commission.updated' && data['amountMinor'] === 900);
  assert.deepEqual([lessened?.data['conversionId'], lessened?.previous?.['amountMinor']], [paid.conversionId, 1_000]);
  for (const type of ['affiliate.updated', 'conversion.updated', 'commission.approved', 'payout.paid'] as const) {
    const event = changes.find((each) => each.type === type);
    assert.ok(event?.previous && 'status' in event.previous, `${type} says what the status was`);
  }
});

interface Converted {
  conversionId: string;
}

async function convert(affiliateId: string, offerId: string): Promise<Converted> {
  const answer = await api.live.post('/conversions', {
    affiliate_id: affiliateId,
    offer_id: offerId,
    amount: '100.00',
    currency: 'USD',
  });
  assert.equal(answer.status, 201, answer.text);
  return answer.body.data as Converted;
}

async function decide({ conversionId }: Converted, status: 'approved' | 'rejected'): Promise<void> {
  const { body } = await api.live.get(`/conversions/${conversionId}`);
  const answer = await api.live.patch(`/commissions/${body.data.commission.id}`, { status });
  assert.equal(answer.status, 200, answer.text);
}
