import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { inTransaction } from '../../src/db/db.ts';
import type { Evidence, Fact, FactOf } from '../../src/domain/facts.ts';
import { keylessRef } from '../../src/domain/keyless.ts';
import { createPayout, finishPayout } from '../../src/ledger/payouts.ts';
import { requestResettlements } from '../../src/pipeline/rows/resettlement-rows.ts';
import { settleToTheEnd } from '../../src/pipeline/settle-safely.ts';
import { createLogger } from '../../src/process/logging.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { runSql } from '../support/sql.ts';
import { addAffiliate, addClick, fact, openLedger, sale, usd, type Ledger } from './ledger.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const own = (ref: string): string => keylessRef('src_1', ref);
const NOW = '2026-06-01T10:00:00.000Z';

/** A sale that a source without a key tells of. */
function tells(order: string, fields: Partial<FactOf<'sale'>> = {}, evidence: Evidence = {}): Fact {
  const { receivedAt = NOW, ...more } = fields;
  return sale(own(`order:${order}`), usd(10_000), { document: 'postback', receivedAt, ...more }, evidence);
}

function action(order: string, fields: Partial<FactOf<'action'>>, evidence: Evidence): Fact {
  return fact('action', { id: `action:${order}`, refs: [order], goal: 'signup', evidence, ...fields });
}

async function reasonsOf(ledger: Ledger): Promise<Record<string, string | null>> {
  const rows = await runSql<{ reference: string; reason: string | null }>(
    database.db,
    `select reference, reason from orders where program_id = ? and merged_into is null`,
    [ledger.programId],
  );
  assert.deepEqual((await verifyLedger(database.db, { programId: ledger.programId })).differences, []);
  return Object.fromEntries(rows.map(({ reference, reason }) => [reference, reason]));
}

