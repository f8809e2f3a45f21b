import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { inTransaction, type Trx } from '../../src/db/db.ts';
import { runSql } from '../support/sql.ts';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { cliEnvironment, runCli } from '../cli/run-cli.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { openHttpProgram, type HttpProgram } from '../journeys/http-program.ts';
import { disputed, invoicePaid, paid, refunded } from '../journeys/stripe-events.ts';

let hub: TestHub;
let program: HttpProgram;
before(async () => {
  hub = await startHub();
  program = await openHttpProgram(hub, {
    program: { autoApprove: true },
    commission: { type: 'revshare', rateBps: 2_000, durationMonths: 12 },
  });
  await tellStory();
});
after(() => hub.stop());

/** Something from every source: sales, renewals, refunds, a dispute, funnel events, a rejection, a payout. */
async function tellStory(): Promise<void> {
  const { api, affiliateId, offerId } = program;
  const one = { id: 'v1', currency: 'usd', paidAt: Date.UTC(2026, 8, 1) / 1_000 };
  for (const event of [
    refunded(one, '1', 3_000, 5),
    paid(one, 10_000),
    disputed(one, 2_000, 9, 'needs_response'),
    disputed(one, 2_000, 9, 'won'),
    ...[0, 1, 2].map((month) => invoicePaid('v2', String(month), 4_900, Date.UTC(2026, month, 31) / 1_000)),
    { object: 'v2.core.event', type: 'thin' },
    paid({ ...one, id: 'unreadable' }, -1),
  ]) {
    await program.stripe(event);
  }
  for (const name of ['01-initial-purchase', '02-renewal', '05-support-refund', '06-sandbox-purchase']) {
    const path = new URL(`../../fixtures/revenuecat/subscription/${name}.json`, import.meta.url);
    await program.revenuecat(JSON.parse(readFileSync(path, 'utf8')) as object);
  }
  const source = { kind: 'postback', purpose: 'primary', preset: 'keitaro', response: 'json', requireKey: false };
  const tracker = (await api.post('/sources', source)).body.data.id as string;
  const click = (await api.post('/clicks', { affiliateId, offerId })).body.data.id as string;
  for (const status of ['lead', 'sale', 'nonsense']) {
    const answer = await api.get(`//pb/${tracker}?subid=${click}&tid=t-1&status=${status}&payout=50.00&currency=USD`);
    assert.equal(answer.status, 200, answer.text);
  }
  await api.post('/events', { event_type: 'pageview', click_id: click });
  await api.post('/conversions', { click_id: 'clk_of_nobody', amount: '1.00', order_id: 'refused' });
  const sold = await api.post('/conversions', { click_id: click, amount: '30.00', currency: 'USD', order_id: 'v3' });
  await api.post('/conversions', { click_id: click, amount: '30.00', currency: 'USD', order_id: 'v3' });
  await api.post('/conversions', { click_id: click, amount: '10.00', currency: 'USD' });
  const { conversionId } = sold.body.data;
  await api.post(`/conversions/${conversionId}/refunds`, { amountMinor: 1_000, refundId: 'r-1' });
  await program.settled();
  const rejected = await api.patch(`/commissions/com_${conversionId.slice(4)}`, {
    status: 'rejected',
    reason: 'fraud',
  });
  assert.equal(rejected.status, 200, rejected.text);
  const payout = await api.post('/payouts', { affiliateId, currency: 'USD' });
  assert.equal((await api.patch(`/payouts/${payout.body.data.id}`, { status: 'paid' })).status, 200);
  await program.settled();
}

describe('tributary verify', () => {
  test('says equal with the counts compared, and exits 0', async () => {
    const { code, stdout, stderr } = await runCli(['verify'], cliEnvironment(hub));
    assert.equal(code, 0, stdout + stderr);
    assert.match(
      stdout,
      /^equal: \d+ messages, \d+ facts, \d+ orders, \d+ postings, \d+ customers, 1 payouts compared$/m,
    );
    const json = await runCli(['verify', '--json', '--program', program.id], cliEnvironment(hub));
    const { equal, counts, differences } = JSON.parse(json.stdout);
    assert.deepEqual([json.code, equal, differences], [0, true, []]);
    assert.ok(counts.messages > 15 && counts.facts > 15 && counts.orders >= 8 && counts.postings >= 10, json.stdout);
    // What cannot be read again are the API's refund and decision alone.
    assert.equal(counts.standingMessages, 2, json.stdout);
  });

  for (const [what, damage, named] of damages()) {
    test(`finds ${what}`, async () => {
      const undone = new Error('what was damaged is put right');
      const damaged = inTransaction(hub.db, async (trx) => {
        await trx.raw(`set local session_replication_role = replica`); // no triggers, as only a superuser can do
        const id = await damage(trx);
        const { differences } = await verifyLedger(trx, { pageSize: 5 });
        assert.ok(
          differences.some((one) => one.what === named && one.id === id),
          `${id}: ${JSON.stringify(differences, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`,
        );
        throw undone;
      });
      await assert.rejects(damaged, undone);
    });
  }

  test('names what differs to people, and exits 1', async () => {
    const [entry] = await runSql<{ id: string; order_id: string; amount_minor: bigint }>(
      hub.db,
      `select id, order_id, amount_minor from ledger_entries order by id limit 1`,
    );
    assert.ok(entry);
    const change = (minor: bigint) =>
      inTransaction(hub.db, async (trx) => {
        await trx.raw('alter table ledger_entries disable trigger ledger_entries_append_only');
        await runSql(trx, 'update ledger_entries set amount_minor = ? where id = ?', [minor, entry.id]);
        await trx.raw('alter table ledger_entries enable trigger ledger_entries_append_only');
      });
    await change(entry.amount_minor + 1n);
    try {
      const { code, stdout } = await runCli(['verify'], cliEnvironment(hub));
      assert.equal(code, 1);
      assert.match(stdout, /^different: /);
      assert.ok(stdout.includes(`order ${entry.order_id}: sum of postings`), stdout);
      const json = await runCli(['verify', '--json'], cliEnvironment(hub));
      assert.deepEqual([json.code, JSON.parse(json.stdout).equal], [1, false]);
    } finally {
      await change(entry.amount_minor);
    }
    assert.equal((await verifyLedger(hub.db)).total, 0);
  });
});

