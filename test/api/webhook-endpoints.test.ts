import assert from 'node:assert/strict';
import { inTransaction } from '../../src/db/db.ts';
import { after, before, describe, test } from 'node:test';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { runSql } from '../support/sql.ts';
import { newId } from '../../src/domain/ids.ts';
import { eventTypeNames, eventTypes, type EventTypeName } from '../../src/outbound/events/event-types.ts';
import { writeMessages } from '../../src/outbound/messages/write-messages.ts';
import { startReceiver, type Receiver, type Respond } from '../outbound/receiver.ts';
import { waitUntil } from '../support/wait-until.ts';
import { make, makeAffiliate, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let receiver: Receiver;
let respond: Respond;

before(async () => {
  receiver = await startReceiver((...all) => respond(...all));
  api = await openApiProgram({ worker: true, env: { RETRY_SCHEDULE: '0.2,0.2' } });
  respond = (_request, response) => response.end('ok');
});
after(async () => {
  await api.stop();
  await receiver.close();
});

interface Created {
  id: string;
  secret: string;
}

function createEndpoint(more: object = {}): Promise<Created> {
  return make<Created>(api.live, '/webhook-endpoints', { url: receiver.url, ...more });
}

/** As the pipeline would: in a transaction, then the queue. */
async function emit(type: EventTypeName, count = 1): Promise<void> {
  const { db, queues } = api.hub.deps;
  const draft = () => ({ programId: api.programId, livemode: true, type, data: { id: newId('cnv') } });
  const ids = await inTransaction(db, (trx) => writeMessages(trx, Array.from({ length: count }, draft)));
  await queues.enqueue('delivery', [{ deliveryIds: ids }]);
}

function receivedAt(path: string) {
  return receiver.received.filter((request) => request.url === path);
}

/** For polling: null until so many requests came to a path. */
function arrived(path: string, count: number) {
  const requests = receivedAt(path);
  return requests.length === count ? requests : null;
}

describe('an endpoint', () => {
  test('repeats all that was set but the secret, which is shown once, and the values of its headers', async () => {
    const set = {
      url: `${receiver.url}?a=1`,
      eventTypes: ['conversion.created', 'payout.paid'],
      description: 'Our warehouse',
      headers: { 'X-Api-Key': 'key of the warehouse', authorization: 'Bearer of-the-warehouse' },
      rateLimitPerSecond: 30,
      disabled: true,
    };
    const made = await api.live.post('/webhook-endpoints', set);
    const { id, secret } = made.body.data;
    assert.match(secret, /^whsec_/);
    const got = await api.live.get(`/webhook-endpoints/${id}`);
    const { body } = got;
    const shown = { ...set, headers: { 'X-Api-Key': null, authorization: null } };
    for (const [field, value] of Object.entries(shown)) assert.deepEqual(body.data[field], value, field);
    const answers = [
      made,
      got,
      await api.live.get('/webhook-endpoints'),
      await api.reader.get(`/webhook-endpoints/${id}`),
      await api.live.patch(`/webhook-endpoints/${id}`, { headers: set.headers }),
      await api.live.post(`/webhook-endpoints/${id}/rotate-secret`),
    ];
    for (const { text } of answers) assert.doesNotMatch(text, /of.the.warehouse/);
    assert.equal('secret' in body.data, false);
    const changed = await api.live.patch(`/webhook-endpoints/${id}`, {
      description: null,
      headers: null,
      rateLimitPerSecond: null,
      eventTypes: [],
      disabled: false,
    });
    const { description, headers, rateLimitPerSecond, eventTypes, disabled } = changed.body.data;
    assert.deepEqual([description, headers, rateLimitPerSecond, eventTypes, disabled], [null, {}, null, [], false]);
    assert.equal((await api.live.delete(`/webhook-endpoints/${id}`)).status, 204);
    assert.equal((await api.live.get(`/webhook-endpoints/${id}`)).status, 404);
    assert.equal((await api.live.delete(`/webhook-endpoints/${id}`)).status, 404);
  });

  test('is encrypted at rest where it is secret', async () => {
    const { id, secret } = await createEndpoint({ headers: { 'x-token': 'hush-hush' }, disabled: true });
    const [row] = await runSql<{ text: string }>(
      api.hub.db,
      'select e::text as text from webhook_endpoints e where id = ?',
      [id],
    );
    assert.ok(row && !row.text.includes('hush-hush') && !row.text.includes(secret.slice('whsec_'.length)));
  });

  test('is listed newest first, by pages, and by its exact URL', async () => {
    const url = `${receiver.url}/listed`;
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) ids.push((await createEndpoint({ url, disabled: true })).id);
    const first = await api.live.get(`/webhook-endpoints?limit=2&url=${encodeURIComponent(url)}`);
    assert.equal(first.body.pagination.hasMore, true);
    const cursor = first.body.pagination.nextCursor as string;
    const second = await api.live.get(`/webhook-endpoints?limit=2&url=${encodeURIComponent(url)}&cursor=${cursor}`);
    const listed = [...first.body.data, ...second.body.data].map((item: { id: string }) => item.id);
    assert.deepEqual(listed, ids.sort().reverse());
    assert.equal(second.body.pagination.hasMore, false);
    assert.deepEqual((await api.stranger.get('/webhook-endpoints')).body.data, []);
  });

  test('of another program is not there', async () => {
    const { id } = await createEndpoint({ disabled: true });
    const { stranger } = api;
    const answers = [
      await stranger.get(`/webhook-endpoints/${id}`),
      await stranger.patch(`/webhook-endpoints/${id}`, { disabled: false }),
      await stranger.delete(`/webhook-endpoints/${id}`),
      await stranger.post(`/webhook-endpoints/${id}/rotate-secret`),
      await stranger.post(`/webhook-endpoints/${id}/test`),
      await stranger.post(`/webhook-endpoints/${id}/recover`, { since: '2026-01-01T00:00:00Z' }),
    ];
    assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [404]);
  });

  test('sends its own headers, and never another signature', async () => {
    await createEndpoint({
      url: `${receiver.url}/headers`,
      headers: { 'X-Custom': 'yes' },
      eventTypes: ['payout.paid'],
    });
    await emit('payout.paid');
    const [request] = await waitUntil('it arrives', () => arrived('/hook/headers', 1));
    assert.equal(request?.headers['x-custom'], 'yes');
  });
});

