import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { ApiClient } from '../api/api-client.ts';
import { makeAffiliate, makeKey, makeLink } from '../api/api-program.ts';
import { openHttpProgram, type HttpProgram } from '../journeys/http-program.ts';
import { openBrowser } from '../support/browser.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { beyondOf, complaintsOf, signIn, violationsOf, signOut } from './console-hub.ts';

const longName = 'Gesellschaft-für-Empfehlungen-'.repeat(8).slice(0, 240);

describe('people, offers, links and settings in the console', () => {
  let hub: TestHub;
  let program: HttpProgram;
  let browser: { context: BrowserContext; close: () => Promise<void> };
  let page: Page;
  let complaints: string[];

  before(async () => {
    hub = await startHub();
    program = await openHttpProgram(hub, { program: { name: 'Shoes & more' }, offer: { code: 'SHOES', dailyCap: 50 } });
    await makeAffiliate(program.api, { displayName: longName, email: 'long@example.com' });
    await makeAffiliate(program.api, { displayName: 'أحمد', email: 'ahmad@example.com', status: 'pending' });
    await makeLink(program.api, { affiliateId: 'partner-one', code: 'spring' });
    for (let n = 1; n <= 3; n += 1) {
      const sale = { order_id: `A-${n}`, customer_id: `user-${n}`, affiliate_id: 'partner-one' };
      await program.api.post('/conversions', { ...sale, amount: '99999999.99', currency: 'USD' });
    }
    await program.settled();
    browser = await openBrowser();
    page = await browser.context.newPage();
    page.setDefaultTimeout(8_000);
    complaints = complaintsOf(page);
    await signIn(page, hub.url, hub.adminToken);
  });
  after(async () => {
    await browser.close();
    await hub.stop();
  });

  const at = (path: string, mode = 'live'): string => `${hub.url}/console/${program.id}/${mode}${path}`;
  const get = async (path: string) => (await program.api.get(path)).body.data;
  const button = (name: string) => page.getByRole('main').getByRole('button', { name, exact: true });
  const confirm = (name: string) => page.getByRole('dialog').getByRole('button', { name, exact: true }).click();
  const answered = (method: string) => page.waitForResponse((answer) => answer.request().method() === method);
  const idIn = (url: string): string => /(?:aff|off|lnk|key)_\w+/.exec(url)?.[0] ?? '';

  it('shows affiliates with what they brought and what is due to them, by one call a page', async () => {
    // From where nothing is asked for again and again.
    await page.goto(at('/look-up'));
    await page.getByRole('heading', { name: 'Where is my sale?' }).waitFor();
    await page.getByRole('main').getByRole('searchbox').blur();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await page.getByRole('row', { name: /Partner/ }).waitFor();
    const row = page.getByRole('row', { name: /Partner/ });
    assert.match(await row.innerText(), /partner-one\s+✓ active\s+0\s+3\s+USD\s60,000,000\.00/);
    assert.deepEqual(
      asked.filter((path) => path.endsWith('/affiliates')).length,
      asked.filter((path) => path.includes('/api/')).length,
    );
    await page.getByRole('textbox', { name: 'Search' }).fill('part');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\?q=part$/);
    await page.getByRole('row').nth(1).waitFor();
    await page.getByRole('row').nth(2).waitFor({ state: 'detached' });
    await page.keyboard.press('Tab');
    await page.getByRole('heading', { name: 'Affiliates' }).click();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Partner' }).waitFor();
    await page.getByRole('link', { name: '3', exact: true }).click();
    await page.waitForURL(/\/orders\?affiliateId=aff_\w+$/);
    await page.getByRole('row', { name: /A-2/ }).waitFor();
  });

  it('makes an affiliate by keyboard alone, and says beside the field what the hub did not like', async () => {
    await page.goto(at('/affiliates'));
    await page.getByRole('link', { name: 'New affiliate' }).focus();
    await page.keyboard.press('Enter');
    await page.getByLabel('Name', { exact: true }).focus();
    await page.keyboard.type('Ann Lee');
    await page.keyboard.press('Tab');
    await page.keyboard.type('nobody');
    await page.keyboard.press('Tab');
    await page.keyboard.type('partner-one');
    await page.keyboard.press('Enter');
    const mail = page.getByLabel('E-mail', { exact: true });
    await page.locator('.form-field .bad').first().waitFor();
    assert.equal(
      await mail.evaluate((input) => input === (input.ownerDocument as { activeElement: unknown }).activeElement),
      true,
    );
    await mail.fill('ann@example.com');
    await page.keyboard.press('Enter');
    await page.locator('.form-field .bad').getByText(/taken/).waitFor();
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Ann Lee');
    complaints.length = 0; // The refusals.
    await page.getByLabel('Code', { exact: true }).fill('ann');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Ann Lee' }).waitFor();
    const ann = await get('/affiliates/ann');
    assert.deepEqual([ann.displayName, ann.email, ann.status], ['Ann Lee', 'ann@example.com', 'active']);
  });

  it('tests a postback URL, gives terms of their own, and changes nothing else', async () => {
    const before = await get('/affiliates/ann');
    await page.goto(at(`/affiliates/${before.id}/change`));
    await page.getByLabel('Postback URL').fill('https://tracker.example/?cid={click_id}&sum={payout}');
    await button('Test the URL').click();
    await page.getByRole('status').getByText('GET https://tracker.example/?cid=').waitFor();
    await page.getByLabel('Beat those of the offer').selectOption('rate');
    await page.getByLabel('Rate in %').fill('12,5');
    await button('Save').click();
    await page.getByText('12.5 %, where the offer pays a rate').waitFor();
    const { updatedAt: _, ...after } = await get('/affiliates/ann');
    const { updatedAt: __, ...same } = before;
    assert.deepEqual(after, {
      ...same,
      postbackUrl: 'https://tracker.example/?cid={click_id}&sum={payout}',
      commissionOverride: { rateBps: 1_250 },
    });
  });

  it('approves at once, and asks before it pauses or bans', async () => {
    const statusOf = async (id: string): Promise<string> => (await get(`/affiliates/${id}`)).status;
    const [pending] = await get('/affiliates?status=pending');
    await page.goto(at(`/affiliates/${pending.id}`));
    await Promise.all([answered('PATCH'), button('Approve').click()]);
    assert.equal(await statusOf(pending.id), 'active');
    await button('Pause').click();
    await page.keyboard.press('Escape');
    assert.equal(await statusOf(pending.id), 'active');
    await button('Ban').click();
    await Promise.all([answered('PATCH'), confirm('Ban')]);
    assert.equal(await statusOf(pending.id), 'banned');
    await Promise.all([answered('PATCH'), button('Activate').click()]);
    assert.equal(await statusOf(pending.id), 'active');
  });

  it('asks before what was typed is lost, and keeps it while the hub is away', async () => {
    let answer: 'accept' | 'dismiss' = 'dismiss';
    const asked: string[] = [];
    page.on('dialog', (dialog) => {
      asked.push(dialog.message());
      void dialog[answer]();
    });
    await page.goto(at('/offers'));
    await page.getByRole('link', { name: 'New offer' }).click();
    const name = page.getByLabel('Name', { exact: true });
    await name.fill('Half an offer');
    await page.getByRole('link', { name: 'Inbox' }).click();
    await page.evaluate('history.back()');
    await page.waitForTimeout(200);
    assert.deepEqual([asked.length, page.url(), await name.inputValue()], [2, at('/offers/new'), 'Half an offer']);
    await page.getByLabel('Where links lead').fill('https://shop.example/');
    await page.getByLabel('Rate in %').fill('20');
    await page.context().setOffline(true);
    await button('Create').click();
    await page.getByText('What you typed is kept. Save it again').waitFor();
    await page.context().setOffline(false);
    assert.equal(await name.inputValue(), 'Half an offer');
    complaints.length = 0; // The browser tells of what could not be loaded.
    answer = 'accept';
    await page.getByRole('link', { name: 'Cancel' }).click();
    await page.waitForURL(at('/offers'));
    page.removeAllListeners('dialog');
  });

  it('says in a sentence what the terms mean while one types, and makes the offer', async () => {
    await page.goto(at('/offers/new'));
    await page.getByLabel('Name', { exact: true }).fill('Coffee');
    await page.getByLabel('Where links lead').fill('https://coffee.example/');
    await page.getByLabel('Rate in %').fill('20');
    const means = page.getByRole('main').locator('.why');
    await means.getByText(/^A customer's one-off or first sale brings the affiliate 20 %: of USD\s100.00 /).waitFor();
    await page.getByLabel('Terms').selectOption('revshare');
    await page.getByLabel('For how many months').fill('12');
    await means.getByText(/^Every payment of a customer brings the affiliate 20 %, for 12 months/).waitFor();
    await page.getByLabel('Terms').selectOption('cpa');
    await page.getByLabel('Currency').fill('kwd');
    await page.getByLabel('Amount').fill('12.3456');
    await button('Create').click();
    await page.getByText('must be an amount in KWD such as 1.250').waitFor();
    await page.getByLabel('Amount').fill('12.345');
    await means.getByText(/^A new customer brings the affiliate KWD\s12\.345, once/).waitFor();
    await button('Create').click();
    await page.getByRole('heading', { name: 'Coffee' }).waitFor();
    const coffee = await get(`/offers/${idIn(page.url())}`);
    assert.deepEqual([coffee.commission, coffee.currency], [{ type: 'cpa', amountMinor: 12_345 }, 'KWD']);
    await button('Archive').click();
    await Promise.all([answered('PATCH'), confirm('Archive')]);
    assert.equal((await get(`/offers/${coffee.id}`)).status, 'archived');
    await page.goto(at('/offers?q=sho'));
    await page.getByRole('row', { name: /SHOES.*20 % of the first sale.*3 of 50/ }).waitFor();
  });

  it('makes a link of the affiliate that the list is about, copies it and pauses it', async () => {
    await page.goto(at('/links?affiliateId=partner-one'));
    await page.getByRole('row', { name: /spring.*Partner.*Offer/ }).waitFor();
    await page.getByRole('link', { name: 'New link' }).click();
    assert.equal(await page.getByRole('form').getByLabel('Affiliate').inputValue(), 'partner-one');
    await page.getByRole('form').getByLabel('Code').fill('summer');
    await button('Create').click();
    await page.getByRole('heading', { name: 'summer' }).waitFor();
    const link = await get(`/tracking-links/${idIn(page.url())}`);
    assert.deepEqual([link.code, link.affiliateId], ['summer', program.affiliateId]);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await button('Copy the link').click();
    assert.equal(await page.evaluate('navigator.clipboard.readText()'), `${hub.url}/r/summer`);
    await button('Pause').click();
    await Promise.all([answered('PATCH'), confirm('Pause')]);
    assert.equal((await get(`/tracking-links/${link.id}`)).status, 'paused');
    assert.deepEqual(
      (await get('/tracking-links?status=active&q=S')).map(({ code }: { code: string }) => code),
      ['spring'],
    );
  });

  it('leads from the search to affiliates, offers and links', async () => {
    await page.goto(at('/inbox'));
    await page.getByRole('heading', { name: 'Inbox' }).waitFor();
    for (const [text, hit, path] of [
      ['partner-one', /affiliate Partner/, /\/affiliates\/aff_/],
      ['SHOES', /offer Offer/, /\/offers\/off_/],
      ['summer', /link summer/, /\/links\/lnk_/],
    ] as const) {
      await page.keyboard.press('Control+k');
      await page.getByLabel('What to look for').fill(text);
      await page.getByRole('option', { name: hit }).click();
      await page.waitForURL(path);
    }
  });

  it('changes the program, and the audit log says who, what, before and after', async () => {
    await page.goto(at('/settings'));
    await page.getByLabel('Days before a commission').fill('many');
    await button('Save').click();
    await page.locator('.form-field .bad').first().waitFor();
    complaints.length = 0; // The refusal.
    await page.getByLabel('Days before a commission').fill('14');
    await page.getByLabel('Name', { exact: true }).fill('Boots');
    await button('Save').click();
    await page.getByRole('status').getByText('It is saved').waitFor();
    const saved = await get('/program');
    assert.deepEqual([saved.name, saved.holdDays, saved.autoApprove], ['Boots', 14, false]);
    await page.goto(at('/settings/audit?objectType=program&action=program.updated'));
    await page
      .getByRole('row', { name: /program\.updated.*the admin token/ })
      .first()
      .click();
    await page.getByRole('row', { name: /^holdDays 0 14$/ }).waitFor();
    await page.getByRole('row', { name: /^name Shoes & more Boots$/ }).waitFor();
  });

  it('shows a new key once, and revokes it after asking', async () => {
    await page.goto(at('/settings/keys/new'));
    await page.getByLabel('Name', { exact: true }).fill('Bookkeeping');
    await page.getByLabel('What it may do').selectOption('scopes');
    await page.getByRole('checkbox', { name: 'payouts:read' }).check();
    await page.getByLabel('Works from').fill('not a network');
    await button('Create').click();
    await page
      .getByText(/must be an address or a CIDR/)
      .first()
      .waitFor();
    complaints.length = 0; // The refusal.
    await page.getByLabel('Works from').fill('127.0.0.0/8');
    await button('Create').click();
    await page.getByRole('status').getByText('It is shown now and never again').waitFor();
    const plaintext = await page.getByRole('status').locator('code').innerText();
    const theirs = new ApiClient(hub.url, plaintext);
    assert.equal((await theirs.get('/payouts')).status, 200);
    assert.equal((await theirs.get('/affiliates')).status, 403);
    await page.getByRole('link', { name: 'It is kept' }).click();
    await page.getByRole('heading', { name: 'Bookkeeping' }).waitFor();
    assert.equal(await page.getByText(plaintext).count(), 0);
    await page.getByRole('main').getByRole('link', { name: 'Change', exact: true }).click();
    await page.getByLabel('Name', { exact: true }).fill('Books');
    await button('Save').click();
    await page.getByRole('heading', { name: 'Books' }).waitFor();
    await button('Revoke').click();
    await confirm('Revoke');
    await page.waitForURL(at('/settings/keys'));
    const names = (await get('/api-keys')).map(({ name }: { name: string }) => name);
    assert.ok(!names.includes('Books') && !names.includes('Bookkeeping'));
  });

  it('tells the owner how the hub does', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('e');
    await page.getByRole('heading', { name: 'Health' }).waitFor();
    await page.getByText(/^PostgreSQL \d+/).waitFor();
    await page.getByRole('row', { name: /^database ok/ }).waitFor();
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
      const [key] = await get('/api-keys');
      const [change] = await get('/audit-events');
      const [long] = await get('/affiliates?q=gesellschaft');
      const [link] = await get('/tracking-links');
      const { affiliateId, offerId } = program;
      for (const path of [
        '/affiliates',
        `/affiliates/${affiliateId}`,
        `/affiliates/${long.id}/change`,
        `/offers/${offerId}`,
        `/offers/${offerId}/change`,
        `/links/${link.id}`,
        '/links/new',
        '/settings',
        '/settings/keys',
        '/settings/keys/new',
        `/settings/keys/${key.id}`,
        `/settings/audit/${change.id}`,
        '/health',
      ]) {
        if (width === 2560 && path.split('/').length > 3) continue;
        await page.goto(at(path));
        await page.locator('tbody tr, form.form').first().waitFor({ state: 'attached' });
        await page.getByText('Loading …').first().waitFor({ state: 'detached' });
        assert.equal(await beyondOf(page), 0, path);
        if (width !== 2560) assert.deepEqual(await violationsOf(page), [], path);
      }
    });
  }

  it('shows a viewer no button that changes anything, and no health', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    const admin = new ApiClient(hub.url, hub.adminToken);
    const key = await makeKey(admin, program.id, 'live', 'read');
    await signOut(page);
    await signIn(page, hub.url, key);
    for (const path of [`/affiliates/${program.affiliateId}`, `/offers/${program.offerId}`, '/links', '/settings']) {
      await page.goto(at(path));
      await page.locator('.pairs, tbody tr').first().waitFor();
      assert.equal(await page.getByRole('link', { name: /^(?:New|Change$)/ }).count(), 0, path);
      assert.equal(await page.getByRole('button', { name: /^(?:Pause|Ban|Archive|Save|Create)$/ }).count(), 0, path);
    }
    assert.equal(await page.getByRole('link', { name: 'Health' }).count(), 0);
    assert.equal(await page.getByRole('link', { name: 'API keys' }).count(), 0);
    await page.goto(at('/health'));
    await page.getByRole('heading', { name: 'There is nothing here' }).waitFor();
  });

  it('had nothing refused by its policy, and no error, on any screen', () => {
    assert.deepEqual(complaints, []);
  });
});
