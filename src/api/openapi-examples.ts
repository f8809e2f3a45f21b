// Examples of bodies and answers: of each field by its name, so that all answers tell of the same objects, and whole bodies
// where a made-up one would not do.

/** What stands in an example for a field, by its name. */
const fields: Readonly<Record<string, unknown>> = {
  access: 'write',
  affiliateId: 'aff_01a1f8c4d18770008000000000000002',
  amountMinor: 4900,
  activatedAt: '2026-11-02T09:00:00.000Z',
  buyerRate: 0.04,
  clickId: 'clk_01a1f8c4d18770008000000000000005',
  clicks: 1250,
  code: 'ann',
  commissionMinor: 980,
  companyName: 'Northwind Reviews Ltd',
  contactEmail: 'partners@shop.example',
  conversionId: 'cnv_01a1f8c4d18770008000000000000001',
  conversionRate: 0.05,
  conversions: 63,
  couponCodes: ['ANN10'],
  currency: 'USD',
  cursor: 'YWZmaWxpYXRlcyBhZmZfMDFhMWY4YzRkMTg3NzAwMDgw',
  customerEmail: 'jane@customer.example',
  customerId: 'cus_01a1f8c4d18770008000000000000004',
  customFields: { tier: 'gold' },
  dailyCap: 0,
  defaultOfferId: 'off_01a1f8c4d18770008000000000000003',
  description: 'Our warehouse',
  destinationUrl: 'https://shop.example/?click_id={click_id}',
  display: 'sk_live_3fXy…',
  displayName: 'Northwind Reviews',
  documentation: 'https://docs.tracker.example/postbacks',
  email: 'partners@northwind.example',
  endpointId: 'whe_01a1f8c4d18770008000000000000006',
  eventId: 'ibx_01a1f8c4d18770008000000000000007',
  eventType: 'conversion.created',
  eventTypes: ['conversion.created'],
  example: {},
  factId: 'stripe:ch_3SbEfwTr1bFx7HubA0sRCvbO:sale',
  facts: [{ id: 'A-1', type: 'sale', occurredAt: '2026-11-20T10:15:00.000Z', factId: 'order:A-1:sale' }],
  fields: { subid: 'clickId' },
  goal: 'purchase',
  grossMinor: 5831,
  headers: { 'content-type': 'application/json' },
  inboxEventId: 'ibx_01a1f8c4d18770008000000000000007',
  key: 'sk_live_3fXyV0kP1b9cQ2mZr7TnE4aJ6hLsWd8u',
  linkId: 'lnk_01a1f8c4d18770008000000000000008',
  location: '/api/v1/inbox-events/ibx_01a1f8c4d18770008000000000000007',
  macro: '{click_id}',
  message: 'The daily cap of the offer was used up.',
  messageId: 'evt_01a1f8c4d18770008000000000000009',
  mode: 'live',
  name: 'Spring sale',
  offerId: 'off_01a1f8c4d18770008000000000000003',
  orderId: 'A-1',
  paymentDetails: 'IBAN DE02 1203 0000 0000 2020 51',
  paymentEmail: 'payouts@northwind.example',
  paymentMethod: 'paypal',
  payoutId: 'pay_01a1f8c4d1877000800000000000000a',
  postbackUrl: 'https://tracker.example/postback?cid={click_id}&payout={payout}',
  programId: 'prg_01a1f8c4d18770008000000000000001',
  raw: '{"order_id":"A-1","amount":"58.31"}',
  ref: 'srr_01a1f8c4d1877000800000000000000b',
  referralCode: 'ann',
  references: ['order:A-1'],
  refundedMinor: 0,
  refundId: 're_1',
  requiredEvents: ['checkout.session.completed'],
  responseBody: 'ok',
  responseStatus: 200,
  revenueMinor: 4900,
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  sessionToken: 'tst_01a1f8c4d1877000800000000000000c',
  sourceId: 'srr_01a1f8c4d1877000800000000000000b',
  sourceUrl: 'https://northwind.example/best-shops',
  targetUrl: 'https://hooks.zapier.example/standard/1/2/',
  testClickId: 'test_01a1f8c4d1877000800000000000000d',
  timestamp: 1763633700000,
  timezone: 'Europe/Berlin',
  tracker: 'Keitaro',
  trackingUrl: 'https://hub.example/r/ann',
  type: 'conversion.created',
  url: 'https://shop.example/webhooks',
  userAgent: 'Mozilla/5.0',
  utm: { utm_source: 'newsletter' },
  website: 'https://northwind.example',
  ip: '203.0.113.7',
};