describe('what an endpoint refuses, by the name of the field', () => {
  const cases: [string, object][] = [
    ['url', { url: 'not a url' }],
    ['url', { url: 'ftp://example.com' }],
    ['url', { url: 'http://example.com/hook' }],
    ['url', { url: 'https://localhost/hook' }],
    ['url', { url: 'https://10.0.0.1/hook' }],
    ['url', { url: 'https://[::ffff:169.254.169.254]/latest' }],
    ['url', { url: 'https://example.com:6379/' }],
    ['url', { url: 'https://user:pass@example.com/' }],
    ['url', { url: '' }],
    ['url', { url: 7 }],
    ['url', {}],
    ['eventTypes', { url: 'https://example.com', eventTypes: ['conversion.exploded'] }],
    ['eventTypes', { url: 'https://example.com', eventTypes: 'conversion.created' }],
    ['headers', { url: 'https://example.com', headers: { 'bad header': 'x' } }],
    ['headers', { url: 'https://example.com', headers: { 'x-a\r\nx-b': 'x' } }],
    ['headers', { url: 'https://example.com', headers: { 'x-a': 'x\r\nx-b: y' } }],
    ['headers', { url: 'https://example.com', headers: { 'x-a': 'ünicode' } }],
    ['headers', { url: 'https://example.com', headers: { 'x-a': 7 } }],
    ['headers', { url: 'https://example.com', headers: { 'X-A': '1', 'x-a': '2' } }],
    ['headers', { url: 'https://example.com', headers: { Host: 'elsewhere' } }],
    ['headers', { url: 'https://example.com', headers: { 'content-length': '1' } }],
    ['headers', { url: 'https://example.com', headers: { 'Webhook-Signature': 'v1,forged' } }],
    ['secret', { url: 'https://example.com', secret: 'hunter2' }],
    ['secret', { url: 'https://example.com', secret: `whsec_${Buffer.alloc(23).toString('base64')}` }],
    ['secret', { url: 'https://example.com', secret: `whsec_${Buffer.alloc(65).toString('base64')}` }],
    ['secret', { url: 'https://example.com', secret: 'whsec_!!!!' }],
    ['rateLimitPerSecond', { url: 'https://example.com', rateLimitPerSecond: 0 }],
    ['rateLimitPerSecond', { url: 'https://example.com', rateLimitPerSecond: 1.5 }],
    ['description', { url: 'https://example.com', description: 'x'.repeat(1_001) }],
    ['disabled', { url: 'https://example.com', disabled: 'yes' }],
    ['kind', { url: 'https://example.com', kind: 'carrier_pigeon' }],
    ['method', { url: 'https://example.com', method: 'GET' }],
    ['colour', { url: 'https://example.com', colour: 'red' }],
  ];
  for (const [field, body] of cases) {
    test(`${field}: ${JSON.stringify(body).slice(0, 80)}`, async () => {
      const answer = await api.live.post('/webhook-endpoints', body);
      assert.equal(answer.status, 400, answer.text);
      assert.ok(field in answer.body.error.details, answer.text);
    });
  }

  test('the hub itself, and a change to what could not be created', async () => {
    const itself = await api.live.post('/webhook-endpoints', { url: `${api.hub.url}/api/v1/me` });
    assert.match(itself.body.error.details.url, /this hub itself/);
    const { id } = await createEndpoint({ disabled: true });
    const changed = await api.live.patch(`/webhook-endpoints/${id}`, { url: 'https://192.168.0.1/' });
    assert.ok('url' in changed.body.error.details);
  });
});

