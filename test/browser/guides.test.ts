import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { guideNames } from '../../src/docs/guides.ts';
import { makeProfile, openBrowser, openProfile } from '../support/browser.ts';
import { startHub, type TestHub } from '../support/hub.ts';

declare const document: {
  documentElement: { scrollWidth: number; clientWidth: number };
  body: object;
  querySelectorAll(selector: string): Iterable<{ scrollWidth: number; clientWidth: number }>;
};
declare const getComputedStyle: (element: object) => { backgroundColor: string };
declare const axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PAPER = { light: 'rgb(255, 255, 255)', dark: 'rgb(21, 24, 27)' };

describe('the guides and the reference in Chromium', () => {
  let hub: TestHub;
  let browser: { context: BrowserContext; close: () => Promise<void> };
  let page: Page;
  let tags: string[] = [];
  /** What the browser complained of: refused by the policy, not found, errors of scripts. */
  const complaints: string[] = [];
  const outside: string[] = [];

  before(async () => {
    hub = await startHub({ worker: false });
    browser = await openBrowser();
    page = await browser.context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
    page.on('request', (request) => {
      if (!request.url().startsWith(`${hub.url}/`)) outside.push(request.url());
    });
    const overview = await (await fetch(`${hub.url}/docs/`)).text();
    tags = [...new Set([...overview.matchAll(/href="reference\/([\w-]+)"/g)].map(([, slug = '']) => slug))];
  });
  after(async () => {
    await browser.close();
    await hub.stop();
  });

  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

  for (const width of [375, 1280]) {
    it(`fit into ${width} pixels: code and wide tables scroll inside themselves`, async () => {
      await page.setViewportSize({ width, height: 900 });
      assert.ok(tags.length > 25);
      let scrolling = 0;
      const guides = guideNames.map((name) => `/docs/guides/${name}`);
      for (const path of ['/', '/docs/', ...guides, ...tags.map((tag) => `/docs/reference/${tag}`)]) {
        await page.goto(`${hub.url}${path}`);
        const beyond = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
        assert.equal(await page.evaluate(beyond), 0, path);
        scrolling += await page.evaluate(
          () =>
            [...document.querySelectorAll('pre, .scroll')].filter((box) => box.scrollWidth > box.clientWidth).length,
        );
      }
      assert.ok(scrolling > 0);
    });
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [375, 1280]) {
      it(`have no barrier: ${colorScheme}, ${width} pixels`, async () => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        for (const path of ['', 'docs/', 'docs/reference/sources', 'docs/guides/walk']) {
          await page.goto(`${hub.url}/${path}`);
          assert.equal(await paper(), PAPER[colorScheme]);
          assert.deepEqual(await violationsOf(page), [], path);
        }
        await page.keyboard.press('/');
        await page.keyboard.type('webhook');
        await page.locator('#search-hits a').first().waitFor();
        assert.deepEqual(await violationsOf(page), [], 'the search');
      });
    }
  }

  it('are light or dark as it was chosen, on the next page and in the console, too', async () => {
    await page.emulateMedia({ colorScheme: 'light' });
    await page.goto(`${hub.url}/docs/`);
    await page.getByLabel('Theme').selectOption('dark');
    assert.equal(await paper(), PAPER.dark);
    await page.goto(`${hub.url}/console`);
    await page.getByLabel('API key or admin token').waitFor();
    await page.goto(`${hub.url}/docs/guides/`);
    assert.equal(await paper(), PAPER.dark);
    assert.equal(await page.getByLabel('Theme').inputValue(), 'dark');
    await page.getByLabel('Theme').selectOption('system');
    assert.equal(await paper(), PAPER.light);
  });

  it('find a call by a word with a letter wrong, by keyboard alone, and lead to its address', async () => {
    await page.goto(`${hub.url}/docs/guides/walk`);
    await page.keyboard.press('Control+k');
    await page.keyboard.type('creat affilliate');
    const wanted = page.getByRole('option', { name: /^API Create an affiliate/ });
    await wanted.waitFor();
    while ((await wanted.getAttribute('aria-selected')) !== 'true') await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${hub.url}/docs/reference/affiliates#postAffiliates`);
    await page.keyboard.press('/');
    await page.keyboard.type('commission.approved');
    await page.getByRole('option', { name: /^event commission\.approved/ }).waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('xqzxqz');
    await page.getByText('Nothing is about “xqzxqz”.').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  });

  it('have samples that can be copied', async () => {
    await browser.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: hub.url });
    await page.goto(`${hub.url}/docs/reference/affiliates#postAffiliates`);
    const sample = page.locator('#postAffiliates').locator('xpath=..').locator('.samples .code').first();
    await sample.getByRole('button', { name: 'Copy' }).click();
    await sample.getByRole('button', { name: 'Copied' }).waitFor();
    const copied = await page.evaluate<string>('navigator.clipboard.readText()');
    assert.ok(
      copied.startsWith(`curl -X POST ${hub.url}/api/v1/affiliates \\\n  -H "Authorization: Bearer $KEY"`),
      copied,
    );
    assert.doesNotMatch(copied, /Copy/);
  });

  it('are one step from each other, and from the console', async () => {
    await page.goto(`${hub.url}/`);
    await page.getByRole('main').getByRole('link', { name: 'API reference' }).click();
    await page.waitForURL(`${hub.url}/docs/`);
    await page.getByRole('link', { name: 'Guides', exact: true }).first().click();
    await page.waitForURL(`${hub.url}/docs/guides/`);
    await page.getByRole('link', { name: 'Console', exact: true }).click();
    await page.getByLabel('API key or admin token').waitFor();
  });

  it('can be read without scripts; what needs them is not shown then', async () => {
    const { home, remove } = await makeProfile();
    const other = await openProfile(home, { javaScriptEnabled: false });
    const quiet = await other.newPage();
    await quiet.goto(`${hub.url}/docs/reference/sources`);
    await quiet.getByText('Errors: 400').first().click();
    await quiet.getByText('VALIDATION_ERROR').first().waitFor();
    assert.equal(await quiet.getByLabel('Theme').isVisible(), false);
    assert.equal(await quiet.getByRole('button').count(), 0);
    await other.close();
    await remove();
  });

  it('had nothing refused by their policy, no error, and nothing from elsewhere', () => {
    assert.deepEqual(complaints, []);
    assert.deepEqual(outside, []);
  });
});

/** What axe finds, each with where. */
async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 150)).join(' | ')}`);
}
