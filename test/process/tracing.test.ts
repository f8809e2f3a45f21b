import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { newId } from '../../src/domain/ids.ts';
import { createLogger } from '../../src/process/logging.ts';
import { openTracing } from '../../src/process/tracing/open-tracing.ts';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { openApiProgram, type ApiProgram } from '../api/api-program.ts';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts';
import { waitUntil } from '../support/wait-until.ts';

const log = createLogger({ level: 'silent', role: 'test' });
const hexOf = (id: string): string => id.slice(4);

let receiver: OtlpReceiver;
before(async () => {
  receiver = await startOtlpReceiver();
});
after(() => receiver.close());

/** Traces of their own; `close` sends them. */
const open = (ratio: number) =>
  openTracing({ url: `${receiver.url}/v1/traces`, serviceName: 'tributary', ratio }, 'test', log);

const named = (name: string): ReceivedSpan[] => receiver.spans.filter((span) => span.name === name);

describe('one message', () => {
  let api: ApiProgram;
  let subscriber: Server;
  const headersSeen: string[][] = [];
  let inboxId = '';

  before(async () => {
    subscriber = createServer((req, res) => {
      headersSeen.push(Object.keys(req.headers));
      res.writeHead(204).end();
    }).listen(0, '127.0.0.1');
    await once(subscriber, 'listening');
    const { port } = subscriber.address() as AddressInfo;
    api = await openApiProgram({ worker: true, env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } });
    const endpoint = { url: `http://127.0.0.1:${port}/hooks`, eventTypes: ['conversion.created'] };
    assert.equal((await api.live.post('/webhook-endpoints', endpoint)).status, 201);
    const answer = await fetch(`${api.hub.url}/api/v1/conversions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${api.liveKey}`,
        'content-type': 'application/json',
        traceparent: `00-${'a1'.repeat(16)}-${'b2'.repeat(8)}-00`,
      },
      body: JSON.stringify({ type: 'sale', orderId: 'traced', amount: '10.00', currency: 'USD' }),
    });
    assert.equal(answer.status, 200);
    const { body } = await api.live.get('/inbox-events');
    inboxId = body.data[0].id as string;
    // Spans are sent when they end, some together: the request's may come after the delivery's.
    const expected = ['POST /api/v1/conversions', 'store messages', 'settle', 'deliver'];
    await waitUntil('all of it is traced', () => expected.every((name) => named(name).length > 0));
  });
  after(async () => {
    await api.stop();
    subscriber.close();
  });

  test('is one trace from request by insert and settling to delivery; its id is that of the message', () => {
    const [request] = named('POST /api/v1/conversions');
    assert.ok(request);
    assert.equal(request.traceId, hexOf(inboxId));
    assert.equal(request.parentSpanId, '');
    assert.equal(request.attributes['http.response.status_code'], 200);
    assert.equal(request.attributes['tributary.inbox.id'], inboxId);
    const [stored] = named('store messages').filter(({ traceId }) => traceId === request.traceId);
    const [settled] = named('settle').filter(({ traceId }) => traceId === request.traceId);
    assert.equal(stored?.parentSpanId, request.spanId);
    assert.equal(settled?.parentSpanId, request.spanId);
    const [delivered] = named('deliver');
    assert.equal(delivered?.traceId, request.traceId);
    assert.equal(delivered?.parentSpanId, settled?.spanId);
    assert.equal(delivered?.attributes['http.response.status_code'], 204);
    assert.match(String(delivered?.attributes['tributary.message.id']), /^evt_/);
    assert.equal(request.resource['service.name'], 'tributary');
    assert.equal(request.resource['tributary.role'], 'test');
  });

  test("leads to its caller's trace by a link, and takes neither its id nor its decision; subscribers are told nothing", () => {
    const [request] = named('POST /api/v1/conversions');
    assert.deepEqual(request?.links, [{ traceId: 'a1'.repeat(16), spanId: 'b2'.repeat(8) }]);
    assert.ok(headersSeen.length > 0);
    assert.ok(!headersSeen.flat().includes('traceparent'));
  });

  test('no span holds a key, a query or a body', async () => {
    await fetch(`${api.hub.url}/livez`);
    await fetch(`${api.hub.url}/pb/src_nowhere?secure=sk_live_SECRET`, { headers: { 'x-api-key': 'SECRET' } });
    await waitUntil('it is traced', () => named('GET /pb/:id')[0]);
    assert.deepEqual(named('GET /livez'), []);
    assert.doesNotMatch(JSON.stringify(receiver.spans), /SECRET|src_nowhere|sk_live/);
  });
});

