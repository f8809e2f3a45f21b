import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { startHub, type TestHub } from '../../support/hub.ts';
import { openHttpProgram } from '../../journeys/http-program.ts';

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

/** kind, net in minor units, currency, commission at 20 % of what remains; live ones, by time. */
type Conversion = [kind: string, netMinor: number, currency: string | null, commissionMinor: number];

const outcomes: Record<string, Conversion[]> = {
  subscription: [
    ['sale', 1_000, 'USD', 200],
    ['renewal', 1_000, 'USD', 0],
  ],
  // Net of 15.97 % tax; refunded, and the refund reversed.
  'refund-reversed': [['sale', 839, 'EUR', 168]],
  trial: [
    ['lead', 0, null, 0],
    ['sale', 3_999, 'USD', 800],
    ['renewal', 3_999, 'USD', 800],
  ],
  // Of an unknown price nobody can say what a share is; what was granted, or shared in a family, is no purchase.
  'one-off': [
    ['sale', 2_920, 'CAD', 584],
    ['sale', 4_900, 'JPY', 980],
    ['sale', 1_235, 'USD', 247],
    ['action', 0, null, 0],
  ],
  // A click, a coupon, and attributes that were cleared: the customer is bound by then.
  attributes: [
    ['sale', 999, 'USD', 200],
    ['sale', 999, 'USD', 200],
    ['sale', 999, 'USD', 200],
  ],
  // Nobody is credited: the transfer and the alias say who is who, and no more.
  identity: [['sale', 999, 'USD', 0]],
  ignored: [],
};

describe('each journey becomes its conversions, in any order', () => {
  for (const [journey, expected] of Object.entries(outcomes)) {
    it(journey, async () => {
      const texts = textsOf(journey);
      const sent: [how: string, texts: string[]][] = [
        ['as it happened', texts],
        ['backwards, each twice', texts.toReversed().flatMap((text) => [text, text])],
      ];
      for (const [how, order] of sent) assert.deepEqual(await conversionsOf(order), expected, how);
    });
  }
});

function textsOf(journey: string): string[] {
  const folder = new URL(`../../../fixtures/revenuecat/${journey}/`, import.meta.url);
  return readdirSync(folder)
    .toSorted()
    .map((file) => readFileSync(new URL(file, folder), 'utf8'));
}

async function conversionsOf(texts: string[]): Promise<Conversion[]> {
  const program = await openHttpProgram(hub, {
    commission: { type: 'revshare', rateBps: 2_000, durationMonths: null },
    affiliate: { couponCodes: ['SAVE10'] },
  });
  // Before the purchases of the fixtures, which are in November 2026.
  const click = { affiliateId: program.affiliateId, offerId: program.offerId, occurredAt: '2026-10-31T00:00:00Z' };
  const made = await program.api.post('/clicks', click);
  assert.equal(made.status, 201, made.text);
  for (const text of texts) {
    await program.revenuecat(JSON.parse(text.replaceAll('__CLICK_ID__', made.body.data.id as string)) as object);
  }
  await program.settled();
  return (await program.conversions()).map((one) => [one.kind, one.amountMinor, one.currency, one.commissionMinor]);
}
