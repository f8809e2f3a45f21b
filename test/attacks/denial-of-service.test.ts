import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { createServer } from 'node:http';
import { ApiClient } from '../api/api-client.ts';
import { make, makeAffiliate, makeLink, makeOffer, openApiProgram, type ApiProgram } from '../api/api-program.ts';
import { readRawBody } from '../../src/http/raw-body.ts';
import { serve } from '../../src/server.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';

// Each attack in its short form: what it did to the hub, and what bounds it now. `npm run bench -- attacks` measures them, and
// what another program feels meanwhile.

let api: ApiProgram;
let link: { id: string; code: string };
let referralCode: string;
let affiliateId: string;
before(async () => {
  api = await openApiProgram({ env: { RATE_LIMITS: 'on' } });
  const affiliate = await makeAffiliate(api.live);
  ({ referralCode, id: affiliateId } = affiliate);
  const offer = await makeOffer(api.live);
  link = await makeLink(api.live, { affiliateId: affiliate.id, offerId: offer.id });
});
after(() => api.stop());

const count = async (table: string): Promise<number> =>
  (await runSql<{ count: number }>(api.hub.db, `select count(*)::int as count from ${table}`))[0]?.count ?? -1;

/** Requests by tens, so that a short attack is short; the statuses, and how often each came. */
async function flood(times: number, send: (index: number) => Promise<Response>): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  for (let index = 0; index < times; index += 10) {
    const answers = await Promise.all(Array.from({ length: Math.min(10, times - index) }, (_, at) => send(index + at)));
    for (const answer of answers) {
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      await answer.arrayBuffer();
    }
  }
  return statuses;
}

const postJson = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(api.hub.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const scrape = async (): Promise<string> =>
  await (await fetch(`${api.hub.url}/metrics`, { headers: { authorization: `Bearer ${api.hub.adminToken}` } })).text();

describe('labels of metrics', () => {
  test('paths in other letters, unknown paths and strange methods make no time series', async () => {
    const spell = (path: string, index: number): string =>
      Array.from(path, (each, at) => ((index >> (at % 12)) & 1 ? each.toUpperCase() : each)).join('');
    const attackBases = (from: number) =>
      flood(300, (index) => fetch(`${api.hub.url}${spell('/affilut/api', from + index)}/v1/affiliates`));
    const attack = async (from: number) => {
      await attackBases(from);
      return flood(300, (index) => {
        const path =
          ['/api/v1/me', '/affitor/api/v1/track/click', `/r/${link.code}`, '/docs/guides/walk'][index % 4] ?? '';
        const method = ['GET', 'PROPFIND', 'MKCOL', 'LOCK'][index % 3 === 0 ? 0 : 1 + (index % 3)] ?? 'GET';
        return fetch(api.hub.url + spell(path, from + index) + (index % 2 ? `/${index}` : ''), {
          method,
          redirect: 'manual',
        });
      });
    };
    await attack(1);
    const before = await scrape();
    await attack(3_000);
    const after = await scrape();
    assert.ok(after.length < before.length + 4_000, `${before.length} bytes, then ${after.length}`);
    assert.ok(after.length < 100_000);
    const routes = new Set([...after.matchAll(/route="([^"]*)"/g)].map(([, route]) => route));
    for (const route of routes) assert.match(route ?? '', /^(\/[\w:./-]*|unmatched|asset|other)$/);
    assert.ok(![...routes].some((route) => /[A-Z]/.test((route ?? '').replaceAll(/:\w+/g, ''))), [...routes].join(' '));
    assert.ok(!routes.has('/r/r/:code'));
    assert.doesNotMatch(after, /method="(PROPFIND|MKCOL|LOCK)"/);
  });

  test('who has no token sees none of it, and many who have share one scrape', async () => {
    const answers = await flood(50, () => fetch(`${api.hub.url}/metrics`));
    assert.deepEqual(answers, { 401: 50 });
    const texts = await Promise.all(Array.from({ length: 20 }, scrape));
    assert.ok(texts.every((text) => text.includes('tributary_inbox_waiting_rows')));
  });
});

describe('rules of a source', () => {
  test('renaming more than 100 fields, or mapping more words, is refused in a short answer and short time', async () => {
    const many = Object.fromEntries(Array.from({ length: 1_900 }, (_, index) => [`field_${index}`, 'sub1']));
    for (const body of [
      { fields: many },
      { statuses: Object.fromEntries(Object.keys(many).map((key) => [key, 'sale'])) },
    ]) {
      const start = performance.now();
      const answer = await api.live.post('/sources', { kind: 'postback', ...body });
      assert.equal(answer.status, 400);
      assert.match(answer.text, /at most 100 entries/);
      assert.ok(answer.text.length < 6_000);
      assert.ok(performance.now() - start < 15_000);
    }
    const more = Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`f${index}`, 'sub1']));
    const start = performance.now();
    const refused = await api.live.post('/sources', { kind: 'postback', fields: more });
    assert.match(refused.text, /more than 2000 values/);
    assert.ok(performance.now() - start < 15_000);
    const hundred = Object.fromEntries(Object.entries(many).slice(0, 100));
    const made = await make<{ id: string }>(api.live, '/sources', { kind: 'postback', fields: hundred });
    assert.equal((await api.live.patch(`/sources/${made.id}`, { fields: many })).status, 400);
  });

  test('an old source with many still answers, and its rules are compiled once', async () => {
    const { id, url } = await make<{ id: string; url: string }>(api.live, '/sources', {
      kind: 'postback',
      requireKey: false,
    });
    const fields = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`field_${index}`, 'sub1']));
    await api.hub
      .db('sources')
      .where({ id })
      .update({ settings: api.hub.db.raw(`settings || ?`, [JSON.stringify({ fields })]) });
    const start = performance.now();
    const answers = await flood(20, (index) => fetch(`${url}?txid=${index}&sum=x`));
    assert.deepEqual(answers, { 400: 20 });
    assert.ok(performance.now() - start < 15_000, `${performance.now() - start} ms`);
  });
});

