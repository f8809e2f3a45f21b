import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runSql } from '../support/sql.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { addAffiliate, addClick, addOffer, fact, openLedger, sale, usd, type Ledger } from './ledger.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const at = (day: number): string => `2026-06-0${day}T10:00:00.000Z`;

/** What must stay as it is; amounts follow the refund that makes everything settle again. */
async function credited(ledger: Ledger): Promise<unknown[]> {
  return (await ledger.orders()).map(({ id, status, reason, affiliateId, commissionCurrency }) => [
    id,
    status,
    reason,
    affiliateId,
    commissionCurrency,
  ]);
}

test('what was settled stays credited as it was, however the program changes, when a refund settles it again', async () => {
  const ledger = await openLedger(database.db, {
    commission: { type: 'revshare', rateBps: 2_000, durationMonths: 12 },
    affiliate: { code: 'jane', email: 'jane@affiliates.example' },
  });
  const { db, programId } = ledger;
  const rival = await addAffiliate(db, programId, { code: 'rival', coupon: 'save10' });
  const other = await addOffer(db, programId, { type: 'cps', rateBps: 1_000 }, { windowDays: 1 });
  const clickId = await addClick(ledger, { offerId: other, at: at(1) });
  const expired = await addClick(ledger, { offerId: other, at: '2026-05-30T00:00:00.000Z' });
  const code = await db('offers').where({ id: other }).first<{ code: string }>('code');
  const customer = (name: string) => ({ customer: { refs: [`id:${name}`], email: null } });
  await ledger.say(
    [sale('by-code', usd(10_000), customer('a'), { referralCode: 'jane' })],
    [sale('by-coupon', usd(10_000), customer('b'), { couponCode: 'SAVE10' })],
    [sale('by-both', usd(10_000), customer('c'), { couponCode: 'SAVE10', clickId })],
    [sale('by-offer', usd(10_000), customer('d'), { affiliate: 'jane', offer: code.code })],
    [sale('too-late', usd(10_000), customer('e'), { clickId: expired })],
    [
      sale('paused', usd(10_000), customer('f'), {
        affiliate: await addAffiliate(db, programId, { status: 'paused' }),
      }),
    ],
    [
      fact('customer', {
        customer: { refs: ['id:g'], email: null },
        evidence: { couponCode: 'save10' },
        occurredAt: at(1),
      }),
    ],
    [sale('by-customer', usd(10_000), customer('g'))],
    [sale('renewal', usd(10_000), { ...customer('a'), phase: 'recurring', occurredAt: at(2) })],
  );
  const expected = await credited(ledger);
  assert.equal(expected.length, 8);

  // Codes and coupons go to somebody else, rules turn round, offers and affiliates change.
  await runSql(db, `update affiliate_codes set affiliate_id = ? where program_id = ? and code = 'jane'`, [
    rival,
    programId,
  ]);
  await runSql(db, `update affiliate_codes set affiliate_id = ? where program_id = ? and code = 'save10'`, [
    ledger.affiliateId,
    programId,
  ]);
  await db('programs').where({ id: programId }).update({
    attribution_model: 'first_click',
    coupon_first: true,
    default_offer_id: other,
    timezone: 'Pacific/Auckland',
    auto_approve: true,
  });
  await db('offers')
    .where({ program_id: programId })
    .update({
      attribution_window_days: 90,
      currency: 'EUR',
      status: 'paused',
      commission: JSON.stringify({ type: 'cpa', amountMinor: 1 }),
    });
  await db('offers').where({ id: other }).update({ code: 'renamed' });
  await db('affiliates')
    .where({ program_id: programId })
    .update({ status: 'active', commission_override: '{"rateBps":1}' });

  for (const order of ['by-code', 'by-coupon', 'by-both', 'by-offer', 'too-late', 'paused', 'by-customer', 'renewal']) {
    await ledger.say([fact('refund', { refs: [order], refundId: order, amount: usd(5_000), occurredAt: at(3) })]);
  }
  assert.deepEqual(await credited(ledger), expected);
  const earned = (await ledger.orders()).map(({ commission }) => commission);
  assert.deepEqual(
    earned.toSorted((a, b) => a - b),
    [0, 0, 500, 500, 1_000, 1_000, 1_000, 1_000],
  );
});

test('what named nobody when it came may name somebody when the order is settled again', async () => {
  const ledger = await openLedger(database.db);
  await ledger.say([sale('1', usd(10_000), {}, { affiliate: 'not-yet' })]);
  assert.equal((await ledger.orders())[0]?.status, 'parked');
  const late = await addAffiliate(database.db, ledger.programId, { code: 'not-yet' });
  await ledger.say([sale('1', usd(10_000), {}, { affiliate: 'not-yet' })]);
  assert.equal((await ledger.orders())[0]?.affiliateId, late);
});
