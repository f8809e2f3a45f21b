import { nativeRoutes } from '../../src/api/native.ts';
import { affilut } from '../../src/dialects/affilut/index.ts';
import { affitor } from '../../src/dialects/affitor/index.ts';
import { affspace } from '../../src/dialects/affspace/index.ts';
import { attro } from '../../src/dialects/attro/index.ts';
import { refgrow } from '../../src/dialects/refgrow/index.ts';

/** A way into the hub by a key. */
export interface Surface {
  method: string;
  /** Under the root, with `:names`. */
  path: string;
  /** Whether it may write. */
  writes: boolean;
}

/** The whole native API (but what is the admin's) and every route of the dialects, and what trackers fire. */
export const surfaces: readonly Surface[] = [
  ...nativeRoutes
    .filter(({ access }) => access !== 'admin')
    .map(({ method, path }) => ({ method, path: `/api/v1${path}`, writes: method !== 'get' })),
  ...[attro, affilut, affitor, affspace, refgrow].flatMap(({ base, routes }) =>
    routes.flatMap(({ method, path }) =>
      [path].flat().map((one) => ({ method, path: base + one, writes: method !== 'get' })),
    ),
  ),
  { method: 'get', path: '/pb/:id', writes: true },
  { method: 'post', path: '/affspace/pb/:id', writes: true },
  { method: 'get', path: '/r/:code', writes: true },
];

/** What calls may name: ids and codes by kind, live and test. It grows by what answers tell. */
export class Names {
  readonly #byKind = new Map<string, string[]>();

  add(kind: string, name: string): void {
    const known = this.#byKind.get(kind) ?? [];
    if (known.includes(name)) return;
    this.#byKind.set(kind, [...known.slice(0, FIRST), ...[...known.slice(FIRST), name].slice(-LATEST)]);
  }

  /** Ids, keys and codes that an answer shows. */
  learn(text: string): void {
    for (const [id, kind = ''] of text.matchAll(/\b([a-z]{3})_[0-9a-f]{32,64}\b/g)) this.add(kind, id);
    for (const [id] of text.matchAll(/\btest_[0-9a-f]{32}\b/g)) this.add('clk', id);
    for (const [, code = ''] of text.matchAll(/"(?:referralCode|shortCode)":"([^"]+)"/g)) this.add('referral', code);
    for (const [key] of text.matchAll(/\bsk_(?:live|test)_[0-9A-Za-z]{36}\b/g)) this.add('sk', key);
    for (const [, token = ''] of text.matchAll(/"sessionToken":"([^"]+)"/g)) this.add('token', token);
    for (const [, code = ''] of text.matchAll(/\/r\/([\w-]+)"/g)) this.add('link', code);
  }

  forget(kind: string): void {
    this.#byKind.delete(kind);
  }

  of(kind: string): readonly string[] {
    return this.#byKind.get(kind) ?? [];
  }
}

/** What was there first, and live, is named to the end. */
const FIRST = 15;
const LATEST = 30;

/** Draws by a seed, so that a failure can be lived through again. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed >>> 0) + 1;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

/** The path with something in the place of each name: mostly what is there. */
export function fillPath({ path }: Surface, names: Names, dice: Dice): string {
  const resource = path.split('/').findLast((part) => part in kindOfPath) ?? '';
  return path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const kind = kindOfParam[name] ?? kindOfPath[resource] ?? [];
    const known = kind.flatMap((one) => names.of(one));
    const value = known.length === 0 || dice.chance(3) ? 'unknown' : dice.pick(known);
    return encodeURIComponent(value);
  });
}

const kindOfParam: Readonly<Record<string, string[]>> = {
  keyId: ['key'],
  token: ['token'],
  code: ['link'],
  recoveryId: ['rec'],
  eventType: ['eventType'],
};

const kindOfPath: Readonly<Record<string, string[]>> = {
  affiliates: ['aff', 'referral'],
  offers: ['off'],
  'tracking-links': ['lnk'],
  clicks: ['clk'],
  conversions: ['cnv'],
  customers: ['cus'],
  commissions: ['com'],
  adjustments: ['adj'],
  payouts: ['pay'],
  batches: ['pab'],
  jobs: ['job'],
  replays: ['job'],
  sources: ['src', 'srr'],
  'inbox-events': ['ibx'],
  'webhook-endpoints': ['whe'],
  hooks: ['whe'],
  messages: ['evt'],
  pb: ['src'],
  stripe: ['src'],
  revenuecat: ['src'],
};

