import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import express from 'express';
import { nativeRoutes } from '../../src/api/native.ts';
import { buildOpenApi } from '../../src/api/openapi.ts';
import { docsRouter } from '../../src/docs/docs-router.ts';
import { frontRouter } from '../../src/docs/front-router.ts';
import { guideNames } from '../../src/docs/guides.ts';
import { textOf } from '../../src/docs/html.ts';
import { readReference } from '../../src/docs/reference/document.ts';
import { sampleCall } from '../../src/docs/reference/sample.ts';
import type { SearchEntry } from '../../src/docs/search-index.ts';
import { eventTypes } from '../../src/outbound/events/event-types.ts';

const publicUrl = 'https://hub.example/aff';
const text = JSON.stringify(buildOpenApi(nativeRoutes, publicUrl));
const reference = readReference(text);
const operations = reference.tags.flatMap((tag) => tag.operations.map((operation) => ({ tag, operation })));

const server = express()
  .use(frontRouter())
  .use(docsRouter({ publicUrl, readOpenApi: () => text }))
  .listen(0, '127.0.0.1');
before(() => once(server, 'listening'));
after(() => server.close());

const addressOf = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

async function read(path: string): Promise<string> {
  const response = await fetch(addressOf(path), { headers: { accept: 'text/html' } });
  assert.equal(response.status, 200, path);
  const policy = response.headers.get('content-security-policy') ?? '';
  assert.match(policy, /^default-src 'none';script-src 'self';style-src 'self'/);
  return response.text();
}

const pagePaths = ['/', '/docs/', ...reference.tags.map(({ slug }) => `/docs/reference/${slug}`)];

describe('the reference of the API', () => {
  test('every call has an address of its own, with its method, path, fields, sample and answers', async () => {
    assert.ok(operations.length > 130);
    for (const { tag, operation } of operations) {
      const page = await read(`/docs/reference/${tag.slug}`);
      const start = page.indexOf(`<h2 id="${operation.operationId}">`);
      assert.ok(start > 0, operation.operationId);
      const section = page.slice(start, page.indexOf('</section>', start));
      const words = textOf(section);
      assert.ok(words.includes(`${operation.method} ${operation.path}`), operation.operationId);
      for (const { name } of operation.parameters) assert.ok(section.includes(`<code>${name}</code>`), name);
      for (const { status } of operation.responses.filter((each) => /^\d/.test(each.status))) {
        assert.match(section, new RegExp(`(?:<b>|, |Errors: )${status}`), operation.operationId);
      }
    }
  });

  test('all fields of a body and of an answer are told, those inside others by their path, and kinds apart', async () => {
    const sources = textOf(await read('/docs/reference/sources'));
    for (const kind of ['stripe', 'revenuecat', 'postback']) assert.ok(sources.includes(`kind: ${kind}`), kind);
    assert.ok(sources.includes('signingSecrets required'));
    const conversions = textOf(await read('/docs/reference/conversions'));
    for (const name of ['data.commission.amountMinor', 'data[].orderId', 'pagination.nextCursor']) {
      assert.ok(conversions.includes(` ${name} `), name);
    }
    // The table of other spellings is a table, and no Markdown.
    assert.ok(!conversions.includes('|---|'));
  });

  test('every sample is one command of a shell, with the example as its body and no key', () => {
    for (const { operation } of operations) {
      const sample = sampleCall(operation, publicUrl);
      const script = `curl() { printf '%s\\0' "$@"; }\n${sample}`;
      const env = { KEY: 'sk_test_x', ADMIN_TOKEN: 'token' };
      const said = execFileSync('sh', ['-c', script], { env, encoding: 'utf8' }).split('\0');
      assert.ok(
        said.some((word) => word.startsWith(`${publicUrl}/`)),
        sample,
      );
      assert.ok(!/sk_(?:live|test)_(?!3fXy)/.test(sample), sample);
      const body = operation.body?.['application/json']?.example;
      if (body !== undefined) assert.deepEqual(JSON.parse(said[said.indexOf('-d') + 1] ?? ''), body);
    }
  });

  test('every link of every page leads somewhere, and every id is there once', async () => {
    const pages = new Map<string, string>();
    for (const path of [...pagePaths, ...guideNames.map((name) => `/docs/guides/${name}`)]) {
      pages.set(path, await read(path));
    }
    const elsewhere = new Set(['/console', '/openapi.json', '/readyz', '/health', '/favicon.ico']);
    for (const [path, page] of pages) {
      const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
      assert.equal(new Set(ids).size, ids.length, path);
      for (const [, href = ''] of page.matchAll(/ (?:href|src)="([^"]+)"/g)) {
        if (href.startsWith('https://')) continue;
        assert.ok(!href.startsWith('/'), `${href}: links are relative, for hubs under a path`);
        const { pathname, hash } = new URL(href, `http://hub${path}`);
        if (elsewhere.has(pathname)) continue;
        if (/^\/docs\/(?:assets|pictures)\//.test(pathname)) {
          assert.equal((await fetch(addressOf(pathname), { method: 'HEAD' })).status, 200, pathname);
          continue;
        }
        const there = pages.get(pathname);
        assert.ok(there !== undefined, `${path} links to ${href}`);
        if (hash !== '') assert.ok(there.includes(` id="${decodeURIComponent(hash.slice(1))}"`), `${path}: ${href}`);
      }
    }
  });

  test('an unknown tag is not there, and a page is sent compressed', async () => {
    assert.equal((await fetch(addressOf('/docs/reference/nothing'))).status, 404);
    assert.equal((await fetch(addressOf('/docs/assets/assets.ts'))).status, 404);
    const page = await fetch(addressOf('/docs/reference/conversions'), { headers: { 'accept-encoding': 'br' } });
    assert.equal(page.headers.get('content-encoding'), 'br');
    assert.ok((await page.text()).includes('</html>'));
  });

  test('the search has every call, every event and every guide, each with where it is', async () => {
    const entries = (await (await fetch(addressOf('/docs/search.json'))).json()) as SearchEntry[];
    const of = (kind: SearchEntry['kind']) => entries.filter((entry) => entry.kind === kind);
    assert.equal(of('call').length, operations.length);
    assert.deepEqual(
      of('event')
        .map(({ title }) => title)
        .toSorted(),
      Object.keys(eventTypes).toSorted(),
    );
    const guides = new Set(of('guide').map(({ href }) => href.replace(/#.*$/, '')));
    assert.deepEqual([...guides].toSorted(), guideNames.map((name) => `guides/${name}`).toSorted());
    const create = entries.find(({ within }) => within === 'POST /api/v1/affiliates');
    assert.ok(create?.text.includes('couponCodes'));
    for (const { href } of entries.filter((_entry, index) => index % 20 === 0)) {
      const [path = '', id] = href.split('#');
      const page = await read(`/docs/${path}`);
      if (id !== undefined) assert.ok(page.includes(` id="${id}"`), href);
    }
  });
});
