import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { createSignInLink } from '../../src/program/sign-in-links.ts';
import { makeAffiliate, makeKey, openApiProgram, type ApiProgram } from '../api/api-program.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';

const ours = { 'tributary-console': '1', 'sec-fetch-site': 'same-origin' };

describe('sessions of the console', () => {
  let api: ApiProgram;
  let time = new Date();

  before(async () => {
    api = await openApiProgram({ clock: { now: () => time } });
  });
  after(() => api.stop());

  const at = (path: string): string => `${api.hub.url}/console${path}`;

  async function signIn(credential: string, headers: Record<string, string> = ours): Promise<Response> {
    return await fetch(at('/session'), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ credential }),
    });
  }

  /** The cookie of an answer, as a browser sends it back. */
  function cookieOf(answer: Response): string {
    return answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  }

  async function cookieFor(credential: string): Promise<string> {
    const answer = await signIn(credential);
    assert.equal(answer.status, 200, await answer.clone().text());
    return cookieOf(answer);
  }

  async function ask(cookie: string, path: string, init: RequestInit = {}): Promise<Response> {
    return await fetch(at(path), {
      ...init,
      headers: { cookie, ...ours, ...(init.headers as Record<string, string>) },
    });
  }

  async function whoIs(cookie: string): Promise<unknown> {
    const { data } = (await (await ask(cookie, '/session')).json()) as { data: unknown };
    return data;
  }

  it('hold no key: the cookie is sealed, out of reach of scripts, and of this path alone', async () => {
    const answer = await signIn(api.liveKey);
    const header = answer.headers.get('set-cookie') ?? '';
    assert.match(header, /^tributary_console=[\w.-]+; Path=\/console; HttpOnly; SameSite=Lax; Max-Age=43200$/);
    assert.ok(!header.includes(api.liveKey));
    const { data } = (await answer.json()) as { data: Record<string, unknown> };
    assert.deepEqual([data['role'], data['mode']], ['operator', 'live']);
    assert.ok(!JSON.stringify(data).includes(api.liveKey));
  });

  it('call the native API, as the key may', async () => {
    const operator = await cookieFor(api.liveKey);
    const viewer = await cookieFor(await makeKey(api.admin, api.programId, 'live', 'read'));
    assert.equal((await ask(operator, '/api/affiliates')).status, 200);
    assert.equal((await ask(viewer, '/api/affiliates')).status, 200);
    const affiliate = { displayName: 'Jane', email: 'jane@example.com' };
    const create = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(affiliate) };
    assert.equal((await ask(viewer, '/api/affiliates', create)).status, 403);
    assert.equal((await ask(operator, '/api/affiliates', create)).status, 201);
    const file = `/api/in/${api.programId}/live/exports/affiliates.csv?status=active`;
    for (const cookie of [operator, await cookieFor(api.hub.adminToken)]) {
      const answer = await fetch(at(file), { headers: { cookie } });
      assert.match(answer.headers.get('content-disposition') ?? '', /^attachment; filename="?affiliates-/);
      assert.match(await answer.text(), /jane@example\.com/);
    }
    assert.equal(
      (await fetch(at(file.replace(api.programId, 'prg_other')), { headers: { cookie: operator } })).status,
      404,
    );
    assert.equal((await fetch(at(file))).status, 401);
    const log = (await api.live.get('/audit-events?action=affiliate.created')).body.data;
    assert.equal(log[0].actor.kind, 'key');
    assert.equal((await ask('', '/api/affiliates')).status, 401);
    assert.equal((await ask('tributary_console=eyJhbGciOiJkaXIi.x.y.z.w', '/api/affiliates')).status, 401);
  });

  it('of the owner act in the program and mode that they name; keys in their own alone', async () => {
    const owner = await cookieFor(api.hub.adminToken);
    const within = (programId: string, mode: string) => ({
      headers: { 'tributary-program': programId, 'tributary-mode': mode },
    });
    await makeAffiliate(api.test, { email: 'in-test@example.com' });
    const list = async (mode: string): Promise<string[]> => {
      const answer = await ask(owner, '/api/affiliates', within(api.programId, mode));
      const { data } = (await answer.json()) as { data: { email: string }[] };
      return data.map(({ email }) => email);
    };
    assert.ok((await list('test')).includes('in-test@example.com'));
    assert.equal((await ask(owner, '/api/affiliates')).status, 403);
    assert.equal((await ask(owner, '/api/programs')).status, 200);
    assert.equal((await ask(owner, '/api/affiliates', within('prg_nowhere', 'live'))).status, 404);
    const source = (await api.live.post('/sources', { kind: 'stripe', signingSecrets: ['whsec_x'] })).body.data;
    const shown = await ask(owner, `/api/sources/${source.ref}`, within(api.programId, 'live'));
    assert.equal(((await shown.json()) as { data: { url: string } }).data.url, source.url);
    const { data } = (await (await ask(owner, '/session')).json()) as { data: { role: string; programs: object[] } };
    assert.deepEqual([data.role, data.programs.length], ['owner', 2]);
    const operator = await cookieFor(api.liveKey);
    assert.equal((await ask(operator, '/api/affiliates', within(api.programId, 'live'))).status, 200);
    const { programId: other } = (await api.stranger.get('/me')).body.data;
    assert.equal((await ask(operator, '/api/affiliates', within(other, 'live'))).status, 404);
    assert.equal((await ask(operator, '/api/programs')).status, 403);
  });

  it('change nothing for pages of other sites, though the cookie comes along', async () => {
    const cookie = await cookieFor(api.liveKey);
    const body = JSON.stringify({ displayName: 'Mallory', email: 'mallory@example.com' });
    const post = (headers: Record<string, string>): Promise<Response> =>
      fetch(at('/api/affiliates'), {
        method: 'POST',
        body,
        headers: { cookie, 'content-type': 'application/json', ...headers },
      });
    const own = { 'tributary-console': '1' };
    for (const headers of [
      {},
      { 'sec-fetch-site': 'same-origin' },
      { ...own, 'sec-fetch-site': 'cross-site' },
      { ...own, 'sec-fetch-site': 'same-site' },
      { ...own, 'sec-fetch-site': 'none' },
      { ...own, origin: 'https://evil.example' },
      { ...own, origin: 'null' },
      own,
    ]) {
      assert.equal((await post(headers)).status, 403, JSON.stringify(headers));
    }
    assert.equal((await signIn(api.liveKey, { origin: 'https://evil.example' })).status, 403);
    assert.deepEqual((await api.live.get('/affiliates?q=Mallory')).body.data, []);
    assert.equal((await post({ ...own, origin: api.hub.url })).status, 201);
  });

  it('end with their key: within five seconds everywhere, in this process at once', async () => {
    const { body } = await api.live.post('/api-keys', { name: 'short', mode: 'live', access: 'read' });
    const cookie = await cookieFor(body.data.key);
    assert.equal((await ask(cookie, '/api/offers')).status, 200);
    assert.equal((await api.live.delete(`/api-keys/${body.data.id}`)).status, 204);
    await waitUntil('the session is over', async () => (await ask(cookie, '/api/offers')).status === 401, {
      timeoutMs: 5_000,
    });
  });

  it('end after twelve hours without a request and after seven days in any case', async () => {
    const HOUR_MS = 3_600_000;
    const start = time.getTime();
    const cookie = await cookieFor(api.liveKey);
    const afterHours = (hours: number): void => {
      time = new Date(start + hours * HOUR_MS);
    };
    try {
      afterHours(11.9);
      const kept = await ask(cookie, '/session');
      assert.notEqual(((await kept.json()) as { data: unknown }).data, null);
      let current = cookieOf(kept);
      assert.notEqual(current, cookie);
      afterHours(12.1);
      assert.equal(await whoIs(cookie), null);
      for (let hours = 20; hours < 168; hours += 8) {
        afterHours(hours);
        const answer = await ask(current, '/session');
        assert.notEqual(((await answer.json()) as { data: unknown }).data, null, `${hours} hours`);
        current = cookieOf(answer) || current;
      }
      afterHours(168.1);
      assert.equal(await whoIs(current), null);
      assert.equal((await ask(current, '/api/offers')).status, 401);
    } finally {
      time = new Date();
    }
  });

  it('are not for keys that read nothing, unknown keys, or bodies that are none', async () => {
    const ingest = await makeKey(api.admin, api.programId, 'live', 'ingest');
    assert.equal((await signIn(ingest)).status, 403);
    assert.equal((await signIn('sk_live_nobody')).status, 401);
    for (const body of ['', '{}', '[]', '{"credential":7}', '{"credential":" "}', '{']) {
      const headers = { 'content-type': 'application/json', ...ours };
      assert.equal((await fetch(at('/session'), { method: 'POST', headers, body })).status, 400, body);
    }
  });

  it('begin by a link, once, within fifteen minutes, at the address of the hub', async () => {
    const byLink = (link: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(at('/session'), {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...ours, ...headers },
        body: JSON.stringify({ link }),
      });
    const make = async (): Promise<string> => (await createSignInLink(api.hub.db, { opens: 'console' }, time)).token;
    const token = await make();
    const answers = await Promise.all(Array.from({ length: 8 }, () => byLink(token)));
    const [first, ...further] = answers.filter(({ status }) => status === 200);
    assert.ok(first);
    assert.deepEqual(further, []);
    assert.equal(answers.filter(({ status }) => status === 401).length, 7);
    assert.equal((await ask(cookieOf(first), '/api/programs')).status, 200);
    const late = await make();
    const start = time;
    time = new Date(start.getTime() + 15 * 60_000);
    assert.equal((await byLink(late)).status, 401);
    time = start;
    assert.equal((await byLink(late)).status, 200);
    assert.equal((await byLink('nothing')).status, 401);
    const kept = await runSql<{ all: string }>(api.hub.db, 'select sign_in_links::text as "all" from sign_in_links');
    assert.ok(!JSON.stringify(kept).includes(token));
    const affiliate = await makeAffiliate(api.live, { email: 'portal@example.com' });
    const link = { opens: 'portal', programId: api.programId, affiliateId: affiliate.id } as const;
    const { token: portal } = await createSignInLink(api.hub.db, link, time);
    assert.equal((await byLink(portal)).status, 401);
  });

  it('do not begin by a link at another name that leads to the hub', async () => {
    const { token } = await createSignInLink(api.hub.db, { opens: 'console' }, time);
    const status = await new Promise<number>((resolve, reject) => {
      const { port } = new URL(api.hub.url);
      const headers = { host: 'evil.example', 'content-type': 'application/json', ...ours };
      const sent = request({ host: '127.0.0.1', port, path: '/console/session', method: 'POST', headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      sent.on('error', reject);
      sent.end(JSON.stringify({ link: token }));
    });
    assert.equal(status, 403);
  });

  it('are ended by whoever began them', async () => {
    const cookie = await cookieFor(api.liveKey);
    const answer = await ask(cookie, '/session', { method: 'DELETE' });
    assert.equal(answer.status, 204);
    assert.match(answer.headers.get('set-cookie') ?? '', /^tributary_console=; .*Max-Age=0$/);
  });
});