describe('an order that was told of without a key', () => {
  test('gives the place of a click to any other that asks for it, whatever time it names and whichever came first', async () => {
    for (const order of [0, 1, 2, 3, 4, 5]) {
      const ledger = await openLedger(database.db, { commission: { type: 'cpa', amountMinor: 500 } });
      const evidence = { clickId: await addClick(ledger) };
      const back = { occurredAt: '2026-05-25T00:00:00.000Z' };
      const facts = [
        action(own('order:1'), { ...back, receivedAt: '2026-05-26T00:00:00.000Z' }, evidence),
        action(own('order:2'), { ...back, receivedAt: '2026-05-25T12:00:00.000Z' }, evidence),
        action('order:1', { occurredAt: NOW }, evidence),
      ];
      const [first = []] = [permutations(facts)[order]];
      for (const one of first) await ledger.say([one]);
      assert.deepEqual(await reasonsOf(ledger), {
        [own('order:1')]: 'cpa_click_limit',
        [own('order:2')]: 'cpa_click_limit',
        'order:1': null,
      });
      await ledger.say([
        fact('decision', {
          refs: ['order:1'],
          status: 'rejected',
          reason: null,
          by: 'key_1',
          customer: null,
          evidence: {},
        }),
      ]);
      assert.deepEqual(await reasonsOf(ledger), {
        [own('order:1')]: 'cpa_click_limit',
        [own('order:2')]: null,
        'order:1': 'rejected',
      });
    }
  });

  test('is that of the click that was recorded, whoever else is named without a key', async () => {
    const ledger = await openLedger(database.db);
    const clickId = await addClick(ledger);
    const rival = await addAffiliate(database.db, ledger.programId);
    await ledger.say([tells('1', { id: 'one' }, { clickId })]);
    await ledger.say([tells('1', { id: 'other' }, { affiliate: rival })]);
    await ledger.say([tells('2', {}, { clickId, affiliate: rival })]);
    await ledger.say([tells('3', {}, { affiliate: rival })]);
    await ledger.say([sale('order:4', usd(10_000), {}, { clickId, affiliate: rival })]);
    const rows = await runSql<{ reference: string; affiliate: string }>(
      database.db,
      `select reference, affiliate_id as affiliate from orders where program_id = ? order by reference`,
      [ledger.programId],
    );
    assert.deepEqual(
      rows.map(({ affiliate }) => affiliate),
      [ledger.affiliateId, ledger.affiliateId, rival, rival],
    );
    assert.deepEqual((await verifyLedger(database.db, { programId: ledger.programId })).differences, []);
  });

  test('takes no slot of the day from others, and is counted on the day on which it was received', async () => {
    const ledger = await openLedger(database.db, {
      commission: { type: 'cpa', amountMinor: 500 },
      offer: { dailyCap: 1 },
    });
    const evidence = { affiliate: ledger.affiliateId };
    await ledger.say([action(own('order:1'), { receivedAt: NOW, occurredAt: NOW }, evidence)]);
    await ledger.say([action(own('order:2'), { receivedAt: NOW, occurredAt: '2026-05-02T00:00:00.000Z' }, evidence)]);
    await ledger.say([action('order:1', { occurredAt: NOW }, evidence)]);
    await ledger.say([action('order:2', { occurredAt: NOW }, evidence)]);
    assert.deepEqual(await reasonsOf(ledger), {
      [own('order:1')]: null,
      [own('order:2')]: 'cap_exceeded',
      'order:1': null,
      'order:2': 'cap_exceeded',
    });
    const counters = await runSql(
      database.db,
      `select day::text, taken, taken_apart from cap_counters where program_id = ?`,
      [ledger.programId],
    );
    assert.deepEqual(counters, [{ day: '2026-06-01', taken: 1, taken_apart: 1 }]);
  });

  test('is held from when it was first received, shows the time that it names, and is judged by that within the window', async () => {
    const ledger = await openLedger(database.db, { program: { autoApprove: true, holdDays: 14 } });
    const click = await addClick(ledger, { at: '2026-04-01T00:00:00.000Z' });
    const said = (id: string, state: 'hold' | 'sale', receivedAt: string): Fact =>
      fact('tracker', {
        id,
        refs: [own('order:1')],
        state,
        word: state,
        amount: usd(10_000),
        goal: 'purchase',
        occurredAt: '2026-04-15T00:00:00.000Z',
        receivedAt,
        evidence: { clickId: click },
      });
    await ledger.say([said('sold', 'sale', '2026-05-31T00:00:00.000Z')]);
    await ledger.say([said('held', 'hold', '2026-05-30T00:00:00.000Z')]);
    const [row] = await runSql<Record<string, unknown>>(
      database.db,
      `select status, affiliate_id is not null as credited, occurred_at, approvable_at from orders where program_id = ?`,
      [ledger.programId],
    );
    assert.deepEqual(row, {
      status: 'pending',
      credited: true,
      occurred_at: new Date('2026-04-15T00:00:00.000Z'),
      approvable_at: new Date('2026-06-13T00:00:00.000Z'),
    });
  });

  test('is in the month in which it was received, and binds its customer from then on', async () => {
    const ledger = await openLedger(database.db, {
      commission: { type: 'revshare', rateBps: 1_000, durationMonths: 1 },
    });
    const other = await addAffiliate(database.db, ledger.programId);
    const customer = { refs: [own('id:u1')], email: null };
    const received = (receivedAt: string, occurredAt: string) => ({ receivedAt, occurredAt, customer });
    const mine = { affiliate: ledger.affiliateId };
    await ledger.say([tells('1', received('2026-06-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'), mine)]);
    await ledger.say([tells('2', received('2026-06-02T00:00:00.000Z', '2026-03-01T00:00:00.000Z'))]);
    await ledger.say([tells('3', received('2026-07-02T00:00:00.000Z', '2026-01-02T00:00:00.000Z'))]);
    // Back-dated before all of them, and received after them: it takes nobody over.
    await ledger.say([
      tells('4', received('2026-07-03T00:00:00.000Z', '2025-01-01T00:00:00.000Z'), { affiliate: other }),
    ]);
    assert.deepEqual(await reasonsOf(ledger), {
      [own('order:1')]: null,
      [own('order:2')]: null,
      [own('order:3')]: 'max_duration',
      [own('order:4')]: 'max_duration',
    });
    const [second] = await runSql<{ affiliate_id: string }>(
      database.db,
      `select affiliate_id from orders where program_id = ? and reference = ?`,
      [ledger.programId, own('order:2')],
    );
    assert.equal(second?.affiliate_id, ledger.affiliateId);
  });

  test('is a self-referral by an e-mail of its own, and by none of another order', async () => {
    const ledger = await openLedger(database.db, { affiliate: { email: 'partner@example.com' } });
    const customer = { refs: [own('id:u1')], email: null };
    const evidence = { affiliate: ledger.affiliateId };
    await ledger.say([tells('1', { customer }, evidence)]);
    await ledger.say([tells('2', { customer: { ...customer, email: 'Partner@example.com' } }, evidence)]);
    await ledger.say([sale('order:1', usd(100), { customer: { refs: ['id:u1'], email: null } }, evidence)]);
    assert.deepEqual(await reasonsOf(ledger), {
      [own('order:1')]: null,
      [own('order:2')]: 'self_referral',
      'order:1': null,
    });
  });

  test('is nobody whom a call of Affitor finds by the click', async () => {
    const ledger = await openLedger(database.db);
    const clickId = await addClick(ledger);
    const customer = { refs: [own('id:u1')], email: null };
    const find = () =>
      runSql<{ known_by: string[] }>(
        database.db,
        `select known_by from find_affitor_customers(array[?], array[true], array[?], array[null], array[?])`,
        [ledger.programId, clickId, `click:${clickId}`],
      );
    await ledger.say([tells('1', { customer }, { clickId })]);
    assert.deepEqual(await find(), [{ known_by: [] }]);
    await ledger.say([sale('order:1', usd(100), { customer: { refs: ['id:u1'], email: null } }, { clickId })]);
    assert.deepEqual(await find(), [{ known_by: ['id:u1'] }]);
  });

  test('introduces nobody: an e-mail from it stands for no customer', async () => {
    const ledger = await openLedger(database.db);
    const guest = { refs: [], email: 'buyer@shop.example' };
    await ledger.say([
      tells('1', { customer: { refs: [own('id:u1')], email: guest.email } }, { affiliate: ledger.affiliateId }),
    ]);
    await ledger.say([sale('order:guest', usd(100), { customer: guest })]);
    assert.deepEqual(await reasonsOf(ledger), { [own('order:1')]: null, 'order:guest': 'no_attribution' });
    const introductions = await runSql(database.db, `select 1 from introductions where program_id = ?`, [
      ledger.programId,
    ]);
    assert.equal(introductions.length, 0);
  });
});