/** The id of an object by the schema that describes it: the beginning of its name. */
const ids: readonly (readonly [schema: RegExp, id: string])[] = [
  [/^Affiliate/, 'aff_01a1f8c4d18770008000000000000002'],
  [/^(New)?ApiKey/, 'key_01a1f8c4d1877000800000000000000e'],
  [/^Click/, 'clk_01a1f8c4d18770008000000000000005'],
  [/^Commission/, 'com_01a1f8c4d18770008000000000000001'],
  [/^Conversion/, 'cnv_01a1f8c4d18770008000000000000001'],
  [/^Customer/, 'cus_01a1f8c4d18770008000000000000004'],
  [/^InboxEvent/, 'ibx_01a1f8c4d18770008000000000000007'],
  [/^LedgerEntry/, 'led_01a1f8c4d1877000800000000000000f'],
  [/^ListedDelivery/, 'evt_01a1f8c4d18770008000000000000009:whe_01a1f8c4d18770008000000000000006'],
  [/^Message/, 'evt_01a1f8c4d18770008000000000000009'],
  [/^Offer/, 'off_01a1f8c4d18770008000000000000003'],
  [/^Payout/, 'pay_01a1f8c4d1877000800000000000000a'],
  [/^Program/, 'prg_01a1f8c4d18770008000000000000001'],
  [/^Recovery/, 'rec_01a1f8c4d18770008000000000000010'],
  [/^Source/, 'srr_01a1f8c4d1877000800000000000000b'],
  [/^TrackingLink/, 'lnk_01a1f8c4d18770008000000000000008'],
  [/^(WebhookEndpoint|Hook)/, 'whe_01a1f8c4d18770008000000000000006'],
  [/^Attempt/, 'att_01a1f8c4d18770008000000000000011'],
];

/** Null, where it may be: what tells of trouble or of the end, which an ordinary object does not have. */
const usuallyNull: ReadonlySet<string> = new Set([
  'bodyTemplate',
  'commissionOverride',
  'disabledReason',
  'error',
  'failedAt',
  'failingSince',
  'lastError',
  'mergedInto',
  'next',
  'nextAttemptAt',
  'nextCursor',
  'oldestPendingAt',
  'paidAt',
  'pausedUntil',
  'problem',
  'reason',
  'review',
]);