test('of several messages that share a batch each is linked; what is delivered of them is a child of the batch, by a job too', async () => {
  const [worker, other] = [open(1), open(1)];
  const ids = [newId('ibx'), newId('ibx'), newId('ibx')];
  const messageId = newId('evt');
  await worker.spanMessages('a batch', ids, async (span) => {
    assert.ok(span);
    worker.expectDeliveries(span, [messageId]);
  });
  other.expectDeliveriesOf(worker.originOf(messageId) ?? '', [messageId]);
  other.spanAttempt({ messageId, endpointId: 'whe_1', attempt: 1 })({
    method: 'POST',
    host: 'example.com',
    status: null,
    error: 'no answer within 15 s',
  });
  await Promise.all([worker.close(), other.close()]);
  const [batch] = named('a batch');
  const attempt = receiver.spans.find(({ attributes }) => attributes['tributary.message.id'] === messageId);
  assert.equal(batch?.parentSpanId, '');
  assert.deepEqual(
    batch?.links,
    ids.map((id) => ({ traceId: hexOf(id), spanId: hexOf(id).slice(16) })),
  );
  assert.equal(attempt?.parentSpanId, batch?.spanId);
  assert.equal(attempt?.failed, true);
});

test('every process decides alike which traces are kept, and about as many as it was told', async () => {
  const tracings = [open(0.25), open(0.25)];
  const ids = Array.from({ length: 800 }, () => newId('ibx'));
  const kept = await Promise.all(
    tracings.map(async (tracing) => {
      const found: string[] = [];
      for (const id of ids) {
        await tracing.spanMessages('sampled', [id], async (span) => void (span && found.push(id)));
      }
      return found;
    }),
  );
  assert.deepEqual(kept[0], kept[1]);
  const share = (kept[0]?.length ?? 0) / ids.length;
  assert.ok(share > 0.15 && share < 0.35, String(share));
  await Promise.all(tracings.map((tracing) => tracing.close()));
});

test('a receiver that is away holds up neither the work nor the end of the process', async () => {
  const url = `http://127.0.0.1:${await findFreePort()}/v1/traces`;
  const tracing = openTracing({ url, serviceName: 'tributary', ratio: 1 }, 'test', log);
  const started = performance.now();
  assert.equal(await tracing.spanMessages('lost', [newId('ibx')], async () => 'done'), 'done');
  await assert.rejects(
    tracing.spanMessages('lost', [newId('ibx')], () => Promise.reject(new Error('as it was'))),
    /as it was/,
  );
  await tracing.close();
  assert.ok(performance.now() - started < 3_000);
});

test('OpenTelemetry is loaded by one file, and that one only where traces are wanted', async () => {
  const importsAtRuntime = /^import (?!type\b)[^;]*?from '(@opentelemetry\/[^']+|[^']*open-tracing\.ts)'/gm;
  for (const file of globSync('{src,workers}/**/*.ts')) {
    if (file === 'src/process/tracing/open-tracing.ts') continue;
    assert.deepEqual((await readFile(file, 'utf8')).match(importsAtRuntime), null, file);
  }
  assert.match(
    await readFile('src/process/tracing/load-tracing.ts', 'utf8'),
    /=== null\) return null;[^]*await import\('\.\/open-tracing\.ts'\)/,
  );
});
