import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import pino from 'pino';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { everythingOf } from '../../../src/domain/scope.ts';
import { createDatabase } from '../../../src/db/database.ts';
import { placeOf } from '../../../src/outbound/endpoints/endpoint-rows.ts';
import { createAddressGuard } from '../../../src/outbound/guard/address-guard.ts';
import { commandLine } from '../../../src/domain/actor.ts';
import { rotateSecret } from '../../../src/outbound/endpoints/rotate-secret.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import {
  createEndpoint,
  createProgram,
  createSender,
  draftMessage,
  FakeClock,
  readAttempts,
  readDeliveries,
  secret,
  secrets,
  writeDrafts,
} from '../fixtures.ts';
import { startReceiver, type Receiver, type Respond } from '../receiver.ts';

let database: TestDatabase;
let programId: string;
let receiver: Receiver;
let respond: Respond;

before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

beforeEach(async () => {
  programId = await createProgram(database.db);
  respond = (_request, response) => response.end('ok');
  receiver = await startReceiver((...all) => respond(...all));
});
afterEach(async () => {
  await receiver.close();
  await database.db.raw('truncate messages, deliveries, delivery_attempts, webhook_endpoints cascade');
});

describe('a delivery', () => {
  test('arrives signed, and both libraries verify it', async () => {
    await createEndpoint(database.db, programId, receiver.url);
    const ids = await writeDrafts(database.db, [
      draftMessage(programId, { data: { name: 'Zoë' }, previous: { a: 1 } }),
    ]);
    const sender = createSender(database.db);
    await sender.wake(ids);
    await sender.idle();
    await sender.close();

    const [request] = receiver.received;
    assert.ok(request);
    assert.equal(request.method, 'POST');
    assert.equal(request.headers['content-type'], 'application/json');
    assert.match(request.headers['user-agent'] ?? '', /^Tributary\/\d/);
    new SvixWebhook(secret).verify(request.body, request.headers);
    const body = new StandardWebhook(secret).verify(request.body, request.headers) as Record<string, unknown>;
    assert.deepEqual(Object.keys(body), ['id', 'type', 'createdAt', 'livemode', 'programId', 'data', 'previous']);
    assert.equal(body.id, request.headers['webhook-id']);
    assert.deepEqual([body.data, body.previous, body.livemode], [{ name: 'Zoë' }, { a: 1 }, true]);
  });

  test('is recorded with its attempt', async () => {
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    await send([draftMessage(programId)]);
    const [delivery] = await readDeliveries(database.db);
    assert.deepEqual(
      [delivery?.status, delivery?.attempts, delivery?.nextAttemptAt, delivery?.lockedUntil],
      ['succeeded', 1, null, null],
    );
    const [attempt] = await readAttempts(database.db);
    assert.deepEqual(
      [attempt?.status, attempt?.responseStatus, attempt?.responseBody, attempt?.trigger, attempt?.endpointId],
      ['succeeded', 200, 'ok', 'schedule', endpointId],
    );
  });

  test('goes to those who want its type, and to no other program', async () => {
    const all = await createEndpoint(database.db, programId, receiver.url);
    const some = await createEndpoint(database.db, programId, receiver.url, { eventTypes: ['conversion.created'] });
    await createEndpoint(database.db, programId, receiver.url, { eventTypes: ['payout.paid'] });
    await createEndpoint(database.db, await createProgram(database.db), receiver.url);
    await send([draftMessage(programId)]);
    const deliveries = await readDeliveries(database.db);
    assert.deepEqual(deliveries.map((delivery) => delivery.endpointId).sort(), [all, some].sort());
  });

  test('to a disabled endpoint is held, not sent and not lost', async () => {
    await createEndpoint(database.db, programId, receiver.url, { disabled: true });
    assert.deepEqual(await writeDrafts(database.db, [draftMessage(programId)]), []);
    const [delivery] = await readDeliveries(database.db);
    assert.deepEqual([delivery?.status, delivery?.nextAttemptAt], ['held', null]);
  });

  test('that no job named is found by the sweep', async () => {
    await createEndpoint(database.db, programId, receiver.url);
    await writeDrafts(database.db, [draftMessage(programId)]);
    const sender = createSender(database.db);
    await sender.sweep();
    await sender.idle();
    await sender.close();
    assert.equal(receiver.received.length, 1);
  });
});