describe('rotation', () => {
  test('both secrets verify until the overlap is over', async () => {
    const url = `${receiver.url}/rotated`;
    const { id, secret: old } = await createEndpoint({ url, eventTypes: ['affiliate.created'] });
    const { body } = await api.live.post(`/webhook-endpoints/${id}/rotate-secret`);
    const current = body.data.secret as string;
    assert.notEqual(current, old);
    const hours = (Date.parse(body.data.previousSecretExpiresAt) - Date.now()) / 3_600_000;
    assert.ok(Math.abs(hours - 24) < 0.1);
    await emit('affiliate.created');
    const [both] = await waitUntil('it arrives', () => arrived('/hook/rotated', 1));
    assert.ok(both);
    for (const secret of [old, current]) {
      new SvixWebhook(secret).verify(both.body, both.headers);
      new StandardWebhook(secret).verify(both.body, both.headers);
    }
    await api.hub
      .db('webhook_endpoints')
      .where({ id })
      .update({ previous_secret_expires_at: new Date(0) });
    await emit('affiliate.created');
    await waitUntil('it arrives', () => receivedAt('/hook/rotated').length === 2);
    const alone = receivedAt('/hook/rotated')[1];
    assert.ok(alone);
    new SvixWebhook(current).verify(alone.body, alone.headers);
    assert.throws(() => new SvixWebhook(old).verify(alone.body, alone.headers));
  });
});

