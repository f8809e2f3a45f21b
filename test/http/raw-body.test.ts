import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import express from 'express';
import type { ErrorRequestHandler } from 'express';
import { AppError } from '../../src/domain/errors.ts';
import { MAX_BODY_BYTES, readRawBody } from '../../src/http/raw-body.ts';

let server: http.Server;
let port: number;
const errors: unknown[] = [];

before(async () => {
  const app = express();
  app.use(async (req, res) => {
    const body = await readRawBody(req);
    res.json({ isBuffer: Buffer.isBuffer(body), length: body.length, text: body.toString('latin1').slice(0, 40) });
  });
  const onError: ErrorRequestHandler = (error: unknown, _req, res, _next) => {
    errors.push(error);
    res.status(error instanceof AppError ? error.status : 500).json({ code: error instanceof AppError && error.code });
  };
  app.use(onError);
  server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  port = (server.address() as AddressInfo).port;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

async function post(body: Buffer | string, headers: Record<string, string> = {}) {
  const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body, headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('the raw body', () => {
  it('arrives byte for byte, whatever its content type', async () => {
    const { body } = await post(Buffer.from([0x7b, 0x00, 0xff, 0x20]), { 'content-type': 'application/json' });
    assert.deepEqual(body, { isBuffer: true, length: 4, text: '{\u0000\u00ff ' });
  });

  it('is an empty buffer where none came', async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`);
    assert.deepEqual(await response.json(), { isBuffer: true, length: 0, text: '' });
    assert.equal((await post('')).body['length'], 0);
  });

  it('may be exactly 1 MiB', async () => {
    const { status, body } = await post(Buffer.alloc(MAX_BODY_BYTES, 0x61));
    assert.equal(status, 200);
    assert.equal(body['length'], MAX_BODY_BYTES);
  });

  it('of one byte more is 413, and the client sees it', async () => {
    assert.deepEqual(await post(Buffer.alloc(MAX_BODY_BYTES + 1)), {
      status: 413,
      body: { code: 'PAYLOAD_TOO_LARGE' },
    });
    assert.equal((await post(Buffer.alloc(6 * MAX_BODY_BYTES))).status, 413);
  });

  it('without a stated length is counted as it comes, and is 413 past 1 MiB', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const req = http.request({ port, host: '127.0.0.1', method: 'POST' }, (res) => {
        res.resume();
        resolve(res.statusCode);
      });
      req.on('error', reject);
      for (let part = 0; part < 20; part += 1) req.write(Buffer.alloc(MAX_BODY_BYTES / 10));
      req.end();
    });
    assert.equal(status, 413);
  });

  it('is 415 when compressed, in any case and combination', async () => {
    for (const encoding of ['gzip', 'GZIP', 'br', 'deflate', 'zstd', 'gzip, identity', 'x-unknown']) {
      const { status, body } = await post(gzipSync('{}'), { 'content-encoding': encoding });
      assert.equal(status, 415, encoding);
      assert.equal(body['code'], 'UNSUPPORTED_MEDIA_TYPE');
    }
    assert.equal((await post('{}', { 'content-encoding': 'Identity' })).status, 200);
  });

  it('that breaks off is a 400 and never a 500', async () => {
    errors.length = 0;
    const socket = net.connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"half":');
    socket.end();
    socket.destroySoon();
    const deadline = Date.now() + 5000;
    while (errors.length === 0 && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
    assert.equal((errors[0] as AppError).code, 'VALIDATION_ERROR');
  });
});