describe('bodies', () => {
  test('an anonymous one is read to 16 KiB, one of a key to 1 MiB, and one of a wrong key not at all', async () => {
    const large = JSON.stringify({ affiliate_url: 'https://x.example/?aff=x', filler: 'x'.repeat(20_000) });
    for (const path of ['/affitor/api/v1/track/click', '/affitor/api/v1/track/lead', '/api/v1/clicks/visitor']) {
      assert.equal((await postJson(path, large)).status, 413, path);
    }
    assert.equal(
      (await postJson('/affspace/api/v1/conversions', `{"secure":"x","filler":"${'x'.repeat(20_000)}"}`)).status,
      413,
    );
    const keyed = await postJson('/affspace/api/v1/conversions', large, { 'x-api-key': api.liveKey });
    assert.notEqual(keyed.status, 413);
    assert.equal((await postJson('/api/v1/affiliates', large, { authorization: 'Bearer sk_live_wrong' })).status, 401);
  });

  test('who proves nothing is refused before its body is sent', async () => {
    const { id: postback } = await make<{ id: string }>(api.live, '/sources', { kind: 'postback' });
    const { id: revenuecat } = await make<{ id: string }>(api.live, '/sources', {
      kind: 'revenuecat',
      authorization: 'right',
    });
    for (const [path, headers, status] of [
      ['/in/stripe/src_unknown', '', 404],
      ['/in/revenuecat/src_unknown', '', 404],
      ['/pb/src_unknown', '', 404],
      [`/pb/${postback}?secure=wrong`, '', 401],
      [`/in/revenuecat/${revenuecat}`, 'Authorization: wrong\r\n', 401],
      ['/api/v1/conversions', 'Authorization: Bearer wrong\r\n', 401],
      ['/affspace/api/v1/conversions', 'X-API-Key: wrong\r\n', 401],
    ] as const) {
      const socket = await open();
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n`,
      );
      const [answer] = (await once(socket, 'data')) as [Buffer];
      assert.match(String(answer), new RegExp(`^HTTP/1.1 ${status} `), path);
      socket.destroy();
    }
  });

  test('large ones that never end are held in bounded memory, and small ones pass meanwhile', async () => {
    const server = createServer((req, res) => {
      readRawBody(req).then(
        (body) => res.end(String(body.length)),
        (error: { status?: number }) => res.writeHead(error.status ?? 500).end(),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const sockets: Socket[] = [];
    let refused = 0;
    try {
      for (let index = 0; index < 90; index += 1) {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.on('data', (answer) => {
          if (String(answer).startsWith('HTTP/1.1 503')) refused += 1;
        });
        sockets.push(socket);
        await once(socket, 'connect');
        socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(900_000)}`);
      }
      await waitUntil('the bound is reached', async () => refused > 0);
      const small = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'x'.repeat(16_000) });
      assert.deepEqual([small.status, await small.text()], [200, '16000']);
      for (const socket of sockets) socket.destroy();
      await waitUntil('they are gone', async () => {
        const large = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'x'.repeat(900_000) });
        return large.status === 200;
      });
    } finally {
      for (const socket of sockets) socket.destroy();
      server.close();
      server.closeAllConnections();
    }
  });

  test('whoever does not finish a request is cut off', () => {
    const web = serve(api.hub.deps);
    assert.equal(web.server.requestTimeout, 30_000);
    assert.ok(web.server.headersTimeout <= web.server.requestTimeout);
    assert.ok(web.server.maxConnections > 0 && web.server.maxConnections < 10_000);
  });

  async function open(): Promise<Socket> {
    const socket = connect(Number(new URL(api.hub.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }
});

describe('answers', () => {
  test('a body of as many mistakes as it may have values is answered with at most 20 of them', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 1_990 }, (_, index) => [`unknown${index}`, 1]));
    const query = Array.from({ length: 300 }, (_, index) => `a${index}=1`).join('&');
    for (const answer of [
      await api.live.post('/offers', unknown),
      await api.live.post('/affiliates', { couponCodes: Array.from({ length: 100 }, () => '') }),
      await api.live.post('/webhook-endpoints/whe_1/test', unknown),
      await api.live.get(`/offers?${query}`),
    ]) {
      assert.ok(answer.status === 400 || answer.status === 404, answer.text);
      assert.ok(Object.keys(answer.body.error.details ?? {}).length <= 20);
      assert.ok(answer.text.length < 8_000, `${answer.text.length}`);
    }
  });

  test('a 400 is not kept by its Idempotency-Key: the mended call goes through under the same key', async () => {
    const keys = await count('idempotency_keys');
    for (let index = 0; index < 20; index += 1) {
      const answer = await api.live.post('/affiliates', { displayName: 'x' }, { 'idempotency-key': `wrong-${index}` });
      assert.equal(answer.status, 400);
    }
    assert.equal(await count('idempotency_keys'), keys);
    const body = { displayName: 'Mended', email: 'mended@example.com' };
    assert.equal((await api.live.post('/affiliates', body, { 'idempotency-key': 'wrong-1' })).status, 201);
  });
});

