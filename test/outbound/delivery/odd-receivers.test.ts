import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHttpSender, type Answer, type HttpSender } from '../../../src/outbound/delivery/send.ts';
import { createAddressGuard } from '../../../src/outbound/guard/address-guard.ts';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const manyHeaders = (bytes: number): string => `x-long: ${'a'.repeat(1000)}\r\n`.repeat(Math.ceil(bytes / 1010));

/** What a receiver writes, piece by piece with a pause between, and what the attempt then says. */
const counted: [string, string[], number, string][] = [
  ['100 Continue that nobody asked for', [CONTINUE, OK], 200, 'ok'],
  ['100 Continue in one piece with the answer', [CONTINUE + OK], 200, 'ok'],
  ['100 Continue twice, with headers', [CONTINUE, `HTTP/1.1 100 Continue\r\nx-a: 1\r\n\r\n${OK}`], 200, 'ok'],
  ['100 Continue cut into pieces', ['HTTP', '/1.1 1', '00 Continue\r', '\n\r\nHT', OK.slice(2)], 200, 'ok'],
  ['100 Continue with bare line feeds', ['HTTP/1.1 100 Continue\n\n', OK], 200, 'ok'],
  [
    '102 Processing and 103 Early Hints',
    ['HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n', OK],
    200,
    'ok',
  ],
  ['an answer cut into bytes', OK.split(''), 200, 'ok'],
  ['an equal Content-Length twice', ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok'], 200, 'ok'],
  [
    'Content-Length twice, unequal',
    ['HTTP/1.1 201 Created\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok'],
    201,
    'ok',
  ],
  [
    'Content-Length and chunks',
    ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
    200,
    '2\r\nok\r\n0\r\n\r\n',
  ],
  ['33 KiB of headers', [`HTTP/1.1 200 OK\r\n${manyHeaders(33 * 1024)}content-length: 2\r\n\r\nok`], 200, 'ok'],
  ['a megabyte of headers', [`HTTP/1.1 200 OK\r\n${manyHeaders(1024 * 1024)}content-length: 2\r\n\r\nok`], 200, ''],
  ['bare line feeds', ['HTTP/1.1 200 OK\ncontent-length: 2\n\nok'], 200, 'ok'],
  ['a header that is none', ['HTTP/1.1 204 No Content\r\nthis is no header\r\n\r\n'], 204, ''],
  ['no reason phrase', ['HTTP/1.1 202\r\ncontent-length: 2\r\n\r\nok'], 202, 'ok'],
  ['HTTP/1.0', ['HTTP/1.0 200 OK\r\n\r\nok'], 200, 'ok'],
  ['a status line, and the end of the connection', ['HTTP/1.1 200 OK\r\n'], 200, ''],
  ['a failure with bare line feeds', ['HTTP/1.1 503 Busy\nRetry-After: 7\n\nlater'], 503, 'later'],
  ['a failure after 100 Continue', [CONTINUE, 'HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\noops'], 500, 'oops'],
  [
    'another protocol',
    ['HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'],
    101,
    '',
  ],
];

const uncounted: [string, string[], RegExp][] = [
  ['nothing', [], /^connection closed before an answer/],
  ['100 Continue, and the end of the connection', [CONTINUE], /^connection closed before an answer/],
  ['100 Continue without end', [CONTINUE.repeat(20)], /^connection closed before an answer/],
  ['half a status line', ['HTTP/1.1 200'], /^connection closed before an answer/],
  ['a status of two digits', ['HTTP/1.1 20 OK\r\n\r\n'], /^the answer is not HTTP/],
  ['another language', ['220 mail.example ESMTP\r\n'], /^the answer is not HTTP/],
  ['an answer of a radio', ['ICY 200 OK\r\n\r\n'], /^the answer is not HTTP/],
  ['bytes', ['\0\x01\x02\xff'], /^the answer is not HTTP/],
];

describe('receivers that do not keep to HTTP', () => {
  let server: Server;
  let sender: HttpSender;
  let pieces: readonly string[] = [];
  let keepOpen = false;
  const sockets = new Set<Socket>();
  let connections = 0;

  before(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      connections += 1;
      socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
      socket.on('data', (data) => {
        if (data.toString().endsWith('}')) void answer(socket);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  // A connection that was kept might just be closed by this server when the next test sends over it.
  beforeEach(() => {
    const guard = createAddressGuard({ allowCidrs: ['127.0.0.0/8'], allowHttp: false, publicUrl: 'https://hub.test' });
    sender = createHttpSender({ guard, totalTimeoutMs: 1_000 });
  });
  afterEach(() => sender.close());

  async function answer(socket: Socket): Promise<void> {
    const [written, staysOpen] = [pieces, keepOpen];
    for (const piece of written) {
      socket.write(piece, 'latin1');
      await sleep(written.length > 10 ? 1 : 10);
    }
    if (!staysOpen) socket.end();
  }

  function send(written: readonly string[], options: { keepOpen?: boolean } = {}): Promise<Answer> {
    pieces = written;
    keepOpen = options.keepOpen ?? false;
    const { port } = server.address() as AddressInfo;
    return sender.send({ url: new URL(`http://127.0.0.1:${port}/`), method: 'POST', headers: {}, body: '{"a":1}' });
  }

  for (const [what, written, status, body] of counted) {
    test(`${what}: ${status} counts`, async () => {
      const { responseStatus, responseBody, error, retryAfter } = await send(written);
      assert.deepEqual(
        { responseStatus, responseBody, error },
        { responseStatus: status, responseBody: body, error: null },
      );
      assert.equal(retryAfter, status === 503 ? '7' : undefined);
    });
  }

  for (const [what, written, expected] of uncounted) {
    test(`${what}: the attempt says what was wrong`, async () => {
      const { responseStatus, error } = await send(written);
      assert.equal(responseStatus, null);
      assert.match(error ?? '', expected);
    });
  }

  test('a status line without an end of the headers counts when the time is over', async () => {
    const { responseStatus, error, durationMs } = await send(['HTTP/1.1 200 OK\r\nx-a: 1\r\n'], { keepOpen: true });
    assert.deepEqual({ responseStatus, error }, { responseStatus: 200, error: null });
    assert.ok(durationMs >= 900);
  });

  test('an answer is the answer of its own request, also over a connection that is kept', async () => {
    const before = connections;
    for (const [status, written] of [
      [200, CONTINUE + OK],
      [500, 'HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n'],
      [201, 'HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n'],
    ] as const) {
      assert.equal((await send([written], { keepOpen: true })).responseStatus, status);
    }
    assert.ok(connections <= before + 2, `${connections - before} connections`);
    const after = await send(['nonsense\r\n'], { keepOpen: true });
    assert.equal(after.responseStatus, null);
    assert.match(after.error ?? '', /not HTTP/);
  });
});
