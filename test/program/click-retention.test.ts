import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newId } from '../../src/domain/ids.ts';
import { deleteOldClicks } from '../../src/program/click-retention.ts';
import { buildStatistics } from '../../src/statistics/rollups.ts';
import { makeAffiliate, makeLink, makeOffer, openApiProgram, type ApiProgram } from '../api/api-program.ts';
import { runSql } from '../support/sql.ts';

const DAY_MS = 86_400_000;
const now = new Date();

let api: ApiProgram;
let ids: { affiliateId: string; offerId: string; linkId: string };
before(async () => {
  api = await openApiProgram({ worker: true }, { clickRetentionDays: 100 });
  const affiliate = await makeAffiliate(api.live);
  const offer = await makeOffer(api.live, { attributionWindowDays: 60 });
  const link = await makeLink(api.live, { affiliateId: affiliate.id, offerId: offer.id });
  ids = { affiliateId: affiliate.id, offerId: offer.id, linkId: link.id };
});
after(() => api.stop());

async function insertClick(daysOld: number): Promise<string> {
  const id = newId('clk');
  await api.hub.db('clicks').insert({
    id,
    program_id: api.programId,
    livemode: true,
    affiliate_id: ids.affiliateId,
    offer_id: ids.offerId,
    link_id: ids.linkId,
    occurred_at: new Date(now.getTime() - daysOld * DAY_MS),
  });
  return id;
}

async function forget(): Promise<number> {
  let deleted = 0;
  let last: string | null = null;
  do {
    const step: { deleted: number; last: string | null } = await deleteOldClicks(api.hub.db, now, last, 2);
    deleted += step.deleted;
    ({ last } = step);
  } while (last !== null);
  return deleted;
}

const listIds = async (): Promise<string[]> =>
  (await runSql<{ id: string }>(api.hub.db, 'select id from clicks order by id')).map(({ id }) => id);

const readStats = async (query = '') => {
  const { body } = await api.live.get(`/stats?groupBy=day${query}`);
  const link = await api.live.get(`/tracking-links/${ids.linkId}`);
  const affiliate = await api.live.get(`/affiliates/${ids.affiliateId}`);
  return {
    clicks: body.data.clicks,
    series: body.data.series,
    link: link.body.data.clicks,
    stats: affiliate.body.data.stats,
  };
};

test('clicks go past the longest window and the time of the program, those that an order names stay, and so do the counts', async () => {
  const young = await insertClick(159);
  for (let index = 0; index < 5; index += 1) await insertClick(161 + index);
  const named = await insertClick(200);
  // A click of long ago may only be named by an order of long ago.
  const occurredAt = new Date(now.getTime() - 199 * DAY_MS).toISOString();
  const sale = await api.live.post('/conversions', { clickId: named, sum: '100', orderId: 'old', occurredAt });
  assert.equal(sale.status, 201, sale.text);
  const parkedBy = await insertClick(200);
  const late = await api.live.post('/conversions', { clickId: parkedBy, sum: '100', orderId: 'late' });
  assert.equal(late.body.data.reason, 'outside_window', late.text);
  const stats = await readStats();
  assert.equal(stats.clicks, 8);

  assert.equal(await forget(), 5);
  assert.deepEqual(await listIds(), [young, named, parkedBy].toSorted());
  assert.equal(await forget(), 0);
  assert.deepEqual(await readStats(), stats);

  // Counted anew from the rows, as after a change of the time zone.
  await api.hub.db('statistic_zones').update({ timezone: 'nowhere' });
  assert.equal(await buildStatistics(api.hub.db), 1);
  assert.deepEqual(await readStats(), stats);
  await api.hub.db('statistic_zones').delete();
  assert.deepEqual(await readStats(), stats, 'and so while they are counted row by row');
});

test('a longer time keeps more', async () => {
  const old = await insertClick(300);
  await api.admin.patch(`/programs/${api.programId}`, { clickRetentionDays: 400 });
  assert.equal(await forget(), 0);
  const patched = await api.admin.patch(`/programs/${api.programId}`, { clickRetentionDays: 0 });
  assert.equal(patched.body.data.clickRetentionDays, 0);
  assert.ok((await forget()) > 0);
  assert.ok(!(await listIds()).includes(old));
});
