import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApiClient } from '../api/api-client.ts';
import { stripeEvent } from '../journeys/stripe-events.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { openImportProgram, tally, type ImportProgram } from './import-program.ts';

/** Each system's lists, as its page shows them; then a first day on the hub: links, renewals, repeated orders. */

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

const now = Math.floor(Date.now() / 1000);

test('Attro: ids and links stay, a link redirects and attributes, an externalId is a 409', async () => {
  const program = await openImportProgram(hub);
  const pagination = { total: 1, limit: 20, offset: 0, hasMore: false };
  const files = {
    'affiliates.json': {
      data: [
        {
          id: 'aff_attro1',
          companyName: null,
          displayName: 'John Smith',
          email: 'john@acme.example',
          type: 'external',
          status: 'active',
          createdAt: '2026-01-15T10:30:00Z',
        },
        { id: 'aff_attro2', displayName: 'Off', email: 'off@acme.example', type: 'internal', status: 'inactive' },
      ],
      pagination,
    },
    'offers.json': [
      {
        data: [
          {
            id: 'off_attro1',
            name: 'Premium',
            url: 'https://yourapp.example/premium',
            description: null,
            defaultCommissionType: 'percentage',
            defaultCommissionValue: 12.5,
            attributionWindowDays: 45,
            dailyCap: 100,
            isActive: true,
          },
        ],
        pagination,
      },
    ],
    'links.json': {
      data: [
        {
          id: 'link_def456',
          affiliateId: 'aff_attro1',
          offerId: 'off_attro1',
          code: 'attro-live-1',
          trackingUrl: 'https://get-attro.com/r/attro-live-1',
          destinationUrl: 'https://yourapp.example/special',
          clicks: 9,
          conversions: 1,
        },
      ],
      pagination,
    },
    'conversions.json': {
      data: [
        {
          id: 'conv_1',
          affiliateId: 'aff_attro1',
          offerId: 'off_attro1',
          externalId: 'order-1',
          amount: 99,
          currency: 'USD',
          customerEmail: 'buyer@example.com',
          status: 'paid',
          createdAt: '2026-02-01T00:00:00Z',
        },
      ],
      pagination,
    },
  };
  const first = await program.import('attro', files);
  assert.equal(first.code, 0);
  assert.deepEqual(tally(first), { offer: [1, 0], affiliate: [2, 0], link: [1, 0], order: [1, 0] });
  const again = await program.import('attro', files);
  assert.deepEqual(tally(again), { offer: [0, 1], affiliate: [0, 2], link: [0, 1], order: [0, 1] });

  const client = new ApiClient(hub.url, program.key);
  const { body: listed } = await client.get('//attro/api/v1/affiliates?limit=5');
  const found = (listed.data as { id: string }[]).find(({ id }) => id === 'aff_attro1');
  assert.deepEqual(found, { ...files['affiliates.json'].data[0], createdAt: '2026-01-15T10:30:00Z' });

  const clickId = await follow('attro-live-1', 'https://yourapp.example/special', 'aff_attro1');
  const sale = { click_id: clickId, amount: '80.00', order_id: 'order-2', currency: 'USD' };
  const { body: sold } = await program.api.post('/conversions', sale);
  assert.equal(sold.data.commission.amountMinor, 1_000);

  const repeat = { affiliateId: 'aff_attro1', offerId: 'off_attro1', externalId: 'order-1', amount: 120 };
  const { status, body } = await client.post('//attro/api/v1/conversions', repeat);
  assert.equal(status, 409);
  assert.equal(body.error.code, 'DUPLICATE_CONVERSION');
  // The imported order bound its customer: their next purchase is the affiliate's.
  const next = await program.api.post('/conversions', {
    customer_email: 'Buyer@example.com',
    amount: 10,
    order_id: 'o-3',
  });
  assert.equal(
    (await program.api.get(`/conversions/${next.body.data.conversionId}`)).body.data.affiliateId,
    'aff_attro1',
  );
  await expectImported(program, 'order-1', 9_900);
  await program.verify();
});

