import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { openHttpProgram, type HttpProgram } from '../journeys/http-program.ts';
import { startReceiver, type Receiver } from '../outbound/receiver.ts';
import { openBrowser } from '../support/browser.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { waitUntil } from '../support/wait-until.ts';
import { beyondOf, complaintsOf, signIn, violationsOf } from './console-hub.ts';

declare const document: { body: { innerText: string }; querySelectorAll(selector: string): { length: number } };

const SALES = 8;
/** The screens that use all of the width. */
const widest = new Set(['list', 'deliveries', 'delivery']);

describe('webhooks in the console', () => {
  let hub: TestHub;
  let program: HttpProgram;
  let receiver: Receiver;
  let browser: { context: BrowserContext; close: () => Promise<void> };
  let page: Page;
  let complaints: string[];
  let failingId: string;
  let heldId: string;
  let orders = 0;

  before(async () => {
    receiver = await startReceiver((request, response) => {
      response.statusCode = request.url.endsWith('/failing') ? 503 : 200;
      response.end(response.statusCode === 200 ? 'seen' : 'not today');
    });
    hub = await startHub({ env: { RETRY_SCHEDULE: '600' } });
    program = await openHttpProgram(hub, { program: { name: 'Shoes', timezone: 'Asia/Kathmandu' } });
    failingId = await make('/failing', { eventTypes: ['affiliate.updated'], description: 'متجر' });
    heldId = await make('/held', { eventTypes: ['conversion.created'], disabled: true });
    await program.api.patch(`/affiliates/${program.affiliateId}`, { displayName: 'Other' });
    for (let n = 0; n < SALES; n += 1) await sell();
    await program.settled();
    browser = await openBrowser();
    page = await browser.context.newPage();
    complaints = complaintsOf(page);
    await signIn(page, hub.url, program.key);
  });
  after(async () => {
    await browser.close();
    await hub.stop();
    await receiver.close();
  });

  async function make(path: string, more: object = {}): Promise<string> {
    const { body } = await program.api.post('/webhook-endpoints', { url: receiver.url + path, ...more });
    return body.data.id as string;
  }

  async function sell(): Promise<void> {
    orders += 1;
    const sale = { order_id: `W-${orders}`, amount: 50, currency: 'USD', affiliate_id: 'partner-one' };
    await program.api.post('/conversions', sale);
  }

  const at = (path: string): string => `${hub.url}/console/${program.id}/live${path}`;
  const endpointOf = async (id: string) => (await program.api.get(`/webhook-endpoints/${id}`)).body.data;
  const confirm = (name: string | RegExp): Promise<void> =>
    page.getByRole('dialog').getByRole('button', { name }).click();
  const statusesOf = async (id: string): Promise<string[]> => {
    const { data } = (await program.api.get(`/deliveries?endpointId=${id}&limit=100`)).body;
    return (data as { status: string }[]).map(({ status }) => status);
  };

  it('are made by keyboard alone; what was typed stays when the hub refuses it, and the secret is shown once', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('w');
    await page.waitForURL(at('/webhooks'));
    await page.getByRole('link', { name: 'Add an endpoint' }).focus();
    await page.keyboard.press('Enter');
    await page.getByLabel('URL', { exact: true }).focus();
    await page.keyboard.type('nowhere');
    await page.getByLabel('Description').focus();
    await page.keyboard.type('of the shop');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    assert.equal(await page.getByLabel('Description').inputValue(), 'of the shop');
    complaints.length = 0; // The refused call.
    await page.getByLabel('URL', { exact: true }).fill(`${receiver.url}/good`);
    await page.getByLabel('payout.paid').check();
    await page.getByLabel('conversion.created').check();
    await page.getByLabel(/^Headers of your own/).fill('X-Token: secret');
    await page.getByRole('button', { name: 'Add the endpoint' }).press('Enter');
    const secret = (await page.getByRole('region', { name: 'The signing secret' }).locator('code').textContent()) ?? '';
    assert.match(secret, /^whsec_/);
    await page.getByRole('link', { name: 'Go to the endpoint' }).click();
    await page.getByRole('heading', { name: `${receiver.url}/good` }).waitFor();
    const made = await endpointOf(page.url().split('/').at(-1) ?? '');
    assert.deepEqual([made.eventTypes, made.headers], [['payout.paid', 'conversion.created'], { 'X-Token': null }]);
    assert.ok(!(await page.content()).includes(secret));
  });

  it('get a test, whose request and answer are shown', async () => {
    await page.getByLabel('Event type of the test').selectOption('payout.paid');
    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.getByRole('status').getByText('answer 200').waitFor();
    assert.equal(JSON.parse(receiver.received.at(-1)?.body ?? '{}').type, 'payout.paid');
    await page.getByRole('link', { name: 'The request and the answer' }).click();
    await page.getByRole('heading', { name: 'payout.paid' }).waitFor();
    const attempt = page.locator('details.attempt').first();
    await attempt.getByText('seen', { exact: true }).waitFor();
    await attempt.getByText(`POST ${receiver.url}/good`).waitFor();
    await attempt.getByText('not shown').first().waitFor();
  });

  it('say in the list how they do, and show what came back', async () => {
    await waitUntil('it failed', async () => (await endpointOf(failingId)).failingSince);
    await page.goto(at('/webhooks'));
    const row = page.getByRole('row').filter({ hasText: '/failing' });
    await row.getByText('✕ failing').waitFor();
    await row.getByRole('img', { name: 'In 24 hours: 0 succeeded, 1 failed' }).waitFor();
    await row.getByRole('link').first().click();
    await page.getByText('Failures in a row').waitFor();
    await page.getByText('Hour by hour').click();
    assert.equal(await page.locator('details table tbody tr').count(), 24);
    await page.getByRole('link', { name: 'Deliveries', exact: true }).click();
    await page.getByRole('row').filter({ hasText: '503' }).getByRole('link').first().click();
    await page.locator('details.attempt').getByText('not today').waitFor();
  });

  it('show deliveries by status, type and time, each at an address of its own', async () => {
    await page.goto(at(`/webhooks/${heldId}/deliveries`));
    await page.getByLabel('Status').selectOption('succeeded');
    await page.getByText('No delivery fits these filters.').waitFor();
    await page.getByLabel('Status').selectOption('held');
    await page.waitForFunction((rows) => document.querySelectorAll('tbody tr').length === rows, SALES);
    await page.getByLabel('To').fill('2020-01-01');
    await page.getByText('No delivery fits these filters.').waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    const link = page.locator('tbody tr a').first();
    const opened = browser.context.waitForEvent('page');
    await link.click({ modifiers: ['ControlOrMeta'] });
    const other = await opened;
    await other.getByRole('heading', { name: 'conversion.created' }).waitFor();
    await other.getByText('It was not tried yet.').waitFor();
    await other.close();
  });

  it('are sent again what is selected, after asking, and the progress survives a reload', async () => {
    await program.api.patch(`/webhook-endpoints/${heldId}`, { disabled: false });
    await page.goto(at(`/webhooks/${heldId}/deliveries`));
    for (const nth of [0, 1]) {
      await page
        .getByRole('checkbox', { name: /^Select conversion/ })
        .nth(nth)
        .check();
    }
    await page.getByRole('button', { name: 'Resend the selected (2)' }).click();
    await page.getByRole('dialog').getByText('2 messages').waitFor();
    await confirm('Resend 2');
    await page.waitForURL(/job=job_/);
    await page.reload();
    await page.getByRole('region', { name: 'Progress' }).getByText('2 of 2').waitFor();
    await waitUntil('two are delivered', async () => {
      return (await statusesOf(heldId)).filter((status) => status === 'succeeded').length === 2;
    });
  });

  it('are sent again all that match', async () => {
    await page.goto(`${at(`/webhooks/${heldId}/deliveries`)}?status=held`);
    await page.getByRole('button', { name: 'Resend all that match' }).click();
    await page
      .getByRole('dialog')
      .getByText(`${SALES - 2} messages`)
      .waitFor();
    await confirm(`Resend ${SALES - 2}`);
    await page
      .getByRole('region', { name: 'Progress' })
      .getByText(`${SALES - 2} of ${SALES - 2}`)
      .waitFor();
    await waitUntil('all are delivered', async () => (await statusesOf(heldId)).every((each) => each === 'succeeded'));
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await page.waitForURL((url) => !url.search.includes('job='));
  });

  it('get one message again by r', async () => {
    const [delivery] = (await program.api.get(`/deliveries?endpointId=${heldId}`)).body.data;
    const before = receiver.received.length;
    await page.goto(at(`/webhooks/${heldId}/deliveries/${delivery.messageId}`));
    await page.getByRole('button', { name: 'Resend r' }).waitFor();
    await page.keyboard.press('r');
    await confirm('Resend');
    await page.getByRole('status').getByText('It is sent again.').waitFor();
    await waitUntil('it came', () => receiver.received.length === before + 1);
    assert.equal(receiver.received.at(-1)?.headers['webhook-id'], delivery.messageId);
    await page.keyboard.press('Escape');
    await page.waitForURL(at(`/webhooks/${heldId}/deliveries`));
  });

  it('say how many are new, and show them when asked', async () => {
    const rows = page.locator('tbody tr');
    await rows.first().waitFor();
    assert.equal(await rows.count(), SALES);
    await page.waitForTimeout(1_500);
    for (let n = 0; n < 3; n += 1) await sell();
    const button = page.getByRole('button', { name: /^3 new/ });
    await button.waitFor();
    assert.equal(await rows.count(), SALES);
    await button.focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction((count) => document.querySelectorAll('tbody tr').length === count, SALES + 3);
    await button.waitFor({ state: 'detached' });
  });

  it('are disabled and enabled, and recover what was held, counted first', async () => {
    await page.goto(at(`/webhooks/${heldId}/settings`));
    await page.getByRole('button', { name: 'Disable …' }).click();
    await confirm('Disable');
    await page.getByText('disabled · by hand').waitFor();
    assert.equal((await endpointOf(heldId)).disabled, true);
    await sell();
    await waitUntil('it is held', async () => (await statusesOf(heldId)).includes('held'));
    await page.getByRole('button', { name: 'Enable …' }).click();
    await confirm('Enable');
    await page.getByRole('heading', { name: 'Disable it' }).waitFor();
    await page.getByRole('link', { name: 'Recoveries' }).click();
    await page.getByRole('button', { name: 'Count them …' }).click();
    await page.getByRole('dialog').getByText('1 deliveries failed or are held.').waitFor();
    await confirm('Send 1');
    await page.getByText('1 made due').waitFor();
    await waitUntil('it came', async () => (await statusesOf(heldId)).every((status) => status === 'succeeded'));
  });

  it('are changed, get another secret, and are deleted, each as the API then says', async () => {
    const id = await make('/gone');
    await page.goto(at(`/webhooks/${id}/settings`));
    await page.getByLabel(/^At most so many a second/).fill('7');
    await page.getByLabel('lead.created').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('status').getByText('It is saved.').waitFor();
    const { rateLimitPerSecond, eventTypes } = await endpointOf(id);
    assert.deepEqual([rateLimitPerSecond, eventTypes], [7, ['lead.created']]);
    await page.getByRole('button', { name: 'Rotate …' }).click();
    await page.getByLabel(/^Hours that the old one/).fill('1');
    await confirm('Rotate');
    await page
      .getByRole('region', { name: 'The signing secret' })
      .getByText(/^whsec_/)
      .waitFor();
    await page.getByRole('button', { name: 'Delete …' }).click();
    await confirm('Delete');
    await page.waitForURL(at('/webhooks'));
    assert.equal((await program.api.get(`/webhook-endpoints/${id}`)).status, 404);
  });

  it('have a catalogue with an example of each type, and code', async () => {
    await page.goto(at('/webhooks/catalogue'));
    await page.getByRole('link', { name: 'payout.paid' }).click();
    await page.getByRole('region', { name: 'payout.paid' }).getByText('"type": "payout.paid"').waitFor();
    await page.getByRole('tab', { name: 'Python' }).click();
    await page.getByText('from standardwebhooks.webhooks import Webhook').waitFor();
  });

  it('show who may only look nothing that changes them', async () => {
    const { body } = await program.api.post('/api-keys', { name: 'viewer', mode: 'live', access: 'read' });
    const { context, close } = await openBrowser();
    try {
      const view = await context.newPage();
      await signIn(view, hub.url, body.data.key);
      for (const part of ['', `/${heldId}`, `/${heldId}/deliveries`, `/${heldId}/recoveries`, `/${heldId}/settings`]) {
        await view.goto(at(`/webhooks${part}`));
        await view.getByRole('heading').first().waitFor();
        await view.waitForFunction(() => !document.body.innerText.includes('Loading'));
        const changing = view
          .getByRole('main')
          .getByRole('button', { name: /Send|Resend|Save|Rotate|Disable|Delete|Count/ });
        assert.equal(await changing.count(), 0, part);
        assert.equal(await view.getByRole('link', { name: 'Add an endpoint' }).count(), 0);
      }
    } finally {
      await close();
    }
  });

  for (const [colorScheme, width] of [
    ['light', 1280],
    ['dark', 375],
    ['dark', 2560],
  ] as const) {
    // Every width and colour by CONSOLE_LOOKS=all: the tests have fifteen minutes, and console.test.ts looks at all of them.
    if (width !== 1280 && process.env.CONSOLE_LOOKS !== 'all') continue;
    it(`have no barrier, and nothing that sticks out: ${colorScheme}, ${width} pixels`, async () => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await make(`/long-${'path-'.repeat(60)}`);
      const [delivery] = (await program.api.get(`/deliveries?endpointId=${heldId}`)).body.data;
      const one = `/webhooks/${heldId}`;
      const screens = {
        list: '/webhooks',
        new: '/webhooks/new',
        catalogue: '/webhooks/catalogue/conversion.created',
        all: '/webhooks/deliveries',
        overview: one,
        deliveries: `${one}/deliveries`,
        delivery: `${one}/deliveries/${delivery.messageId}`,
        recoveries: `${one}/recoveries`,
        settings: `${one}/settings`,
      };
      for (const [name, path] of Object.entries(screens)) {
        if (width === 2560 && !widest.has(name)) continue;
        await page.goto(at(path));
        await page.getByRole('heading').first().waitFor();
        await page.waitForFunction(() => !document.body.innerText.includes('Loading'));
        if (process.env.TEST_SHOTS !== undefined) {
          await page.screenshot({ path: `${process.env.TEST_SHOTS}/webhooks-${name}-${colorScheme}-${width}.png` });
        }
        assert.equal(await beyondOf(page), 0, path);
        if (width !== 2560) assert.deepEqual(await violationsOf(page), [], path);
      }
    });
  }

  it('had nothing refused by the policy, and no error', () => {
    assert.deepEqual(complaints, []);
  });
});
