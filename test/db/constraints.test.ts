import assert from 'node:assert/strict';
import { inTransaction } from '../../src/db/db.ts';
import { after, before, describe, test } from 'node:test';
import type { Knex } from 'knex';
import { runSql } from '../support/sql.ts';
import { newId } from '../../src/domain/ids.ts';
import { createAffiliate } from '../../src/program/affiliates.ts';
import { createOffer } from '../../src/program/offers.ts';
import { createPayout, finishPayout } from '../../src/ledger/payouts.ts';
import { addAffiliate, fact, openLedger, sale, usd, type Ledger } from '../journeys/ledger.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let t: TestDatabase;
let ledger: Ledger;
before(async () => {
  t = await openTestDatabase();
  ledger = await openLedger(t.db, { program: { autoApprove: true } });
  await ledger.say(
    ...['order:1', 'order:2', 'order:3'].map((order) => [
      sale(order, usd(10_000), {}, { affiliate: ledger.affiliateId }),
    ]),
  );
});
after(() => t.close());

const now = new Date('2026-06-02T00:00:00.000Z');

/** The statement, by hand and in a transaction of its own, is refused for the given reason. */
async function assertRefused(reason: RegExp, sql: string, bindings: Knex.RawBinding[] = []): Promise<void> {
  await assert.rejects(
    inTransaction(t.db, (trx) => trx.raw(sql, bindings)),
    (error: unknown) => reason.test(String(error)) || assert.fail(`${sql}: ${String(error)}`),
    sql,
  );
}

async function orderIds(): Promise<string[]> {
  return (await ledger.orders()).map(({ id }) => id);
}

async function entries(): Promise<{ id: string; order_id: string }[]> {
  return runSql(t.db, `select id, order_id from ledger_entries where program_id = ? order by id`, [ledger.programId]);
}

