import assert from 'node:assert/strict';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { ApiClient } from '../api/api-client.ts';
import { make } from '../api/api-program.ts';
import { openHttpProgram, type HttpProgram } from '../journeys/http-program.ts';
import { openBrowser } from '../support/browser.ts';
import { startHub } from '../support/hub.ts';

declare const document: { body: { innerText: string } };

/**
 * Makes the pictures of the README anew: `npm test -- test/browser/make-pictures.ts`. A hub with a day of a shop is started,
 * and its console looked at.
 */
const folder = new URL('../../src/docs/pictures/', import.meta.url);
const MOST_BYTES = 150 * 1024;

const buyers = ['amara', 'ben', 'chloe', 'diego', 'elif', 'farid', 'grace', 'hugo', 'ines', 'jonas', 'keiko', 'lena'];
const partners = [
  { displayName: 'Trail Notes', email: 'hello@trailnotes.example', referralCode: 'trailnotes' },
  { displayName: 'Espresso Weekly', email: 'desk@espresso.example', referralCode: 'espresso' },
  { displayName: 'Nora Lindqvist', email: 'nora@lindqvist.example', referralCode: 'nora' },
];

test('the pictures of the README', async () => {
  const hub = await startHub();
  const browser = await openBrowser();
  try {
    const program = await openHttpProgram(hub, {
      program: { name: 'Northwind Coffee', timezone: 'Europe/Stockholm' },
      affiliate: partners[0] ?? {},
      offer: { name: 'Coffee subscription' },
    });
    const orderId = await liveThroughADay(program, hub.url);
    const page = await browser.context.newPage();
    await page.setViewportSize({ width: 1280, height: 620 });
    await page.goto(`${hub.url}/console`);
    await page.getByLabel('API key or admin token').fill(program.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Inbox' }).waitFor();
    const at = (path: string): string => `${hub.url}/console/${program.id}/live${path}`;
    await take(page, at('/inbox'), 'inbox');
    const [order] = (await program.api.get(`/conversions?orderId=${orderId}`)).body.data;
    await take(page, at(`/orders/${order.id}`), 'order');
  } finally {
    await browser.close();
    await hub.stop();
  }
});

/** Sales by four ways, some without an affiliate; the order to be shown has evidence that was passed over. */
async function liveThroughADay(program: HttpProgram, url: string): Promise<string> {
  const { api } = program;
  for (const partner of partners.slice(1)) await make(api, '/affiliates', partner);
  const tracker = await make<{ id: string }>(api, '/sources', {
    kind: 'postback',
    name: 'Voluum',
    preset: 'voluum',
    requireKey: false,
  });
  const anonymous = new ApiClient(url, null);
  const clickOf = (referralCode: string) => make<{ id: string }>(api, '/clicks', { referralCode });
  for (const [index, buyer] of buyers.entries()) {
    const partner = partners[index % partners.length]?.referralCode ?? '';
    const amount = (24 + ((index * 37) % 80) + 0.5).toFixed(2);
    const named = index % 5 === 4 ? {} : { referralCode: partner };
    const sale = {
      orderId: `NW-${4200 + index}`,
      amount,
      currency: 'EUR',
      customerEmail: `${buyer}@buyers.example`,
      ...named,
    };
    await api.post('/conversions', sale);
    if (index % 3 === 0) {
      const { id } = await clickOf(partner);
      await anonymous.get(`//pb/${tracker.id}?cid=${id}&payout=${amount}&currency=EUR&txid=VL-${880 + index}`);
    }
  }
  for (const file of [
    '01-customer.created',
    '02-charge.succeeded',
    '03-payment_intent.succeeded',
    '04-checkout.session.completed',
  ]) {
    await program.stripe(await readFixture(`stripe/endive/one-off-checkout/${file}`));
  }
  await program.revenuecat(await readFixture('revenuecat/subscription/01-initial-purchase'));
  const { id: clickId } = await clickOf('espresso');
  const orderId = 'NW-4217';
  await api.post('/conversions', {
    orderId,
    amount: '119.00',
    tax: '19.00',
    currency: 'EUR',
    customerEmail: 'mira@buyers.example',
    referralCode: 'trailnotes',
    clickId,
  });
  await program.settled();
  return orderId;
}

async function readFixture(name: string): Promise<object> {
  return JSON.parse(await readFile(new URL(`../../fixtures/${name}.json`, import.meta.url), 'utf8')) as object;
}

async function take(page: Page, address: string, name: string): Promise<void> {
  await page.goto(address);
  await page.locator('tbody tr').first().waitFor();
  await page.waitForFunction(() => !document.body.innerText.includes('Loading'));
  await page.waitForLoadState('networkidle');
  await mkdir(folder, { recursive: true });
  const file = new URL(`${name}.png`, folder).pathname;
  await page.screenshot({ path: file });
  const { size } = await stat(file);
  assert.ok(size <= MOST_BYTES, `${name}.png has ${size} bytes`);
}