test('affilut: short codes are links, a manual sale is a 409, renewals follow the metadata that Stripe has', async () => {
  const program = await openImportProgram(hub, {
    commission: { type: 'revshare', rateBps: 1_000, durationMonths: null },
  });
  const files = {
    'affiliates.json': {
      data: [
        {
          id: 'aff_01hx',
          name: 'Jane Smith',
          email: 'jane@example.com',
          shortCode: 'jane-smith-a1b2',
          status: 'active',
          commissionOverride: '15',
          createdAt: '2026-01-15T09:00:00.000Z',
          activatedAt: '2026-01-16T10:30:00.000Z',
        },
      ],
      page: 1,
      limit: 50,
    },
    'conversions.json': {
      data: [
        { id: 'cnv_1', affiliateId: 'aff_01hx', stripeChargeId: 'ch_lut1', amountCents: 4900, commissionCents: 490 },
        { id: 'cnv_2', affiliateId: 'aff_01hx', stripeChargeId: 'manual:inv_00142', amountCents: 100 },
        { id: 'cnv_3', affiliateId: 'aff_01hx', stripeChargeId: null, amountCents: 100 },
      ],
      page: 1,
      limit: 50,
    },
  };
  const first = await program.import('affilut', files);
  assert.deepEqual(tally(first), { affiliate: [1, 0], link: [1, 0], order: [2, 0] });
  assert.equal(first.withoutId, 1);
  assert.deepEqual(tally(await program.import('affilut', files)), { affiliate: [0, 1], link: [0, 1], order: [0, 2] });

  const client = new ApiClient(hub.url, program.key);
  const { body: listed } = await client.get('//affilut/api/v1/affiliates');
  assert.deepEqual(
    (listed.data as { id: string }[]).find(({ id }) => id === 'aff_01hx'),
    files['affiliates.json'].data[0],
  );
  await follow('jane-smith-a1b2', 'https://shop.example/', 'aff_01hx');
  const manual = { affiliate_id: 'aff_01hx', amount_cents: 100, external_id: 'inv_00142' };
  assert.equal((await client.post('//affilut/api/v1/conversions', manual)).status, 409);

  // Stripe tells of the charge again: the payment is the imported order.
  const payment = { id: 'pi_lut1', object: 'payment_intent', amount: 4900, amount_received: 4900, currency: 'usd' };
  const metadata = { affiliate_id: 'aff_01hx' };
  await program.stripe(
    stripeEvent('payment_intent.succeeded', now, {
      ...payment,
      latest_charge: 'ch_lut1',
      customer: 'cus_lut',
      metadata,
    }),
  );
  await program.settled();
  assert.deepEqual(await program.postings(), []);
  // And of the customer, whose metadata affilut had set, with a renewal.
  await program.stripe(
    stripeEvent('customer.updated', now, { id: 'cus_lut', object: 'customer', email: null, metadata }),
  );
  await program.stripe(renewal('lut', 2_000));
  await program.settled();
  assert.deepEqual(await program.postings(), [300]);
  await expectImported(program, 'pi_lut1', 4_900);
  await program.verify();
});

