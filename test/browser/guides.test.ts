import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { guideNames } from '../../src/docs/guides.ts';
import { openBrowser } from '../support/browser.ts';
import { startHub, type TestHub } from '../support/hub.ts';

declare const document: {
  documentElement: { scrollWidth: number; clientWidth: number };
  body: object;
  querySelectorAll(selector: string): Iterable<{ scrollWidth: number; clientWidth: number; offsetWidth: number }>;
};
declare const getComputedStyle: (element: object) => { backgroundColor: string; color: string };

describe('the guides in Chromium', () => {
  let hub: TestHub;
  let browser: { context: BrowserContext; close: () => Promise<void> };
  let page: Page;
  const refused: string[] = [];

  before(async () => {
    hub = await startHub({ worker: false });
    browser = await openBrowser();
    page = await browser.context.newPage();
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) refused.push(`${page.url()}: ${message.text()}`);
    });
  });
  after(async () => {
    await browser.close();
    await hub.stop();
  });

  for (const width of [390, 1280]) {
    it(`fit into ${width} pixels: code and wide tables scroll inside themselves`, async () => {
      await page.setViewportSize({ width, height: 900 });
      let scrolling = 0;
      for (const name of guideNames) {
        await page.goto(`${hub.url}/docs/guides/${name}`);
        const beyond = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
        assert.equal(await page.evaluate(beyond), 0, name);
        scrolling += await page.evaluate(
          () =>
            [...document.querySelectorAll('pre, .scroll')].filter((box) => box.scrollWidth > box.clientWidth).length,
        );
      }
      assert.ok(scrolling > 0);
    });
  }

  it('are light or dark as the reader likes it, with what the policy allows alone', async () => {
    const seen: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.goto(`${hub.url}/docs/guides/`);
      seen.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    }
    assert.deepEqual(seen, ['rgb(255, 255, 255)', 'rgb(22, 25, 28)']);
    assert.deepEqual(refused, []);
  });

  it('are one step from the API reference, and lead back to it', async () => {
    await page.goto(`${hub.url}/docs/`);
    await page.getByRole('link', { name: 'Guides', exact: true }).first().click();
    await page.waitForURL(`${hub.url}/docs/guides/`);
    await page.getByRole('link', { name: 'API reference' }).click();
    await page.waitForURL(`${hub.url}/docs/`);
    assert.deepEqual(refused, []);
  });
});
