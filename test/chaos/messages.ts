import { signFixture } from '../../src/cli/fixtures/sign.ts';
import type { HubRequest } from '../../src/cli/hub/send-request.ts';
import { RATE_BPS, type ChaosProgram } from './program.ts';
import type { Random } from './random.ts';

export const inputs = ['stripe', 'revenuecat', 'postback', 'conversion'] as const;
export type Input = (typeof inputs)[number];

/** What a sender wants to be rid of: it sends it until it is answered with 2xx, and perhaps once more. */
export interface Message {
  /** `chaos12` tells of order 12, `chaos12r` of its refund: both stand in the raw bytes. */
  id: string;
  input: Input;
  /** Sent again after its acknowledgement. */
  repeated: boolean;
  /** Signed anew each time, as senders do; the URL is a path. */
  request(now: Date): HubRequest;
}

/** What the ledger has to say of an order once everything was acknowledged. */
export interface ExpectedOrder {
  serial: number;
  input: Input;
  affiliateId: string;
  netMinor: number;
  refundedMinor: number;
  commissionMinor: number;
}

export interface OrderOptions {
  /** Which inputs are used; all four unless said. */
  inputs?: readonly Input[];
  /** Whether half of the JSON conversions have one. Its repetition is refused for a minute where a process died with the first. */
  idempotencyKeys?: boolean;
}

const REPEATED = 0.15;
const REFUNDED = 0.2;
const WITH_IDEMPOTENCY_KEY = 0.5;

/**
 * Makes the messages of a new order, each with an amount of its own, so that no commission can stand for another. Clicks are used
 * again and again: the offer pays a share of each order, and each is by another customer, so no order has to do with another.
 */
export function createOrders(
  program: ChaosProgram,
  random: Random,
  { inputs: of = inputs, idempotencyKeys = true }: OrderOptions = {},
) {
  let serial = 0;
  return (input: Input = random.pick(of)): { order: ExpectedOrder; messages: Message[] } => {
    serial += 1;
    const { id: clickId, affiliateId } = random.pick(program.clicks);
    const netMinor = 1_000 + 10 * serial;
    const refundedMinor = input === 'stripe' && random.chance(REFUNDED) ? 500 : 0;
    const told = { serial, netMinor, refundedMinor, clickId, at: new Date() };
    const sign =
      (text: string, kind: 'json' | 'query' = 'json') =>
      (now: Date) =>
        signFixture({ kind, text, file: 'chaos' }, program.targets[input], now);
    const message = (id: string, request: Message['request']): Message => ({
      id,
      input,
      repeated: random.chance(REPEATED),
      request,
    });
    const messages: Message[] = [];
    if (input === 'postback') messages.push(message(`chaos${serial}`, sign(postback(told), 'query')));
    if (input === 'revenuecat') messages.push(message(`chaos${serial}`, sign(purchase(told))));
    if (input === 'conversion') {
      const plain = sign(conversion(told));
      const named = random.chance(idempotencyKeys ? WITH_IDEMPOTENCY_KEY : 0)
        ? { 'idempotency-key': `chaos${serial}` }
        : {};
      messages.push(
        message(`chaos${serial}`, (now) => {
          const request = plain(now);
          return { ...request, headers: { ...request.headers, ...named } };
        }),
      );
    }
    if (input === 'stripe') {
      messages.push(message(`chaos${serial}`, sign(payment(told))));
      if (refundedMinor > 0) messages.push(message(`chaos${serial}r`, sign(refund(told))));
    }
    const commissionMinor = ((netMinor - refundedMinor) * RATE_BPS) / 10_000;
    return { order: { serial, input, affiliateId, netMinor, refundedMinor, commissionMinor }, messages };
  };
}

interface Told {
  serial: number;
  netMinor: number;
  refundedMinor: number;
  clickId: string;
  at: Date;
}

const major = (minor: number): string => (minor / 100).toFixed(2);

function postback({ serial, netMinor, clickId }: Told): string {
  return `cid=${clickId}&txid=chaos${serial}&sum=${major(netMinor)}&currency=USD`;
}

function conversion({ serial, netMinor, clickId }: Told): string {
  return JSON.stringify({
    orderId: `chaos${serial}`,
    clickId,
    amount: major(netMinor),
    currency: 'USD',
    customerId: `user-${serial}`,
  });
}

function purchase({ serial, netMinor, clickId, at }: Told): string {
  const price = netMinor / 100;
  const ms = at.getTime();
  return JSON.stringify({
    api_version: '1.0',
    event: {
      id: `chaos${serial}`,
      type: 'INITIAL_PURCHASE',
      environment: 'PRODUCTION',
      event_timestamp_ms: ms,
      purchased_at_ms: ms,
      app_user_id: `player-${serial}`,
      original_app_user_id: `player-${serial}`,
      period_type: 'NORMAL',
      store: 'APP_STORE',
      transaction_id: `chaos${serial}`,
      original_transaction_id: `chaos${serial}`,
      product_id: 'pro',
      currency: 'USD',
      price,
      price_in_purchased_currency: price,
      tax_percentage: 0,
      commission_percentage: 0.15,
      subscriber_attributes: { click_id: { value: clickId, updated_at_ms: ms } },
    },
  });
}

const stripeEvent = (id: string, type: string, at: Date, object: object): string =>
  JSON.stringify({
    id: `evt_${id}`,
    object: 'event',
    api_version: '2026-10-28.endive',
    type,
    created: Math.floor(at.getTime() / 1_000),
    livemode: true,
    data: { object },
  });

function payment({ serial, netMinor, clickId, at }: Told): string {
  return stripeEvent(`chaos${serial}`, 'payment_intent.succeeded', at, {
    id: `pi_chaos${serial}`,
    object: 'payment_intent',
    amount: netMinor,
    amount_received: netMinor,
    currency: 'usd',
    customer: `cus_chaos${serial}`,
    latest_charge: `ch_chaos${serial}`,
    metadata: { click_id: clickId },
  });
}

function refund({ serial, refundedMinor, at }: Told): string {
  return stripeEvent(`chaos${serial}r`, 'refund.created', at, {
    id: `re_chaos${serial}`,
    object: 'refund',
    amount: refundedMinor,
    currency: 'usd',
    charge: `ch_chaos${serial}`,
    payment_intent: `pi_chaos${serial}`,
    created: Math.floor(at.getTime() / 1_000),
    status: 'succeeded',
  });
}