test('Affitor: partners by code, a customer key stays bound, a transaction id is a 409', async () => {
  const program = await openImportProgram(hub);
  const at = new Date((now - 86_400) * 1000).toISOString();
  const files = {
    'partners.json': [{ partner_code: 'AFFI7', name: 'Pat', email: 'pat@example.com', created_at: at }],
    'clicks.json': [{ click_id: 'affitor-click-1', partner_code: 'affi7', created_at: at }],
    'customers.json': [{ customer_key: 'user_77', click_id: 'affitor-click-1', created_at: at }],
    'sales.jsonl': `${JSON.stringify({ transaction_id: 'tx-1', customer_key: 'user_77', amount_cents: 5000, created_at: at })}\n`,
  };
  const counted = { affiliate: 1, click: 1, customer: 1, order: 1 };
  const isOn = async (): Promise<boolean> => (await program.api.get('/program')).body.data.browserLeads;
  const dry = await program.import('affitor', files, '--dry-run');
  assert.deepEqual([dry.switchedOn, await isOn()], [['browserLeads'], false]);
  const first = await program.import('affitor', files);
  assert.deepEqual(
    tally(first),
    each(counted, (count) => [count, 0]),
  );
  // Affitor takes leads from browsers, and so does the program from now on.
  assert.deepEqual([first.switchedOn, await isOn()], [['browserLeads'], true]);
  const again = await program.import('affitor', files);
  assert.deepEqual(
    tally(again),
    each(counted, (count) => [0, count]),
  );
  assert.deepEqual(again.switchedOn, []);

  const client = new ApiClient(hub.url, program.key);
  const sale = { transaction_id: 'tx-2', customer_key: 'user_77', amount_cents: 5000, is_recurring: false };
  const { body: sold } = await client.post('//affitor/api/v1/track/sale', sale);
  assert.equal(sold.success, true, JSON.stringify(sold));
  assert.deepEqual(await program.postings(), [1_000]);
  const repeat = await client.post('//affitor/api/v1/track/sale', { ...sale, transaction_id: 'tx-1' });
  assert.equal(repeat.status, 409, repeat.text);
  // The page's link form: ?aff=CODE on the shop's own page.
  const landing = { affiliate_url: 'https://shop.example/?aff=AFFI7', existing_click_id: 'affitor-click-1' };
  const { body: clicked } = await client.post('//affitor/api/v1/track/click', landing);
  assert.equal(clicked.partner_code, 'AFFI7');
  await expectImported(program, 'tx-1', 5_000);
  await program.verify();
});

test('AffSpace: offers and transactions of its lists, clicks and affiliates by CSV', async () => {
  const program = await openImportProgram(hub);
  const at = new Date((now - 86_400) * 1000).toISOString();
  const terms = { code: 'MYOFFER123', name: 'My Product', status: 'published', currency: 'USD' };
  const files = {
    'offers.json': {
      success: true,
      data: [{ ...terms, commissionType: 'cpa', payoutTerms: { advertiserPayoutCents: 3000 } }],
      meta: { pagination: { hasMore: false, nextCursor: null } },
    },
    'offer.json': {
      success: true,
      data: { ...terms, primaryUrl: 'https://shop.example/mine', payoutTerms: { advertiserPayoutCents: 3000 } },
    },
    'conversions.json': {
      success: true,
      data: [
        {
          id: 'conv_x7k9m2p4',
          offerCode: 'MYOFFER123',
          vendorTxId: 'ORDER-98765',
          currency: 'USD',
          saleAmountCents: 14999,
          advertiserPayoutCents: 3000,
          status: 'approved',
          createdAt: 1_706_234_567_890,
        },
      ],
    },
    'affiliates.csv': 'name,email,referral_code\n"Space, A.",space@example.com,SPACE1\n',
    'clicks.csv': `click_id,affiliate,offer,clicked_at\n0M8K2L9P5QRS,space1,MYOFFER123,${at}\n`,
  };
  const counted = { offer: 1, affiliate: 1, click: 1, order: 1 };
  assert.deepEqual(
    tally(await program.import('affspace', files)),
    each(counted, (count) => [count, 0]),
  );
  assert.deepEqual(
    tally(await program.import('affspace', files)),
    each(counted, (count) => [0, count]),
  );

  const client = new ApiClient(hub.url, program.key);
  const sale = { click_id: '0M8K2L9P5QRS', amount: '149.99', txid: 'ORDER-1', customer_id: 'cust_1' };
  const { body: sold } = await client.post('//affspace/api/v1/conversions', sale);
  assert.equal(sold.data.tracked, true, JSON.stringify(sold));
  assert.deepEqual(await program.postings(), [3_000]);
  const { body: repeat } = await client.post('//affspace/api/v1/conversions', { ...sale, txid: 'ORDER-98765' });
  assert.deepEqual([repeat.tracked, repeat.reason], [false, 'duplicate_txid']);
  await expectImported(program, 'ORDER-98765', 14_999);
  await program.verify();
});

