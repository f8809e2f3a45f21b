import { randomBytes } from 'node:crypto';

/** A POST with its body, or a GET. */
export interface Call {
  path: string;
  body?: Record<string, unknown>;
}

/** A dialect's call and the native call that does the same; `n` tells calls of a round apart. */
export interface DialectPair {
  name: string;
  dialect: (n: number) => Call;
  native: (n: number) => Call;
}

export interface PairProgram {
  affiliateIds: string[];
  clickIds: string[];
  /** Pays a percentage. */
  offerId: string;
}

export function dialectPairs({ affiliateIds, clickIds, offerId }: PairProgram): DialectPair[] {
  const affiliateOf = (n: number): string => affiliateIds[n % affiliateIds.length] ?? '';
  const clickOf = (n: number): string => clickIds[n % clickIds.length] ?? '';
  const native = (path: string) => (): Call => ({ path: `/api/v1${path}` });
  const nativeSale = (n: number): Call => ({
    path: '/api/v1/conversions',
    body: { affiliateId: affiliateOf(n), offerId, orderId: newOrderId(), amount: 99.5, currency: 'USD' },
  });
  const nativeSaleByClick = (n: number): Call => ({
    path: '/api/v1/conversions',
    body: { clickId: clickOf(n), orderId: newOrderId(), customerId: newOrderId(), amount: '99.50' },
  });
  const until = new Date();
  const from = new Date(until.getTime() - 30 * 86_400_000);
  return [
    {
      name: 'attroConversion',
      native: nativeSale,
      dialect: (n) => ({
        path: '/attro/api/v1/conversions',
        body: { affiliateId: affiliateOf(n), offerId, externalId: newOrderId(), amount: 99.5, currency: 'USD' },
      }),
    },
    {
      name: 'affspaceConversion',
      native: nativeSaleByClick,
      dialect: (n) => ({
        path: '/affspace/api/v1/conversions',
        body: { click_id: clickOf(n), txid: newOrderId(), customer_id: newOrderId(), amount: '99.50' },
      }),
    },
    {
      name: 'affilutConversion',
      native: (n) => ({
        path: '/api/v1/conversions',
        body: { affiliateId: affiliateOf(n), orderId: newOrderId(), amountMinor: 4900 },
      }),
      dialect: (n) => ({
        path: '/affilut/api/v1/conversions',
        body: { affiliate_id: affiliateOf(n), external_id: newOrderId(), amount_cents: 4900 },
      }),
    },
    {
      name: 'affitorSale',
      native: nativeSaleByClick,
      dialect: (n) => ({
        path: '/affitor/api/v1/track/sale',
        body: {
          click_id: clickOf(n),
          customer_key: newOrderId(),
          transaction_id: newOrderId(),
          amount_cents: 9950,
          currency: 'USD',
        },
      }),
    },
    {
      name: 'refgrowConversion',
      native: nativeSaleByClick,
      dialect: (n) => ({
        path: '/refgrow/v1/referrals/convert',
        body: {
          clickId: clickOf(n),
          orderId: newOrderId(),
          amount: 99.5,
          customer: { email: `${newOrderId()}@example.com` },
        },
      }),
    },
    {
      name: 'affspaceEvent',
      native: (n) => ({ path: '/api/v1/events', body: { clickId: clickOf(n), eventType: 'pageview' } }),
      dialect: (n) => ({ path: '/affspace/api/v1/events', body: { click_id: clickOf(n), event_type: 'pageview' } }),
    },
    {
      name: 'attroTrackingLink',
      native: (n) => ({ path: '/api/v1/tracking-links', body: { affiliateId: affiliateOf(n), offerId } }),
      dialect: (n) => ({ path: '/attro/api/v1/tracking-links', body: { affiliateId: affiliateOf(n), offerId } }),
    },
    {
      name: 'attroAffiliates',
      native: native('/affiliates?limit=20'),
      dialect: () => ({ path: '/attro/api/v1/affiliates' }),
    },
    {
      name: 'affspaceConversions',
      native: native('/conversions?limit=50'),
      dialect: () => ({ path: '/affspace/api/v1/conversions' }),
    },
    {
      name: 'attroConversions',
      native: native('/conversions?limit=20'),
      dialect: () => ({ path: '/attro/api/v1/conversions' }),
    },
    {
      name: 'affspaceOffers',
      native: native('/offers'),
      dialect: () => ({ path: '/affspace/api/v1/offers' }),
    },
    {
      name: 'affspaceStats',
      native: native(`/stats?groupBy=day&startDate=${from.toISOString()}&endDate=${until.toISOString()}`),
      dialect: () => ({
        path: `/affspace/api/v1/stats?group_by=day&start_date=${from.getTime()}&end_date=${until.getTime()}`,
      }),
    },
  ];
}

function newOrderId(): string {
  return `B-${randomBytes(8).toString('hex')}`;
}