describe('what is paid of it', () => {
  test('stays as it is, whatever is said without a key; a key and a person still change it', async () => {
    const { ledger, payoutId } = await openPaid();
    await finish(ledger, payoutId, 'paid');
    await attack(ledger);
    assert.deepEqual(await ledger.postings(), [2_000]);
    assert.deepEqual(
      (await ledger.orders())
        .filter(({ orderId }) => orderId === '1')
        .map(({ status, commission }) => [status, commission]),
      [['paid', 2_000]],
    );
    await reasonsOf(ledger);
    await ledger.say([
      fact('refund', { refs: [own('order:1')], refundId: 're_1', amount: usd(5_000), customer: null }),
    ]);
    assert.deepEqual(await ledger.postings(), [2_000, -1_000]);
    await reasonsOf(ledger);
  });

  test('counts what was held back once its payout has failed', async () => {
    const { ledger, payoutId } = await openPaid();
    await attack(ledger);
    assert.deepEqual(await ledger.postings(), [2_000]);
    await finish(ledger, payoutId, 'failed');
    assert.deepEqual(await ledger.postings(), [2_000, -2_000]);
    // What came meanwhile names a rival, by the rival's own e-mail.
    assert.equal((await reasonsOf(ledger))[own('order:1')], 'self_referral');
  });

  test('is nothing where the payout took it and its loss: what earns nothing goes on earning nothing', async () => {
    const ledger = await openLedger(database.db, {
      commission: { type: 'cpa', amountMinor: 500 },
      program: { autoApprove: true },
    });
    const { affiliateId } = ledger;
    const evidence = { affiliate: affiliateId };
    const renews = { subscription: own('sub:S'), phase: 'subscription' as const };
    await ledger.say([tells('0', renews, evidence)]);
    await ledger.say([tells('1', { ...renews, subscription: own('sub:T') }, evidence)]);
    await ledger.say([tells('1', { id: 'again', occurredAt: '2026-05-31T00:00:00.000Z', ...renews }, evidence)]);
    assert.deepEqual(await ledger.postings(), [500, 500, -500]);
    const input = { affiliateId, currency: 'USD', createdBy: 'key_1' };
    const payout = await inTransaction(database.db, (trx) => createPayout(trx, ledger.programId, input, ledger.now));
    assert.equal(payout?.amountMinor, 500n);
    assert.equal((await reasonsOf(ledger))[own('order:1')], 'renewal_not_paid');
    await finish(ledger, payout.id, 'paid');
    assert.deepEqual(await ledger.postings(), [500, 500, -500]);
    assert.equal((await reasonsOf(ledger))[own('order:1')], 'renewal_not_paid');
  });

  test('stays a sale, and what came after it a renewal, when an older order becomes the first of their subscription', async () => {
    const ledger = await openLedger(database.db, { program: { autoApprove: true } });
    const { affiliateId } = ledger;
    const evidence = { affiliate: affiliateId };
    const renews = { subscription: own('sub:S'), phase: 'subscription' as const };
    const at = (hour: number) => ({ receivedAt: `2026-06-01T${10 + hour}:00:00.000Z` });
    await ledger.say([action(own('order:0'), at(0), evidence)]);
    await ledger.say([tells('1', { ...renews, ...at(1) }, evidence)]);
    await ledger.say([tells('2', { ...renews, ...at(2) }, evidence)]);
    const input = { affiliateId, currency: 'USD', createdBy: 'key_1' };
    const payout = await inTransaction(database.db, (trx) => createPayout(trx, ledger.programId, input, ledger.now));
    assert.ok(payout);
    assert.deepEqual(await kindsOf(ledger), { 0: 'lead', 1: 'sale', 2: 'renewal' });
    await ledger.say([tells('0', { ...renews, ...at(3) }, evidence)]);
    await ledger.say([tells('3', { ...renews, ...at(4) }, evidence)]);
    assert.deepEqual(await kindsOf(ledger), { 0: 'sale', 1: 'sale', 2: 'renewal', 3: 'renewal' });
    await finish(ledger, payout.id, 'failed');
    assert.deepEqual(await kindsOf(ledger), { 0: 'sale', 1: 'renewal', 2: 'renewal', 3: 'renewal' });
  });

  async function kindsOf(ledger: Ledger): Promise<Record<string, string | null>> {
    await reasonsOf(ledger);
    const rows = await runSql<{ reference: string; kind: string | null }>(
      database.db,
      `select reference, kind from orders where program_id = ?`,
      [ledger.programId],
    );
    return Object.fromEntries(rows.map(({ reference, kind }) => [reference.at(-1), kind]));
  }

  async function openPaid(): Promise<{ ledger: Ledger; payoutId: string }> {
    const ledger = await openLedger(database.db, { program: { autoApprove: true } });
    const { affiliateId } = ledger;
    const customer = { refs: [own('id:u1')], email: null };
    await ledger.say([tells('0', { customer, net: usd(0) }, { affiliate: affiliateId })]);
    await ledger.say([tells('1', { customer, receivedAt: '2026-06-01T11:00:00.000Z' })]);
    const input = { affiliateId, currency: 'USD', createdBy: 'key_1' };
    const payout = await inTransaction(database.db, (trx) => createPayout(trx, ledger.programId, input, ledger.now));
    assert.equal(payout?.amountMinor, 2_000n);
    return { ledger, payoutId: payout.id };
  }

  /** By itself, by the order that bound its customer, and by others of the customer. */
  async function attack(ledger: Ledger): Promise<void> {
    const rival = await addAffiliate(database.db, ledger.programId, { email: 'rival@example.com' });
    const customer = { refs: [own('id:u1')], email: 'rival@example.com' };
    const late = { receivedAt: '2026-06-02T00:00:00.000Z', occurredAt: '2020-01-01T00:00:00.000Z' };
    const word = { word: 'no', amount: null, goal: 'purchase', ...late };
    await ledger.say([
      tells('1', { ...late, id: 'again', customer, gross: usd(1), net: usd(1) }, { affiliate: rival }),
    ]);
    await ledger.say([fact('tracker', { id: 'no', refs: [own('order:1')], state: 'rejected', ...word })]);
    await ledger.say([tells('0', { ...late, id: 'bound', customer }, { affiliate: rival })]);
    await ledger.say([tells('2', { ...late, customer }, { affiliate: rival })]);
  }

  async function finish(ledger: Ledger, payoutId: string, status: 'paid' | 'failed'): Promise<void> {
    const scope = { programId: ledger.programId, livemode: true };
    const ids = await inTransaction(database.db, async (trx) => {
      const finished = await finishPayout(trx, ledger.programId, payoutId, status, ledger.now);
      const requests = (finished?.orderIds ?? []).map((orderId) => ({ scope, customerId: null, orderId }));
      return requestResettlements(trx, requests);
    });
    const deps = {
      db: database.db,
      log: createLogger({ level: 'silent', role: 'test' }),
      clock: { now: () => ledger.now },
    };
    await settleToTheEnd(deps, { eventIds: [], resettlementIds: ids });
  }
});

function permutations<T>(items: T[]): T[][] {
  if (items.length < 2) return [items];
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}
