import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as fc from 'fast-check';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import type { CommissionTerms } from '../../src/domain/terms.ts';
import { make } from '../api/api-program.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { runSql } from '../support/sql.ts';
import {
  arbitraryAnonymousRequest,
  customerEmails,
  customerKeys,
  sendAnonymously,
  type AnonymousRequest,
  type Known,
} from './anonymous-requests.ts';
import { openHttpProgram, type HttpProgram } from './http-program.ts';

// Each run makes two programs and waits for each request: PROPERTY_RUNS=100 takes minutes.
const numRuns = Number(process.env.PROPERTY_RUNS ?? 8);
const seed = process.env.PROPERTY_SEED === undefined ? null : Number(process.env.PROPERTY_SEED);

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

test('no sequence of anonymous requests changes the affiliate, amount or state of an order that has keyed or signed evidence, nor a commission in a payout', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryStory, async ({ terms, steps }) => {
      const [alone, attacked] = [await openWorld(terms), await openWorld(terms)];
      for (const [index, step] of steps.entries()) {
        if (step.by === 'anybody') {
          const standing = await readStanding(attacked, [credited, paid]);
          await sendAnonymously(hub.url, attacked.known, step.request);
          await attacked.program.settled();
          assertUnchanged(standing, await readStanding(attacked));
          continue;
        }
        for (const world of [alone, attacked]) {
          await play(world, step.does, index);
          await world.program.settled();
        }
      }
      // As if nobody had ever sent anything.
      assertUnchanged(await readStanding(alone, [credited]), await readStanding(attacked));
      for (const { program } of [alone, attacked]) {
        const { differences } = await verifyLedger(hub.db, { programId: program.id });
        assert.deepEqual(differences, []);
      }
    }),
    { numRuns, ...(seed === null ? { endOnFailure: true } : { seed }) },
  );
});

/** What somebody with a key, or a signature, tells of. */
interface KeyedStep {
  what: 'sale' | 'stripe' | 'lead' | 'event' | 'refund' | 'payout';
  order: number;
  key: string;
  email: string | null;
  evidence: 'none' | 'affiliate' | 'click' | 'code' | 'shared click';
  partner: number;
  daysAgo: number;
}

type Step = { by: 'anybody'; request: AnonymousRequest } | { by: 'key'; does: KeyedStep };

const arbitraryKeyed: fc.Arbitrary<KeyedStep> = fc.record({
  what: fc.constantFrom('sale', 'sale', 'sale', 'stripe', 'lead', 'event', 'refund', 'payout'),
  order: fc.integer({ min: 1, max: 4 }),
  key: fc.constantFrom(...customerKeys),
  email: fc.constantFrom(...customerEmails.slice(0, 2), null),
  evidence: fc.constantFrom('none', 'none', 'affiliate', 'click', 'code', 'shared click'),
  partner: fc.integer({ min: 0, max: 1 }),
  daysAgo: fc.constantFrom(0, 0, 0, 2),
});

const arbitraryStory = fc.record({
  terms: fc.constantFrom<{ commission: CommissionTerms; dailyCap: number }>(
    { commission: { type: 'cps', rateBps: 2_000 }, dailyCap: 0 },
    { commission: { type: 'cps', rateBps: 2_000 }, dailyCap: 1 },
    { commission: { type: 'cpa', amountMinor: 3_000 }, dailyCap: 0 },
    { commission: { type: 'revshare', rateBps: 1_000, durationMonths: 1 }, dailyCap: 0 },
  ),
  steps: fc.array(
    fc.oneof(
      arbitraryKeyed.map((does): Step => ({ by: 'key', does })),
      arbitraryAnonymousRequest.map((request): Step => ({ by: 'anybody', request })),
    ),
    { minLength: 4, maxLength: 14, size: 'max' },
  ),
});

interface World {
  program: HttpProgram;
  affiliates: string[];
  known: Known;
  /** The first click, which visitors know, too. */
  sharedClick: string;
}

async function openWorld({ commission, dailyCap }: { commission: CommissionTerms; dailyCap: number }): Promise<World> {
  const program = await openHttpProgram(hub, {
    program: { browserLeads: true, autoApprove: true },
    commission,
    offer: { dailyCap },
    affiliate: { referralCode: undefined, email: 'first@partners.example' },
  });
  const second = await make<{ id: string }>(program.api, '/affiliates', {
    displayName: 'Second',
    email: 'second@partners.example',
  });
  await program.api.patch('/program', { defaultOfferId: program.offerId });
  const affiliates = [program.affiliateId, second.id];
  const codes = await Promise.all(
    affiliates.map(async (id) => (await program.api.get(`/affiliates/${id}`)).body.data.referralCode as string),
  );
  const sharedClick = await click({ program }, codes[0] ?? '');
  const source = await make<{ id: string }>(program.api, '/sources', { kind: 'postback', requireKey: false });
  const known = { programId: program.id, codes, clicks: [sharedClick], source: source.id };
  return { program, affiliates, sharedClick, known };
}

