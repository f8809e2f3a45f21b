import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { make, makeLink, makeOffer, openApiProgram, type ApiProgram } from '../api/api-program.ts';
import { makeProfile, openProfile } from '../support/browser.ts';
import { waitUntil } from '../support/wait-until.ts';

declare const sessionStorage: { length: number };
declare const localStorage: { getItem(key: string): string | null };
declare const document: { querySelector(selector: string): { value: string } | null };

const DAY_MS = 86_400_000;

/** How far the day of the hub, and of the visitor, is ahead of the real one. */
let ahead = 0;
let api: ApiProgram;
let shop: Server;
let shopUrl: string;
let affiliate: { id: string; trackingUrl: string };
let sold = 0;

before(async () => {
  api = await openApiProgram(
    { worker: true, clock: { now: () => new Date(Date.now() + ahead) } },
    { holdDays: 0, autoApprove: true },
  );
  shop = createServer((req, res) => {
    res.setHeader('Content-Type', 'text/html; charset=utf-8');
    void answerShop(req.method === 'POST' ? text(req) : null).then((page) => res.end(page));
  });
  shop.listen(0, '127.0.0.1');
  await once(shop, 'listening');
  shopUrl = `http://shop.brand.test:${(shop.address() as AddressInfo).port}`;
  affiliate = await make(api.live, '/affiliates', {
    displayName: 'Bea',
    email: 'bea@example.com',
    referralCode: 'bea',
  });
  await makeOffer(api.live, { url: `${shopUrl}/landing?theme=dark#top` });
});
after(async () => {
  shop.closeAllConnections();
  shop.close();
  await api.stop();
});

/** A shop whose server takes the click out of the checkout's form, and reports the sale with it. */
async function answerShop(ordered: Promise<string> | null): Promise<string> {
  if (ordered) {
    const clickId = new URLSearchParams(await ordered).get('click');
    sold += 1;
    const sale = await api.live.post('/conversions', {
      orderId: `S-${sold}`,
      amount: '80.00',
      currency: 'USD',
      ...(clickId ? { clickId } : {}),
    });
    return `<!doctype html><title>Thank you</title><pre>${sale.text}</pre>`;
  }
  return `<!doctype html><title>Shop</title>
    <script src="${api.hub.url}/snippet.js" data-program="${api.programId}"></script>
    <form method="post" action="/buy"><input type="hidden" name="click" data-tributary="click_id"><button>Buy</button></form>`;
}

for (const [how, linkOf] of [
  ['the link of an affiliate', () => Promise.resolve(affiliate.trackingUrl)],
  [
    'a tracking link, pasted with a bracket',
    async () => {
      const { code } = await makeLink(api.live, {
        affiliateId: affiliate.id,
        customUrl: `${shopUrl}/summer?c={click_id}`,
      });
      return `${api.hub.url}/r/${code})`;
    },
  ],
  ['an address of the shop with the referral code', () => Promise.resolve(`${shopUrl}/?ref=BEA`)],
] as const) {
  test(`who comes by ${how}, closes the browser and buys the next day is the affiliate’s customer`, async () => {
    ahead = 0;
    const profile = await makeProfile();
    try {
      let context = await openProfile(profile.home);
      let page = await context.newPage();
      await page.goto(await linkOf());
      await page.waitForURL(/shop\.brand\.test/);
      const ends = Date.now() + 30 * DAY_MS;
      await waitUntil('the click is kept for the window', async () => {
        const { until } = JSON.parse((await page.evaluate(() => localStorage.getItem('tributary'))) ?? '{}') as {
          until?: number;
        };
        return Math.abs((until ?? 0) - ends) < 60_000;
      });
      await context.close();

      ahead = DAY_MS;
      context = await openProfile(profile.home);
      page = await context.newPage();
      assert.ok((await context.cookies(shopUrl)).some(({ name }) => name === 'aff_click_id'));
      await page.clock.setSystemTime(Date.now() + ahead);
      await page.goto(`${shopUrl}/checkout`);
      await waitUntil('the form has the click', async () =>
        Boolean(await page.evaluate(() => document.querySelector('input')?.value)),
      );
      const clickId = (await page.evaluate(() => document.querySelector('input')?.value)) ?? '';
      await page.getByRole('button', { name: 'Buy' }).click();
      await page.waitForURL(/\/buy/);
      const sale = JSON.parse((await page.textContent('pre')) ?? '') as {
        data: { conversionId: string; commission: object };
      };
      assert.deepEqual(sale.data.commission, { amountMinor: 800, currency: 'USD', status: 'approved' });
      const conversion = (await api.live.get(`/conversions/${sale.data.conversionId}`)).body.data;
      assert.deepEqual([conversion.affiliateId, conversion.clickId], [affiliate.id, clickId]);
      const click = (await api.live.get(`/clicks/${clickId}`)).body.data;
      const days = (Date.parse(conversion.occurredAt as string) - Date.parse(click.occurredAt as string)) / DAY_MS;
      assert.ok(days >= 1 && days < 1.1, String(days));
      await context.close();
    } finally {
      await profile.remove();
    }
  });
}

test('a visitor whom nobody sent is nobody’s customer', async () => {
  const profile = await makeProfile();
  try {
    const context = await openProfile(profile.home);
    const page = await context.newPage();
    await page.goto(`${shopUrl}/checkout`);
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    await page.getByRole('button', { name: 'Buy' }).click();
    await page.waitForURL(/\/buy/);
    assert.match((await page.textContent('pre')) ?? '', /"tracked":false/);
    await context.close();
  } finally {
    await profile.remove();
  }
});
