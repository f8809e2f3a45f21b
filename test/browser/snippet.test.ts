import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { openConformanceProgram, type ConformanceProgram } from '../dialects/conformance.ts';
import { openBrowser } from '../support/browser.ts';
import { servePage } from './pages.ts';

declare const window: {
  tributary: { metadata(): Record<string, string>; ready: Promise<Record<string, string>> };
  told: unknown;
};
declare const sessionStorage: { getItem(key: string): string | null };
declare const document: { querySelector(selector: string): { value: string } | null };

describe('snippet.js in Chromium', () => {
  let program: ConformanceProgram;
  let browser: { context: BrowserContext; close: () => Promise<void> };
  let site: { port: number; close: () => Promise<void> };
  let page: Page;

  before(async () => {
    program = await openConformanceProgram();
    site = await servePage(
      `<!doctype html><title>Checkout</title>
       <script>document.addEventListener('tributary', (event) => { window.told = event.detail; });</script>
       <script src="${program.hub.url}/snippet.js" data-program="${program.programId}"></script>
       <form><input type="hidden" data-tributary="affiliate_id"></form>`,
    );
    browser = await openBrowser();
    page = await browser.context.newPage();
  });
  after(async () => {
    await browser.close();
    await site.close();
    await program.hub.stop();
  });

  const land = (path: string) => page.goto(`http://shop.brand.test:${site.port}${path}`);

  it('keeps ref, aff_sess and click_id over pages of the session and hands them to the page', async () => {
    const link = await createLink();
    await page.goto(`${program.hub.url}/r/${link}`);
    await page.waitForURL(/shop\.brand\.test/);
    await land('/checkout');
    const metadata = await page.evaluate(() => window.tributary.metadata());
    const [click] = await program.hub.db('clicks').select('id');
    assert.deepEqual(metadata, {
      affiliate_id: program.affiliateId,
      affiliate_session_id: click.id,
      click_id: click.id,
    });
    assert.deepEqual(await page.evaluate(() => window.told), metadata);
    const kept = () => ['aff_ref', 'aff_sess', 'aff_click_id'].map((key) => sessionStorage.getItem(key));
    assert.deepEqual(await page.evaluate(kept), [program.affiliateId, click.id, click.id]);
    const filled = () => document.querySelector('input')?.value;
    assert.equal(await page.evaluate(filled), program.affiliateId);
  });

  it('lets a later link take over, and keeps nothing of the one before', async () => {
    await land('/?ref=aff_later&click_id=clk_later');
    const metadata = await page.evaluate(() => window.tributary.metadata());
    assert.deepEqual(metadata, { affiliate_id: 'aff_later', click_id: 'clk_later' });
  });

  it('makes a click of a ref that came without one, once, and hands on that click alone', async () => {
    const before = await countClicks();
    await land(`/?ref=${program.referralCode}&aff_sess=clk_typed&sub1=theirs`);
    const metadata = await page.evaluate(() => window.tributary.ready);
    const [click] = await program.hub.db('clicks').orderBy('id', 'desc').limit(1).select('*');
    assert.deepEqual(metadata, { affiliate_session_id: click.id, click_id: click.id });
    assert.deepEqual(
      [click.affiliate_id, click.program_id, click.sub1, click.source_url],
      [program.affiliateId, program.programId, 'theirs', page.url()],
    );
    assert.deepEqual(await page.evaluate(() => window.told), metadata);
    await land(`/?ref=${program.referralCode}`);
    await land('/checkout');
    assert.deepEqual(await page.evaluate(() => window.tributary.ready), metadata);
    assert.equal(await countClicks(), before + 1);
  });

  it('goes on with the click before where a ref is nobody of ours', async () => {
    const before = await page.evaluate(() => window.tributary.metadata());
    await land('/?ref=newsletter');
    assert.deepEqual(await page.evaluate(() => window.tributary.ready), before);
  });

  it('has nothing for another visitor', async () => {
    const other = await openBrowser();
    try {
      const otherPage = await other.context.newPage();
      await otherPage.goto(`http://shop.brand.test:${site.port}/`);
      assert.deepEqual(await otherPage.evaluate(() => window.tributary.metadata()), {});
    } finally {
      await other.close();
    }
  });

  const countClicks = async () => (await program.hub.db('clicks').select('id')).length;

  async function createLink(): Promise<string> {
    const response = await fetch(`${program.hub.url}/api/v1/tracking-links`, {
      method: 'POST',
      headers: { authorization: `Bearer ${program.keys.live}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        affiliateId: program.affiliateId,
        offerId: program.offerId,
        customUrl: `http://shop.brand.test:${site.port}/landing`,
      }),
    });
    const { data } = (await response.json()) as { data: { code: string } };
    return data.code;
  }
});
