import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as fc from 'fast-check';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { make } from '../api/api-program.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { runSql } from '../support/sql.ts';
import { openHttpProgram, type HttpProgram } from './http-program.ts';
import { paid, refunded, type StripePayment } from './stripe-events.ts';

// Each run attacks a program of its own, over HTTP, while a merchant's day goes on: KEYLESS_RUNS=50.
const numRuns = Number(process.env.KEYLESS_RUNS ?? 5);
const seed = process.env.PROPERTY_SEED === undefined ? {} : { seed: Number(process.env.PROPERTY_SEED) };

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

/** A program with two affiliates, offers of every kind, clicks, and two sources whose addresses are all that one needs. */
interface Shop {
  program: HttpProgram;
  keyed: string;
  keyless: [primary: string, secondary: string];
  clicks: string[];
  bounty: string;
  rival: string;
}

/** What an attacker may say of anything that the merchant's messages name, too. */
interface Attack {
  secondary: boolean;
  txid: string | null;
  click: number | null;
  fields: Record<string, string | null>;
  /** Minutes from now. */
  at: number | null;
  withKey: boolean;
}

const arbitraryAttack: fc.Arbitrary<Attack> = fc.record({
  secondary: fc.boolean(),
  txid: fc.option(
    fc.constantFrom(
      'A-1',
      'A-2',
      'A-3',
      'B-1',
      'B-2',
      'B-3',
      'K-1',
      'pi_Alpha',
      'ch_Alpha',
      'pi_Beta',
      'in_Alpha',
      'PAID-1',
    ),
    { freq: 6 },
  ),
  click: fc.option(fc.nat(3)),
  fields: fc.record({
    user_id: fc.constantFrom(null, 'u1', 'u1', 'u4', 'cus_Alpha', 'cus_Beta', 'paid-1'),
    customer_email: fc.constantFrom(null, 'buyer@shop.example', 'partner@example.com', 'rival@example.com'),
    status: fc.constantFrom(null, null, 'lead', 'hold', 'sale', 'sale', 'rejected', 'rejected'),
    sum: fc.constantFrom(null, '1.00', '100.00', '999999.00'),
    currency: fc.constantFrom('USD', 'USD', 'JPY', null),
    goal: fc.constantFrom(null, 'signup', 'purchase'),
    affiliate_id: fc.constantFrom(null, null, 'partner-one', 'rival'),
    offer_id: fc.constantFrom(null, null, 'BOUNTY', 'SHARE'),
    subscription_id: fc.constantFrom(null, null, 'S-1', 'sub_Alpha'),
    coupon_code: fc.constantFrom(null, null, 'RIVAL10'),
    event: fc.constantFrom(null, 'lead', 'registration', 'pageview'),
  }),
  at: fc.option(fc.constantFrom(-60 * 24 * 29, -60 * 24, -5, 60 * 24 * 30), { freq: 2 }),
  withKey: fc.boolean(),
});

