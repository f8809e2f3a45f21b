import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as fc from 'fast-check';
import { runSql } from '../support/sql.ts';
import { createLogger } from '../../src/process/logging.ts';
import { listConversions, type ConversionFilter } from '../../src/ledger/conversions.ts';
import { rollUpConversionTotals } from '../../src/statistics/rollups.ts';
import { arbitraryDelivery } from '../journeys/arbitrary-deliveries.ts';
import { arbitraryHistory } from '../journeys/arbitrary-histories.ts';
import { liveHistory } from '../journeys/live-history.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

const log = createLogger({ level: 'error', role: 'test' });
let t: TestDatabase;
before(async () => {
  t = await openTestDatabase();
});
after(() => t.close());

const filters: Omit<ConversionFilter, 'livemode'>[] = [
  {},
  { earning: true },
  { credited: true },
  { statuses: ['pending'], earning: true, credited: true },
  { statuses: ['approved', 'paid'], credited: true },
  { statuses: ['not_tracked', 'parked', 'rejected', 'reversed'] },
];

/** Each of them for all affiliates and offers; and by one of these, or both. */
function filtersOf(affiliateIds: string[], offerIds: string[]): Omit<ConversionFilter, 'livemode'>[] {
  const byAffiliate = affiliateIds.map((affiliateId) => ({ affiliateId, earning: true }));
  const byOffer = offerIds.map((offerId) => ({ offerId, statuses: ['pending', 'approved', 'paid'] }));
  const byBoth = affiliateIds.flatMap((affiliateId) => offerIds.map((offerId) => ({ affiliateId, offerId })));
  return [...filters, ...byAffiliate, ...byOffer, ...byBoth, { affiliateId: 'aff_nobody' }];
}

test('the total of a list is the number of its rows after any history, however much of it is rolled up', async () => {
  const histories = arbitraryHistory.chain((history) => fc.tuple(fc.constant(history), arbitraryDelivery(history)));
  let counted = 0;
  await fc.assert(
    fc.asyncProperty(histories, async ([history, delivery]) => {
      await liveHistory(t.db, log, history, delivery);
      const [program] = await runSql<{ id: string; affiliates: string[]; offers: string[] }>(
        t.db,
        `select id, array(select id from affiliates where program_id = p.id) as affiliates,
           array(select id from offers where program_id = p.id) as offers
         from programs p order by created_at desc limit 1`,
      );
      const whose = filtersOf(program?.affiliates ?? [], program?.offers ?? []);
      for (const limit of [0, 2, 1_000]) {
        await rollUpConversionTotals(t.db, limit);
        for (const livemode of [true, false]) {
          for (const filter of whose) counted += await compare(program?.id ?? '', { ...filter, livemode });
        }
      }
    }),
    { numRuns: Number(process.env.PROPERTY_RUNS ?? 4), endOnFailure: true },
  );
  assert.ok(counted > 0, 'the histories have conversions');
});

/** The total of a page, next to all rows one by one; gives how many there are. */
async function compare(programId: string, filter: ConversionFilter): Promise<number> {
  const { items } = await listConversions(t.db, programId, filter, { limit: 10_000 });
  const told = JSON.stringify(filter);
  for (const offset of [0, 1, items.length, items.length + 5]) {
    const page = await listConversions(t.db, programId, filter, { limit: 1, offset, counted: true });
    assert.equal(page.total, items.length, `${told} from ${offset}`);
    assert.deepEqual(page.items, items.slice(offset, offset + 1));
    assert.equal(page.hasMore, items.length > offset + 1);
  }
  return items.length;
}
