import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createAddressGuard } from '../../../src/outbound/guard/address-guard.ts';
import { createHttpSender, type HttpSender } from '../../../src/outbound/delivery/send.ts';
import { startReceiver, type Receiver } from '../receiver.ts';

const KIB_16 = 16 * 1024;

describe('what comes of a request', () => {
  let receiver: Receiver;
  let sender: HttpSender;

  before(async () => {
    receiver = await startReceiver((request, response, incoming) => {
      const [, kind] = /\/([^/?]*)/.exec(request.url) ?? [];
      if (kind === 'redirect') response.writeHead(302, { location: '/elsewhere' }).end();
      else if (kind === 'busy') response.writeHead(429, { 'retry-after': '7' }).end('later');
      else if (kind === 'reset') incoming.socket.destroy();
      else if (kind === 'hang') return;
      else if (kind === 'hanging-body') response.writeHead(200).write('begin');
      else if (kind === 'large') response.end('a'.repeat(5 * 1024 * 1024));
      else if (kind === 'binary') response.end(Buffer.from(Array.from({ length: 40_000 }, (_, i) => i % 256)));
      else if (kind === 'endless') {
        const write = (): void => void response.write('x'.repeat(1000), () => setImmediate(write));
        write();
      } else response.end(`${request.method} ${request.body}`);
    });
    const guard = createAddressGuard({ allowCidrs: ['127.0.0.0/8'], allowHttp: false, publicUrl: 'https://hub.test' });
    sender = createHttpSender({ guard, totalTimeoutMs: 400, connectTimeoutMs: 300 });
  });
  after(async () => {
    await sender.close();
    await receiver.close();
  });

  function send(path: string, origin = `http://127.0.0.1:${receiver.port}`) {
    return sender.send({
      url: new URL(path, origin),
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"a":1}',
    });
  }

  test('an answer has its status, its body and its time', async () => {
    const answer = await send('/ok');
    assert.equal(answer.responseStatus, 200);
    assert.equal(answer.responseBody, 'POST {"a":1}');
    assert.equal(answer.error, null);
    assert.ok(answer.durationMs >= 0 && answer.durationMs < 400);
  });

  test('a redirect is an answer and is not followed', async () => {
    const before = receiver.received.length;
    assert.equal((await send('/redirect')).responseStatus, 302);
    assert.equal(receiver.received.length, before + 1);
  });

  test('Retry-After is handed on', async () => {
    const answer = await send('/busy');
    assert.equal(answer.responseStatus, 429);
    assert.equal(answer.retryAfter, '7');
  });

  test('a hanging receiver is given up in time', async () => {
    const answer = await send('/hang');
    assert.equal(answer.responseStatus, null);
    assert.equal(answer.error, 'no answer within 0.4 s');
    assert.ok(answer.durationMs < 800);
  });

  test('a reset connection is an answer that did not come', async () => {
    const answer = await send('/reset');
    assert.equal(answer.responseStatus, null);
    assert.match(answer.error ?? '', /connection closed before an answer/);
  });

  test('a large body is cut at 16 KiB', async () => {
    const answer = await send('/large');
    assert.equal(answer.responseStatus, 200);
    assert.equal(answer.responseBody?.length, KIB_16);
  });

  test('an endless body is cut at 16 KiB', async () => {
    const answer = await send('/endless');
    assert.equal(answer.responseStatus, 200);
    assert.equal(answer.responseBody?.length, KIB_16);
  });

  test('a body that hangs after a 200 does not undo the 200', async () => {
    const answer = await send('/hanging-body');
    assert.equal(answer.responseStatus, 200);
    assert.equal(answer.responseBody, 'begin');
    assert.equal(answer.error, null);
  });

  test('a binary body becomes text without NUL, within 16 KiB', async () => {
    const { responseBody } = await send('/binary');
    assert.ok(responseBody !== null && !responseBody.includes('\0'));
    assert.ok(Buffer.byteLength(responseBody) <= KIB_16);
  });

  test('a refused connection, and a server that does not speak HTTP, are explained', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    assert.match((await send('/', `http://127.0.0.1:${port}`)).error ?? '', /connection refused \(ECONNREFUSED\)/);

    const rude = createServer((socket) => socket.end('220 mail.example ESMTP\r\n\r\n')).listen(0, '127.0.0.1');
    await once(rude, 'listening');
    const answer = await send('/', `http://127.0.0.1:${(rude.address() as AddressInfo).port}`);
    rude.close();
    assert.match(answer.error ?? '', /not HTTP/);
  });

  test('connections are kept for the next request', async () => {
    const server = await startReceiver();
    for (let i = 0; i < 20; i += 1) await send(`/${i}`, server.url);
    await server.close();
    assert.equal(server.received.length, 20);
    assert.ok(server.connections <= 2, `${server.connections} connections`);
  });
});

describe('the guard stands at the connect', () => {
  const cases: [string, string][] = [
    ['an address in the URL', 'http://127.0.0.1:'],
    ['an IPv4-mapped address in the URL', 'http://[::ffff:127.0.0.1]:'],
    ['a name that resolves inside', 'http://rebound.example:'],
  ];
  for (const [what, origin] of cases) {
    test(`${what} is not connected to`, async () => {
      const receiver = await startReceiver();
      const guard = createAddressGuard({
        allowCidrs: [],
        allowHttp: true,
        publicUrl: 'https://hub.test',
        resolve: async () => [{ address: '127.0.0.1', family: 4 }],
      });
      const sender = createHttpSender({ guard });
      const url = new URL(`${origin}${receiver.port}/`);
      const answer = await sender.send({ url, method: 'POST', headers: {}, body: '' });
      await sender.close();
      await receiver.close();
      assert.match(answer.error ?? '', /^refused: .*(not a public address|written as IPv6)/);
      assert.equal(receiver.received.length, 0);
    });
  }

  test('a name that does not resolve is a failed request, not an exception', async () => {
    const guard = createAddressGuard({
      allowCidrs: [],
      allowHttp: true,
      publicUrl: 'https://hub.test',
      resolve: () => Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })),
    });
    const sender = createHttpSender({ guard });
    const answer = await sender.send({
      url: new URL('https://nowhere.example/'),
      method: 'POST',
      headers: {},
      body: '',
    });
    await sender.close();
    assert.equal(answer.error, 'the host name does not resolve (ENOTFOUND)');
  });
});
