import { fileURLToPath } from 'node:url';

/** Ways in; Keitaro is a postback source with a preset. */
export type Input = 'stripe' | 'revenuecat' | 'keitaro' | 'postback' | 'conversion';

/** Some fixtures sent by one way in, one after the other. */
export interface Chapter {
  input: Input;
  title: string;
  /** Below fixtures/: files, or folders of them. */
  fixtures: string[];
  /** Whom the messages name, by referral code: as the affiliate, by a click on one of their links, or both. */
  affiliate?: string;
  clickOf?: string;
}

/** What the ledger must show of one order in the end. Amounts in minor units. */
export interface ExpectedConversion {
  orderId: string;
  kind: string;
  status: string;
  affiliate: string;
  grossMinor: number;
  netMinor: number;
  refundedMinor: number;
  currency: string;
  commissionMinor: number;
}

export const fixturesFolder = fileURLToPath(new URL('../../../fixtures/', import.meta.url));

export const chapters: readonly Chapter[] = [
  {
    input: 'stripe',
    title: 'A one-off checkout: four events, one sale, commission on what is left without tax',
    fixtures: ['stripe/endive/one-off-checkout'],
    clickOf: 'partner-one',
  },
  {
    input: 'stripe',
    title: 'A subscription starts: six events about one payment',
    fixtures: ['stripe/endive/subscription-first-invoice'],
    clickOf: 'partner-one',
  },
  {
    input: 'stripe',
    title: 'It renews a month later: the customer is bound',
    fixtures: ['stripe/endive/renewal'],
  },
  {
    input: 'stripe',
    title: 'A sale, then a refund that four events tell of',
    fixtures: ['stripe/endive/partial-refund'],
  },
  {
    input: 'revenuecat',
    title: 'An app subscription: purchase, renewal (sent twice), a refund by support',
    fixtures: [
      'revenuecat/subscription/01-initial-purchase.json',
      'revenuecat/subscription/02-renewal.json',
      'revenuecat/subscription/03-renewal-retry.json',
      'revenuecat/subscription/05-support-refund.json',
    ],
    affiliate: 'media-house',
  },
  {
    input: 'keitaro',
    title: 'Keitaro fires: lead, sale, the lead again too late, an upsell',
    fixtures: ['postback/keitaro'],
    clickOf: 'media-house',
  },
  {
    input: 'postback',
    title: 'A plain postback by GET',
    fixtures: ['postback/plain/01-purchase.query'],
    clickOf: 'corner',
  },
  {
    input: 'conversion',
    title: 'A backend says the same sale in three spellings',
    fixtures: [
      'conversion/01-sale.json',
      'conversion/02-same-sale-other-words.json',
      'conversion/03-same-sale-in-cents.json',
    ],
    clickOf: 'partner-one',
  },
  {
    input: 'conversion',
    title: 'A sale by coupon alone, and one in euros by the affiliate named',
    fixtures: ['conversion/06-by-coupon.json', 'conversion/05-by-affiliate.json'],
    affiliate: 'corner',
  },
];

const usd = { status: 'approved', refundedMinor: 0, currency: 'USD' };

/**
 * The ledger at the end, computed by hand: 20 % of what remains of net, 30 % for Media House, rounded half up once.
 * Order ids are those of the fixtures.
 */
export const expectedConversions: readonly ExpectedConversion[] = [
  {
    ...usd,
    orderId: 'pi_3SbEfwTr1bFx7HubA0sRCvbO',
    kind: 'sale',
    affiliate: 'partner-one',
    grossMinor: 12000,
    netMinor: 10000,
    commissionMinor: 2000,
  },
  {
    ...usd,
    orderId: 'pi_3S2z9TTr1bFx7Hublj8uLCNE',
    kind: 'sale',
    affiliate: 'partner-one',
    grossMinor: 4900,
    netMinor: 4900,
    commissionMinor: 980,
  },
  {
    ...usd,
    orderId: 'pi_3SWLpeTr1bFx7HubqunaYc8k',
    kind: 'renewal',
    affiliate: 'partner-one',
    grossMinor: 5831,
    netMinor: 4900,
    commissionMinor: 980,
  },
  {
    ...usd,
    orderId: 'pi_3STHUdTr1bFx7HubUrciGwzo',
    kind: 'sale',
    affiliate: 'partner-one',
    grossMinor: 10000,
    netMinor: 10000,
    refundedMinor: 3000,
    commissionMinor: 1400,
  },
  {
    ...usd,
    orderId: '2000000810000001',
    kind: 'sale',
    affiliate: 'media-house',
    grossMinor: 1000,
    netMinor: 1000,
    commissionMinor: 300,
  },
  {
    ...usd,
    orderId: '2000000810000002',
    kind: 'renewal',
    status: 'reversed',
    affiliate: 'media-house',
    grossMinor: 1000,
    netMinor: 1000,
    refundedMinor: 1000,
    commissionMinor: 0,
  },
  {
    ...usd,
    orderId: 'KT-1',
    kind: 'sale',
    affiliate: 'media-house',
    grossMinor: 4000,
    netMinor: 4000,
    commissionMinor: 1200,
  },
  {
    ...usd,
    orderId: 'KT-2',
    kind: 'sale',
    affiliate: 'media-house',
    grossMinor: 1500,
    netMinor: 1500,
    commissionMinor: 450,
  },
  {
    ...usd,
    orderId: 'PB-1001',
    kind: 'sale',
    affiliate: 'corner',
    grossMinor: 4900,
    netMinor: 4900,
    commissionMinor: 980,
  },
  {
    ...usd,
    orderId: 'JSON-1001',
    kind: 'sale',
    affiliate: 'partner-one',
    grossMinor: 14999,
    netMinor: 14999,
    commissionMinor: 3000,
  },
  {
    ...usd,
    orderId: 'JSON-1006',
    kind: 'sale',
    affiliate: 'corner',
    grossMinor: 3500,
    netMinor: 3500,
    commissionMinor: 700,
  },
  {
    ...usd,
    orderId: 'JSON-1005',
    kind: 'sale',
    affiliate: 'corner',
    grossMinor: 2000,
    netMinor: 2000,
    currency: 'EUR',
    commissionMinor: 400,
  },
];