test('no sequence of requests to sources without a key changes an order that a key or a signature tells of, or what is paid', async () => {
  const waves = fc.array(fc.array(arbitraryAttack, { minLength: 5, maxLength: 12, size: 'max' }), {
    minLength: 4,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(waves, async (attacks) => {
      const quiet = await openShop();
      const attacked = await openShop();
      const [expected, shown] = [await liveThrough(quiet, []), await liveThrough(attacked, attacks)];
      assert.deepEqual(shown.keyed, expected.keyed);
      assert.deepEqual(shown.paidAfter, shown.paidBefore, 'what is in a payout stays as it was');
      assert.ok(shown.paidBefore.length > 0);
      const { differences } = await verifyLedger(hub.db, { programId: attacked.program.id });
      assert.deepEqual(differences, []);
    }),
    { numRuns, ...seed, endOnFailure: true },
  );
});

async function openShop(): Promise<Shop> {
  const program = await openHttpProgram(hub, { program: { autoApprove: true, holdDays: 0 } });
  const { api, affiliateId } = program;
  const rival = await make<{ id: string }>(api, '/affiliates', {
    displayName: 'Rival',
    email: 'rival@example.com',
    referralCode: 'rival',
    couponCodes: ['RIVAL10'],
  });
  const offer = async (code: string, commission: object, more: object = {}): Promise<string> =>
    (
      await make<{ id: string }>(api, '/offers', {
        name: code,
        code,
        url: 'https://shop.example/',
        commission,
        ...more,
      })
    ).id;
  const bounty = await offer('BOUNTY', { type: 'cpa', amountMinor: 1_000 }, { dailyCap: 3 });
  await offer('SHARE', { type: 'revshare', rateBps: 1_000, durationMonths: 1 });
  const source = async (settings: object): Promise<string> =>
    (await make<{ id: string }>(api, '/sources', { kind: 'postback', response: 'json', ...settings })).id;
  const clicks: string[] = [];
  for (const [affiliate, offerId] of [
    [affiliateId, bounty],
    [rival.id, bounty],
    [affiliateId, program.offerId],
    [rival.id, program.offerId],
  ]) {
    clicks.push((await make<{ id: string }>(api, '/clicks', { affiliateId: affiliate, offerId })).id);
  }
  return {
    program,
    keyed: await source({}),
    keyless: [
      await source({ requireKey: false }),
      await source({ requireKey: false, purpose: 'secondary', eventType: 'registration' }),
    ],
    clicks,
    bounty,
    rival: rival.id,
  };
}

/** The merchant's day, with a wave of attacks before each of its parts. */
async function liveThrough(shop: Shop, waves: Attack[][]) {
  const { program, clicks, keyless } = shop;
  const { api } = program;
  const paidAt = Math.floor(Date.now() / 1_000) - 600;
  const alpha: StripePayment = { id: 'Alpha', currency: 'usd', paidAt };
  const beta: StripePayment = { id: 'Beta', currency: 'usd', paidAt };
  const call = async (body: object): Promise<void> => {
    const answer = await api.post('/conversions', { currency: 'USD', ...body });
    assert.ok(answer.status < 300, answer.text);
  };
  const postback = async (id: string, query: string): Promise<void> => {
    const answer = await api.get(`//pb/${id}?${query}`);
    assert.equal(answer.status, 200, answer.text);
  };
  const keyed = (query: string): Promise<void> => postback(shop.keyed, `${query}&secure=${program.key}`);

  await attack(shop, waves[0] ?? []);
  await call({
    order_id: 'A-1',
    user_id: 'u1',
    customer_email: 'buyer@shop.example',
    click_id: clicks[2],
    amount: '100.00',
  });
  await program.stripe(paid(alpha, 10_000));
  await keyed(`cid=${clicks[0]}&goal=signup`);
  await attack(shop, waves[1] ?? []);
  await call({ order_id: 'A-2', user_id: 'u1', amount: '50.00' });
  await call({ order_id: 'A-3', customer_email: 'buyer@shop.example', amount: '30.00' });
  await keyed(`cid=${clicks[1]}&goal=signup&txid=K-1`);
  await keyed(`cid=${clicks[1]}&goal=purchase&txid=S-1&sum=20.00&currency=USD&subscription_id=S-1&offer_id=SHARE`);
  // One sale of a source without a key that is certain to be paid, by the binding of its customer.
  await postback(keyless[0], `txid=PAID-0&user_id=paid-1&sum=10.00&currency=USD&affiliate_id=rival&offer_id=SHARE`);
  await postback(keyless[0], `txid=PAID-1&user_id=paid-1&sum=70.00&currency=USD`);
  await program.settled();
  await payOut(shop, program.affiliateId, 'paid');
  await payOut(shop, shop.rival, 'pending');
  const paidBefore = await readPaid(program.id);
  await attack(shop, waves[2] ?? []);
  for (const n of [1, 2, 3])
    await call({ order_id: `B-${n}`, user_id: `u${n + 3}`, affiliate_id: 'rival', offer_id: 'BOUNTY' });
  await program.stripe(paid(beta, 4_000, 'rival'));
  await attack(shop, waves[3] ?? []);
  const paidAfter = await readPaid(program.id);
  await program.stripe(refunded(alpha, '1', 5_000, 5));
  await program.settled();
  return { keyed: await readKeyed(shop), paidBefore, paidAfter };
}

async function attack({ program, clicks, keyless }: Shop, attacks: Attack[]): Promise<void> {
  await Promise.all(
    attacks.map(async ({ secondary, txid, click, fields, at, withKey }) => {
      const query = new URLSearchParams();
      const said: Record<string, string | null> = {
        ...fields,
        txid,
        cid: click === null ? null : (clicks[click] ?? null),
        occurred_at: at === null ? null : new Date(Date.now() + at * 60_000).toISOString(),
        secure: withKey ? program.key : null,
      };
      // One of two names of a field is enough.
      if (said['goal'] !== null) said['event'] = null;
      for (const [name, value] of Object.entries(said)) if (value !== null) query.set(name, value);
      const answer = await fetch(`${hub.url}/pb/${keyless[secondary ? 1 : 0]}?${query.toString()}`);
      assert.ok(answer.status < 500, await answer.text());
    }),
  );
  await program.settled();
}

async function payOut({ program: { api } }: Shop, affiliateId: string, status: string): Promise<void> {
  for (const currency of ['USD', 'JPY']) {
    const payout = await api.post('/payouts', { affiliateId, currency });
    if (payout.status === 409 && currency === 'JPY') continue;
    assert.equal(payout.status, 201, payout.text);
    if (status === 'paid') assert.equal((await api.patch(`/payouts/${payout.body.data.id}`, { status })).status, 200);
  }
}

const orderColumns = `o.order_id as "orderId", a.referral_code as affiliate, o.goal, o.kind, o.status, o.reason,
  o.review::text as review, o.gross_minor::int as gross, o.refunded_minor::int as refunded,
  o.commission_minor::int as commission, o.commission_currency as currency, o.ranks_last,
  (select sum(amount_minor)::int from ledger_entries e where e.order_id = o.id) as posted`;

/** Orders that a key or a signature tells of, with their customers. */
async function readKeyed({ program: { id } }: Shop) {
  const orders = await runSql<Record<string, unknown>>(
    hub.db,
    `select ${orderColumns}, (select array_agg(ref order by ref) from customer_refs r where r.customer_id = o.customer_id) as customer
     from orders o left join affiliates a on a.id = o.affiliate_id
     where o.program_id = ? and not o.ranks_last
     order by o.order_id, o.goal, o.gross_minor`,
    [id],
  );
  const customers = await runSql<Record<string, unknown>>(
    hub.db,
    `select r.ref, c.email, a.referral_code as affiliate
     from customer_refs r join customers c on c.id = r.customer_id left join affiliates a on a.id = c.affiliate_id
     where r.program_id = ? and r.ref not like 'keyless:%' order by r.ref`,
    [id],
  );
  return { orders: orders.map(({ review, ...order }) => ({ ...order, review: review !== null })), customers };
}

/** Commissions that are in a payout: what was earned and taken back before it is none. */
function readPaid(programId: string): Promise<Record<string, unknown>[]> {
  return runSql(
    hub.db,
    `select o.id, ${orderColumns} from orders o left join affiliates a on a.id = o.affiliate_id
     where o.program_id = ? and o.id in (
       select pe.order_id from payout_entries pe join ledger_entries e on e.order_id = pe.order_id and e.id = pe.entry_id
       where pe.live group by 1 having sum(e.amount_minor) <> 0)
     order by o.id`,
    [programId],
  );
}
