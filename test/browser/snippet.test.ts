import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BrowserContext, Cookie, Page } from 'playwright-core';
import { openConformanceProgram, type ConformanceProgram } from '../dialects/conformance.ts';
import { openBrowser } from '../support/browser.ts';
import { waitUntil } from '../support/wait-until.ts';
import { servePage } from './pages.ts';

declare const window: {
  tributary: {
    metadata(): Record<string, string>;
    consent(answer: boolean): Promise<Record<string, string>>;
    ready: Promise<Record<string, string>>;
  };
  told: unknown;
};
declare const sessionStorage: { getItem(key: string): string | null };
declare const localStorage: { getItem(key: string): string | null; setItem(key: string, value: string): void };
declare const document: {
  querySelector(selector: string): { value: string } | null;
  dispatchEvent(event: Event): void;
};

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

  it('keeps a click beyond the session, in first-party cookies and localStorage, until its offer’s window is over', async () => {
    await page.goto(`${program.hub.url}/r/${await createLink()}`);
    await page.waitForURL(/shop\.brand\.test/);
    const metadata = await page.evaluate(() => window.tributary.ready);
    const [click] = await program.hub.db('clicks').orderBy('id', 'desc').limit(1).select('*');
    const ends = click.occurred_at.getTime() + 30 * 86_400_000;
    const cookies = await waitForCookies((cookie) => Math.abs(cookie.expires * 1000 - ends) < 3_000);
    assert.deepEqual(
      cookies.map(({ name, value, domain, path, sameSite }) => [name, value, domain, path, sameSite]),
      [
        ['aff_click_id', click.id, 'shop.brand.test', '/', 'Lax'],
        ['aff_ref', program.affiliateId, 'shop.brand.test', '/', 'Lax'],
        ['aff_sess', click.id, 'shop.brand.test', '/', 'Lax'],
      ],
    );
    // Until the hub has said when the click ends, the page goes by its own clock.
    await waitUntil('the page keeps it until the window ends', async () => {
      const kept = await page.evaluate(() => localStorage.getItem('tributary'));
      return (JSON.parse(kept ?? '{}') as { until?: number }).until === ends;
    });
    // Another tab has another session.
    const another = await browser.context.newPage();
    await another.goto(`http://shop.brand.test:${site.port}/checkout`);
    assert.deepEqual(await another.evaluate(() => window.tributary.metadata()), metadata);
    assert.equal(await another.evaluate(() => sessionStorage.getItem('aff_ref')), program.affiliateId);
    await another.close();
    await browser.context.clearCookies();
    await land('/checkout');
    assert.deepEqual(await page.evaluate(() => window.tributary.metadata()), metadata);
  });

  it('lets go of a click whose window is over, whether the browser or the hub knows it', async () => {
    await browser.context.clearCookies();
    await page.evaluate(() => {
      const { values } = JSON.parse(localStorage.getItem('tributary') ?? '') as { values: object };
      localStorage.setItem('tributary', JSON.stringify({ values, until: Date.now() - 1 }));
    });
    await land('/checkout');
    assert.deepEqual(await page.evaluate(() => window.tributary.metadata()), {});
    await program.hub.db('clicks').update({ occurred_at: new Date(Date.now() - 31 * 86_400_000) });
    const [click] = await program.hub.db('clicks').orderBy('id', 'desc').limit(1).select('id');
    await land(`/?click_id=${click.id}`);
    await waitUntil('the click is let go', async () => (await browser.context.cookies()).length === 0);
    await land('/checkout');
    assert.deepEqual(await page.evaluate(() => window.tributary.metadata()), {});
  });

  it('hands a click to the other hosts of a domain where the page says so', async () => {
    const wide = await servePage(
      `<!doctype html><title>Shop</title><script src="${program.hub.url}/snippet.js" data-domain="brand.test"></script>`,
    );
    try {
      await page.goto(`http://www.brand.test:${wide.port}/?click_id=clk_wide`);
      await page.goto(`http://checkout.brand.test:${wide.port}/pay`);
      assert.deepEqual(await page.evaluate(() => window.tributary.metadata()), { click_id: 'clk_wide' });
    } finally {
      await wide.close();
      await browser.context.clearCookies();
    }
  });

  it('keeps, reads and sends nothing before a consent that is required, and forgets when it is taken back', async () => {
    const asking = await servePage(
      `<!doctype html><title>Shop</title>
       <script src="${program.hub.url}/snippet.js" data-program="${program.programId}" data-consent="required"></script>`,
    );
    try {
      const before = await countClicks();
      const visit = (path: string) => page.goto(`http://ask.brand.test:${asking.port}${path}`);
      const answer = (given: boolean) => page.evaluate((value) => window.tributary.consent(value), given);
      const nothingIsKept = async () => {
        assert.deepEqual(await browser.context.cookies(), []);
        const keys = () => ['aff_ref', 'aff_sess', 'aff_click_id'].map((key) => sessionStorage.getItem(key));
        assert.deepEqual(await page.evaluate(keys), [null, null, null]);
        assert.equal(await page.evaluate(() => localStorage.getItem('tributary')), null);
      };
      await visit('/?click_id=clk_here');
      // It stands in the address of the page, and is the page's to use.
      assert.deepEqual(await page.evaluate(() => window.tributary.ready), { click_id: 'clk_here' });
      await nothingIsKept();
      await visit(`/?ref=${program.referralCode}`);
      assert.deepEqual(await page.evaluate(() => window.tributary.ready), {});
      await nothingIsKept();
      assert.equal(await countClicks(), before);

      const metadata = await answer(true);
      assert.equal(await countClicks(), before + 1);
      assert.deepEqual(Object.keys(metadata), ['affiliate_session_id', 'click_id']);
      assert.equal((await browser.context.cookies()).length, 3);
      await visit('/checkout');
      assert.deepEqual(await page.evaluate(() => window.tributary.metadata()), {});
      assert.deepEqual(await answer(true), metadata);

      assert.deepEqual(await answer(false), {});
      await nothingIsKept();
      await visit('/checkout');
      assert.deepEqual(await answer(true), {});
    } finally {
      await asking.close();
    }
  });

  it('makes no click of a page that the browser prepares ahead, until it is shown', async () => {
    const visitor = await openBrowser();
    try {
      const ahead = await visitor.context.newPage();
      await ahead.addInitScript(() => Object.defineProperty(document, 'prerendering', { value: true }));
      const before = await countClicks();
      await ahead.goto(`http://ahead.brand.test:${site.port}/?ref=${program.referralCode}`);
      await ahead.waitForTimeout(300);
      assert.equal(await countClicks(), before);
      await ahead.evaluate(() => document.dispatchEvent(new Event('prerenderingchange')));
      assert.ok((await ahead.evaluate(() => window.tributary.ready))['click_id']);
      assert.equal(await countClicks(), before + 1);
    } finally {
      await visitor.close();
    }
  });

  it('makes the click of a link that the browser followed ahead, once its page is shown', async () => {
    const visitor = await openBrowser();
    try {
      const before = await countClicks();
      const fetched = await fetch(`${program.hub.url}/r/${await createLink()}?sub1=caf%E9+%C3%A9%zz`, {
        headers: { 'sec-purpose': 'prefetch' },
        redirect: 'manual',
      });
      assert.equal(await countClicks(), before);
      const shown = await visitor.context.newPage();
      await shown.goto(fetched.headers.get('location') ?? '');
      const { click_id: clickId } = await shown.evaluate(() => window.tributary.ready);
      const [click] = await program.hub.db('clicks').orderBy('id', 'desc').limit(1).select('*');
      assert.deepEqual([click.id, click.affiliate_id, click.sub1], [clickId, program.affiliateId, 'caf\ufffdE9 é%zz']);
      assert.equal(await countClicks(), before + 1);
    } finally {
      await visitor.close();
    }
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

  const waitForCookies = async (isReady: (cookie: Cookie) => boolean): Promise<Cookie[]> => {
    let cookies: Cookie[] = [];
    await waitUntil('the cookies end with the window', async () => {
      cookies = await browser.context.cookies();
      return cookies.length > 0 && cookies.every(isReady);
    });
    return cookies.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  };

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
