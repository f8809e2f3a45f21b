import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import type { BrowserContext, Locator, Page } from 'playwright-core';

import { inTransaction } from '../../src/db/db.ts';
import { make } from '../api/api-program.ts';
import { openHttpProgram, type HttpProgram } from '../journeys/http-program.ts';
import { openBrowser } from '../support/browser.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { runSql } from '../support/sql.ts';
import { beyondOf, complaintsOf, signIn, violationsOf } from './console-hub.ts';

declare const document: { body: { innerText: string } };

/** More than a call decides by itself, and more than a step of a job takes. */
const MANY = 520;

describe('money in the console, in Chromium', () => {
  let hub: TestHub;
  let program: HttpProgram;
  let browser: { context: BrowserContext; close: () => Promise<void> };
  let page: Page;
  let complaints: string[];
  const ids: Record<string, string> = {};

  before(async () => {
    hub = await startHub();
    program = await openHttpProgram(hub, { program: { sameDomain: 'review' } });
    const affiliates = {
      bulk: { displayName: 'Bulk', email: 'bulk@partner.example', referralCode: 'bulk' },
      long: { displayName: 'شريك '.repeat(20).trim(), email: 'long@partner.example', referralCode: 'long' },
    };
    for (const [name, body] of Object.entries(affiliates)) {
      ids[name] = (await make<{ id: string }>(program.api, '/affiliates', body)).id;
    }
    const sale = (order_id: string, affiliate_id: string, more: object = {}) => ({
      order_id,
      affiliate_id,
      amount: 50,
      currency: 'USD',
      customer_id: `user of ${order_id}`,
      ...more,
    });
    const sales = [
      ...Array.from({ length: MANY }, (_, n) => sale(`bulk-${n}`, 'bulk')),
      ...Array.from({ length: 12 }, (_, n) => sale(`A-${n}`, 'partner-one')),
      sale('L-1', 'long', { amount: '1234567890.12' }),
      sale('L-2', 'long', { amount: '9.123', currency: 'KWD' }),
      sale('L-3', 'long', { amount: 5_000, currency: 'JPY' }),
      ...[1, 2, 3].map((n) => sale(`R-${n}`, 'partner-one', { customer_email: `buyer-${n}@example.com` })),
    ];
    await program.api.patch(`/affiliates/${program.affiliateId}`, { email: 'partner@corp.test' });
    for (const sold of sales.slice(-3)) Object.assign(sold, { customer_email: `${sold.order_id}@corp.test` });
    const { status, text } = await program.api.post('/conversions/batch', { conversions: sales });
    assert.ok(status < 300, text);
    await program.settled();
    browser = await openBrowser();
    page = await browser.context.newPage();
    complaints = complaintsOf(page);
    await signIn(page, hub.url, program.key);
  });
  after(async () => {
    await browser.close();
    await hub.stop();
  });

  const at = (path: string, mode = 'live'): string => `${hub.url}/console/${program.id}/${mode}${path}`;
  const list = async (path: string) => (await program.api.get(path)).body.data;
  const statusesOf = async (query: string): Promise<string[]> =>
    (await list(`/commissions?limit=100&${query}`)).map(({ status }: { status: string }) => status);
  const dialog = (): Locator => page.getByRole('dialog');
  const rowOf = (text: string): Locator => page.getByRole('row').filter({ hasText: text });
  const progress = (): Locator => page.getByRole('region', { name: 'Progress' });

  it('calls affiliates and offers by their names, in one call a page', async () => {
    const asked: string[] = [];
    const watch = (request: { url: () => string }): void => {
      const path = new URL(request.url()).pathname.split('/api')[1];
      if (path !== undefined) asked.push(path);
    };
    page.on('request', watch);
    for (const [screen, heading, calls] of [
      ['/orders?affiliateId=partner-one', 'Orders', ['/conversions', '/names']],
      ['/commissions?affiliateId=partner-one', 'Commissions', ['/commissions', '/names']],
      ['/payouts?affiliateId=partner-one', 'Payouts', ['/balances', '/names']],
    ] as const) {
      asked.length = 0;
      await page.goto(at(screen));
      await page.getByRole('heading', { name: heading }).waitFor();
      await page.getByRole('cell', { name: 'Partner', exact: true }).first().waitFor();
      assert.deepEqual(asked.toSorted(), [...calls]);
    }
    page.off('request', watch);
  });

  it('approves the selected: some with the shift key, with a reason', async () => {
    await page.goto(at('/orders'));
    await rowOf('R-3').waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await page.waitForURL(at('/commissions'));
    await page.getByLabel('Affiliate').fill('partner-one');
    await page.keyboard.press('Enter');
    await rowOf('A-11').waitFor();
    await rowOf('bulk-').first().waitFor({ state: 'detached' });
    await rowOf('A-11').getByRole('checkbox').click();
    await rowOf('A-7')
      .getByRole('checkbox')
      .click({ modifiers: ['Shift'] });
    await page.getByText('5 selected:').waitFor();
    await rowOf('A-9').getByRole('checkbox').click();
    await page.getByText('4 selected:').waitFor();
    await page.getByRole('button', { name: 'Approve …' }).click();
    await dialog().getByLabel('Reason').fill('November, checked');
    await dialog().getByRole('button', { name: 'Approve' }).click();
    await progress().getByText('4 of 4').waitFor();
    assert.match(page.url(), /[?&]job=job_\w+/);
    await page.reload();
    await progress().getByText('4 of 4').waitFor();
    await progress().getByRole('button', { name: 'Close' }).click();
    assert.doesNotMatch(page.url(), /job=/);
    await rowOf('A-9').waitFor();
    assert.equal(await rowOf('A-8').count(), 0);
    const approved = await list('/commissions?status=approved');
    assert.deepEqual(approved.map(({ orderId }: { orderId: string }) => orderId).toSorted(), [
      'A-10',
      'A-11',
      'A-7',
      'A-8',
    ]);
  });

  it('selects by keyboard, and all that are loaded', async () => {
    await page.goto(at('/commissions?affiliateId=partner-one&orderId=A-6'));
    await rowOf('A-6').waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.getByText('1 selected:').waitFor();
    await page.getByRole('button', { name: 'Select none' }).click();
    await page.getByLabel('Select all that are loaded').check();
    await page.getByText('1 selected:').waitFor();
    await page.getByRole('button', { name: 'Approve …' }).focus();
    await page.keyboard.press('Enter');
    await dialog().waitFor();
    await page.keyboard.press('Enter');
    await progress().getByText('1 of 1').waitFor();
    assert.deepEqual(await statusesOf('orderId=A-6'), ['approved']);
  });

  it('decides about all that match: counts first, goes on through a reload, and stops when asked', async () => {
    await page.goto(at('/commissions?affiliateId=bulk'));
    await rowOf('bulk-').first().waitFor();
    // The workers are held up once the job is there, so that it can be stopped in time.
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let held: Promise<void> | undefined;
    await page.route('**/commissions/decisions', async (route) => {
      const response = await route.fetch();
      const { data } = (await response.json()) as { data: { id?: string } };
      if (data.id !== undefined) {
        await new Promise<void>((locked) => {
          held = inTransaction(hub.db, async (trx) => {
            await runSql(trx, 'select id from jobs where id = ? for update', [data.id]);
            locked();
            await released;
          });
        });
      }
      await route.fulfill({ response });
    });
    await page.getByRole('button', { name: 'Reject …' }).click();
    await dialog()
      .getByRole('heading', { name: `Reject ${MANY} commissions?` })
      .waitFor();
    await dialog().getByRole('button', { name: 'Reject' }).click();
    await progress().waitFor();
    await page.unroute('**/commissions/decisions');
    await page.reload();
    await progress().getByText(`of ${MANY}`).waitFor();
    await progress().getByRole('button', { name: 'Stop' }).click();
    release();
    await held;
    await progress().getByText('cancelled').first().waitFor();
    const [job] = await list('/jobs?limit=1');
    assert.equal(job.status, 'cancelled');
    await progress().getByRole('button', { name: 'Close' }).click();
    await program.settled();

    await page.getByRole('button', { name: 'Reject …' }).click();
    const left = /Reject (\d+) commissions\?/;
    const heading = await dialog().getByRole('heading', { name: left }).innerText();
    assert.ok(Number(left.exec(heading)?.[1]) > 0);
    await dialog().getByRole('button', { name: 'Reject' }).click();
    await progress().getByText('completed').first().waitFor();
    await page.getByText('No commission fits these filters.').waitFor();
    assert.deepEqual(await statusesOf('affiliateId=bulk&status=pending'), []);
    assert.equal(new Set(await statusesOf('affiliateId=bulk')).size, 1);
  });

  it('shows what a review stands on, and decides about one, or many', async () => {
    await page.goto(at('/commissions'));
    await page.getByRole('link', { name: 'Reviews' }).click();
    await rowOf('R-3').getByRole('link').click();
    const review = page.getByRole('region', { name: 'Review', exact: true });
    await review.getByText('Buyer and affiliate have addresses at corp.test.').waitFor();
    await review.getByRole('button', { name: 'Approve as it is' }).click();
    await dialog().getByRole('button', { name: 'Approve' }).click();
    await review.waitFor({ state: 'detached' });
    assert.deepEqual(await statusesOf('orderId=R-3'), ['approved']);
    await page.keyboard.press('Escape');
    await rowOf('R-3').waitFor({ state: 'detached' });
    await page.getByLabel('Select all that are loaded').check();
    await page.getByRole('button', { name: 'Reject …' }).click();
    await dialog().getByLabel('Reason').fill('a colleague');
    await dialog().getByRole('button', { name: 'Reject' }).click();
    await page.getByText('No commission is in review.').waitFor();
    assert.deepEqual(await list('/reviews'), []);
    assert.deepEqual(await statusesOf('orderId=R-1'), ['rejected']);
  });

  it('decides about orders in the same way', async () => {
    await page.goto(at('/orders?affiliateId=long'));
    await rowOf('L-1').waitFor();
    await page.getByRole('button', { name: 'Approve …' }).click();
    await dialog().getByRole('heading', { name: 'Approve 3 commissions?' }).waitFor();
    await dialog().getByRole('button', { name: 'Approve' }).click();
    await progress().getByText('3 of 3').waitFor();
    assert.deepEqual(await statusesOf('affiliateId=long'), ['approved', 'approved', 'approved']);
    await page.goto(at('/orders?status=parked'));
    await page.getByText('No order fits these filters.').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Approve …' }).isDisabled());
  });

  it('refunds, corrects the amount and reassigns, each after asking', async () => {
    const [order] = await list('/conversions?orderId=A-1');
    await page.goto(at(`/orders/${order.id}`));
    await page.getByRole('button', { name: 'Refund …' }).click();
    await dialog().getByLabel('Amount in USD').fill('1.234');
    await dialog().getByText('at most 2 decimals').waitFor();
    await dialog().getByLabel('Amount in USD').fill('60');
    await dialog().getByRole('button', { name: 'Refund' }).click();
    await dialog().getByText('is more than the 5000 that remain').first().waitFor();
    assert.equal(await dialog().getByLabel('Amount in USD').inputValue(), '60');
    complaints.length = 0; // The browser tells of the refusal.
    await dialog().getByLabel('Amount in USD').fill('12.50');
    await dialog().getByRole('button', { name: 'Refund' }).click();
    await dialog().waitFor({ state: 'hidden' });
    const [refunded] = await list('/conversions?orderId=A-1');
    assert.deepEqual([refunded.refundedMinor, refunded.commission.amountMinor], [1_250, 750]);

    await page.getByRole('button', { name: 'Correct the amount …' }).click();
    await dialog().getByLabel('What was really paid').fill('40');
    await dialog().getByLabel('Reason').fill('The discount was left out');
    await dialog().getByRole('button', { name: 'Correct' }).click();
    await dialog().waitFor({ state: 'hidden' });
    assert.equal((await list('/conversions?orderId=A-1'))[0].grossMinor, 4_000);

    await page.getByRole('button', { name: 'Reassign …' }).click();
    await dialog().getByLabel('Affiliate').fill('nobody');
    await dialog().getByLabel('Reason').fill('It was theirs');
    await dialog().getByRole('button', { name: 'Reassign' }).click();
    await dialog().getByText('is not an affiliate of this program').waitFor();
    complaints.length = 0;
    await dialog().getByLabel('Affiliate').fill('bulk');
    await dialog().getByRole('button', { name: 'Reassign' }).click();
    await dialog().waitFor({ state: 'hidden' });
    await page.getByRole('definition').filter({ hasText: 'Bulk' }).waitFor();
    assert.equal((await list('/conversions?orderId=A-1'))[0].affiliateId, ids['bulk']);
  });

  it('pays all above a minimum: shows first to whom, then makes the payouts, with files and an end', async () => {
    await page.goto(at('/payouts'));
    await page.getByRole('button', { name: 'Pay out …' }).click();
    await dialog().getByLabel('Currency').fill('JPY');
    await dialog().getByLabel('Minimum').fill('100.5');
    await dialog().getByText('at most 0 decimals').waitFor();
    await dialog().getByLabel('Currency').fill('USD');
    await dialog().getByLabel('Minimum').fill('100');
    await dialog().getByLabel('Reference').fill('SEPA 2026-11');
    await dialog().getByRole('button', { name: 'Show what would be paid' }).click();
    await dialog()
      .getByText(/^One payout, USD.246,913,578\.02 in all/)
      .waitFor();
    assert.deepEqual(await list('/payouts'), []);
    await dialog().getByLabel('Minimum').fill('');
    await dialog().getByRole('button', { name: 'Show what would be paid' }).click();
    await dialog()
      .getByText(/^2 payouts/)
      .waitFor();
    await dialog().getByRole('cell', { name: 'Partner', exact: true }).waitFor();
    await dialog()
      .getByRole('button', { name: /^Pay out USD/ })
      .click();
    await page.getByRole('heading', { name: 'Batch of payouts' }).waitFor();
    const payouts = await list('/payouts');
    assert.deepEqual(
      payouts.map(({ status, reference }: Record<string, string>) => [status, reference]),
      [
        ['pending', 'SEPA 2026-11'],
        ['pending', 'SEPA 2026-11'],
      ],
    );

    for (const [name, begins] of [
      ['PayPal', /partner@corp\.test,\d+\.\d\d,USD/],
      ['Wise', /^name,recipientEmail,/],
      ['Plain CSV', /SEPA 2026-11/],
    ] as const) {
      const saved = page.waitForEvent('download');
      await page.getByRole('region', { name: 'Details' }).getByRole('link', { name }).click();
      assert.match(await readFile(await (await saved).path(), 'utf8'), begins);
    }

    await page.getByRole('link', { name: '2 (2 pending)' }).click();
    await page.waitForURL(/view=payouts&batchId=/);
    await rowOf('Partner').getByRole('link').click();
    await page.getByRole('table', { name: 'Entries of the payout' }).getByRole('row').nth(1).waitFor();
    await page.getByRole('button', { name: 'Mark as failed …' }).click();
    await dialog().getByLabel('Note').fill('The account is closed');
    await dialog().getByRole('button', { name: 'Mark as failed' }).click();
    await page.getByRole('definition').filter({ hasText: 'The account is closed' }).waitFor();
    assert.deepEqual(await list('/payouts?status=failed').then(([{ note }]) => note), 'The account is closed');

    await page.goto(at(`/payouts/${payouts[0].batchId}?view=batches`));
    await page.getByRole('button', { name: 'Mark as paid …' }).click();
    await dialog().getByRole('heading', { name: 'Mark the pending payout as paid?' }).waitFor();
    await dialog().getByLabel('Reference').fill('SEPA 4711');
    await dialog().getByRole('button', { name: 'Mark as paid' }).click();
    await page.getByText('1 paid, 1 failed').first().waitFor();
    assert.equal((await list('/payouts?status=paid'))[0].reference, 'SEPA 4711');
    assert.deepEqual(await statusesOf('orderId=L-1'), ['paid']);
  });

  it('pays out to one affiliate from their balance', async () => {
    await page.goto(at('/payouts?currency=KWD'));
    await rowOf('KWD').getByRole('link').click();
    const section = page.getByRole('region', { name: 'KWD' });
    await section.getByText('1.825').first().waitFor();
    await section.getByRole('button', { name: 'Pay out …' }).click();
    await dialog().getByRole('button', { name: 'Show what would be paid' }).click();
    await dialog()
      .getByRole('button', { name: /^Pay out KWD/ })
      .click();
    await page.getByRole('heading', { name: 'Batch of payouts' }).waitFor();
    assert.equal((await list('/payouts?currency=KWD'))[0].amountMinor, 1_825);
  });

  it('replays the selected messages, and all that match', async () => {
    const replays = async () => list('/jobs?kind=inbox_replays&limit=1');
    await page.goto(at('/inbox?kind=refund'));
    await rowOf('refund').first().waitFor();
    await page.getByLabel('Select row 1').check();
    await page.getByRole('button', { name: 'Replay …' }).click();
    await dialog().getByRole('heading', { name: 'Replay 1 message?' }).waitFor();
    await dialog().getByRole('button', { name: 'Replay' }).click();
    await progress().getByText('1 of 1').waitFor();
    assert.equal((await replays())[0].succeeded, 1);
    await page.goto(at('/inbox?reference=A-1'));
    await rowOf('conversion').first().waitFor();
    const { count } = (
      await program.api.post('/inbox-events/replays', { filter: { reference: 'A-1' }, countOnly: true })
    ).body.data;
    await page.getByRole('button', { name: 'Replay …' }).click();
    await dialog()
      .getByRole('heading', { name: `Replay ${count} messages?` })
      .waitFor();
    await dialog().getByRole('button', { name: 'Replay' }).click();
    await progress().getByText(`${count} of ${count}`).waitFor();
    assert.equal((await list('/conversions?orderId=A-1'))[0].refundedMinor, 1_250);
  });

  it('exports what a list shows, by its filters', async () => {
    for (const [path, name, lines] of [
      ['/orders?orderId=A-1', 'conversions', 2],
      ['/commissions?affiliateId=partner-one', 'commissions', 7],
      ['/payouts', 'balances', 6],
      ['/payouts?view=payouts&status=failed', 'payouts', 2],
      ['/inbox?kind=refund', 'inbox-events', 2],
    ] as const) {
      await page.goto(at(path));
      const saved = page.waitForEvent('download');
      await page.getByRole('link', { name: 'Export CSV' }).click();
      const file = await saved;
      assert.match(file.suggestedFilename(), new RegExp(`^${name}-`));
      const text = await readFile(await file.path(), 'utf8');
      assert.equal(text.trimEnd().split('\r\n').length, lines, `${path}\n${text}`);
    }
  });

  it('filters by dates', async () => {
    const today = new Date().toISOString().slice(0, 10);
    for (const path of ['/inbox', '/orders', '/commissions']) {
      await page.goto(at(path));
      await page.getByLabel('From').fill(today);
      await page.waitForURL(new RegExp(`startDate=${today}`));
      await page.waitForFunction(() => !document.body.innerText.includes('Loading'));
      assert.equal(await page.getByRole('alert').count(), 0);
    }
  });

  it('shows no button to whoever may only look, and says that test money is never paid', async () => {
    const made = await program.api.post('/api-keys', { name: 'Looks', mode: 'test', access: 'read' });
    await page.context().clearCookies();
    await signIn(page, hub.url, made.body.data.key);
    for (const path of ['/commissions', '/orders', '/inbox', '/commissions?view=reviews', '/payouts']) {
      await page.goto(at(path, 'test'));
      await page.locator('.empty').waitFor();
      assert.equal(await page.getByRole('button', { name: '…' }).count(), 0);
    }
    await page.getByText('Test money is never payable').waitFor();
    await page.context().clearCookies();
    await signIn(page, hub.url, program.key);
  });

  for (const [colorScheme, width] of [
    ['light', 1_280],
    ['dark', 375],
    ['light', 2_560],
  ] as const) {
    // Every width and colour by CONSOLE_LOOKS=all: the tests have fifteen minutes, and console.test.ts looks at all of them.
    if (width !== 1280 && process.env.CONSOLE_LOOKS !== 'all') continue;
    it(`has no barrier and nothing that sticks out: ${colorScheme}, ${width} pixels`, async () => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const [payout] = await list('/payouts?status=paid');
      const [job] = await list('/jobs?limit=1');
      const lists = [`/commissions?status=all&job=${job.id}`, '/payouts?view=payouts', '/payouts'];
      const drawers = [
        `/payouts/${ids['long']}`,
        `/payouts/${payout.id}?view=payouts`,
        `/payouts/${payout.batchId}?view=batches`,
      ];
      // Where a drawer stands beside its list, both are looked at together.
      const [first = ''] = lists;
      for (const path of width === 375 ? [...drawers.slice(1, 2), ...lists] : [first, ...drawers, '/payouts']) {
        await page.goto(at(path));
        await page.locator('tbody tr').first().waitFor({ state: 'attached' });
        await page.waitForFunction(() => !document.body.innerText.includes('Loading'));
        assert.equal(await beyondOf(page), 0, path);
        if (width < 2_560) assert.deepEqual(await violationsOf(page), [], path);
      }
      await page.getByRole('button', { name: 'Pay out …' }).click();
      await dialog().getByRole('button', { name: 'Show what would be paid' }).click();
      await dialog().getByRole('status').waitFor();
      assert.equal(await beyondOf(page), 0);
      if (width < 2_560) assert.deepEqual(await violationsOf(page), [], 'the dialog');
    });
  }

  it('had nothing refused by its policy, and no error, on any screen', () => {
    assert.deepEqual(complaints, []);
  });
});