test('Refgrow: codes and clicks go on, an order id is answered as it stands', async () => {
  const program = await openImportProgram(hub);
  const affiliate = {
    id: 'aff_123456',
    email: 'affiliate@example.com',
    name: 'John Doe',
    status: 'active',
    createdAt: '2023-06-15T10:30:00Z',
  };
  const files = {
    'list.json': {
      success: true,
      data: { affiliates: [{ ...affiliate, totalEarnings: 1250.75 }], total: 1, limit: 20, offset: 0 },
    },
    'one.json': {
      success: true,
      data: {
        affiliate: { ...affiliate, referralCode: 'JOHNDOE10', paymentMethod: 'paypal', paymentDetails: 'a@b.example' },
      },
    },
    'click.json': {
      success: true,
      data: {
        clickId: 'click_abcdef12345',
        referralCode: 'JOHNDOE10',
        affiliateId: 'aff_123456',
        timestamp: new Date((now - 86_400) * 1000).toISOString(),
      },
    },
    'commissions.json': {
      success: true,
      data: {
        commissions: [
          {
            id: 'comm_456789',
            affiliateId: 'aff_123456',
            orderId: 'order_123456',
            amount: 20,
            status: 'paid',
            createdAt: '2023-06-18T15:10:45Z',
            paidAt: null,
            conversionAmount: 99.99,
          },
        ],
        total: 1,
        limit: 20,
        offset: 0,
      },
    },
  };
  const counted = { affiliate: 1, click: 1, order: 1 };
  const first = await program.import('refgrow', files);
  assert.deepEqual(
    tally(first),
    each(counted, (count) => [count, 0]),
  );
  assert.equal(first.counts.affiliate.repeated, 1);
  assert.deepEqual(
    tally(await program.import('refgrow', files)),
    each(counted, (count) => [0, count]),
  );

  const client = new ApiClient(hub.url, program.key);
  const { body: one } = await client.get('//refgrow/v1/affiliates/aff_123456');
  assert.equal(one.data.affiliate.referralCode, 'JOHNDOE10');
  assert.equal(one.data.affiliate.createdAt, '2023-06-15T10:30:00Z');
  const sale = { clickId: 'click_abcdef12345', amount: 50, orderId: 'order_2' };
  const { status, body: sold } = await client.post('//refgrow/v1/referrals/convert', sale);
  assert.deepEqual([status, sold.data.commission], [201, 10]);
  const track = await client.post('//refgrow/v1/referrals/track', { referralCode: 'johndoe10' });
  assert.equal(track.body.data.affiliateId, 'aff_123456');
  const repeat = await client.post('//refgrow/v1/referrals/convert', {
    referralCode: 'JOHNDOE10',
    amount: 99.99,
    orderId: 'order_123456',
  });
  assert.deepEqual([repeat.status, repeat.body.data.commission], [200, 0]);
  assert.deepEqual(await program.postings(), [1_000]);
  await expectImported(program, 'order_123456', 9_999);
  await program.verify();
});