describe('the log', () => {
  test('has one line an attempt that says all but what is secret', async () => {
    respond = (_request, response) => response.writeHead(503).end('ANSWER-SECRET');
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line) => lines.push(line) });
    const endpointId = await createEndpoint(database.db, programId, `${receiver.url}?token=URL-SECRET`);
    const headers = await secrets.seal('{"authorization":"HEADER-SECRET"}', placeOf('headers', endpointId));
    await database.db('webhook_endpoints').update({ headers });
    await send([draftMessage(programId, { data: { email: 'BODY-SECRET' } })], { log });
    assert.equal(receiver.received[0]?.headers.authorization, 'HEADER-SECRET');
    assert.equal(lines.length, 1);
    const {
      level: _level,
      time,
      pid: _pid,
      hostname: _host,
      durationMs,
      nextAttemptAt,
      ...line
    } = JSON.parse(lines[0] ?? '');
    assert.deepEqual(line, {
      msg: 'delivery attempt',
      messageId: receiver.received[0]?.headers['webhook-id'],
      endpointId,
      programId,
      kind: 'webhook',
      host: `127.0.0.1:${receiver.port}`,
      trigger: 'schedule',
      step: 0,
      succeeded: false,
      responseStatus: 503,
      error: 'answered 503',
    });
    assert.ok(durationMs >= 0 && Date.parse(nextAttemptAt) > time, `${durationMs} ${nextAttemptAt}`);
    assert.doesNotMatch(lines.join(''), /SECRET|whsec_|v1,/);
  });
});

describe('what the receiver answers', () => {
  const cases: { name: string; respond: Respond; status: number | null; error: RegExp; nextS: number | null }[] = [
    { name: '500', respond: (_q, r) => r.writeHead(500).end('no'), status: 500, error: /answered 500/, nextS: 5 },
    {
      name: '302',
      respond: (_q, r) => r.writeHead(302, { location: '/other' }).end(),
      status: 302,
      error: /redirects are not followed/,
      nextS: 5,
    },
    {
      name: '429 with Retry-After',
      respond: (_q, r) => r.writeHead(429, { 'retry-after': '120' }).end(),
      status: 429,
      error: /answered 429/,
      nextS: 120,
    },
    { name: '410', respond: (_q, r) => r.writeHead(410).end(), status: 410, error: /gone/, nextS: null },
    { name: 'nothing in time', respond: () => undefined, status: null, error: /no answer within/, nextS: 5 },
    {
      name: 'a closed connection',
      respond: (_q, _r, incoming) => incoming.socket.destroy(),
      status: null,
      error: /connection closed/,
      nextS: 5,
    },
  ];
  for (const { name, respond: answer, status, error, nextS } of cases) {
    test(`${name} is a failed attempt, and the next is planned`, async () => {
      respond = answer;
      const clock = new FakeClock();
      await createEndpoint(database.db, programId, receiver.url);
      await send([draftMessage(programId)], { clock, totalTimeoutMs: 300 });
      const [attempt] = await readAttempts(database.db);
      assert.equal(attempt?.status, 'failed');
      assert.equal(attempt?.responseStatus, status);
      assert.match(attempt?.error ?? '', error);
      assert.equal(receiver.received.length, 1);
      const [delivery] = await readDeliveries(database.db);
      const secondsLeft = delivery?.nextAttemptAt && (delivery.nextAttemptAt.getTime() - clock.now().getTime()) / 1000;
      assert.equal(secondsLeft, nextS);
      assert.deepEqual(attempt?.nextAttemptAt, delivery?.nextAttemptAt);
    });
  }
});