describe('the pages of the console', () => {
  let api: ApiProgram;
  before(async () => {
    api = await openApiProgram({ env: { PUBLIC_URL: 'https://hub.example/affiliates' } });
  });
  after(() => api.stop());

  it('are a skeleton that is seen without a script, under a policy that lets nothing in from elsewhere', async () => {
    const answer = await fetch(`${api.hub.url}/console/prg_any/live/inbox/ibx_1`, { headers: { accept: 'text/html' } });
    assert.equal(answer.status, 200);
    assert.equal(
      answer.headers.get('content-security-policy'),
      "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data:;connect-src 'self';font-src 'self';base-uri 'none';form-action 'self';frame-ancestors 'none'",
    );
    assert.equal(answer.headers.get('cache-control'), 'no-cache');
    const html = await answer.text();
    assert.match(html, /src="\/affiliates\/console\/assets\/main-\w+\.js"/);
    assert.doesNotMatch(html, /<script(?![^>]*src=)|style="|http/);
  });

  it('name files that are kept for good, packed as the browser takes them', async () => {
    const html = await (await fetch(`${api.hub.url}/console`, { headers: { accept: 'text/html' } })).text();
    const names = [...html.matchAll(/console\/assets\/([\w.-]+)"/g)].map(([, name]) => name ?? '');
    assert.equal(names.length, 2);
    for (const name of names) {
      for (const encoding of ['br', 'gzip', 'identity']) {
        const url = `${api.hub.url}/console/assets/${name}`;
        const answer = await fetch(url, { headers: { 'accept-encoding': encoding } });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get('content-encoding'), encoding === 'identity' ? null : encoding);
        assert.equal(answer.headers.get('cache-control'), 'public, max-age=31536000, immutable');
        assert.ok((await answer.text()).length > 1_000);
      }
    }
    assert.equal((await fetch(`${api.hub.url}/console/assets/main-OLD.js`)).status, 404);
    const cookie = await fetch(`${api.hub.url}/console/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...ours },
      body: JSON.stringify({ credential: api.liveKey }),
    });
    assert.match(
      cookie.headers.get('set-cookie') ?? '',
      /; Path=\/affiliates\/console; HttpOnly; SameSite=Lax; Secure; /,
    );
  });
});