describe('the test event', () => {
  test('every type of the catalogue arrives signed and is verified by both libraries', async () => {
    const url = `${receiver.url}/catalogue`;
    const { id, secret } = await createEndpoint({ url, eventTypes: ['payout.failed'] });
    for (const eventType of eventTypeNames) {
      const { body, status } = await api.live.post(`/webhook-endpoints/${id}/test`, { eventType });
      assert.equal(status, 200);
      assert.deepEqual([body.data.attempt.status, body.data.attempt.trigger], ['succeeded', 'test']);
      const request = receivedAt('/hook/catalogue').at(-1);
      assert.ok(request);
      new SvixWebhook(secret).verify(request.body, request.headers);
      const event = new StandardWebhook(secret).verify(request.body, request.headers) as Record<string, unknown>;
      assert.deepEqual([event.id, event.type, event.livemode], [body.data.messageId, eventType, false]);
      eventTypes[eventType].data.parse(event.data);
    }
  });

  test('is tried once, and its failure is shown', async () => {
    respond = (request, response) => response.writeHead(request.url === '/hook/broken' ? 503 : 200).end('sorry');
    const { id } = await createEndpoint({ url: `${receiver.url}/broken`, eventTypes: ['payout.failed'] });
    const { body } = await api.live.post(`/webhook-endpoints/${id}/test`);
    const { status, responseStatus, responseBody, nextAttemptAt } = body.data.attempt;
    assert.deepEqual([status, responseStatus, responseBody, nextAttemptAt], ['failed', 503, 'sorry', null]);
    const attempts = await api.live.get(`/messages/${body.data.messageId}/attempts`);
    assert.equal(attempts.body.data.length, 1, 'a live key sees its own test');
    respond = (_request, response) => response.end('ok');
  });

  test('of a disabled endpoint is a conflict', async () => {
    const { id } = await createEndpoint({ disabled: true });
    assert.equal((await api.live.post(`/webhook-endpoints/${id}/test`)).status, 409);
  });
});

describe('messages', () => {
  test('are listed by type, state and endpoint, with their attempts', async () => {
    respond = (request, response) => response.writeHead(request.url === '/hook/failing' ? 500 : 200).end('no');
    const { id } = await createEndpoint({ url: `${receiver.url}/failing`, eventTypes: ['lead.created'] });
    await emit('lead.created', 3);
    const failed = () => api.live.get(`/messages?status=failed&endpointId=${id}&limit=2`);
    const page = await waitUntil('the schedule is used up', async () => {
      const answer = await failed();
      return answer.body.data.length === 2 && answer.body.pagination.hasMore && answer;
    });
    const [message] = page.body.data;
    assert.equal(message.type, 'lead.created');
    const rest = await api.live.get(
      `/messages?status=failed&endpointId=${id}&limit=2&cursor=${page.body.pagination.nextCursor}`,
    );
    assert.equal(rest.body.data.length, 1);
    const one = await api.live.get(`/messages/${message.id}`);
    const { previous: _previous, deliveries, ...shown } = one.body.data;
    assert.deepEqual(shown, message);
    const own = deliveries.filter((delivery: { endpointId: string }) => delivery.endpointId === id);
    assert.deepEqual(own, [{ endpointId: id, status: 'failed', attempts: 3, nextAttemptAt: null }]);
    const attempts = await api.live.get(`/messages/${message.id}/attempts?limit=2`);
    assert.deepEqual(
      attempts.body.data.map((attempt: { responseStatus: number }) => attempt.responseStatus),
      [500, 500],
    );
    assert.equal(attempts.body.pagination.hasMore, true);
    assert.equal((await api.test.get(`/messages/${message.id}`)).status, 404, 'a test key sees no live message');
    assert.equal((await api.stranger.get(`/messages/${message.id}`)).status, 404);
    respond = (_request, response) => response.end('ok');
  });

  test('are resent at once, whatever became of them', async () => {
    const url = `${receiver.url}/resent`;
    const { id } = await createEndpoint({ url, eventTypes: ['commission.paid'] });
    await emit('commission.paid');
    await waitUntil('it arrives', () => receivedAt('/hook/resent').length === 1);
    const { body } = await api.live.get('/messages?type=commission.paid');
    const messageId = body.data[0].id as string;
    const answer = await api.live.post(`/messages/${messageId}/resend`, { endpointId: id });
    assert.equal(answer.status, 202);
    await waitUntil('it arrives again', () => receivedAt('/hook/resent').length === 2);
    const [first, second] = receivedAt('/hook/resent');
    assert.equal(first?.body, second?.body);
    assert.equal(first?.headers['webhook-id'], second?.headers['webhook-id']);
    const attempts = await waitUntil('it is recorded', async () => {
      const { body } = await api.live.get(`/messages/${messageId}/attempts`);
      return body.data.length === 2 ? (body.data as { trigger: string }[]) : null;
    });
    assert.deepEqual(attempts.map((attempt) => attempt.trigger).sort(), ['resend', 'schedule']);
    const other = await createEndpoint({ url: `${receiver.url}/other`, eventTypes: ['payout.failed'] });
    await api.live.post(`/messages/${messageId}/resend`, { endpointId: other.id });
    await waitUntil('an endpoint that never asked for it gets it, too', () => receivedAt('/hook/other').length === 1);
    const unknown = await api.live.post(`/messages/${messageId}/resend`, { endpointId: 'whe_unknown' });
    assert.equal(unknown.status, 404);
  });
});