describe('retries', () => {
  test('follow the schedule with the same bytes and a new timestamp until it is used up', async () => {
    respond = (_request, response) => response.writeHead(503).end();
    const clock = new FakeClock();
    await createEndpoint(database.db, programId, receiver.url);
    await writeDrafts(database.db, [draftMessage(programId)], clock.now());
    const sender = createSender(database.db, { clock });
    for (const delayS of [0, 5, 300, 1800]) {
      clock.advance(delayS - 1);
      await sender.sweep();
      await sender.idle();
      const before = receiver.received.length;
      clock.advance(1);
      await sender.sweep();
      await sender.idle();
      assert.equal(receiver.received.length, before + 1, `one attempt after ${delayS} s and none before`);
    }
    await sender.close();
    const [delivery] = await readDeliveries(database.db);
    assert.deepEqual([delivery?.status, delivery?.attempts, delivery?.nextAttemptAt], ['failed', 4, null]);
    assert.equal(new Set(receiver.received.map((request) => request.body)).size, 1);
    assert.equal(new Set(receiver.received.map((request) => request.headers['webhook-id'])).size, 1);
    assert.equal(new Set(receiver.received.map((request) => request.headers['webhook-timestamp'])).size, 4);
  });

  test('end with the first success', async () => {
    let calls = 0;
    respond = (_request, response) => response.writeHead((calls += 1) < 3 ? 500 : 204).end();
    const clock = new FakeClock();
    await createEndpoint(database.db, programId, receiver.url);
    await writeDrafts(database.db, [draftMessage(programId)], clock.now());
    const sender = createSender(database.db, { clock });
    for (const delayS of [0, 5, 300, 1800, 7200]) {
      clock.advance(delayS);
      await sender.sweep();
      await sender.idle();
    }
    await sender.close();
    assert.equal(receiver.received.length, 3);
    assert.equal((await readDeliveries(database.db))[0]?.status, 'succeeded');
    assert.deepEqual(
      (await readAttempts(database.db)).map((attempt) => attempt.responseStatus),
      [500, 500, 204],
    );
  });
});

describe('what changes between two attempts', () => {
  test('a rotated secret: the retry is signed with the new one and, for the overlap, with the old one', async () => {
    respond = (_request, response) => response.writeHead(receiver.received.length === 1 ? 500 : 200).end();
    const clock = new FakeClock();
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    await writeDrafts(database.db, [draftMessage(programId)], clock.now());
    const sender = createSender(database.db, { clock });
    await sender.sweep();
    await sender.idle();
    const rotation = { overlapHours: 24 };
    const deps = { db: database.db, secrets };
    const { secret: current } = await rotateSecret(
      deps,
      everythingOf(programId),
      endpointId,
      rotation,
      clock.now(),
      commandLine,
    );
    clock.advance(5);
    await sender.sweep();
    await sender.idle();
    await sender.close();
    const [first, second] = receiver.received;
    assert.ok(first && second);
    new SvixWebhook(secret).verify(first.body, first.headers);
    assert.throws(() => new SvixWebhook(current).verify(first.body, first.headers));
    for (const each of [secret, current]) {
      new SvixWebhook(each).verify(second.body, second.headers);
      new StandardWebhook(each).verify(second.body, second.headers);
    }
    assert.equal(first.body, second.body);
  });

  test('a name that did not resolve and then does: the retry arrives', async () => {
    let resolves = false;
    const clock = new FakeClock();
    const guard = createAddressGuard({
      allowCidrs: ['127.0.0.0/8'],
      allowHttp: false,
      publicUrl: 'https://hub.test',
      resolve: async () => {
        if (resolves) return [{ address: '127.0.0.1', family: 4 }];
        throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
      },
    });
    await createEndpoint(database.db, programId, `http://later.example:${receiver.port}/hook`);
    await writeDrafts(database.db, [draftMessage(programId)], clock.now());
    const sender = createSender(database.db, { clock, guard });
    await sender.sweep();
    await sender.idle();
    assert.match((await readAttempts(database.db))[0]?.error ?? '', /does not resolve \(ENOTFOUND\)/);
    resolves = true;
    clock.advance(5);
    await sender.sweep();
    await sender.idle();
    await sender.close();
    assert.equal(receiver.received.length, 1);
  });

  test('an address that was opened and is no more: the attempt is refused, and the endpoint is told why', async () => {
    await createEndpoint(database.db, programId, receiver.url);
    const closed = createAddressGuard({ allowCidrs: [], allowHttp: true, publicUrl: 'https://hub.test' });
    await send([draftMessage(programId)], { guard: closed });
    assert.match((await readAttempts(database.db))[0]?.error ?? '', /^refused: .*not a public address/);
    assert.equal(receiver.received.length, 0);
  });

  test('a secret that cannot be opened is our fault: no attempt is counted, and it is tried again', async () => {
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    const clock = new FakeClock();
    await database.db('webhook_endpoints').where({ id: endpointId }).update({ secret: 'not sealed by us' });
    await send([draftMessage(programId)], { clock });
    assert.deepEqual(await readAttempts(database.db), []);
    const [delivery] = await readDeliveries(database.db);
    assert.deepEqual([delivery?.status, delivery?.attempts, delivery?.step], ['pending', 0, 0]);
    await database
      .db('webhook_endpoints')
      .where({ id: endpointId })
      .update({ secret: await secrets.seal(secret, placeOf('secret', endpointId)) });
    clock.advance(31);
    const sender = createSender(database.db, { clock });
    await sender.sweep();
    await sender.idle();
    await sender.close();
    assert.equal(receiver.received.length, 1);
  });
});

