import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import request from 'supertest';
import { createLogger } from '../../src/process/logging.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { waitUntil } from '../support/wait-until.ts';

let hub: TestHub;
let lines: string[] = [];
const log = createLogger({ level: 'debug', role: 'test' }, { write: (line) => void lines.push(line) });

before(async () => {
  hub = await startHub({ log, worker: false });
});
beforeEach(() => {
  lines = [];
});
after(() => hub.stop());

interface RequestLine {
  level: number;
  requestId: string;
  path: string;
  status: number;
  durationMs: number;
}

/** The line about one request; it is written when the connection is through with the answer. */
function findLine(requestId: string | undefined): Promise<RequestLine> {
  return waitUntil('the line of the request', () =>
    lines.map((line) => JSON.parse(line) as RequestLine & { msg: string }).find((line) => line.requestId === requestId),
  );
}

test('each request is one line with its id, path, status and time', async () => {
  const { headers, body } = await request(hub.url).get('/api/v1/affiliates').set('Authorization', 'Bearer sk_live_x');
  const line = await findLine(headers['x-request-id']);
  assert.equal(body.error.requestId, line.requestId);
  assert.equal(line.path, '/api/v1/affiliates');
  assert.equal(line.status, 401);
  assert.ok(line.durationMs >= 0);
});

test('query strings, authorization headers and keys are in no line', async () => {
  const { headers } = await request(hub.url)
    .get('/pb/src_nowhere?secure=sk_live_SECRET1&customer_email=person%40example.com')
    .set('X-API-Key', 'sk_live_SECRET2')
    .set('Authorization', 'Bearer sk_live_SECRET3')
    .set('Cookie', 'session=SECRET4');
  await findLine(headers['x-request-id']);
  assert.doesNotMatch(lines.join(''), /SECRET|person/);
});

test('a secret that is logged by mistake is blotted out', () => {
  log.info({ source: { signingSecrets: ['whsec_SECRET'] }, headers: { 'x-api-key': 'sk_SECRET' }, password: 'SECRET' });
  assert.doesNotMatch(lines.join(''), /SECRET/);
  assert.match(lines.join(''), /\[redacted\]/);
});

test('a failure is logged with its error, without the row that the database quotes', async () => {
  await hub.db.raw('alter table affiliates rename to affiliates_away');
  const { body } = await request(hub.url)
    .post('/api/v1/programs')
    .set('Authorization', `Bearer ${hub.adminToken}`)
    .send({
      name: 'Program',
    });
  const made = await request(hub.url)
    .post(`/api/v1/programs/${body.data.id}/api-keys`)
    .set('Authorization', `Bearer ${hub.adminToken}`)
    .send({ name: 'key', mode: 'live', access: 'write' });
  const { status, headers, text } = await request(hub.url)
    .get('/api/v1/affiliates')
    .set('Authorization', `Bearer ${made.body.data.key}`);
  await hub.db.raw('alter table affiliates_away rename to affiliates');
  assert.equal(status, 500);
  assert.doesNotMatch(text, /relation|affiliates/);
  const line = (await findLine(headers['x-request-id'])) as RequestLine & { err: { code: string; detail?: string } };
  assert.equal(line.level, 50);
  assert.equal(line.err.code, '42P01');
  const refused = Object.assign(new Error('violates'), { code: '23502', detail: 'Failing row contains (person)' });
  log.error({ err: refused });
  assert.doesNotMatch(lines.join(''), /person/);
});

test('pages carry the security headers, what other sites embed does not forbid it', async () => {
  const page = await request(hub.url).get('/api/v1/affiliates');
  assert.equal(page.headers['x-content-type-options'], 'nosniff');
  assert.equal(page.headers['x-powered-by'], undefined);
  assert.match(page.headers['content-security-policy'] ?? '', /default-src 'self'/);
  assert.equal(page.headers['access-control-allow-origin'], undefined);
  const pixel = await request(hub.url).get('/pb/src_nowhere');
  assert.equal(pixel.headers['cross-origin-resource-policy'], 'cross-origin');
  const link = await request(hub.url)
    .options('/r/code')
    .set('Origin', 'https://x.example')
    .set('Access-Control-Request-Method', 'GET');
  assert.equal(link.status, 204);
  assert.equal(link.headers['access-control-allow-origin'], '*');
  assert.equal(link.headers['access-control-allow-credentials'], undefined);
});