let serial = 0;

/** A body for a route that takes one; most are taken. */
export function makeBody({ path }: Surface, names: Names, dice: Dice, receiver: string): Record<string, unknown> {
  serial += 1;
  const one = (...kinds: string[]): string => dice.pick([...kinds.flatMap((kind) => names.of(kind)), 'nobody']);
  const maybe = (percent: number, fields: object): object => (dice.chance(percent) ? fields : {});
  const takeOver = maybe(15, { livemode: dice.chance(80) });
  const email = dice.pick(['buyer@example.com', 'live@example.com', `buyer-${serial % 7}@example.com`]);
  const orderId = dice.pick(['live-1', 'live-2', `order-${serial}`, `order-${serial % 50}`]);
  const code = dice.pick([...names.of('referral'), ...names.of('coupon'), `code-${serial}`]);
  const since = '2020-01-01T00:00:00.000Z';
  const url = dice.pick([receiver, `${receiver}/${serial % 5}`]);
  const terms = dice.pick([
    { type: 'cps', rateBps: 5_000 },
    { type: 'cpa', amountMinor: 9_900 },
    { type: 'revshare', rateBps: 9_000 },
  ]);
  const affiliate = {
    displayName: 'Changed',
    email,
    type: 'external',
    ...maybe(40, { referralCode: code }),
    ...maybe(40, { couponCodes: [code] }),
    ...maybe(30, { status: dice.pick(['pending', 'active', 'paused', 'banned']) }),
    ...maybe(30, { commissionOverride: dice.pick([{ rateBps: 9_999 }, { amountMinor: 1 }, null]) }),
    ...maybe(30, { paymentEmail: 'thief@example.com', paymentDetails: 'elsewhere' }),
    ...maybe(30, { postbackUrl: dice.pick([`${receiver}/?c={click_id}`, null]) }),
  };
  const sale = {
    ...maybe(50, { click_id: one('clk') }),
    ...maybe(30, { affiliate_id: one('aff', 'referral') }),
    ...maybe(30, { referral_code: one('referral') }),
    ...maybe(30, { coupon_code: one('coupon') }),
    ...maybe(30, { offer_id: one('off') }),
    ...maybe(80, { order_id: orderId }),
    ...maybe(60, { customer_id: dice.pick(['live-user', `user-${serial % 9}`]) }),
    ...maybe(60, { customer_email: email }),
    ...maybe(20, { subscription_id: dice.pick(['live-sub', 'sub-1']), is_recurring: dice.chance(50) }),
    ...maybe(10, { status: dice.pick(['lead', 'hold', 'sale', 'rejected']) }),
    amount: '20.00',
    currency: 'USD',
  };
  const bodies: readonly [RegExp, () => object][] = [
    [
      /^\/api\/v1\/api-keys$/,
      () => ({
        name: 'key',
        mode: dice.pick(['live', 'test']),
        access: dice.pick(['read', 'write', 'ingest']),
        ...maybe(30, { rateLimits: { conversions: dice.pick([10, 60_000, 1_000_000]) } }),
      }),
    ],
    [/^\/api\/v1\/affiliates/, () => ({ ...affiliate, ...(path.endsWith(':id') ? takeOver : {}) })],
    [
      /^\/api\/v1\/offers/,
      () => ({
        name: 'Changed',
        url: 'https://elsewhere.example/',
        commission: terms,
        ...maybe(40, { code: dice.pick([...names.of('offerCode'), `O${serial}`]) }),
        ...maybe(30, { status: dice.pick(['published', 'archived']) }),
        ...(path.endsWith(':id') ? takeOver : {}),
      }),
    ],
    [
      /\/tracking-links/,
      () => ({
        affiliateId: one('aff', 'referral'),
        ...maybe(80, { offerId: one('off') }),
        ...maybe(20, { code: one('link', 'referral') }),
        ...maybe(20, { status: dice.pick(['active', 'paused']) }),
        ...maybe(50, { customUrl: 'https://elsewhere.example/' }),
        ...(path.endsWith(':id') ? takeOver : {}),
      }),
    ],
    [
      /^\/api\/v1\/program$/,
      () =>
        dice.pick<object>([
          { holdDays: 0, autoApprove: true },
          { identifyByEmail: dice.chance(50) },
          { defaultOfferId: one('off') },
          {},
        ]),
    ],
    [
      /^\/api\/v1\/clicks$/,
      () =>
        dice.pick([
          { code: one('link') },
          { affiliateId: one('aff'), offerId: one('off') },
          { referralCode: one('referral') },
        ]),
    ],
    [/\/conversions\/:id\/refunds$/, () => ({ amountMinor: 1 + dice.below(500) })],
    [
      /\/conversions\/:id\/corrections$/,
      () => ({
        ...dice.pick<object>([{ amountMinor: 1 + dice.below(9_000) }, { affiliateId: one('aff') }]),
        reason: 'so',
      }),
    ],
    [/^\/api\/v1\/conversions\/batch$/, () => ({ conversions: [sale, { ...sale, order_id: `batch-${serial}` }] })],
    [/^\/api\/v1\/conversions$/, () => sale],
    [
      /^\/api\/v1\/customers\/:id\/binding$/,
      () => ({ affiliateId: one('aff'), reason: 'so', ...maybe(50, { since }), ...maybe(20, { offerId: one('off') }) }),
    ],
    [
      /^\/api\/v1\/adjustments$/,
      () => ({
        affiliateId: one('aff', 'referral'),
        amountMinor: dice.pick([500, -500]),
        currency: 'USD',
        reason: 'so',
        ...maybe(50, { reference: dice.pick(['live-1', 'mine']) }),
      }),
    ],
    [
      /^\/api\/v1\/events$/,
      () => ({
        event_type: dice.pick(['pageview', 'registration', 'lead']),
        click_id: one('clk'),
        customer_id: dice.pick(['live-user', 'user-1']),
      }),
    ],
    [
      /^\/api\/v1\/commissions\/:id$/,
      () => dice.pick([{ status: 'approved' }, { status: 'rejected', reason: 'so' }, { affiliateId: one('aff') }]),
    ],
    [
      /^\/api\/v1\/commissions\/decisions$/,
      () => ({
        status: dice.pick(['approved', 'rejected']),
        ...dice.pick<object>([{ filter: {} }, { filter: { status: 'approved' } }, { ids: [one('com'), one('com')] }]),
      }),
    ],
    [/^\/api\/v1\/inbox-events\/replays$/, () => ({ filter: {} })],
    [
      /^\/api\/v1\/reviews\/decisions$/,
      () => ({ ids: [one('com'), one('com')], status: dice.pick(['approved', 'rejected']) }),
    ],
    [/^\/api\/v1\/messages\/resends$/, () => ({ endpointId: one('whe'), ids: [one('evt'), one('evt')] })],
    [
      /^\/api\/v1\/payouts\/batches$/,
      () => ({ currency: 'USD', dryRun: dice.chance(50), ...maybe(50, { affiliateIds: [one('aff', 'referral')] }) }),
    ],
    [/^\/api\/v1\/payouts\/batches\/:id$/, () => ({ status: dice.pick(['paid', 'failed']) })],
    [/^(\/attro)?\/api\/v1\/payouts$/, () => ({ affiliateId: one('aff'), currency: 'USD' })],
    [/^(\/attro)?\/api\/v1\/payouts\/:id$/, () => ({ status: dice.pick(['paid', 'failed']) })],
    [
      /^\/api\/v1\/sources$/,
      () => ({
        ...dice.pick<object>([
          { kind: 'stripe', signingSecrets: ['whsec_of_a_test_key'] },
          { kind: 'revenuecat', authorization: 'Bearer of a test key' },
          { kind: 'postback', requireKey: dice.chance(50) },
        ]),
        ...takeOver,
      }),
    ],
    [
      /^\/api\/v1\/sources\/:id$/,
      () => ({
        ...dice.pick<object>([
          { signingSecrets: ['whsec_of_a_test_key'] },
          { authorization: 'Bearer of a test key' },
          { requireKey: false },
          { orderScope: 'source' },
          { name: 'mine' },
        ]),
        ...takeOver,
      }),
    ],
    [
      /^\/api\/v1\/webhook-endpoints$/,
      () => ({
        url,
        ...maybe(20, { kind: 'postback', affiliateId: one('aff') }),
        ...maybe(20, { disabled: true }),
      }),
    ],
    [
      /^\/api\/v1\/webhook-endpoints\/:id$/,
      () => ({
        ...dice.pick<object>([
          { url },
          { disabled: dice.chance(50) },
          { headers: { 'x-mine': '1' } },
          { eventTypes: [] },
        ]),
        ...takeOver,
      }),
    ],
    [/\/rotate-secret$/, () => ({})],
    [/\/webhook-endpoints\/:id\/test$/, () => ({})],
    [/\/(?:recover|replay-missing)$/, () => ({ since })],
    [/^\/api\/v1\/hooks$/, () => ({ targetUrl: url, eventType: dice.pick(names.of('eventType')) })],
    [/\/messages\/:id\/resend$/, () => ({ endpointId: one('whe') })],
    [/postback-templates|\/postback/, () => ({ url: `${receiver}/?c={click_id}` })],
    [/^\/api\/v1\/test-sessions$/, () => ({ offerId: one('off'), ...maybe(50, { affiliateId: one('aff') }) })],
    [/^\/attro\/api\/v1\/affiliates/, () => ({ ...affiliate, commissionOverride: 50 })],
    [
      /^\/attro\/api\/v1\/offers/,
      () => ({
        name: 'Changed',
        url: 'https://elsewhere.example/',
        defaultCommissionType: 'percentage',
        defaultCommissionValue: 90,
        isActive: dice.chance(50),
      }),
    ],
    [
      /^\/attro\/api\/v1\/conversions$/,
      () => ({
        affiliateId: one('aff'),
        offerId: one('off'),
        externalId: orderId,
        amount: 20,
        currency: 'USD',
        customerEmail: email,
      }),
    ],
    [
      /^\/affilut\/api\/v1\/conversions$/,
      () => ({ affiliate_id: one('aff'), amount_cents: 2_000, external_id: orderId }),
    ],
    [
      /^\/affitor\/.*\/click$/,
      () => ({
        affiliate_url: `https://shop.example/?aff=${one('referral', 'link')}`,
        program_id: one('prg'),
        additional_data: { test_mode: true },
      }),
    ],
    [
      /^\/affitor\/.*\/lead$/,
      () => ({ click_id: one('clk'), customer_key: dice.pick(['live-user', 'user-1']), email }),
    ],
    [
      /^\/affitor\/.*\/sale$/,
      () => ({
        transaction_id: orderId,
        amount_cents: 2_000,
        click_id: one('clk'),
        customer_key: dice.pick(['live-user', 'user-1']),
      }),
    ],
    [/^\/affitor\/.*\/refund$/, () => ({ transaction_id: orderId, refund_amount_cents: 100 })],
    [
      /^\/affspace\/api\/v1\/(?:conversions|events)$/,
      () => ({
        click_id: one('clk'),
        amount: 20,
        txid: orderId,
        event_type: 'registration',
      }),
    ],
    [/^\/affspace\/api\/v1\/test-sessions$/, () => ({ offer_code: one('offerCode', 'off') })],
    [/^\/refgrow\/v1\/affiliates$/, () => ({ email, name: 'New', referralCode: code })],
    [/^\/refgrow\/v1\/referrals\/track$/, () => ({ referralCode: one('referral') })],
    [
      /^\/refgrow\/v1\/referrals\/convert$/,
      () => ({
        ...dice.pick<object>([{ clickId: one('clk') }, { referralCode: one('referral', 'aff') }]),
        amount: 20,
        orderId,
        customer: { email },
      }),
    ],
    [/^\/refgrow\/v1\/commissions\/:id\/status$/, () => ({ status: dice.pick(['approved', 'paid', 'rejected']) })],
    [/\/pb\/:id$/, () => sale],
  ];
  const found = bodies.find(([pattern]) => pattern.test(path));
  return { ...found?.[1]() };
}
