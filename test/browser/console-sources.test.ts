import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';

import { signStripeBody } from '../../src/inbound/stripe/sign.ts';
import { makeKey } from '../api/api-program.ts';
import { ApiClient } from '../api/api-client.ts';
import { openHttpProgram, type HttpProgram } from '../journeys/http-program.ts';
import { paid, stripeEvent } from '../journeys/stripe-events.ts';
import { openBrowser } from '../support/browser.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { beyondOf, complaintsOf, signIn, violationsOf, signOut } from './console-hub.ts';

declare const document: { body: { innerText: string } };

/** Design, section 5: how soon whoever sets up a source sees what their attempt became. */
const SOON_MS = 2_000;

describe('the start page of the console, and its sources', () => {
  let hub: TestHub;
  let program: HttpProgram;
  let other: string;
  let browser: { context: BrowserContext; close: () => Promise<void> };
  let page: Page;
  let complaints: string[];

  before(async () => {
    hub = await startHub();
    program = await openHttpProgram(hub, { program: { name: 'Shoes & more', timezone: 'Asia/Kathmandu' } });
    const admin = new ApiClient(hub.url, hub.adminToken);
    other = (await admin.post('/programs', { name: 'Brand new' })).body.data.id;
    for (let n = 1; n <= 9; n += 1) {
      const occurred_at = new Date(Date.now() - n * 86_400_000).toISOString();
      const named = n === 3 ? {} : { affiliate_id: 'partner-one' };
      await program.api.post('/conversions', {
        order_id: `A-${n}`,
        amount: 50 * n,
        currency: 'USD',
        occurred_at,
        ...named,
      });
    }
    await program.api.post('/conversions', {
      order_id: 'K',
      amount: '9.123',
      currency: 'KWD',
      affiliate_id: 'partner-one',
    });
    await program.api.post('/sources', { kind: 'postback', name: 'متتبع النقرات '.repeat(8), requireKey: false });
    await program.settled();
    browser = await openBrowser();
    page = await browser.context.newPage();
    complaints = complaintsOf(page);
    await signIn(page, hub.url, hub.adminToken);
  });
  after(async () => {
    await browser.close();
    await hub.stop();
  });

  const at = (path: string, programId = program.id): string => `${hub.url}/console/${programId}/live${path}`;

  /** As Stripe sends it, to whichever address. */
  async function sendStripe(url: string, secret: string, event: object): Promise<number> {
    const body = JSON.stringify(event);
    const headers = { 'stripe-signature': signStripeBody(body, secret) };
    return (await fetch(url, { method: 'POST', headers, body })).status;
  }

  async function pasted(label: string): Promise<string> {
    return await page
      .locator('.to-paste')
      .filter({ has: page.getByRole('button', { name: `Copy ${label}` }) })
      .locator('code')
      .innerText();
  }

  it('is where one begins, with the money of the program and what needs somebody', async () => {
    await page.goto(at('/home'));
    const usd = page.getByRole('region', { name: 'Money in USD' });
    await usd.getByText(/USD.2,100\.00/).waitFor(); // 2 250 without the parked one.
    await usd
      .getByText(/USD.420\.00/)
      .first()
      .waitFor();
    await page
      .getByRole('region', { name: 'Money in KWD' })
      .getByText(/KWD.9\.123/)
      .waitFor();
    const needs = page.getByRole('region', { name: 'What needs you' });
    await needs.getByRole('link', { name: '1 order is parked' }).click();
    await page.getByRole('heading', { name: 'Orders' }).waitFor();
    assert.equal(page.url(), at('/orders?status=parked'));
    await page.keyboard.press('g');
    await page.keyboard.press('h');
    await page.getByRole('region', { name: 'Today' }).getByText('10', { exact: true }).first().waitFor();
  });

  it('draws the days, and tells the same in a table', async () => {
    await page.goto(at('/home?days=7'));
    await page.locator('.plot canvas').waitFor();
    await page.getByRole('img', { name: /Revenue and commission by day: together USD/ }).waitFor();
    await page.getByText('As a table').click();
    const rows = await page.getByRole('region', { name: 'as a table' }).locator('tbody tr').allInnerTexts();
    assert.equal(rows.length, 7);
    assert.match(rows[1] ?? '', /USD.50\.00\s+USD.10\.00$/);
    await page.getByLabel('Currency of the chart').selectOption('KWD');
    await page.waitForURL(/days=7&currency=KWD$/);
    assert.match(
      await page.getByRole('region', { name: 'as a table' }).locator('tbody tr').first().innerText(),
      /KWD.9\.123/,
    );
  });

  it('leads a new program from one first step to the next', async () => {
    const steps = page.getByRole('region', { name: /First steps/ });
    await page.goto(at('/home', other));
    await steps.getByText('0 of 5 done').waitFor();
    assert.match(await steps.locator('[aria-current=step]').innerText(), /Say what a sale pays/);
    const api = new ApiClient(hub.url, await makeKey(new ApiClient(hub.url, hub.adminToken), other, 'live', 'write'));
    await api.post('/offers', {
      name: 'Offer',
      url: 'https://shop.example/',
      commission: { type: 'cps', rateBps: 100 },
    });
    await api.post('/affiliates', { displayName: 'Ann', email: 'ann@example.com' });
    await page.reload();
    await steps.getByText('2 of 5 done').waitFor();
    await steps.getByRole('link', { name: 'Connect a source' }).click();
    await page.getByRole('heading', { name: 'Where do your sales come from?' }).waitFor();
  });

  it('adds Stripe: a wrong secret is red within two seconds, the right one green within two', async () => {
    await page.goto(at('/sources'));
    await page.getByRole('link', { name: 'Add a source' }).click();
    await page.getByRole('link', { name: 'Stripe' }).click();
    await page.getByLabel('Name').fill('The shop');
    await page.getByRole('button', { name: 'Make the address' }).click();
    await page.waitForURL(/\/sources\/new\/stripe\?source=srr_\w+$/);
    const url = await pasted('the address');
    assert.match(url, new RegExp(`^${hub.url}/in/stripe/src_\\w+$`));
    await page.getByText('invoice_payment.paid').waitFor();

    const secret = page.getByLabel('Signing secret');
    await secret.fill(`sk_live_${'a'.repeat(40)}`);
    await page.getByRole('button', { name: 'Save the secret' }).click();
    await page.getByText('is an API key. The signing secret').waitFor();
    complaints.length = 0; // The browser tells of every 400.
    await secret.fill('whsec_of_another_endpoint');
    await page.getByRole('button', { name: 'Save the secret' }).click();
    await page.getByRole('status').getByText('Saved').waitFor();
    await page.reload();
    const log = page.getByRole('log');

    const payment = { id: 'wizard', currency: 'usd', paidAt: Math.floor(Date.now() / 1_000) };
    assert.equal(await sendStripe(url, 'whsec_right', paid(payment, 4_900)), 400);
    const refusedAt = Date.now();
    await log.getByText('its signature did not fit. Is this the secret of another endpoint?').waitFor();
    assert.ok(Date.now() - refusedAt < SOON_MS, `red after ${Date.now() - refusedAt} ms`);

    await secret.fill('whsec_right');
    await page.getByRole('button', { name: 'Save the secret' }).click();
    await page.getByRole('status').getByText('Saved').waitFor();
    assert.equal(
      await sendStripe(url, 'whsec_right', stripeEvent('product.created', payment.paidAt, { id: 'prod_1' })),
      200,
    );
    await log.getByText(/product.created came; it carries no money/).waitFor();
    const session = {
      id: 'cs_1',
      object: 'checkout.session',
      amount_total: 4_900,
      currency: 'usd',
      created: payment.paidAt,
      mode: 'payment',
      payment_intent: 'pi_nobody',
      payment_status: 'paid',
      status: 'complete',
      metadata: {},
    };
    const sent = stripeEvent('checkout.session.completed', payment.paidAt, session);
    assert.equal(await sendStripe(url, 'whsec_right', sent), 200);
    const takenAt = Date.now();
    await log.getByText(/checkout.session.completed: a sale of 49\.00 USD.*no affiliate named/).waitFor();
    assert.ok(Date.now() - takenAt < SOON_MS, `green after ${Date.now() - takenAt} ms`);
    await log.getByText('How to name the affiliate').click();
    await log.getByText("metadata: { affiliate_id: 'ann' }").waitFor();

    assert.equal(await sendStripe(url, 'whsec_right', paid(payment, 4_900)), 200);
    await log.getByText(/payment_intent.succeeded: Partner .* earns 9\.80 USD/).waitFor();
    await log.getByRole('link', { name: 'Open it' }).first().click();
    await page.getByRole('region', { name: 'Why' }).getByText('earns 9.80 USD').waitFor();
  });

  it('says where a message of the other mode is to be seen', async () => {
    const [source] = (await program.api.get('/sources?kind=stripe')).body.data;
    const event = { ...stripeEvent('customer.created', 1, { id: 'cus_1', object: 'customer' }), livemode: false };
    assert.equal(await sendStripe(source.url, 'whsec_right', event), 200);
    await page.goto(at(`/sources/${source.ref}`));
    await page.getByRole('link', { name: 'Look in test mode' }).click();
    await page.getByText(/customer.created came; it carries no money/).waitFor();
  });

  it('follows a test click to a commission that is none', async () => {
    const [source] = (await program.api.get('/sources?kind=stripe')).body.data;
    const before = (await program.api.get('/balances/totals')).body.data;
    await page.goto(at(`/sources/new/stripe?source=${source.ref}`));
    await page.getByRole('button', { name: 'Send a test' }).click();
    const steps = page.getByRole('status', { name: 'The test, step by step' });
    await steps.getByText(/USD.2\.00, pending/).waitFor();
    assert.equal(await steps.locator('li.ok').count(), 4);
    await program.settled();
    assert.deepEqual((await program.api.get('/balances/totals')).body.data, before);
  });

  it('adds RevenueCat, with a header that fits', async () => {
    await page.goto(at('/sources/new/revenuecat'));
    const header = await page.getByLabel('Authorization header').inputValue();
    assert.match(header, /^Bearer [0-9a-f]{48}$/);
    await page.getByLabel('Commission is reckoned from').selectOption('gross');
    await page.getByRole('button', { name: 'Make the address' }).click();
    const url = await pasted('the address');
    assert.equal(await pasted('the Authorization header'), header);
    const [source] = (await program.api.get('/sources?kind=revenuecat')).body.data;
    assert.deepEqual([source.url, source.amountBasis], [url, 'gross']);
    const body = JSON.stringify({
      api_version: '1.0',
      event: { id: 'e1', type: 'BILLING_ISSUE', environment: 'PRODUCTION' },
    });
    const send = (authorization: string): Promise<Response> =>
      fetch(url, { method: 'POST', body, headers: { authorization, 'content-type': 'application/json' } });
    assert.equal((await send('Bearer of somebody')).status, 401);
    await page.getByRole('log').getByText('its Authorization header did not fit').waitFor();
    assert.equal((await send(header)).status, 200);
    await page
      .getByRole('log')
      .getByText(/BILLING_ISSUE came; it carries no money/)
      .waitFor();
  });

  it('adds a tracker: shows how its names are read, and an address that is ready to paste', async () => {
    await page.goto(at('/sources/new/postback'));
    await page.getByRole('combobox', { name: 'Tracker' }).selectOption('keitaro');
    const preview = page.getByRole('table', { name: 'How it is read' });
    await preview.getByRole('row', { name: 'subid click id' }).waitFor();
    await page.getByText('Names and states of its own').click();
    await page.getByLabel(/^Names, a line each/).fill('who = affiliate_id\nbad = nothing_known');
    await page.getByRole('button', { name: 'Make the address' }).click();
    await page.getByText(/bad: must be one of/).waitFor();
    complaints.length = 0;
    await page.getByLabel(/^Names, a line each/).fill('who = affiliate_id');
    await page.getByRole('button', { name: 'Make the address' }).click();
    await page.getByRole('button', { name: 'Make a key and put it in' }).click();
    await page.getByText('It is shown this once').waitFor();
    const url = (await pasted('the address'))
      .replace('{external_id}', '')
      .replace('{revenue}', '12')
      .replace('{tid}', 'T-1')
      .replace('{status}', 'sale');
    assert.match(url, /secure=sk_live_/);
    assert.equal((await fetch(`${url}&who=partner-one&currency=USD`)).status, 200);
    await page
      .getByRole('log')
      .getByText(/postback: Partner .* earns 2\.40 USD/)
      .waitFor();
    const [source] = (await program.api.get('/sources?kind=postback')).body.data;
    assert.deepEqual([source.preset, source.fields], ['keitaro', { who: 'affiliate_id' }]);
  });

  it('tells what a source turned away, changes it, rotates its secret, and deletes it', async () => {
    const [{ ref }] = (await program.api.get('/sources?kind=stripe')).body.data;
    await page.goto(at('/sources'));
    await page.getByRole('row', { name: /The shop/ }).waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/sources\/srr_/);
    await page.goto(at(`/sources/${ref}`));
    await page.getByRole('tab', { name: 'Refused (1)' }).click();
    await page.getByText('signature wrong').last().click();
    await page.getByText('"amount":4900', { exact: false }).first().waitFor();

    await page.getByRole('tab', { name: 'Settings' }).click();
    await page.getByLabel('Name').fill('The other shop');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'The other shop' }).waitFor();
    await page.getByLabel('The new secret').fill('whsec_rotated');
    await page.getByRole('button', { name: 'Rotate' }).click();
    await page.getByRole('status').getByText('It holds from now on').waitFor();
    const source = (await program.api.get(`/sources/${ref}`)).body.data;
    assert.equal(source.name, 'The other shop');
    const event = stripeEvent('product.updated', 1, { id: 'prod_1' });
    assert.deepEqual(
      [await sendStripe(source.url, 'whsec_right', event), await sendStripe(source.url, 'whsec_rotated', event)],
      [400, 200],
    );

    await page.getByRole('button', { name: 'Delete the source' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.waitForURL(at('/sources'));
    assert.equal((await program.api.get(`/sources/${ref}`)).status, 404);
    assert.equal(await sendStripe(source.url, 'whsec_rotated', event), 404);
    await page.getByText('The other shop').waitFor({ state: 'detached' });
  });

  it('names on the start page what fails', async () => {
    const url = 'https://gone.example/hook';
    const made = (await program.api.post('/webhook-endpoints', { url, description: 'Old shop' })).body.data;
    await runSql(hub.db, `update webhook_endpoints set disabled_at = now(), disabled_reason = 'gone' where id = ?`, [
      made.id,
    ]);
    await page.goto(at('/home'));
    const line = page.getByRole('link', { name: '1 webhook endpoint was given up' });
    await line.waitFor();
    assert.equal(await line.getAttribute('href'), `/console/${program.id}/live/webhooks/${made.id}`);
    await page.getByText('Old shop').waitFor();
  });

  for (const [colorScheme, width] of [
    ['light', 1280],
    ['dark', 375],
    ['light', 2560],
  ] as const) {
    // Every width and colour by CONSOLE_LOOKS=all: the tests have fifteen minutes, and console.test.ts looks at all of them.
    if (width !== 1280 && process.env.CONSOLE_LOOKS !== 'all') continue;
    it(`has no barrier and nothing that sticks out: ${colorScheme}, ${width} pixels`, async () => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const [source] = (await program.api.get('/sources?kind=postback')).body.data;
      const [stripe] = (await program.api.get('/sources?kind=stripe')).body.data;
      const screens = [
        '/home',
        '/sources',
        `/sources/${source.ref}`,
        '/sources/new',
        '/sources/new/revenuecat',
        '/sources/new/postback',
        `/sources/new/stripe?source=${stripe.ref}`,
      ];
      for (const path of width === 2560 ? screens.slice(0, 3) : screens) {
        await page.goto(at(path));
        await page.getByRole('main').locator('h1, h2').first().waitFor();
        await page.waitForFunction(() => !document.body.innerText.includes('Loading'));
        assert.equal(await beyondOf(page), 0, path);
        if (width < 2560) assert.deepEqual(await violationsOf(page), [], path);
        const name = path.split('?')[0]?.replaceAll('/', '-').replace(source.ref, 'one') ?? '';
        const shots = process.env['SHOTS'];
        if (shots)
          await page.screenshot({
            path: `${shots}${name}${path.includes('?') ? '-2' : ''}-${colorScheme}-${width}.png`,
          });
      }
    });
  }

  it('shows no address and no button to whoever may only read', async () => {
    const reader = await makeKey(new ApiClient(hub.url, hub.adminToken), program.id, 'live', 'read');
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(at('/look-up')); // Where nothing is asked for again and again.
    await signOut(page);
    await signIn(page, hub.url, reader);
    await page.waitForURL(at('/home'));
    const [source] = (await program.api.get('/sources?kind=postback')).body.data;
    await page.goto(at(`/sources/${source.ref}`));
    await page.getByText('it opens the source').waitFor();
    for (const name of ['Add a source', 'Delete the source', 'Settings', 'Test']) {
      assert.equal(await page.getByRole('main').getByText(name, { exact: true }).count(), 0, name);
    }
    assert.ok(!(await page.content()).includes(source.id));
    await page.goto(at('/sources/new/stripe'));
    await page.getByText('Your key may not').waitFor();
    await waitUntil('nothing more is under way', async () => (await page.getByText('Loading').count()) === 0);
  });

  it('had nothing refused by its policy, and no error, on any screen', () => {
    assert.deepEqual(complaints, []);
  });
});
