import assert from 'node:assert/strict';
import { runSql } from '../support/sql.ts';
import type { CommissionTerms } from '../../src/domain/terms.ts';
import { signStripeBody } from '../../src/inbound/stripe/sign.ts';
import { ApiClient } from '../api/api-client.ts';
import { make, makeKey } from '../api/api-program.ts';
import type { TestHub } from '../support/hub.ts';
import { waitUntil } from '../support/wait-until.ts';

/** A program on a running hub, made and spoken to over HTTP alone; what came of it is read from the database. */
export interface HttpProgram {
  id: string;
  /** Live, may write. */
  api: ApiClient;
  key: string;
  affiliateId: string;
  offerId: string;
  /** Sends an event to the program's Stripe source, signed. */
  stripe(event: object): Promise<void>;
  revenuecat(event: object): Promise<void>;
  /** Waits until everything that came in is settled, and whatever that displaced. */
  settled(): Promise<void>;
  /** Amounts of the live postings of all orders, in the order in which they were made. */
  postings(): Promise<number[]>;
  /** Live conversions that are not merged, by time. */
  conversions(): Promise<ConversionImage[]>;
  /** How many messages of a type subscribers are told. */
  told(type: string): Promise<number>;
}

export interface ConversionImage {
  id: string;
  kind: string;
  status: string;
  reason: string | null;
  amountMinor: number;
  currency: string | null;
  commissionMinor: number;
  commissionCurrency: string | null;
}

const SIGNING_SECRET = 'whsec_of_the_exact_outcomes';
const AUTHORIZATION = 'Bearer of the exact outcomes';

/** 20 % of a one-off or first sale unless said; the affiliate's referral code is `partner-one`. */
export async function openHttpProgram(
  hub: TestHub,
  options: { program?: object; commission?: CommissionTerms; offer?: object; affiliate?: object } = {},
): Promise<HttpProgram> {
  const admin = new ApiClient(hub.url, hub.adminToken);
  const { id } = await make<{ id: string }>(admin, '/programs', { name: 'Exact', ...options.program });
  const key = await makeKey(admin, id, 'live', 'write');
  const api = new ApiClient(hub.url, key);
  const affiliate = await make<{ id: string }>(api, '/affiliates', {
    displayName: 'Partner',
    email: 'partner@example.com',
    referralCode: 'partner-one',
    ...options.affiliate,
  });
  const offer = await make<{ id: string }>(api, '/offers', {
    name: 'Offer',
    url: 'https://shop.example/',
    commission: options.commission ?? { type: 'cps', rateBps: 2_000 },
    ...options.offer,
  });
  const stripe = await make<{ id: string }>(api, '/sources', { kind: 'stripe', signingSecrets: [SIGNING_SECRET] });
  const revenuecat = await make<{ id: string }>(api, '/sources', { kind: 'revenuecat', authorization: AUTHORIZATION });
  const { db } = hub;
  return {
    id,
    api,
    key,
    affiliateId: affiliate.id,
    offerId: offer.id,
    async stripe(event) {
      const body = JSON.stringify(event);
      const headers = { 'stripe-signature': signStripeBody(body, SIGNING_SECRET) };
      const answer = await fetch(`${hub.url}/in/stripe/${stripe.id}`, { method: 'POST', headers, body });
      assert.equal(answer.status, 200, await answer.text());
    },
    async revenuecat(event) {
      const body = JSON.stringify(event).replaceAll('__AFFILIATE_ID__', affiliate.id);
      const headers = { authorization: AUTHORIZATION, 'content-type': 'application/json' };
      const answer = await fetch(`${hub.url}/in/revenuecat/${revenuecat.id}`, { method: 'POST', headers, body });
      assert.equal(answer.status, 200, await answer.text());
    },
    async settled() {
      await waitUntil('all messages are settled', async () => {
        const [row] = await runSql<{ waiting: bigint }>(
          db,
          `select (select count(*) from inbox_events where program_id = ? and status = 'received')
             + (select count(*) from resettlements where program_id = ?) as waiting`,
          [id, id],
        );
        return row?.waiting === 0n;
      });
    },
    async postings() {
      const rows = await runSql<{ amount: number }>(
        db,
        `select amount_minor::int as amount from ledger_entries where program_id = ? and livemode
         order by created_at, id`,
        [id],
      );
      return rows.map(({ amount }) => amount);
    },
    conversions: () =>
      runSql(
        db,
        `select id, kind, status, reason, net_minor::int as "amountMinor", currency,
           commission_minor::int as "commissionMinor", commission_currency as "commissionCurrency"
         from orders where program_id = ? and livemode and kind is not null and merged_into is null
         order by occurred_at, reference`,
        [id],
      ),
    async told(type) {
      const [row] = await runSql<{ count: number }>(
        db,
        `select count(*)::int as count from every_message where program_id = ? and type = ?`,
        [id, type],
      );
      return row?.count ?? 0;
    },
  };
}