describe('senders that race', () => {
  test('send each delivery once', async () => {
    await createEndpoint(database.db, programId, receiver.url);
    const ids = await writeDrafts(
      database.db,
      Array.from({ length: 300 }, () => draftMessage(programId)),
    );
    const senders = [createSender(database.db), createSender(database.db), createSender(database.db)];
    await Promise.all(senders.flatMap((sender) => [sender.wake(ids), sender.sweep(), sender.wake(ids)]));
    await Promise.all(senders.map((sender) => sender.idle()));
    await Promise.all(senders.map((sender) => sender.close()));
    assert.equal(receiver.received.length, 300);
    assert.equal(new Set(receiver.received.map((request) => request.headers['webhook-id'])).size, 300);
    assert.ok((await readDeliveries(database.db)).every((delivery) => delivery.status === 'succeeded'));
  });

  test('a lease that its sender never finished runs out and is taken again', async () => {
    const clock = new FakeClock();
    await createEndpoint(database.db, programId, receiver.url);
    await writeDrafts(database.db, [draftMessage(programId)], clock.now());
    await database.db('deliveries').update({ locked_until: new Date(clock.now().getTime() + 60_000) });
    const sender = createSender(database.db, { clock });
    await sender.sweep();
    await sender.idle();
    assert.equal(receiver.received.length, 0);
    clock.advance(61);
    await sender.sweep();
    await sender.idle();
    await sender.close();
    assert.equal(receiver.received.length, 1);
  });

  test('closing finishes what is under way and gives back the rest', async () => {
    respond = (_request, response) => void setTimeout(() => response.end('ok'), 100);
    await createEndpoint(database.db, programId, receiver.url);
    const ids = await writeDrafts(
      database.db,
      Array.from({ length: 100 }, () => draftMessage(programId)),
    );
    const sender = createSender(database.db);
    await sender.wake(ids);
    await sender.close();
    const deliveries = await readDeliveries(database.db);
    const done = deliveries.filter((delivery) => delivery.status === 'succeeded');
    assert.equal(done.length, receiver.received.length);
    assert.ok(done.length > 0 && done.length < 100);
    assert.ok(deliveries.every((delivery) => delivery.lockedUntil === null));
  });
});

async function send(
  drafts: Parameters<typeof writeDrafts>[1],
  options: Parameters<typeof createSender>[1] = {},
): Promise<void> {
  const ids = await writeDrafts(database.db, drafts, options.clock?.now());
  const sender = createSender(database.db, options);
  await sender.wake(ids);
  await sender.idle();
  await sender.close();
}

describe('a database that goes away', () => {
  test('during an attempt: the answer is recorded once it is back, and nothing is sent twice', async () => {
    let finish = (): void => undefined;
    const began = new Promise<void>((resolve) => {
      respond = (_request, response) => {
        finish = () => response.end('ok');
        resolve();
      };
    });
    await createEndpoint(database.db, programId, receiver.url);
    const ids = await writeDrafts(database.db, [draftMessage(programId)]);
    // A pool of its own, whose connections all die between the lease and the record.
    const doomed = createDatabase({ url: database.url, role: 'test' });
    const sender = createSender(doomed);
    await sender.wake(ids);
    await began;
    await database.db.raw(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    finish();
    await sender.idle();
    await sender.sweep();
    await sender.idle();
    await sender.close();
    await doomed.destroy();
    assert.equal(receiver.received.length, 1);
    assert.equal((await readDeliveries(database.db))[0]?.status, 'succeeded');
    assert.equal((await readAttempts(database.db)).length, 1);
  });

  test('before an attempt: waking fails quietly, and the next sweep sends', async () => {
    await createEndpoint(database.db, programId, receiver.url);
    const ids = await writeDrafts(database.db, [draftMessage(programId)]);
    const nowhere = createDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', role: 'test' });
    const lost = createSender(nowhere);
    await lost.wake(ids);
    await lost.idle();
    await lost.close();
    await nowhere.destroy();
    const sender = createSender(database.db);
    await sender.sweep();
    await sender.idle();
    await sender.close();
    assert.equal(receiver.received.length, 1);
  });
});
