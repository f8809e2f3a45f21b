import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { guidesRouter } from '../../src/docs/guides-router.ts';
import { eventTypes } from '../../src/outbound/events/event-types.ts';
import { postbackMacros } from '../../src/outbound/postbacks/postback-template.ts';
import { createSigner } from '../../src/outbound/wire/sign.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('the guides', () => {
  const server = express().use(guidesRouter()).listen(0, '127.0.0.1');
  before(() => once(server, 'listening'));
  after(() => server.close());

  async function read(page: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/docs/guides/${page}`);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
    return response.text();
  }

  test('the events page has every type, every field and an example', async () => {
    const page = await read('events');
    for (const [type, { data, example }] of Object.entries(eventTypes)) {
      const start = page.indexOf(`<h2 id="${type}">`);
      const section = page.slice(
        start,
        page.indexOf('<h2', start + 1) === -1 ? undefined : page.indexOf('<h2', start + 1),
      );
      assert.ok(start > 0, type);
      for (const field of Object.keys(data.shape))
        assert.ok(section.includes(`<code>${field}</code>`), `${type} ${field}`);
      assert.ok(section.includes(Object.values(example)[0] as string), `${type}: an example`);
    }
  });

  test('the postbacks page has every macro', async () => {
    const page = await read('postbacks');
    for (const macro of Object.keys(postbackMacros)) assert.ok(page.includes(`<code>{${macro}}</code>`), macro);
  });

  test('the page on verifying has five languages, and nothing is left unescaped', async () => {
    const page = await read('verify-a-webhook');
    assert.deepEqual(
      [...page.matchAll(/<h2>(\w+)<\/h2>/g)].map(([, name]) => name),
      ['Node', 'Python', 'PHP', 'Ruby', 'Go'],
    );
    assert.ok(!page.includes('<?php'));
  });
});

test('the Node program of the page verifies what the hub signs, and refuses what it does not', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
  const program = fileURLToPath(new URL('../../src/docs/examples/verify-webhook.mjs', import.meta.url));
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, WEBHOOK_SECRET: secret, PORT: String(port) },
  });
  try {
    const body = JSON.stringify({ id: 'evt_1', type: 'conversion.created', data: { name: 'Zoë' } });
    const headers = createSigner([secret]).sign('evt_1', new Date(), body);
    const post = (sent: string) => fetch(`http://127.0.0.1:${port}/webhooks`, { method: 'POST', headers, body: sent });
    const good = await waitUntil('it listens', () => post(body));
    assert.deepEqual([good.status, await good.text()], [200, 'conversion.created']);
    assert.equal((await post(body.replace('Zoë', 'Zoe'))).status, 400);
  } finally {
    child.kill();
    await once(child, 'exit');
  }
});