describe('recover', () => {
  test('sends what was held while the endpoint was disabled, each once', async () => {
    const url = `${receiver.url}/recovered`;
    const since = new Date().toISOString();
    const { id } = await createEndpoint({ url, eventTypes: ['payout.created'], disabled: true });
    await emit('payout.created', 25);
    assert.equal((await api.live.post(`/webhook-endpoints/${id}/recover`, { since })).status, 409);
    await api.live.patch(`/webhook-endpoints/${id}`, { disabled: false });
    const answer = await api.live.post(`/webhook-endpoints/${id}/recover`, { since });
    assert.equal(answer.status, 202);
    assert.deepEqual([answer.body.data.status, answer.body.data.recovered], ['completed', 25]);
    await waitUntil('all arrive', () => receivedAt('/hook/recovered').length === 25);
    const again = await api.live.post(`/webhook-endpoints/${id}/recover`, { since });
    assert.equal(again.body.data.recovered, 0);
    const progress = await api.live.get(`/webhook-endpoints/${id}/recoveries/${answer.body.data.id}`);
    assert.equal(progress.body.data.recovered, 25);
  });

  test('replay sends what an endpoint was never meant to get', async () => {
    await emit('payout.failed', 3);
    const url = `${receiver.url}/replayed`;
    const { id } = await createEndpoint({ url, eventTypes: ['payout.failed'] });
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const answer = await api.live.post(`/webhook-endpoints/${id}/replay-missing`, { since });
    assert.equal(answer.body.data.status, 'completed');
    await waitUntil('all arrive', () => receivedAt('/hook/replayed').length >= 3);
    const again = await api.live.post(`/webhook-endpoints/${id}/replay-missing`, { since });
    assert.equal(again.body.data.recovered, 0);
  });

  test('asks for a time that has passed', async () => {
    const { id } = await createEndpoint({ eventTypes: ['payout.failed'] });
    for (const body of [{}, { since: 'yesterday' }, { since: '2999-01-01T00:00:00Z' }]) {
      const answer = await api.live.post(`/webhook-endpoints/${id}/recover`, body);
      assert.equal(answer.status, 400);
      assert.ok('since' in answer.body.error.details);
    }
  });
});

