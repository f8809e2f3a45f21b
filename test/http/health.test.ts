import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import request from 'supertest';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { healthServer } from '../../src/http/health.ts';
import { startHub, type TestHub } from '../support/hub.ts';

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

const scrape = (token: string) => request(hub.url).get('/metrics').set('Authorization', `Bearer ${token}`);

test('/metrics is for METRICS_TOKEN and the admin token alone; what stands on a port of its own needs none', async () => {
  assert.equal((await request(hub.url).get('/metrics')).status, 401);
  assert.equal((await scrape('metrics-token-of-the-test')).status, 401, 'nobody set it');
  const metricsPort = await findFreePort();
  const other = await startHub({
    env: { METRICS_TOKEN: 'metrics-token-of-the-test', METRICS_PORT: String(metricsPort) },
  });
  const server = healthServer(other.deps, { stopping: false }).listen(metricsPort, '127.0.0.1');
  try {
    const get = (url: string, token?: string) =>
      fetch(`${url}/metrics`, token ? { headers: { authorization: `Bearer ${token}` } } : {});
    assert.equal((await get(other.url, 'metrics-token-of-the-test')).status, 200);
    assert.equal((await get(other.url, other.adminToken)).status, 200);
    assert.equal((await get(other.url, 'metrics-token-of-another')).status, 401);
    assert.equal((await get(`http://127.0.0.1:${metricsPort}`)).status, 200);
    const api = await fetch(`${other.url}/api/v1/programs`, {
      headers: { authorization: 'Bearer metrics-token-of-the-test' },
    });
    assert.equal(api.status, 401, 'it reads nothing else');
  } finally {
    server.close();
    server.closeAllConnections();
    await other.stop();
  }
});

test('/livez and /health answer, /health with the time in milliseconds', async () => {
  assert.equal((await request(hub.url).get('/livez')).status, 200);
  const { status, body } = await request(hub.url).get('/health');
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(body as object), ['status', 'timestamp']);
  assert.equal(body.status, 'ok');
  assert.ok(Math.abs(body.timestamp - Date.now()) < 60_000);
});

test('/metrics tells Prometheus the requests by route, never by path', async () => {
  await request(hub.url).get('/livez');
  await request(hub.url).get('/nothing/at/all?secure=sk_live_abc');
  const { status, text, headers } = await scrape(hub.adminToken);
  assert.equal(status, 200);
  assert.match(headers['content-type'] ?? '', /^text\/plain/);
  assert.match(text, /tributary_http_request_duration_seconds_count\{method="GET",route="\/livez",status="200"\} \d/);
  assert.match(text, /tributary_http_request_duration_seconds_count\{method="GET",route="unmatched",status="404"\} 1/);
  assert.match(text, /tributary_inbox_waiting_rows 0/);
  assert.doesNotMatch(text, /nothing|sk_live/);
});

test('what is not there is a 404 with the request id that the header carries', async () => {
  const { status, body, headers } = await request(hub.url).get('/nowhere');
  assert.equal(status, 404);
  assert.equal(body.error.code, 'NOT_FOUND');
  assert.equal(body.error.requestId, headers['x-request-id']);
});