async function click({ program }: Pick<World, 'program'>, code: string): Promise<string> {
  return (await make<{ id: string }>(program.api, '/clicks', { referralCode: code })).id;
}

async function play(world: World, step: KeyedStep, index: number): Promise<void> {
  const { program, affiliates, known, sharedClick } = world;
  const { what, order, key, email, evidence, partner, daysAgo } = step;
  const code = known.codes[partner] ?? '';
  const affiliateId = affiliates[partner];
  const said = async (): Promise<object> => {
    switch (evidence) {
      case 'affiliate':
        return { affiliateId };
      case 'code':
        return { referralCode: code };
      case 'click':
        return { click_id: await click(world, code) };
      case 'shared click':
        return { click_id: sharedClick };
      default:
        return {};
    }
  };
  const occurredAt = new Date(Date.now() - daysAgo * 86_400_000).toISOString();
  switch (what) {
    case 'sale': {
      const body = { order_id: `order-${order}`, amount: '100.00', currency: 'USD', occurredAt, customer_id: key };
      await program.api.post('/conversions', {
        ...body,
        ...(await said()),
        ...(email ? { customer_email: email } : {}),
      });
      return;
    }
    case 'stripe': {
      const metadata = evidence === 'affiliate' ? { affiliate_id: affiliateId } : {};
      const id = `pi_${order}`;
      const payment = { id, object: 'payment_intent', amount: 10_000, amount_received: 10_000, currency: 'usd' };
      const created = Math.floor(Date.parse(occurredAt) / 1000);
      const object = { ...payment, created, customer: `cus_${key}`, metadata, invoice: null, status: 'succeeded' };
      await program.stripe({
        id: `evt_${index}`,
        object: 'event',
        type: 'payment_intent.succeeded',
        created,
        livemode: true,
        data: { object },
      });
      return;
    }
    case 'lead': {
      const click_id = evidence === 'shared click' ? sharedClick : await click(world, code);
      await program.api.post('//affitor/api/v1/track/lead', { click_id, customer_key: key, email });
      return;
    }
    case 'event':
      await program.api.post('/events', { eventType: 'registration', customer_id: key, occurredAt });
      return;
    case 'refund':
      await program.api.post('//affitor/api/v1/track/refund', {
        transaction_id: `order-${order}`,
        refund_amount_cents: 1_000,
      });
      return;
    case 'payout':
      await program.api.post('/payouts', { affiliateId, currency: 'USD' });
  }
}

interface Standing {
  name: string;
  /** 0 or 1: whose of the program's affiliates it is. */
  affiliate: number;
  by: string | null;
  status: string;
  money: string;
  /** What of it is in a payout. */
  paidMinor: number;
}

type Concerned = (one: Standing) => boolean;

/** Something that is known by a key or a signature credits it. */
const credited: Concerned = ({ by, name }) => by !== null && by !== 'anonymous_lead' && !name.startsWith('keyless:');
const paid: Concerned = ({ paidMinor }) => paidMinor !== 0;

/** Orders by what their senders call them; of the world alone those that concern us. */
async function readStanding(world: World, concerned: Concerned[] = [() => true]): Promise<Map<string, Standing>> {
  const { program, affiliates } = world;
  const rows = await runSql<Omit<Standing, 'affiliate'> & { affiliateId: string | null }>(
    hub.db,
    `select case when o.reference like 'keyless:%' then o.reference else coalesce(o.order_id, o.reference) end as name, o.affiliate_id as "affiliateId", explanation #>> '{chosen,by}' as by, o.status,
       concat_ws(' ', o.kind, o.reason, o.net_minor, o.refunded_minor, o.currency, o.commission_minor, o.commission_currency,
         o.review ->> 'reasons') as money,
       coalesce((select sum(e.amount_minor)::int from ledger_entries e join payout_entries p
         on p.order_id = e.order_id and p.entry_id = e.id and p.live where e.order_id = o.id), 0) as "paidMinor"
     from orders o where o.program_id = ? and o.kind is not null and o.merged_into is null`,
    [program.id],
  );
  const standing = rows.map(({ affiliateId, ...row }) => ({
    ...row,
    affiliate: affiliates.indexOf(affiliateId ?? ''),
  }));
  return new Map(standing.filter((one) => concerned.some((is) => is(one))).map((one) => [one.name, one]));
}

function assertUnchanged(standing: ReadonlyMap<string, Standing>, now: ReadonlyMap<string, Standing>): void {
  for (const [name, was] of standing) {
    const { paidMinor: _ofPayout, ...is } = now.get(name) ?? was;
    const { paidMinor: _paid, ...expected } = was;
    assert.ok(now.has(name), `${name} is gone`);
    assert.deepEqual(is, expected);
  }
}
