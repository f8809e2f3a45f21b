import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inTransaction } from '../../../src/db/db.ts';
import { signStripeBody } from '../../../src/inbound/stripe/sign.ts';
import { createAffiliate } from '../../../src/program/affiliates.ts';
import { createOffer } from '../../../src/program/offers.ts';
import { createProgram } from '../../../src/program/programs.ts';
import { createSource } from '../../../src/program/sources.ts';
import { startHub, type TestHub } from '../../support/hub.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { listFixtures, type Generation } from './fixtures.ts';

const secret = 'whsec_of_the_journeys';
const fixtures = listFixtures();

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

/** kind, net in minor units, commission at 20 % of what remains; by time. */
type Conversion = [kind: string, netMinor: number, commissionMinor: number];

const outcomes: Record<string, Conversion[]> = {
  'one-off-checkout': [['sale', 10000, 2000]],
  'guest-checkout': [['sale', 2500, 500]],
  'async-payment': [['sale', 8000, 1600]],
  'async-payment-failed': [['lead', 0, 0]],
  'subscription-first-invoice': [['sale', 4900, 980]],
  'subscription-first-invoice, renewal': [
    ['sale', 4900, 980],
    ['renewal', 4900, 980],
  ],
  'trial-then-conversion': [
    ['lead', 0, 0],
    ['sale', 4900, 980],
  ],
  'partial-refund': [['sale', 10000, 1400]],
  'cumulative-refund': [['sale', 10000, 1000]],
  'failed-refund': [['sale', 10000, 2000]],
  'dispute-won': [['sale', 10000, 2000]],
  'dispute-lost': [['sale', 10000, 0]],
  inquiry: [['sale', 10000, 2000]],
  'inquiry-escalated': [['sale', 10000, 0]],
  connect: [['sale', 6000, 0]],
  'out-of-band-invoice': [['sale', 20000, 4000]],
  'multi-payment-invoice': [['sale', 20000, 4000]],
  coupon: [
    ['sale', 9000, 1800],
    ['sale', 4410, 882],
    ['sale', 9000, 1800],
  ],
  'expanded-objects': [
    ['sale', 4900, 980],
    ['sale', 4900, 980],
  ],
  'customer-link': [],
  // 70.00 captured of 100.00, 10.00 refunded.
  'partial-capture': [['sale', 7000, 1200]],
  // 40.00 given back outside of Stripe and 10.00 by the refund that the note carries; a voided note, and one from before.
  'credit-note': [['sale', 10000, 1000]],
  'legacy-charge': [['sale', 3000, 600]],
};

describe('each journey becomes its conversions, in either generation\u2019s shapes and in both, in any order', () => {
  for (const [journeys, expected] of Object.entries(outcomes)) {
    it(journeys, async () => {
      const sent: [string, string[]][] = [
        ['acacia', textsOf(journeys, ['acacia'])],
        ['endive, backwards', textsOf(journeys, ['endive']).reverse()],
        ['both, each twice', [...textsOf(journeys, ['acacia', 'endive']), ...textsOf(journeys, ['endive', 'acacia'])]],
      ];
      for (const [how, texts] of sent) {
        if (texts.length === 0) continue;
        assert.deepEqual(await conversionsOf(texts), expected, how);
      }
    });
  }
});

function textsOf(journeys: string, of: Generation[]): string[] {
  return of.flatMap((generation) =>
    journeys
      .split(', ')
      .flatMap((journey) =>
        fixtures
          .filter((fixture) => fixture.generation === generation && fixture.name.startsWith(`${journey}/`))
          .map(({ text }) => text),
      ),
  );
}

/** Sends the events one after the other to a program of their own, and waits until all are settled. */
async function conversionsOf(texts: string[]): Promise<Conversion[]> {
  const { db, deps, url } = hub;
  const { id: programId } = await createProgram(db, { name: 'Program of a journey' });
  const commission = { type: 'revshare', rateBps: 2000, durationMonths: null } as const;
  await createOffer(
    db,
    { programId, livemode: true },
    { name: 'Example', url: 'https://shop.example.com', commission },
  );
  await inTransaction(db, (trx) =>
    createAffiliate(
      trx,
      { programId, livemode: true },
      {
        displayName: 'Partner',
        email: 'partner@example.com',
        referralCode: 'partner-one',
        couponCodes: ['PARTNER10'],
      },
    ),
  );
  const settings = {};
  const secrets = { signingSecrets: [secret] };
  const source = await createSource(db, deps.secrets, programId, { kind: 'stripe', settings, secrets });
  for (const text of texts) {
    const response = await fetch(`${url}/in/stripe/${source.id}`, {
      method: 'POST',
      headers: { 'stripe-signature': signStripeBody(text, secret) },
      body: text,
    });
    assert.equal(response.status, 200);
  }
  await untilSettled(programId);
  const rows = await db('orders')
    .where({ program_id: programId, merged_into: null })
    .whereNotNull('kind')
    .orderBy(['occurred_at', 'reference'])
    .select('kind', 'net_minor', 'commission_minor');
  return rows.map((row) => [row.kind, Number(row.net_minor), Number(row.commission_minor)]);
}

async function untilSettled(programId: string): Promise<void> {
  await waitUntil('all messages are settled', async () => {
    const received = await hub.db('inbox_events').where({ program_id: programId, status: 'received' }).select('id');
    const again = await hub.db('resettlements').where({ program_id: programId }).select('id');
    return received.length + again.length === 0;
  });
}
