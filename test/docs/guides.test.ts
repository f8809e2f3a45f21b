import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { guideNames } from '../../src/docs/guides.ts';
import { docsRouter } from '../../src/docs/docs-router.ts';
import { eventTypes } from '../../src/outbound/events/event-types.ts';
import { postbackMacros } from '../../src/outbound/postbacks/postback-template.ts';
import { createSigner } from '../../src/outbound/wire/sign.ts';
import { waitUntil } from '../support/wait-until.ts';

const publicUrl = 'https://hub.example/aff';
const server = express()
  .use(docsRouter({ publicUrl, readOpenApi: () => '' }))
  .listen(0, '127.0.0.1');
before(() => once(server, 'listening'));
after(() => server.close());

const addressOf = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

async function read(page: string): Promise<string> {
  const response = await fetch(addressOf(`/docs/guides/${page}`));
  assert.equal(response.status, 200, page);
  assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
  return response.text();
}

describe('the guides', () => {
  test('every Markdown file of src/docs is served with its title, and so is the README', async () => {
    const files = globSync('src/docs/*.md');
    assert.ok(files.length > 15);
    for (const file of ['README.md', ...files]) {
      const [, title = ''] = /^# (.+)$/m.exec(await readFile(file, 'utf8')) ?? [];
      assert.notEqual(title, '', file);
      const page = await read(nameOf(file));
      assert.ok(page.includes(`<title>${title} - Tributary</title>`), file);
      assert.ok(page.includes(`<h1>${title}</h1>`), file);
    }
    assert.deepEqual([...guideNames].sort(), ['README.md', ...files].map(nameOf).sort());
  });

  test('every guide is on the list of guides, and in the menu of every page once, itself marked', async () => {
    for (const name of guideNames) {
      const [, menu = ''] =
        /<nav id="page-menu" class="side" aria-label="All guides">(.*?)<\/nav>/s.exec(await read(name)) ?? [];
      const listed = [...menu.matchAll(/<a href="([^"]+)"/g)].map(([, href]) => href ?? '');
      assert.deepEqual(listed.toSorted(), guideNames.filter((each) => each !== '').toSorted());
      const marked = [...menu.matchAll(/<a href="([^"]+)" aria-current="page"/g)].map(([, href]) => href);
      assert.deepEqual(marked, name === '' ? [] : [name]);
    }
  });

  test('every link leads somewhere, with its fragment, and every heading has an id of its own', async () => {
    const pages = new Map(await Promise.all(guideNames.map(async (name) => [name, await read(name)] as const)));
    let followed = 0;
    for (const [name, page] of pages) {
      const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
      assert.equal(new Set(ids).size, ids.length, `${name}: ids are unique`);
      const [main = ''] = /<main[ >].*<\/main>/s.exec(page) ?? [];
      assert.deepEqual(main.match(/<h[2-6](?! id=)[^>]*>/g), null, name);
      for (const [, href = ''] of page.matchAll(/ href="([^"]+)"/g)) {
        // What is around the page has tests of its own.
        if (href.startsWith('https://') || href.startsWith('../../')) continue;
        const [target = '', fragment] = href.split('#');
        const there = target === '' ? page : pages.get(target === './' ? '' : target);
        assert.ok(there !== undefined, `${name} links to ${href}`);
        if (fragment !== undefined) assert.ok(there.includes(` id="${fragment}"`), `${name} links to ${href}`);
        followed += 1;
      }
    }
    assert.ok(followed > 500);
  });

  test('nothing is written into them as script or style, or comes from elsewhere', async () => {
    for (const name of guideNames) {
      const page = await read(name);
      assert.deepEqual(
        page.match(/<(?:iframe|style)\b|<img src="(?!\.\.\/pictures\/)|<[^>]* (?:style|on\w+)=/g),
        null,
        name,
      );
      assert.deepEqual(
        [...page.matchAll(/<script\b[^>]*>[^<]*/g)].map(([script]) => script),
        ['<script src="../../docs/assets/theme.js">', '<script type="module" src="../../docs/assets/docs.js">'],
      );
      assert.ok(!page.includes('&lt;!--'), `${name}: every marked place was filled in`);
    }
  });

  test('samples call this hub', async () => {
    assert.ok((await read('walk')).includes(`<code>HUB=${publicUrl}\n`));
    for (const name of guideNames) assert.ok(!(await read(name)).includes('localhost:3000'), name);
  });

  test('the address without a slash leads to the index; what is no guide is not there', async () => {
    const moved = await fetch(addressOf('/docs/guides'), { redirect: 'manual' });
    assert.deepEqual([moved.status, moved.headers.get('location')], [301, 'guides/']);
    for (const name of ['nothing', '../deps', 'walk.md', 'examples/verify-webhook.mjs']) {
      assert.equal((await fetch(addressOf(`/docs/guides/${name}`))).status, 404, name);
    }
  });

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
      [...page.matchAll(/<h2 id="\w+">(\w+)<\/h2>/g)].map(([, name]) => name),
      ['Node', 'Python', 'PHP', 'Ruby', 'Go'],
    );
    assert.ok(!page.includes('<?php'));
  });
});

/** `src/docs/walk.md` is `walk`; the two READMEs are `readme` and the index. */
function nameOf(file: string): string {
  return file === 'README.md' ? 'readme' : basename(file, '.md').replace('README', '');
}

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
