import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { ApiClient } from '../api/api-client.ts';
import { makeKey, openApiProgram, type ApiProgram } from '../api/api-program.ts';
import { openHttpProgram, type HttpProgram } from '../journeys/http-program.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { statementsOf } from '../support/statements.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openLive, type LiveStream } from './live-stream.ts';

const ours = { 'tributary-console': '1', 'sec-fetch-site': 'same-origin' };

async function signIn(hub: TestHub, credential: string): Promise<string> {
  const answer = await fetch(`${hub.url}/console/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...ours },
    body: JSON.stringify({ credential }),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.headers.get('set-cookie')?.split(';')[0] ?? '';
}

describe('what the console tells while somebody watches', () => {
  let hub: TestHub;
  let program: HttpProgram;
  let cookie: string;
  let open: LiveStream[] = [];

  before(async () => {
    hub = await startHub();
    program = await openHttpProgram(hub);
    cookie = await signIn(hub, program.key);
  });
  after(() => hub.stop());
  afterEach(() => {
    for (const stream of open) stream.close();
    open = [];
  });

  const watch = async (more: Record<string, string> = {}, query = ''): Promise<LiveStream> => {
    const url = `${hub.url}/console/live?program=${program.id}&mode=live${query}`;
    const stream = await openLive(url, { cookie, ...more });
    open.push(stream);
    return stream;
  };
  let orders = 0;
  const sell = async (): Promise<void> => {
    orders += 1;
    const sale = { order_id: `L-${orders}`, amount: 10, currency: 'USD', affiliate_id: 'partner-one' };
    await program.api.post('/conversions', sale);
  };
  const inbox = async (): Promise<string[]> => {
    const { data } = (await program.api.get('/inbox-events?limit=100')).body;
    return (data as { id: string }[]).map(({ id }) => id);
  };

  it('is a new event within 1.5 s, its conversion and its messages, by id, kind and time alone', async () => {
    const stream = await watch();
    for (let n = 0; n < 5; n += 1) {
      const start = Date.now();
      const before = stream.ids('inbox_event').length;
      await sell();
      await waitUntil('the event is told', () => stream.ids('inbox_event').length > before);
      assert.ok(Date.now() - start < 1_500, `${Date.now() - start} ms`);
      await wait(170);
    }
    await program.settled();
    await waitUntil(
      'all of it is told',
      () => stream.ids('conversion').length === 5 && stream.ids('message').length >= 5,
    );
    await wait(2_500);
    assert.equal(new Set(stream.ids()).size, stream.ids().length, 'told twice');
    const [first] = stream.events.flatMap(({ news }) => news);
    assert.deepEqual(Object.keys(first ?? {}).sort(), ['at', 'id', 'kind']);
    assert.ok(stream.events.every(({ isMore }) => !isMore));
  });

  it('costs one query a second, were there fifty, and none when nobody watches', async () => {
    for (let n = 0; n < 50; n += 1) await watch();
    await wait(1_100);
    const names = await statementsOf(() => wait(3_000));
    const asked = names.filter((name) => name === 'readNews').length;
    assert.ok(asked >= 2 && asked <= 4, `${asked} in 3 s`);
    assert.ok(names.filter((name) => name === 'findPrincipalOf').length <= 2, names.join());
    for (const stream of open) stream.close();
    await Promise.all(open.map(({ ended }) => ended));
    await wait(500);
    assert.ok(!(await statementsOf(() => wait(2_000))).includes('readNews'));
  });

  it('goes on for all of the fifty', async () => {
    const streams = await Promise.all(Array.from({ length: 50 }, () => watch()));
    await wait(1_100);
    await sell();
    await waitUntil('all have heard', () => streams.every((stream) => stream.ids('inbox_event').length > 0));
  });

  it('is resumed by Last-Event-ID, or by `after`, and nothing is lost', async () => {
    const stream = await watch();
    await sell();
    await waitUntil('the first is told', () => stream.ids('inbox_event').length > 0);
    const seen = stream.lastEventId();
    stream.close();
    const known = new Set(stream.ids());
    for (let n = 0; n < 7; n += 1) await sell();
    await wait(3_000);
    const missed = (await inbox()).slice(0, 7);
    const again = await watch({ 'last-event-id': seen });
    const other = await watch({}, `&after=${seen}`);
    await sell();
    for (const each of [again, other]) {
      await waitUntil('all of it is told', () => missed.every((id) => each.ids().includes(id)));
      await waitUntil('and what came since', async () => {
        const [newest = ''] = await inbox();
        return each.ids().includes(newest);
      });
      assert.ok(each.events.every(({ isMore }) => !isMore));
    }
    assert.ok(missed.every((id) => !known.has(id)));
  });

  it('says so where there is more than it names', async () => {
    const stream = await watch();
    const { db } = hub.deps;
    await db.raw(
      `insert into inbox_events (id, program_id, kind, livemode, raw, status, next_enqueue_at, received_at, settled_at)
       select 'ibx_' || lpad(to_hex(:ms::bigint), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'), :programId, 'conversion', true,
         '{}', 'ignored', now(), now(), now() from generate_series(1, 1500) n`,
      { ms: Date.now() + 50, programId: program.id },
    );
    const told = await waitUntil('they are told', () => stream.events.find(({ isMore }) => isMore));
    assert.equal(told.news.filter(({ kind }) => kind === 'inbox_event').length, 1_000);
  });

  it('is of one program and one mode: nothing of another is heard, nor asked for', async () => {
    const other = await openHttpProgram(hub, { program: { name: 'Other' } });
    const theirs = await signIn(hub, other.key);
    const stream = await openLive(`${hub.url}/console/live?program=${other.id}&mode=live`, { cookie: theirs });
    const testKey = await makeKey(new ApiClient(hub.url, hub.adminToken), program.id, 'test', 'read');
    const inTest = await openLive(`${hub.url}/console/live?program=${program.id}&mode=test`, {
      cookie: await signIn(hub, testKey),
    });
    open.push(stream, inTest);
    const own = await watch();
    await sell();
    await waitUntil('the own one has heard', () => own.ids('inbox_event').length > 0);
    await wait(1_200);
    assert.deepEqual([stream.ids('inbox_event'), stream.ids('conversion'), inTest.ids()], [[], [], []]);
    assert.ok(stream.ids().every((id) => !own.ids().includes(id)));
    const statusOf = async (query: string, as = cookie): Promise<number> => {
      const answer = await fetch(`${hub.url}/console/live?${query}`, { method: 'HEAD', headers: { cookie: as } });
      return answer.status;
    };
    assert.equal(await statusOf(`program=${program.id}&mode=live`), 200);
    assert.equal(await statusOf(`program=${program.id}&mode=live`, theirs), 404);
    assert.equal(await statusOf(`program=${program.id}&mode=test`), 404);
    assert.equal(await statusOf(`program=${program.id}&mode=live`, ''), 401);
    assert.equal(await statusOf(`program=${program.id}`), 400);
    const owner = await signIn(hub, hub.adminToken);
    assert.equal(await statusOf(`program=${other.id}&mode=test`, owner), 200);
    assert.equal(await statusOf('program=prg_none&mode=test', owner), 404);
  });

  it('is what the scopes of a key let it read', async () => {
    const { body } = await program.api.post('/api-keys', {
      name: 'orders',
      mode: 'live',
      scopes: ['conversions:read'],
    });
    const stream = await openLive(`${hub.url}/console/live?program=${program.id}&mode=live`, {
      cookie: await signIn(hub, body.data.key),
    });
    open.push(stream);
    await sell();
    await waitUntil('the conversion is told', () => stream.ids('conversion').length > 0);
    await wait(1_200);
    assert.deepEqual(
      new Set(stream.events.flatMap(({ news }) => news.map(({ kind }) => kind))),
      new Set(['conversion']),
    );
  });

  it('ends within five seconds of the end of the key', async () => {
    const { body } = await program.api.post('/api-keys', { name: 'short', mode: 'live', access: 'read' });
    const stream = await openLive(`${hub.url}/console/live?program=${program.id}&mode=live`, {
      cookie: await signIn(hub, body.data.key),
    });
    open.push(stream);
    await wait(1_200);
    // By another process, of which this one hears nothing.
    await hub.db.raw(`update api_keys set revoked_at = now() where id = ?`, [body.data.id]);
    const start = Date.now();
    await stream.ended;
    assert.ok(Date.now() - start < 5_000, `${Date.now() - start} ms`);
  });

  it('is told to a hundred pages of a key at most', async () => {
    await Promise.all(Array.from({ length: 100 }, () => watch()));
    await assert.rejects(watch(), /^Error: 429: .*At most 100/);
    open[0]?.close();
    await waitUntil('there is room again', () => watch().then(() => true));
  });
});

describe('the end of what is told', () => {
  it('comes with that of the process, at once', async () => {
    const api: ApiProgram = await openApiProgram();
    const stream = await openLive(`${api.hub.url}/console/live?program=${api.programId}&mode=live`, {
      cookie: await signIn(api.hub, api.liveKey),
    });
    const start = Date.now();
    await Promise.all([api.stop(), stream.ended.then(() => assert.ok(Date.now() - start < 500))]);
  });

  it('comes with that of the session, and an open page does not prolong it', async () => {
    let time = new Date();
    const api = await openApiProgram({ clock: { now: () => time } });
    try {
      const cookie = await signIn(api.hub, api.hub.adminToken);
      const stream = await openLive(`${api.hub.url}/console/live?program=${api.programId}&mode=live`, { cookie });
      time = new Date(time.getTime() + 12 * 3_600_000);
      await stream.ended;
    } finally {
      await api.stop();
    }
  });
});
