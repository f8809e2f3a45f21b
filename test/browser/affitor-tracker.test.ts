import assert from 'node:assert/strict';
import { inTransaction } from '../../src/db/db.ts';
import { after, before, describe, it } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { createAffiliate } from '../../src/program/affiliates.ts';
import { updateProgram } from '../../src/program/programs.ts';
import { openConformanceProgram, type ConformanceProgram } from '../dialects/conformance.ts';
import { openBrowser } from '../support/browser.ts';
import { waitUntil } from '../support/wait-until.ts';
import { servePage } from './pages.ts';

/** What pages see of the script. */
interface Tracker {
  signup(customerKey: string, email?: string): Promise<{ success: boolean } | null>;
  getClickId(): string | null;
  getData(): { programId: string; hasAttribution: boolean };
}
declare const window: { affitor: Tracker };

describe('affitor-tracker.js in Chromium', () => {
  let program: ConformanceProgram;
  let browser: { context: BrowserContext; close: () => Promise<void> };
  let site: { port: number; close: () => Promise<void> };
  let page: Page;
  const complaints: string[] = [];

  before(async () => {
    program = await openConformanceProgram();
    await updateProgram(program.hub.db, program.programId, { browserLeads: true });
    await inTransaction(program.hub.db, (trx) =>
      createAffiliate(
        trx,
        { programId: program.programId, livemode: true },
        { displayName: 'B', email: 'b@example.com', referralCode: 'second' },
      ),
    );
    const source = `${program.hub.url}/affitor/affitor-tracker.js`;
    site = await servePage(
      `<!doctype html><title>Pricing</title><script src="${source}" data-affitor-program-id="${program.programId}"></script>`,
    );
    browser = await openBrowser();
    page = await browser.context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('favicon')) complaints.push(message.text());
    });
  });
  after(async () => {
    await browser.close();
    await site.close();
    await program.hub.stop();
  });

  const land = (host: string, path: string) => page.goto(`http://${host}:${site.port}${path}`);
  const cookie = async () => (await browser.context.cookies()).find(({ name }) => name === 'affitor_click_id') ?? null;
  const clicks = () => program.hub.db('clicks').select('id', 'affiliate_id', 'livemode').orderBy('id');

  it('leaves a visitor whom nobody referred alone, and tells of no signup', async () => {
    await land('www.brand.test', '/');
    assert.equal(await page.evaluate(() => window.affitor.getClickId()), null);
    assert.equal(await page.evaluate(() => window.affitor.signup('nobody')), null);
    assert.deepEqual(await clicks(), []);
  });

  it('records the landing with ?aff= from another origin and keeps the click in a cookie of the whole domain', async () => {
    await land('shop.brand.test', `/pricing?aff=${program.referralCode}&sub1=newsletter`);
    const kept = await waitUntil('the cookie is set', cookie);
    const [click, ...others] = await clicks();
    assert.deepEqual([click.id, click.affiliate_id, click.livemode], [kept.value, program.affiliateId, true]);
    assert.deepEqual(others, []);
    assert.deepEqual([kept.domain, kept.path, kept.sameSite, kept.httpOnly], ['.brand.test', '/', 'Lax', false]);
    const days = (kept.expires - Date.now() / 1000) / 86_400;
    assert.ok(days > 29.9 && days < 30.1, `${days} days`);
  });

  it('knows the visitor again on another page of the domain, without another click', async () => {
    await land('www.brand.test', '/checkout');
    const data = await page.evaluate(() => window.affitor.getData());
    assert.deepEqual([data.hasAttribution, data.programId], [true, program.programId]);
    await land('www.brand.test', `/?aff=${program.referralCode}`);
    assert.equal(await page.evaluate(() => window.affitor.getClickId()), (await cookie())?.value);
    assert.equal((await clicks()).length, 1);
  });

  it('tells of a signup, which binds the customer: a sale by customer_key is credited', async () => {
    const answer = await page.evaluate(() => window.affitor.signup('customer_123', 'user@example.com'));
    assert.deepEqual(answer, { success: true, message: 'Lead tracked successfully' });
    const response = await fetch(`${program.hub.url}/affitor/api/v1/track/sale`, {
      method: 'POST',
      headers: { authorization: `Bearer ${program.keys.live}`, 'content-type': 'application/json' },
      body: JSON.stringify({ transaction_id: 'txn_1', customer_key: 'customer_123', amount_cents: 5000 }),
    });
    assert.equal(response.status, 200, await response.text());
    const [order] = await program.hub.db('orders').where('order_id', 'txn_1');
    assert.deepEqual([order.affiliate_id, order.commission_minor], [program.affiliateId, 1000n]);
  });

  it('lets another partner take over, and a signup that follows at once waits for the click', async () => {
    const before = (await cookie())?.value;
    await land('shop.brand.test', '/?aff=second');
    const [signup, clickId] = await page.evaluate(async () => {
      const answer = await window.affitor.signup('customer_456');
      return [answer, window.affitor.getClickId()] as const;
    });
    assert.equal(signup?.success, true);
    assert.notEqual(clickId, before);
    assert.equal((await cookie())?.value, clickId);
    assert.equal((await clicks()).at(-1)?.id, clickId);
  });

  it('keeps the click of a tracking link that led here', async () => {
    const clickId = `clk_${'0'.repeat(31)}1`;
    await land('www.elsewhere.test', `/?click_id=${clickId}&ref=${program.affiliateId}`);
    assert.equal(await page.evaluate(() => window.affitor.getClickId()), clickId);
  });

  it('keeps working where the host is an address, and with a code that nobody has', async () => {
    const told = complaints.length;
    await land('127.0.0.1', '/?aff=NOBODY');
    // The browser's own word about the answer, and the script's.
    await waitUntil('the refusal is told twice', () => Promise.resolve(complaints.length >= told + 2));
    assert.match(
      complaints.splice(told).join(' '),
      /status of 400.*Referral link not found|Referral link not found.*status of 400/,
    );
    await land('127.0.0.1', `/?aff=${program.referralCode}`);
    const clickId = await waitUntil('there is a click', () => page.evaluate(() => window.affitor.getClickId()));
    assert.match(clickId, /^clk_/);
  });

  it('raises no error on any page, and is small', async () => {
    assert.deepEqual(complaints, []);
    const script = await fetch(`${program.hub.url}/affitor/js/affitor-tracker.js`);
    assert.match(script.headers.get('content-type') ?? '', /^text\/javascript/);
    assert.ok((await script.text()).length < 6_000);
  });
});