describe('REST hooks', () => {
  test('subscribe, deliver, unsubscribe any number of times', async () => {
    const targetUrl = `${receiver.url}/zap`;
    const created = await api.live.post('/hooks', { targetUrl, eventType: 'conversion.refunded' });
    assert.equal(created.status, 201);
    const { id } = created.body as { id: string };
    assert.match(id, /^whe_/);
    const listed = await api.live.get(`/webhook-endpoints?url=${encodeURIComponent(targetUrl)}`);
    assert.deepEqual(
      listed.body.data.map((item: { id: string; kind: string }) => [item.id, item.kind]),
      [[id, 'rest_hook']],
    );
    await emit('conversion.refunded');
    await emit('lead.created');
    await waitUntil('it arrives', () => receivedAt('/hook/zap').length === 1);
    for (let n = 0; n < 3; n += 1) assert.equal((await api.live.delete(`/hooks/${id}`)).status, 204);
    assert.equal((await api.live.delete('/hooks/whe_unknown')).status, 204);
    await emit('conversion.refunded');
    assert.equal(receivedAt('/hook/zap').length, 1);
  });

  test('a stranger cannot unsubscribe them', async () => {
    const { body } = await api.live.post('/hooks', { targetUrl: receiver.url, eventType: 'payout.failed' });
    assert.equal((await api.stranger.delete(`/hooks/${body.id}`)).status, 204);
    assert.equal((await api.live.get(`/webhook-endpoints/${body.id}`)).status, 200);
    await api.live.delete(`/hooks/${body.id}`);
  });

  test('name the field they refuse', async () => {
    const url = await api.live.post('/hooks', { targetUrl: 'https://127.1.2.3.4/', eventType: 'lead.created' });
    assert.ok('targetUrl' in url.body.error.details, url.text);
    const type = await api.live.post('/hooks', { targetUrl: receiver.url, eventType: 'lead.vanished' });
    assert.ok('eventType' in type.body.error.details);
  });

  test('samples are what is delivered, newest first, and an example where there are none', async () => {
    await emit('conversion.updated', 5);
    const { body } = await api.live.get('/hooks/samples/conversion.updated');
    assert.ok(Array.isArray(body) && body.length > 1);
    assert.deepEqual(Object.keys(body[0] as object), ['id', 'type', 'createdAt', 'livemode', 'programId', 'data']);
    const ids = body.map((sample: { id: string }) => sample.id);
    assert.deepEqual(ids, [...new Set(ids)].sort().reverse());
    for (const type of eventTypeNames) {
      const samples = await api.test.get(`/hooks/samples/${type}`);
      assert.ok(samples.body.length > 0);
      assert.equal(samples.body[0].type, type);
    }
    assert.equal((await api.live.get('/hooks/samples/lead.vanished')).status, 404);
  });
});

test('the catalogue has a schema, and an example that fits it, for every type', async () => {
  const { body } = await api.live.get('/event-types');
  assert.deepEqual(
    body.data.map((item: { type: string }) => item.type),
    eventTypeNames,
  );
  for (const { type, schema, example } of body.data) {
    assert.equal(schema.type, 'object', type);
    eventTypes[type as keyof typeof eventTypes].data.strict().parse(example);
  }
});