describe('the database itself refuses', () => {
  test('a reference that leads to two orders, or to two customers', async () => {
    const [id = ''] = await orderIds();
    await assertRefused(
      /order_refs_pkey/,
      `insert into order_refs (program_id, livemode, ref, order_id) values (?, true, 'order:1', ?)`,
      [ledger.programId, id],
    );
    const refer = `insert into customer_refs (program_id, livemode, ref, customer_id) values (?, true, 'id:u1', ?)`;
    await t.db.raw(refer, [ledger.programId, 'cus_1']);
    await assertRefused(/customer_refs_pkey/, refer, [ledger.programId, 'cus_2']);
  });

  test('two sources of one ref, and one whose ref may be an id; processes of before refs were made get one', async () => {
    const insert = `insert into sources (id, program_id, kind, settings) values (?, ?, 'stripe', '{}') returning ref`;
    const [one] = await runSql<{ ref: string }>(t.db, insert, ['src_1', ledger.programId]);
    const [two] = await runSql<{ ref: string }>(t.db, insert, ['src_2', ledger.programId]);
    assert.match(one?.ref ?? '', /^srr_[0-9a-f]{32}$/);
    assert.equal(one?.ref.slice(0, 12), newId('srr').slice(0, 12));
    const change = `update sources set ref = ? where id = 'src_1'`;
    await assertRefused(/sources_ref_key/, change, [two?.ref ?? '']);
    await assertRefused(/sources_ref_check/, change, ['src_2']);
    await assertRefused(/null value in column "ref"/, change, [null]);
  });

  test('a tracking link by the own code of another affiliate, in any case, and a state that links do not have', async () => {
    const [{ own } = { own: '' }] = await runSql<{ own: string }>(
      t.db,
      `insert into affiliate_codes (program_id, kind, code, affiliate_id, display)
       values (?, 'referral', 'own-code', ?, 'Own-Code') returning link_code as own`,
      [ledger.programId, ledger.affiliateId],
    );
    assert.equal(own, 'own-code');
    const link = `insert into tracking_links (id, program_id, affiliate_id, offer_id, code, status) values (?, ?, ?, ?, ?, ?)`;
    const other = await addAffiliate(t.db, ledger.programId);
    const { programId, affiliateId, offerId } = ledger;
    await assertRefused(/own/, link, ['lnk_x', programId, other, offerId, 'OWN-Code', 'active']);
    await assertRefused(/tracking_links_status_check/, link, ['lnk_x', programId, affiliateId, offerId, 'x', 'gone']);
    await t.db.raw(link, ['lnk_x', programId, affiliateId, offerId, 'OWN-Code', 'paused']);
    await assertRefused(/own/, `update tracking_links set affiliate_id = ? where id = 'lnk_x'`, [other]);
    const inTest = `insert into tracking_links (id, program_id, affiliate_id, offer_id, code, livemode) values (?, ?, ?, ?, ?, false)`;
    await assertRefused(/own/, inTest, ['lnk_y', programId, affiliateId, offerId, 'Own-code']);
  });

  test('two anonymous leads that are the first of one click', async () => {
    const first = `insert into lead_clicks (program_id, livemode, click_id, fact_id) values (?, true, 'clk_1', ?)`;
    await t.db.raw(first, [ledger.programId, 'one']);
    await assertRefused(/lead_clicks_pkey/, first, [ledger.programId, 'two']);
  });

  test('a fact that is stored twice', async () => {
    await assertRefused(/facts_pkey/, `insert into facts select * from facts where program_id = ? limit 1`, [
      ledger.programId,
    ]);
  });

  test('a posting without an order, to an order of another program or mode, or of nothing', async () => {
    const [id = ''] = await orderIds();
    const post = `insert into ledger_entries (id, program_id, livemode, order_id, affiliate_id, amount_minor, currency, type)
      values (?, ?, ?, ?, ?, ?, 'USD', 'earning')`;
    const rest = [ledger.affiliateId, 100];
    const noOrder = /there is no order/;
    await assertRefused(noOrder, post, [newId('led'), ledger.programId, true, newId('cnv'), ...rest]);
    await assertRefused(noOrder, post, [newId('led'), newId('prg'), true, id, ...rest]);
    await assertRefused(noOrder, post, [newId('led'), ledger.programId, false, id, ...rest]);
    await assertRefused(/check constraint/, post, [newId('led'), ledger.programId, true, id, ledger.affiliateId, 0]);
  });

  test('to take away an order, or to make it another one', async () => {
    const [id = ''] = await orderIds();
    const refused = /an order is never removed/;
    await assertRefused(refused, `delete from orders where id = ?`, [id]);
    await assertRefused(refused, `truncate orders`);
    await assertRefused(refused, `update orders set id = ? where id = ?`, [newId('cnv'), id]);
    await assertRefused(refused, `update orders set program_id = ? where id = ?`, [newId('prg'), id]);
    await assertRefused(refused, `update orders set livemode = not livemode where id = ?`, [id]);
  });

  test('to change or remove what the ledger holds', async () => {
    const [entry] = await entries();
    const refused = /append-only/;
    await assertRefused(refused, `update ledger_entries set amount_minor = amount_minor + 1 where id = ?`, [
      entry?.id ?? '',
    ]);
    await assertRefused(refused, `delete from ledger_entries where id = ?`, [entry?.id ?? '']);
    await assertRefused(refused, `truncate ledger_entries cascade`);
  });

  test('amounts that cannot be', async () => {
    const [id = ''] = await orderIds();
    for (const change of [
      'gross_minor = -1',
      'net_minor = -1',
      'refunded_minor = gross_minor + 1',
      "status = 'maybe'",
    ]) {
      await assertRefused(/check constraint/, `update orders set ${change} where id = ?`, [id]);
    }
    await assertRefused(/check constraint/, `update orders set affiliate_id = null where id = ?`, [id]);
    await assertRefused(/check constraint/, `update orders set merged_into = ? where id = ?`, [newId('cnv'), id]);
  });

  test('an adjustment that looks like a conversion, is of nobody or nothing, or changes afterwards', async () => {
    const ref = 'adjustment:ref:1';
    const affiliateId = await addAffiliate(t.db, ledger.programId);
    const money = { affiliateId, amount: { minor: -500, currency: 'USD' } };
    await ledger.say([
      fact('adjustment', { id: ref, refs: [ref], ...money, reason: 'x', reference: '1', by: 'key_1' }),
    ]);
    const [adjustment] = await runSql<{ id: string }>(
      t.db,
      `select id from orders where program_id = ? and status = 'adjustment'`,
      [ledger.programId],
    );
    const id = adjustment?.id ?? '';
    for (const change of [
      'gross_minor = 1',
      `kind = 'sale'`,
      `click_id = 'clk_1'`,
      `offer_id = 'off_1'`,
      `customer_id = 'cus_1'`,
      `review = '{}'`,
      'paid_at = now()',
      `merged_into = 'cnv_1'`,
      'affiliate_id = null',
    ]) {
      await assertRefused(/check constraint/, `update orders set ${change} where id = ?`, [id]);
    }
    for (const change of ['commission_minor = 1', `commission_currency = 'EUR'`, `affiliate_id = 'aff_1'`]) {
      await assertRefused(/stays as it is/, `update orders set ${change} where id = ?`, [id]);
    }
    const [order = ''] = (await orderIds()).filter((one) => one.startsWith('cnv_'));
    await assertRefused(/check constraint|does not go/, `update orders set status = 'adjustment' where id = ?`, [
      order,
    ]);
    const insert = `insert into orders (id, program_id, livemode, status, affiliate_id, commission_minor, commission_currency,
        occurred_at, explanation) values (?, ?, true, 'adjustment', ?, ?, 'USD', now(), '{}')`;
    const rest = [ledger.programId, affiliateId];
    await assertRefused(/check constraint/, insert, [newId('adj'), ...rest, 0]);
    await assertRefused(/check constraint/, insert, [newId('cnv'), ...rest, 1]);
    await assertRefused(/in the scope of the adjustment/, insert, [newId('adj'), newId('prg'), affiliateId, 1]);
  });

  test('a payout that is not the sum of its entries, or of nothing, or that takes an entry of another live one', async () => {
    const [first, second] = await entries();
    const pay = `with p as (
        insert into payouts (id, program_id, affiliate_id, currency, amount_minor, created_by, created_at, updated_at)
        values (?, ?, ?, ?, ?, 'key_test', now(), now()) returning id)
      insert into payout_entries (payout_id, order_id, entry_id)
      select p.id, coalesce(l.order_id, ''), wanted.id
      from p, unnest(?::text[]) as wanted (id) left join ledger_entries l on l.id = wanted.id`;
    const of = (amount: number, ids: string[], currency = 'USD', affiliateId = ledger.affiliateId) => [
      newId('pay'),
      ledger.programId,
      affiliateId,
      currency,
      amount,
      ids as unknown as string,
    ];
    const wrong = /not the sum of its entries/;
    const id = first?.id ?? '';
    await assertRefused(wrong, pay, of(2_001, [id]));
    await assertRefused(wrong, pay, of(2_000, []));
    await assertRefused(wrong, pay, of(2_000, [id], 'EUR'));
    await assertRefused(/check constraint/, pay, of(0, []));
    await assertRefused(/foreign key/, pay, of(2_000, [newId('led')]));
    const payout = await inTransaction(t.db, (trx) =>
      createPayout(
        trx,
        ledger.programId,
        { affiliateId: ledger.affiliateId, currency: 'USD', createdBy: 'key_test' },
        now,
      ),
    );
    assert.equal(payout?.amountMinor, 6_000n);
    await assertRefused(/payout_entries_live/, pay, of(2_000, [second?.id ?? '']));
    for (const change of ['amount_minor = 1', "currency = 'EUR'"]) {
      await assertRefused(/a payout does not change/, `update payouts set ${change} where id = ?`, [payout.id]);
    }
    await inTransaction(t.db, (trx) => finishPayout(trx, ledger.programId, payout.id, 'paid', now));
    for (const status of ['pending', 'failed']) {
      await assertRefused(/a payout that is paid stays so/, `update payouts set status = ? where id = ?`, [
        status,
        payout.id,
      ]);
    }
  });

  test('a state that a commission cannot take: only along the edges', async () => {
    const states = await openLedger(t.db);
    const at = (status: string, decision: 'approved' | 'rejected' | null) => ({ status, decision });
    const made = [at('pending', null), at('approved', 'approved'), at('rejected', 'rejected'), at('paid', 'approved')];
    for (const { status, decision } of made) {
      await states.say([sale(`order:${status}`, usd(10_000), {}, { affiliate: states.affiliateId })]);
      if (decision) {
        const decided = { refs: [`order:${status}`], status: decision, reason: null, by: 'key_test' };
        await states.say([fact('decision', decided)]);
      }
    }
    const idOf = async (name: string): Promise<string> =>
      (await states.orders()).find(({ orderId }) => orderId === name)?.id ?? '';
    await t
      .db('orders')
      .where({ id: await idOf('paid') })
      .update({ status: 'paid', paid_at: now });
    assert.deepEqual(
      Object.fromEntries((await states.orders()).map(({ orderId, status }) => [orderId, status])),
      Object.fromEntries(made.map(({ status }) => [status, status])),
    );
    const forbidden: [string, string[]][] = [
      ['pending', ['paid']],
      ['approved', ['pending', 'paid']],
      ['rejected', ['pending', 'approved', 'reversed', 'paid']],
      ['paid', ['pending', 'approved', 'rejected', 'reversed', 'parked', 'not_tracked']],
    ];
    for (const [from, targets] of forbidden) {
      for (const to of targets) {
        const refused = new RegExp(`does not go from ${from} to ${to}`);
        await assertRefused(refused, `update orders set status = ? where id = ?`, [to, await idOf(from)]);
      }
    }
    await t
      .db('orders')
      .where({ id: await idOf('pending') })
      .update({ status: 'approved' });
    assert.equal((await states.orders()).find(({ orderId }) => orderId === 'pending')?.status, 'approved');
  });

  test('live configuration that names test configuration, and a code that is taken in its mode', async () => {
    const { programId, affiliateId, offerId } = ledger;
    const test = { programId, livemode: false };
    const offer = await createOffer(t.db, test, {
      name: 'Test',
      url: 'https://shop.example/',
      code: 'SAME',
      commission: { type: 'cps', rateBps: 1_000 },
    });
    const affiliate = await inTransaction(t.db, (trx) =>
      createAffiliate(trx, test, { displayName: 'T', email: 't@example.com', referralCode: 'same' }),
    );
    const link = `insert into tracking_links (id, program_id, affiliate_id, offer_id, code, livemode)
      values (?, ?, ?, ?, ?, ?)`;
    const named = (affiliate_id: string, offer_id: string, livemode: boolean) =>
      [newId('lnk'), programId, affiliate_id, offer_id, newId('lnk'), livemode] as Knex.RawBinding[];
    await assertRefused(/tracking_links_live_affiliate/, link, named(affiliate.id, offerId, true));
    await assertRefused(/tracking_links_live_offer/, link, named(affiliateId, offer.id, true));
    await t.db.raw(link, named(affiliateId, offer.id, false));
    await t.db.raw(link, named(affiliate.id, offerId, false));
    await assertRefused(
      /webhook_endpoints_live_affiliate/,
      `insert into webhook_endpoints (id, program_id, kind, url, affiliate_id) values (?, ?, 'postback', 'https://x', ?)`,
      [newId('whe'), programId, affiliate.id],
    );
    await assertRefused(/programs_live_default_offer/, `update programs set default_offer_id = ? where id = ?`, [
      offer.id,
      programId,
    ]);
    const rename = `update offers set code = 'SAME' where id = ?`;
    await t.db.raw(rename, [offerId]);
    await assertRefused(/offers_code_by_mode/, `update offers set livemode = true where id = ?`, [offer.id]);
    await t.db.raw(`update affiliate_codes set code = 'same' where affiliate_id = ? and code <> 'own-code'`, [
      affiliateId,
    ]);
    await assertRefused(/affiliate_codes_pkey/, `update affiliates set livemode = true where id = ?`, [affiliate.id]);
    await assertRefused(
      /affiliate_codes_of_affiliate/,
      `update affiliate_codes set livemode = true, code = 'other' where affiliate_id = ?`,
      [affiliate.id],
    );
    await assertRefused(/violates foreign key/, `update offers set livemode = false, code = 'OTHER' where id = ?`, [
      offerId,
    ]);
  });
});
