import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import express from 'express';
import { frontRouter } from '../../src/docs/front-router.ts';

test('a browser at / is led on, a machine is not told a page; the icon is one', async () => {
  const server = createServer(express().use(frontRouter()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const page = await fetch(url, { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
    assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
    const links = [...(await page.text()).matchAll(/href="([^"]+)"/g)].map(([, link = '']) => link);
    for (const wanted of ['console', 'docs/', 'docs/guides/', 'openapi.json', 'readyz', 'health'])
      assert.ok(links.includes(wanted), wanted);
    assert.ok(links.every((link) => !/^(\/|https?:)/.test(link)));
    for (const accept of ['*/*', 'application/json']) {
      const machine = await fetch(url, { headers: { accept } });
      assert.equal(machine.status, 404);
      await machine.arrayBuffer();
    }
    const icon = await fetch(`${url}/favicon.ico`);
    assert.equal(icon.headers.get('content-type'), 'image/x-icon');
    const bytes = Buffer.from(await icon.arrayBuffer());
    // An icon, one picture, which begins behind the header and is as long as it says.
    assert.deepEqual([bytes.readUInt16LE(2), bytes.readUInt16LE(4), bytes.readUInt32LE(18)], [1, 1, 22]);
    assert.equal(bytes.length, 22 + bytes.readUInt32LE(14));
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