test('CSV: everything at once; a renewal of an imported subscription is none of its first payments', async () => {
  const program = await openImportProgram(hub, { commission: { type: 'cps', rateBps: 2_000 } });
  const since = new Date((now - 40 * 86_400) * 1000).toISOString();
  const files = {
    'affiliates.csv': [
      'id,name,email,referral_code,coupon_codes,commission_percent,status',
      'aff_csv1,Ann,ann@example.com,ANN,SPRING10 SUMMER10,30,active',
      ',Bob,bob@example.com,,,,',
    ].join('\n'),
    'offers.csv': [
      'offer_name,code,url,commission_type,commission_percent,duration_months',
      'Share,SHARE,https://shop.example/share,revshare,10,12',
    ].join('\n'),
    'links.csv': 'link_code,affiliate,offer\ncsv-link,ann,SHARE\ncsv-link-2,bob@example.com,\n',
    'clicks.csv': `click_id,link,clicked_at,sub1\ncsv-click,csv-link,${since},their-id\n`,
    'customers.csv': [
      'customer_id,customer_email,subscription_id,affiliate,offer,since',
      `cus_csv,,sub_csv,ANN,,${since}`,
      `user-9,nine@example.com,,aff_csv1,SHARE,${since}`,
    ].join('\n'),
    'orders.csv': [
      'order_id,affiliate,click_id,customer_id,amount,currency,ordered_at',
      `pi_csv1,ANN,csv-click,cus_csv,49.00,USD,${since}`,
      'order-csv-2,aff_csv1,,,,,',
    ].join('\r\n'),
  };
  const counted = { offer: 1, affiliate: 2, link: 2, click: 1, customer: 2, order: 2 };
  assert.deepEqual(
    tally(await program.import('csv', files, '--dry-run')),
    each(counted, (count) => [count, 0]),
  );
  assert.equal((await program.api.get('/affiliates/ANN')).status, 404);
  assert.deepEqual(
    tally(await program.import('csv', files)),
    each(counted, (count) => [count, 0]),
  );
  assert.deepEqual(
    tally(await program.import('csv', files)),
    each(counted, (count) => [0, count]),
  );
  assert.equal(await program.told('conversion.created'), 0);

  await follow('csv-link', 'https://shop.example/share', 'aff_csv1');
  // CPS pays the first payment only, and that was elsewhere.
  await program.stripe(renewal('csv', 4_900));
  await program.settled();
  const renewed = (await program.conversions()).find(({ kind }) => kind === 'renewal');
  assert.deepEqual([renewed?.reason, renewed?.commissionMinor], ['renewal_not_paid', 0]);
  assert.deepEqual(await program.postings(), []);
  // A revenue share pays renewals: to the customer's affiliate, by the affiliate's own rate.
  const again = { customer_id: 'user-9', amount: '20.00', order_id: 'order-csv-9', currency: 'USD' };
  assert.equal((await program.api.post('/conversions', again)).body.data.commission.amountMinor, 600);
  const repeat = await program.api.post('/conversions', { order_id: 'order-csv-2', amount: 5, affiliate_id: 'ANN' });
  assert.deepEqual([repeat.status, repeat.body.data.reason], [200, 'duplicate_order']);
  const coupon = await program.api.post('/conversions', {
    order_id: 'order-csv-10',
    amount: 10,
    coupon_code: 'spring10',
  });
  assert.equal(coupon.body.data.commission.amountMinor, 300);
  await expectImported(program, 'pi_csv1', 4_900);
  await program.verify();
});

/** Follows a live link; gives the click id that the shop gets. */
async function follow(code: string, destination: string, affiliateId: string): Promise<string> {
  const answer = await fetch(`${hub.url}/r/${code}`, { redirect: 'manual' });
  assert.equal(answer.status, 302);
  const location = new URL(answer.headers.get('location') ?? '');
  assert.equal(location.origin + location.pathname, destination);
  assert.equal(location.searchParams.get('ref'), affiliateId);
  return location.searchParams.get('click_id') ?? '';
}

/** A month of a subscription that Stripe collects by itself: nothing in it names an affiliate. */
function renewal(name: string, amount: number): object {
  return stripeEvent('invoice.paid', now, {
    id: `in_${name}_renewal`,
    object: 'invoice',
    amount_paid: amount,
    amount_due: amount,
    total: amount,
    currency: 'usd',
    customer: `cus_${name}`,
    billing_reason: 'subscription_cycle',
    status_transitions: { paid_at: now },
    metadata: {},
    parent: { subscription_details: { subscription: `sub_${name}`, metadata: {} } },
    lines: { data: [] },
  });
}

/** An imported order is shown as what it is, and earned nothing here. */
async function expectImported(program: ImportProgram, orderId: string, amountMinor: number): Promise<void> {
  const { body } = await program.api.get('/conversions?status=not_tracked&limit=100');
  const orders = body.data as {
    orderId: string;
    reason: string;
    amountMinor: number;
    commission: { amountMinor: number } | null;
  }[];
  const order = orders.find((each) => each.orderId === orderId);
  assert.deepEqual(
    [order?.reason, order?.amountMinor, order?.commission?.amountMinor ?? 0],
    ['imported', amountMinor, 0],
    JSON.stringify(orders),
  );
}

function each<T, U>(record: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
