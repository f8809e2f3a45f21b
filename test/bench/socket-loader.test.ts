import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { getRequest, loadBySockets, postRequest } from './socket-loader.ts';

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(handle: (url: string, body: string) => { status: number; text: string }): Promise<number> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const { status, text } = handle(request.url ?? '', body);
      response.writeHead(status, { 'content-length': Buffer.byteLength(text) });
      // In parts, as the system may cut an answer anywhere.
      response.write(text.slice(0, 1));
      setImmediate(() => response.end(text.slice(1)));
    });
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('every request is sent once, and an answer counts when it is whole', async () => {
  const seen: string[] = [];
  const port = await serve((url, body) => {
    seen.push(`${url} ${body}`);
    return { status: 201, text: 'ä'.repeat(100) };
  });
  const request = (n: number): string => (n % 2 ? getRequest(`/${n}`) : postRequest(`/${n}`, {}, `ü${n}`));
  const answered: number[] = [];
  const load = await loadBySockets({ port, callers: 4, count: 50, request, onAnswer: (n) => answered.push(n) });
  assert.equal(load.answered, 50);
  assert.equal(new Set(seen).size, 50);
  assert.equal(new Set(answered).size, 50);
  assert.ok(seen.includes('/2 ü2'), String(seen));
});

test('an answer of another kind, and a connection that is closed, end the load with an error', async () => {
  const port = await serve((url) => ({ status: url === '/3' ? 503 : 200, text: 'ok' }));
  const request = (n: number): string => getRequest(`/${n}`);
  await assert.rejects(loadBySockets({ port, callers: 1, count: 5, request }), /answered HTTP\/1.1 503/);
  const closing = await serve(() => {
    servers.at(-1)?.closeAllConnections();
    return { status: 200, text: 'ok' };
  });
  await assert.rejects(loadBySockets({ port: closing, callers: 1, count: 5, request }), /closed/);
});