type Damage = [what: string, damage: (trx: Trx) => Promise<string>, named: string];

/** One row each, changed behind the back of every rule. Gives the id that the proof must name. */
function damages(): Damage[] {
  const one = async (trx: Trx, sql: string): Promise<string> => {
    const [row] = await runSql<{ id: string }>(trx, sql);
    assert.ok(row, `nothing to damage: ${sql}`);
    return row.id;
  };
  const order = `(select id from orders where status = 'approved' and commission_minor > 0 order by id limit 1)`;
  const change =
    (table: string, set: string, where: string, returning = 'id') =>
    (trx: Trx) =>
      one(trx, `update ${table} set ${set} where ${where} returning ${returning} as id`);
  return [
    [
      'a posting that is changed',
      change(
        'ledger_entries',
        'amount_minor = amount_minor + 1',
        `id = (select min(id) from ledger_entries)`,
        'order_id',
      ),
      'order',
    ],
    [
      'a posting to another affiliate',
      change('ledger_entries', `affiliate_id = 'aff_x'`, `id = (select min(id) from ledger_entries)`, 'order_id'),
      'order',
    ],
    [
      'a posting that is gone',
      (trx) =>
        one(trx, `delete from ledger_entries where id = (select min(id) from ledger_entries) returning order_id as id`),
      'order',
    ],
    [
      'a posting that nothing caused',
      (trx) =>
        one(
          trx,
          `insert into ledger_entries (id, program_id, livemode, order_id, affiliate_id, amount_minor, currency, type)
       select 'led_x', program_id, livemode, id, affiliate_id, 5, 'USD', 'earning' from orders where id = ${order} returning order_id as id`,
        ),
      'order',
    ],
    ['a commission that is changed', change('orders', 'commission_minor = 1', `id = ${order}`), 'order'],
    ['a status that is changed', change('orders', `status = 'pending'`, `id = ${order}`), 'order'],
    ['an affiliate that is changed', change('orders', `affiliate_id = 'aff_x'`, `id = ${order}`), 'order'],
    [
      'recorded terms that are changed',
      change(
        'orders',
        `terms = jsonb_set(terms::jsonb, '{0,commission,rateBps}', '9000')`,
        `id = (select min(id) from orders where customer_id is null and commission_minor > 0)`,
      ),
      'order',
    ],
    [
      'a refund that is hidden',
      change('orders', 'refunded_minor = 0', 'id = (select min(id) from orders where refunded_minor > 0)'),
      'order',
    ],
    [
      'a fact that is changed',
      change(
        'facts',
        `fact = jsonb_set(fact::jsonb, '{gross,minor}', '1')`,
        `id = (select min(id) from facts where fact ->> 'type' = 'sale')`,
      ),
      'fact',
    ],
    [
      'a fact that is gone',
      (trx) =>
        one(
          trx,
          `delete from facts where id = (select min(id) from facts where fact ->> 'type' = 'refund') returning inbox_id as id`,
        ),
      'message',
    ],
    [
      'a fact of another order',
      change(
        'facts',
        `order_id = ${order}`,
        `id = (select min(id) from facts where fact ->> 'type' = 'refund')`,
        'order_id',
      ),
      'order',
    ],
    [
      'a reference of another order',
      change(
        'order_refs',
        `order_id = ${order}`,
        `ref = 'order:v3'`,
        `(select min(order_id) from facts where jsonb_exists((fact -> 'refs')::jsonb, 'order:v3'))`,
      ),
      'order',
    ],
    [
      'a raw message that is changed',
      change(
        'inbox_events',
        `raw = convert_to(replace(convert_from(raw, 'utf8'), '10000', '20000'), 'utf8')`,
        `id = (select min(id) from inbox_events where kind = 'stripe' and convert_from(raw, 'utf8') like '%"amount_received":10000%')`,
      ),
      'message',
    ],
    [
      'a message that is gone',
      async (trx) => {
        const factId = await one(trx, `select min(id) as id from facts where fact ->> 'type' = 'refund'`);
        await one(
          trx,
          `delete from inbox_events where id = (select inbox_id from facts where id = '${factId}') returning id`,
        );
        return factId;
      },
      'fact',
    ],
    [
      'an understanding that is changed',
      change(
        'inbox_events',
        `facts = jsonb_set(facts::jsonb, '{0,occurredAt}', '"2020-01-01T00:00:00.000Z"')`,
        `id = (select min(id) from inbox_events where kind = 'stripe' and facts::text <> '[]')`,
      ),
      'message',
    ],
    [
      'a binding that is changed',
      change(
        'customers',
        `affiliate_id = 'aff_x'`,
        `id = (select min(id) from customers where affiliate_id is not null)`,
      ),
      'customer',
    ],
    ['a payout that is changed', change('payouts', 'amount_minor = amount_minor + 1', 'true'), 'payout'],
  ];
}
