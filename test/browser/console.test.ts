import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { createSignInLink } from '../../src/program/sign-in-links.ts';
import { openHttpProgram, type HttpProgram } from '../journeys/http-program.ts';
import { beyondOf, complaintsOf, signOut, violationsOf } from './console-hub.ts';
import { openBrowser } from '../support/browser.ts';
import { startHub, type TestHub } from '../support/hub.ts';

declare const document: {
  body: { innerText: string };
  querySelectorAll(selector: string): { length: number };
};

describe('the console in Chromium', () => {
  let hub: TestHub;
  let program: HttpProgram;
  let browser: { context: BrowserContext; close: () => Promise<void> };
  let page: Page;
  let complaints: string[];

  before(async () => {
    hub = await startHub();
    program = await openHttpProgram(hub, { program: { name: 'Shoes & more', timezone: 'Asia/Kathmandu' } });
    const sale = { amount: 50, currency: 'USD' };
    for (let n = 1; n <= 30; n += 1) {
      const named = n % 3 === 0 ? {} : { affiliate_id: 'partner-one' };
      await program.api.post('/conversions', { order_id: `A-${n}`, customer_id: `user-${n}`, ...sale, ...named });
    }
    await program.api.post('/conversions', { order_id: 'order-'.repeat(20), ...sale, affiliate_id: 'partner-one' });
    await program.api.post('/conversions', { order_id: 'طلب-١', ...sale, amount: '9.123', currency: 'KWD' });
    await program.settled();
    browser = await openBrowser();
    page = await browser.context.newPage();
    complaints = complaintsOf(page);
  });
  after(async () => {
    await browser.close();
    await hub.stop();
  });

  const at = (path: string, mode = 'live'): string => `${hub.url}/console/${program.id}/${mode}${path}`;

  it('lets somebody in by a key, and keeps no key where a script could read it', async () => {
    await page.goto(`${hub.url}/console`);
    await page.getByLabel('API key or admin token').fill('sk_live_nobody');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('The key is not valid').waitFor();
    complaints.length = 0; // The refused key.
    await page.getByLabel('API key or admin token').fill(program.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Home' }).waitFor();
    assert.equal(page.url(), at('/home'));
    const kept = await page.evaluate('document.cookie + JSON.stringify({...localStorage, ...sessionStorage})');
    assert.equal(kept, '{}');
  });

  it('lets the owner in by a link, which leaves the address at once', async () => {
    const { token } = await createSignInLink(hub.db, { opens: 'console' }, new Date());
    await signOut(page);
    await page.goto(`${hub.url}/console#sign-in=${token}`);
    await page.getByLabel('Mode').selectOption('test');
    await page.getByText('TEST', { exact: true }).waitFor();
    assert.equal(page.url(), at('/home', 'test'));
    await page.goBack();
    assert.ok(!page.url().includes(token));
  });

  it('leads from the order id in the search to why it earns what it earns, by keyboard alone', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('A-7');
    await page.getByRole('option', { name: /sale A-7: pending/ }).waitFor();
    assert.deepEqual(await violationsOf(page), []);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'sale A-7' }).waitFor();
    const why = page.getByRole('region', { name: 'Why' });
    await why.getByText(/^Partner \(aff_\w+\) earns 10\.00 USD: 20 % of 50\.00 USD\./).waitFor();
    await why.getByText(/^Chosen: .*'partner-one'/).waitFor();
    await page.keyboard.press('Escape');
    await page.waitForURL(at('/orders'));
    await page.keyboard.press('g');
    await page.keyboard.press('l');
    await page.waitForURL(at('/look-up'));
  });

  it('tells in a checklist at which step a sale failed, and leads to the message', async () => {
    await page.goto(`${at('/look-up')}?q=A-3`);
    await page
      .getByText(/It is parked: nothing tells which affiliate referred it/)
      .first()
      .waitFor();
    const states = await page.locator('.checklist li').evaluateAll((items) => items.map(({ className }) => className));
    assert.deepEqual(states, ['ok', 'ok', 'ok', 'failed', ...Array<string>(4).fill('not_reached')]);
    await page.getByRole('link', { name: 'conversion' }).first().click();
    await page.getByRole('heading', { name: 'conversion message' }).waitFor();
    await page.getByRole('tab', { name: 'Raw' }).click();
    await page.getByText('"order_id": "A-3"').waitFor();
  });

  it('keeps filters in the address, and moves through rows with j, k, Enter and Esc', async () => {
    await page.goto(at('/orders'));
    await page.getByLabel('Status').selectOption('parked');
    await page.waitForURL(/\?status=parked$/);
    await page.getByRole('link', { name: /.+/ }).first().waitFor();
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 11);
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'sale A-30' }).waitFor();
    assert.match(page.url(), /\/orders\/cnv_\w+\?status=parked$/);
    await page.reload();
    await page.getByRole('heading', { name: 'sale A-30' }).waitFor();
    await page.keyboard.press('Escape');
    await page.waitForURL(/\/orders\?status=parked$/);
  });

  it('approves a commission after asking, and a replay adds nothing', async () => {
    const conversions = (await program.api.get('/conversions?orderId=A-1')).body.data;
    await page.goto(at(`/orders/${conversions[0].id}`));
    const details = page.getByRole('region', { name: 'Details' });
    await details.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await page
      .getByRole('region', { name: 'Why' })
      .getByText(/It is approved, and in no payout yet/)
      .waitFor();
    const balance = (await program.api.get('/balances')).body.data;
    assert.equal(balance[0].approvedMinor, 1_000);
    const [message] = (await program.api.get(`/inbox-events?conversionId=${conversions[0].id}&kind=conversion`)).body
      .data;
    await page.goto(at(`/inbox/${message.id}`));
    await details.getByRole('button', { name: 'Replay' }).waitFor();
    await page.keyboard.press('r');
    await page.getByRole('dialog').getByRole('button', { name: 'Replay' }).click();
    await page.getByRole('status').getByText('once more').waitFor();
    await program.settled();
    assert.equal((await program.api.get('/balances')).body.data[0].approvedMinor, 1_000);
  });

  it('says that the hub is away, keeps what was typed, and comes back by itself', async () => {
    await page.goto(at('/look-up'));
    const box = page.getByRole('main').getByRole('searchbox');
    await box.fill('half a wor');
    await page.context().setOffline(true);
    try {
      await page.keyboard.press('Enter');
      await page.getByRole('alert').getByText('What you typed is kept').waitFor();
    } finally {
      await page.context().setOffline(false);
    }
    await page.getByText('Nothing arrived under this name').first().waitFor();
    assert.equal(await box.inputValue(), 'half a wor');
    complaints.length = 0; // The browser tells of what could not be loaded.
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [375, 1280, 2560]) {
      // What axe looks at hardly differs from one width to the next: each colour and each layout once, unless all are asked for.
      const isLookedThrough = process.env.CONSOLE_LOOKS === 'all' || width === (colorScheme === 'light' ? 1280 : 375);
      it(`has no barrier and nothing that sticks out: ${colorScheme}, ${width} pixels`, async () => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        const [order] = (await program.api.get(`/conversions?orderId=${'order-'.repeat(20)}`)).body.data;
        const [message] = (await program.api.get('/inbox-events')).body.data;
        for (const path of ['/inbox', `/inbox/${message.id}`, '/orders', `/orders/${order.id}`, '/look-up?q=A-3']) {
          await page.goto(at(path));
          await page.locator('tbody tr, .verdict').first().waitFor({ state: 'attached' });
          await page.waitForFunction(() => !document.body.innerText.includes('Loading'));
          assert.equal(await beyondOf(page), 0, path);
          if (isLookedThrough) assert.deepEqual(await violationsOf(page), [], path);
        }
      });
    }
  }

  it('had nothing refused by its policy, and no error, on any screen', () => {
    assert.deepEqual(complaints, []);
  });
});