describe('limits per network', () => {
  test('past 600 clicks of a link a minute visitors are led on without one, and counted apart', async () => {
    // Of its own: in the minute before, the one above may have been followed in other letters.
    const followed = await makeLink(api.live, { affiliateId, offerId: (await makeOffer(api.live)).id });
    const clicks = await count('clicks');
    const visit = () => fetch(`${api.hub.url}/r/${followed.code}`, { redirect: 'manual' });
    assert.deepEqual(await flood(640, visit), { 302: 640 });
    assert.equal((await count('clicks')) - clicks, 600);
    const past = await visit();
    assert.equal(past.headers.get('location'), 'https://shop.example/');
    assert.match(await scrape(), /tributary_clicks_past_limit_total 4[1-9]/);
    const other = await makeLink(api.live, { affiliateId, offerId: (await makeOffer(api.live)).id });
    const apart = await fetch(`${api.hub.url}/r/${other.code}`, { redirect: 'manual' });
    assert.match(apart.headers.get('location') ?? '', /click_id=clk_/, 'another link has its own count');
  });

  test('clicks by script past 600 get 429, codes that lead nowhere too', async () => {
    const visitor = await flood(620, () => postJson('/api/v1/clicks/visitor', { ref: referralCode }));
    assert.deepEqual(visitor, { 201: 600, 429: 20 });
    const body = { affiliate_url: `https://x.example/?aff=${referralCode}` };
    const affitor = await flood(20, () => postJson('/affitor/api/v1/track/click', body));
    assert.deepEqual(affitor, { 429: 20 }, 'both scripts tell of the same clicks');
    const unknown = await flood(620, (index) => fetch(`${api.hub.url}/r/none${index}`));
    assert.deepEqual(unknown, { 404: 600, 429: 20 });
  });

  test('leads without a key past 20 get 429, those with one pass', async () => {
    const lead = { click_id: 'clk_none', customer_key: 'c1' };
    const statuses = await flood(40, () => postJson('/affitor/api/v1/track/lead', lead));
    assert.equal(statuses[429], 20);
    const keyed = await postJson('/affitor/api/v1/track/lead', lead, { authorization: `Bearer ${api.liveKey}` });
    assert.equal(keyed.status, 400, 'it is looked at');
  });

  test('keyless postbacks past 6 000 get 429, but not where the source names who may send', async () => {
    const [open, named] = await Promise.all(
      [{}, { allowedCidrs: ['127.0.0.1'] }].map((more) =>
        make<{ url: string }>(api.live, '/sources', { kind: 'postback', requireKey: false, ...more }),
      ),
    );
    // All but the last ones are counted at once.
    const policy = { name: 'keyless-postbacks', limit: 6_000, windowS: 60 };
    const usage = await api.hub.deps.rateLimits.count(policy, '127.0.0.1', 0);
    await api.hub.deps.rateLimits.count(policy, '127.0.0.1', (usage?.remaining ?? 0) - 10);
    assert.deepEqual(await flood(20, () => fetch(`${open?.url}?sum=x`)), { 400: 10, 429: 10 });
    assert.deepEqual(await flood(20, () => fetch(`${named?.url}?sum=x`)), { 400: 20 });
  });

  test('a missing key counts like a wrong one, and right ones pass', async () => {
    const none = await flood(150, () => fetch(`${api.hub.url}/api/v1/me`));
    assert.ok((none[429] ?? 0) >= 50, JSON.stringify(none));
    const dialect = await flood(10, () => fetch(`${api.hub.url}/attro/api/v1/offers`));
    assert.deepEqual(dialect, { 429: 10 });
    assert.equal((await api.live.get('/me')).status, 200);
  });

  test('behind a proxy that nobody named they do not apply, and the log says what to set', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => lines.push(line) });
    const hub = await openApiProgram({ env: { RATE_LIMITS: 'on' }, log });
    try {
      const through = () => fetch(`${hub.hub.url}/r/none`, { headers: { 'x-forwarded-for': '203.0.113.9' } });
      assert.deepEqual(await flood(620, through), { 404: 620 });
      assert.equal(lines.filter((line) => line.includes('TRUST_PROXY')).length, 1, 'once, not with each request');
    } finally {
      await hub.stop();
    }
    const trusting = await openApiProgram({ env: { RATE_LIMITS: 'on', TRUST_PROXY: '1' } });
    try {
      const from = (address: string) => () =>
        fetch(`${trusting.hub.url}/r/none`, { headers: { 'x-forwarded-for': address } });
      assert.deepEqual(await flood(620, from('203.0.113.9')), { 404: 600, 429: 20 });
      assert.deepEqual(await flood(10, from('203.0.113.10')), { 404: 10 }, 'each visitor for itself');
    } finally {
      await trusting.stop();
    }
  });

  test('RATE_LIMITS=off switches all of them off', async () => {
    const hub = await openApiProgram();
    try {
      assert.deepEqual(await flood(620, () => fetch(`${hub.hub.url}/r/none`)), { 404: 620 });
      const none = new ApiClient(hub.hub.url, null);
      for (let index = 0; index < 120; index += 1) assert.equal((await none.get('/me')).status, 401);
    } finally {
      await hub.stop();
    }
  });
});
