import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findDifferences, type Ledger } from '../../../src/cli/demo/demo-report.ts';
import { expectedConversions } from '../../../src/cli/demo/demo-story.ts';
import type { Receipt } from '../../../src/cli/subscriber.ts';

const affiliates = new Map(expectedConversions.map(({ affiliate }) => [affiliate, `aff_${affiliate}`]));

function expectedLedger(): Ledger {
  return {
    conversions: expectedConversions.map(({ affiliate, netMinor, commissionMinor, ...rest }) => ({
      ...rest,
      id: `cnv_${rest.orderId}`,
      affiliateId: `aff_${affiliate}`,
      amountMinor: netMinor,
      commission: { amountMinor: commissionMinor, currency: rest.currency },
    })),
    // Computed by hand.
    balances: [
      { affiliateId: 'aff_partner-one', currency: 'USD', pendingMinor: 0, approvedMinor: 8360 },
      { affiliateId: 'aff_media-house', currency: 'USD', pendingMinor: 0, approvedMinor: 1950 },
      { affiliateId: 'aff_corner', currency: 'USD', pendingMinor: 0, approvedMinor: 1680 },
      { affiliateId: 'aff_corner', currency: 'EUR', pendingMinor: 400, approvedMinor: 0 },
    ],
    messageIds: ['evt_1', 'evt_2'],
  };
}

function receipt(id: string, problem: string | null = null): Receipt {
  return {
    id,
    type: 'conversion.created',
    livemode: true,
    problems: { svix: null, standardwebhooks: problem },
    verified: problem === null,
    body: '{}',
    receivedAt: new Date(),
  };
}

const receipts = [receipt('evt_1'), receipt('evt_2')];
const find = (ledger: Ledger, received: Receipt[] = receipts) => findDifferences(ledger, received, { affiliates });

test('a ledger as expected, all of it delivered and verified, has no difference', () => {
  assert.deepEqual(find(expectedLedger()), []);
});

test('each thing that is not as it must be is found', () => {
  const wrongAmount = expectedLedger();
  const [first] = wrongAmount.conversions;
  if (first?.commission) first.commission.amountMinor += 1;
  assert.deepEqual(find(wrongAmount), [
    `${first?.orderId}: commissionMinor is 2001, not 2000`,
    'aff_partner-one USD: the balance is 8360, the commissions are 8361 in all',
  ]);

  const lost = expectedLedger();
  lost.conversions.pop();
  lost.balances.pop();
  assert.deepEqual(find(lost), ['there is no conversion of JSON-1005', 'there are 11 conversions, not 12']);

  const twice = expectedLedger();
  twice.conversions.push({ ...(twice.conversions[0] as Ledger['conversions'][0]), orderId: 'x', commission: null });
  assert.deepEqual(find(twice), ['there are 13 conversions, not 12']);

  assert.deepEqual(find(expectedLedger(), [receipt('evt_1')]), ['1 messages were not delivered: evt_2']);
  assert.deepEqual(find(expectedLedger(), [receipt('evt_1'), receipt('evt_2', 'No matching signature found')]), [
    'conversion.created evt_2 was not verified by standardwebhooks: No matching signature found',
  ]);
  assert.deepEqual(find({ ...expectedLedger(), messageIds: [] }, []), ['nothing was delivered']);
});