describe('postbacks', () => {
  test('an affiliate’s postbackUrl is an endpoint that only the affiliate’s own list shows', async () => {
    const { id } = await makeAffiliate(api.live, { postbackUrl: `${receiver.url}/pb?cid={click_id}` });
    const { body } = await api.live.get(`/webhook-endpoints?affiliateId=${id}`);
    const [mirror] = body.data;
    assert.deepEqual([mirror.kind, mirror.method, mirror.affiliateId], ['postback', 'GET', id]);
    const all = await api.live.get('/webhook-endpoints?limit=100&kind=postback');
    assert.ok(all.body.data.every((item: { id: string }) => item.id !== mirror.id));
    assert.equal((await api.live.delete(`/webhook-endpoints/${mirror.id}`)).status, 409);
    assert.equal((await api.live.patch(`/webhook-endpoints/${mirror.id}`, { url: receiver.url })).status, 409);
    await api.live.patch(`/affiliates/${id}`, { postbackUrl: null });
    assert.equal((await api.live.get(`/webhook-endpoints/${mirror.id}`)).status, 404);
  });

  test('an affiliate’s postbackUrl is checked like an endpoint’s', async () => {
    const { id } = await makeAffiliate(api.live);
    for (const postbackUrl of [
      'https://t.example/?x={nope}',
      'https://10.0.0.1/',
      'https://{sub1}.example/',
      'https://t.example/?cid=[click_id]',
      'https://t.example/?cid={click_id}&amp;sum={payout}',
      'https://t.example/?cid={click_id}&secure=YOUR_KEY',
      'https://t.example/?cid={click_id}&note=a b',
    ]) {
      const created = await api.live.post('/affiliates', { displayName: 'A', email: 'a@b.example', postbackUrl });
      const changed = await api.live.patch(`/affiliates/${id}`, { postbackUrl });
      for (const answer of [created, changed]) {
        assert.ok(answer.status === 400 && 'postbackUrl' in answer.body.error.details, answer.text);
      }
    }
  });

  test('an affiliate’s postbackUrl may have spaces within its macros', async () => {
    const postbackUrl =
      'https://t.example/?at={date:Y-m-d H:i:s,Europe/Berlin}&s={status:lead=0 sale=1}&g={goal|no goal}';
    const { id } = await makeAffiliate(api.live, { postbackUrl });
    assert.equal((await api.live.get(`/affiliates/${id}`)).body.data.postbackUrl, postbackUrl);
    assert.equal((await api.live.patch(`/affiliates/${id}`, { postbackUrl })).status, 200);
  });

  test('templates are checked: macros, host, method', async () => {
    for (const [field, body] of [
      ['url', { url: 'https://t.example/?x={nonsense}' }],
      ['url', { url: 'https://{sub1}.example/' }],
      ['url', { url: 'https://t.example/?d={date:Y-m-d,Mars/Olympus}' }],
      ['url', { url: 'https://10.0.0.1/?c={click_id}' }],
      ['url', { url: 'https://t.example/?c={click_id' }],
      ['url', { url: 'https://t.example/?c=%%CLICK_ID%%' }],
      ['url', { url: 'https://YOUR-DOMAIN.example/?c={click_id}' }],
      ['url', { url: 'https://t.example/?d={date:Y-Q}' }],
      ['bodyTemplate', { url: 'https://t.example/', method: 'POST', bodyTemplate: 'cid=#click_id#' }],
      ['eventTypes', { url: 'https://t.example/', eventTypes: ['conversion.created', 'affiliate.created'] }],
      ['bodyTemplate', { url: 'https://t.example/', method: 'POST', bodyTemplate: 'a={nope}' }],
      ['bodyTemplate', { url: 'https://t.example/', method: 'GET', bodyTemplate: 'a={goal}' }],
      ['secret', { url: 'https://t.example/', secret: `whsec_${Buffer.alloc(24).toString('base64')}` }],
      ['affiliateId', { url: 'https://t.example/', affiliateId: 'aff_unknown' }],
    ] as const) {
      const answer = await api.live.post('/webhook-endpoints', { kind: 'postback', ...body });
      assert.ok(answer.status === 400 && field in answer.body.error.details, answer.text);
    }
  });

  test('macros are listed with an example each, presets are templates that can be used', async () => {
    const macros = await api.live.get('/postback-macros');
    assert.ok(
      macros.body.data.every(
        (item: { example: string; name: string }) => item.example !== '' || item.name.startsWith('sub'),
      ),
    );
    const presets = await api.live.get('/postback-presets');
    for (const { url } of presets.body.data) {
      const dryRun = await api.live.post('/postback-previews', { url });
      assert.equal(dryRun.status, 200);
      assert.doesNotMatch(dryRun.body.data.url, /[{}]/);
    }
  });

  test('a dry run shows what would be fired and names what is wrong', async () => {
    const { body } = await api.live.post('/postback-previews', {
      url: 'https://t.example/pb?cid={click_id}&p={payout}&s={status:lead=0,sale=1}',
      method: 'POST',
      bodyTemplate: '{"goal":"{goal}","none":"{sub3|-}"}',
    });
    assert.deepEqual(body.data, {
      method: 'POST',
      url: 'https://t.example/pb?cid=w7f3k2&p=9.80&s=1',
      body: '{"goal":"purchase","none":"-"}',
    });
    const wrong = await api.live.post('/postback-previews', { url: 'https://t.example/?x={what}' });
    assert.ok('url' in wrong.body.error.details);
    const unsendable = { url: 'https://t.example/', method: 'GET', bodyTemplate: 'a={goal}' };
    const bodyOfGet = await api.live.post('/postback-previews', unsendable);
    assert.ok(bodyOfGet.status === 400 && 'bodyTemplate' in bodyOfGet.body.error.details, bodyOfGet.text);
    const unknown = await api.live.post('/postback-previews', {
      url: 'https://t.example/',
      conversionId: 'cnv_unknown',
    });
    assert.equal(unknown.status, 404);
  });
});