/** Bodies by method and path: what somebody would send first. */
export const bodyExamples: Readonly<Record<string, unknown>> = {
  'post /affiliates': { displayName: 'Northwind Reviews', email: 'partners@northwind.example', referralCode: 'ann' },
  'patch /affiliates/:id': { status: 'paused' },
  'post /offers': { name: 'Pro plan', url: 'https://shop.example/', commission: { type: 'cps', rateBps: 2000 } },
  'patch /offers/:id': { commission: { rateBps: 2500 } },
  'post /tracking-links': { affiliateId: 'ann', code: 'ann-spring' },
  'patch /tracking-links/:id': { status: 'paused' },
  'post /clicks': { code: 'ann', sub1: 'banner-7', ip: '203.0.113.7' },
  'post /conversions': {
    clickId: 'clk_01a1f8c4d18770008000000000000005',
    amount: '119.00',
    currency: 'USD',
    orderId: 'A-1',
    customerId: 'user-7',
    tax: '19.00',
  },
  'post /events': { eventType: 'registration', clickId: 'clk_01a1f8c4d18770008000000000000005', customerId: 'user-7' },
  'post /conversions/:id/refunds': { amountMinor: 4900, refundId: 're_1', reason: 'returned' },
  'patch /commissions/:id': { status: 'approved' },
  'post /commissions/decisions': { filter: { status: 'pending', affiliateId: 'ann' }, status: 'approved' },
  'post /reviews/decisions': { ids: ['com_01a1f8c4d18770008000000000000001'], status: 'approved' },
  'patch /payouts/batches/:id': { status: 'paid', reference: 'SEPA 2026-11' },
  'post /inbox-events/replays': { filter: { outcome: 'parked' } },
  'post /messages/resends': {
    ids: ['evt_01a1f8c4d18770008000000000000007'],
    endpointId: 'whe_01a1f8c4d18770008000000000000006',
  },
  'post /payouts': { affiliateId: 'ann', currency: 'USD' },
  'patch /payouts/:id': { status: 'paid' },
  'post /programs': { name: 'Acme', currency: 'USD', timezone: 'Europe/Berlin' },
  'patch /programs/:id': { holdDays: 30, autoApprove: true },
  'patch /program': { holdDays: 30, autoApprove: true },
  'post /programs/:id/api-keys': { name: 'Backend', mode: 'live', access: 'write' },
  'post /api-keys': { name: 'Tracker', mode: 'live', access: 'ingest' },
  'post /sources': { kind: 'stripe', name: 'Shop', signingSecrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'] },
  'patch /sources/:id': { name: 'Shop of old' },
  'post /webhook-endpoints': { url: 'https://shop.example/webhooks', eventTypes: ['conversion.created'] },
  'patch /webhook-endpoints/:id': { disabled: false },
  'post /webhook-endpoints/:id/rotate-secret': { overlapHours: 24 },
  'post /webhook-endpoints/:id/test': { eventType: 'conversion.created' },
  'post /webhook-endpoints/:id/recover': { since: '2026-11-20T00:00:00Z' },
  'post /webhook-endpoints/:id/replay-missing': { since: '2026-11-20T00:00:00Z' },
  'post /hooks': { targetUrl: 'https://hooks.zapier.example/standard/1/2/', eventType: 'conversion.created' },
  'post /messages/:id/resend': { endpointId: 'whe_01a1f8c4d18770008000000000000006' },
  'post /postback-previews': { url: 'https://tracker.example/postback?cid={click_id}&payout={payout}' },
  'post /test-sessions': { offerCode: 'pro-plan' },
  'post /clicks/visitor': { ref: 'ann', sub1: 'banner-7' },
};

type JsonSchema = Readonly<Record<string, unknown>>;

/** Makes an example that fits a schema of the document; `schemas` are its components. */
export function makeExample(schemas: Readonly<Record<string, JsonSchema>>) {
  return exampleOf;

  function exampleOf(schema: JsonSchema, name = '', of = ''): unknown {
    const { $ref: ref, type } = schema;
    if (type === 'null') return null;
    if (typeof ref === 'string') {
      const id = ref.slice(ref.lastIndexOf('/') + 1);
      return exampleOf(schemas[id] ?? {}, name, id);
    }
    if (mayBeNull(schema) && usuallyNull.has(name)) return null;
    if (schema['example'] !== undefined) return schema['example'];
    const [first] = (schema['examples'] as unknown[] | undefined) ?? [];
    if (first !== undefined) return first;
    if (schema['const'] !== undefined) return schema['const'];
    const options = (schema['anyOf'] ?? schema['oneOf']) as JsonSchema[] | undefined;
    if (options) return exampleOf(options.find((option) => option['type'] !== 'null') ?? {}, name, of);
    const words: unknown[] | undefined = (schema['enum'] as unknown[] | undefined)?.filter((word) => word !== null);
    if (words) return words.includes(fields[name]) ? fields[name] : words[0];
    return exampleOfType(schema, name, of);
  }

  function exampleOfType(schema: JsonSchema, name: string, of: string): unknown {
    const type = [schema['type']].flat().find((each) => each !== 'null');
    const known = name === 'id' ? ids.find(([pattern]) => pattern.test(of))?.[1] : fields[name];
    const isNulls = (schema['additionalProperties'] as JsonSchema | undefined)?.['type'] === 'null';
    if (known !== undefined && !isNulls && isOfType(known, type)) return known;
    const items = schema['items'] as JsonSchema | undefined;
    switch (type) {
      case 'object': {
        if (isNulls) return { authorization: null };
        const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
        return Object.fromEntries(properties.map(([field, inner]) => [field, exampleOf(inner, field, of)]));
      }
      case 'array':
        return items ? [exampleOf(items, name, of)] : [];
      case 'boolean':
        return !/^(is|has|disabled|couponFirst|browserLeads|identifyByEmail)/.test(name);
      case 'integer':
      case 'number':
        return Math.max(Number(schema['minimum'] ?? 0), 1);
      default:
        return 'text';
    }
  }
}

function mayBeNull({ type, anyOf }: JsonSchema): boolean {
  const options = (anyOf as JsonSchema[] | undefined) ?? [];
  return [type].flat().includes('null') || options.some((option) => option['type'] === 'null');
}

function isOfType(value: unknown, type: unknown): boolean {
  if (Array.isArray(value)) return type === 'array';
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}
