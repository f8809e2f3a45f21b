import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { renameWhatTheyToldOf } from '../../migrations/014_keyless_sources.ts';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { inTransaction } from '../../src/db/db.ts';
import type { Fact, FactCustomer } from '../../src/domain/facts.ts';
import { keylessRef } from '../../src/domain/keyless.ts';
import { settleToTheEnd } from '../../src/pipeline/settle-safely.ts';
import { requestNextOfRound } from '../../src/pipeline/work-items/settle-again.ts';
import { createLogger } from '../../src/process/logging.ts';
import { addAffiliate, addClick, fact, openLedger, sale, usd, type Ledger } from '../journeys/ledger.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { runSql } from '../support/sql.ts';

const SOURCE = `src_${'1'.repeat(64)}`;

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const own = (ref: string): string => keylessRef(SOURCE, ref);

/** As messages were read before: by the names that everybody uses, without the time of receipt. */
function told(order: string, customer: FactCustomer | null, more: object = {}): Fact {
  return sale(`order:${order}`, usd(10_000), { document: 'postback', customer, ...more });
}

/** As they are read now. */
function tellsNow(order: string, minor: number, more: object = {}): Fact {
  const receivedAt = '2026-06-02T00:00:00.000Z';
  const fields = { id: `now:${order}`, document: 'postback' as const, receivedAt, ...more };
  return sale(own(`order:${order}`), usd(minor), fields);
}

async function say(ledger: Ledger, facts: Fact[], options: { source?: string; kind?: string; settle?: boolean } = {}) {
  const { source = null, kind = 'conversion', settle = true } = options;
  const ids = await ledger.store([facts], { kind });
  await database.db('inbox_events').whereIn('id', ids).update({ source_id: source });
  if (settle) await ledger.settle(ids);
  return ledger.outcomes(ids);
}

interface Row {
  id: string;
  customer_id: string | null;
  affiliate_id: string | null;
  commission: number;
  status: string;
}

async function orderOf(ledger: Ledger, ref: string): Promise<Row | undefined> {
  const [row] = await runSql<Row>(
    database.db,
    `select o.id, o.customer_id, o.affiliate_id, o.commission_minor::int as commission, o.status
     from orders o join order_refs r on r.order_id = o.id where r.program_id = ? and r.ref = ?`,
    [ledger.programId, ref],
  );
  return row;
}

test('what a source without a key alone told of is its own after the upgrade; what others know stays theirs', async () => {
  const { db } = database;
  const ledger = await openLedger(db, { program: { autoApprove: true } });
  const rival = await addAffiliate(db, ledger.programId);
  const settings = JSON.stringify({ purpose: 'primary', requireKey: false });
  const source = { id: SOURCE, program_id: ledger.programId, kind: 'postback', order_scope: 'source', settings };
  await db('sources').insert(source);
  const tracker = { source: SOURCE, kind: 'postback' };
  const evidence = { affiliate: ledger.affiliateId };
  const click = await addClick(ledger);
  const byClick = sale(
    `click:${click}:signup`,
    usd(1_000),
    { goal: 'signup', document: 'postback' },
    { clickId: click },
  );
  const k1 = { refs: ['id:k1'], email: 'K1@shop.example' };
  const guest = { refs: [], email: 'Guest\u00c9@shop.example' };

  await say(ledger, [told('own-1', k1, { evidence, subscription: 'sub:S1', phase: 'subscription' })], tracker);
  await say(ledger, [told('own-1', k1, { evidence, subscription: 'sub:S1', phase: 'subscription' })], tracker);
  await say(
    ledger,
    [fact('decision', { id: 'decided', refs: ['order:own-1'], status: 'approved', reason: null, by: 'key_1' })],
    { kind: 'decision' },
  );
  await say(ledger, [told('own-2', guest, { evidence })], tracker);
  await say(ledger, [byClick], tracker);
  await say(ledger, [fact('funnel', { id: 'seen', eventType: 'registration', url: null, customer: k1 })], tracker);
  await say(ledger, [told('both', null, { evidence })], tracker);
  await say(ledger, [sale('order:both', usd(5_000), { id: 'keyed:both' }, evidence)]);
  await say(ledger, [told('known', { refs: ['id:u1'], email: null }, { evidence })], tracker);
  await say(ledger, [
    sale('order:theirs', usd(7_000), {
      customer: { refs: ['id:u1'], email: null },
      occurredAt: '2026-06-01T11:00:00.000Z',
    }),
  ]);
  await say(ledger, [told('waiting', { refs: [], email: 'w@shop.example' }, { evidence })], {
    ...tracker,
    settle: false,
  });
  assert.deepEqual((await verifyLedger(db)).differences, []);
  const before = await ledger.orders();

  await inTransaction(db, renameWhatTheyToldOf);
  assert.deepEqual((await verifyLedger(db)).differences, []);
  for (;;) {
    const resettlementIds = await requestNextOfRound(db, 50);
    if (resettlementIds.length === 0) break;
    await settleAgain(ledger, resettlementIds);
  }
  const waiting = await runSql<{ id: string }>(db, `select id from inbox_events where status = 'received'`);
  await ledger.settle(waiting.map(({ id }) => id));
  assert.deepEqual((await verifyLedger(db)).differences, []);
  const waited = await orderOf(ledger, own('order:waiting'));
  assert.equal(waited?.commission, 2_000);
  assert.deepEqual(
    (await ledger.orders()).filter(({ id }) => id !== waited?.id).toSorted(byId),
    before.toSorted(byId),
    'nothing is settled otherwise than before',
  );

  // Later messages of the source find what it told of, and nobody else's do.
  const ids = async (): Promise<string[]> => (await ledger.orders()).map(({ id }) => id);
  const known = await ids();
  const rejects = (order: string, refs: string[]): Fact =>
    fact('tracker', {
      id: `no:${order}`,
      refs,
      state: 'rejected',
      word: 'no',
      amount: null,
      goal: 'purchase',
      receivedAt: '2026-06-03T00:00:00.000Z',
    });
  for (const order of ['own-1', 'own-2']) {
    assert.equal((await say(ledger, [tellsNow(order, 99)], tracker))[0]?.outcome, 'duplicate', order);
  }
  await say(ledger, [rejects('own-2', [own('order:own-2')])], tracker);
  assert.equal((await orderOf(ledger, own('order:own-2')))?.status, 'rejected');
  await say(ledger, [rejects('click', [own(`click:${click}:signup`)])], tracker);
  assert.deepEqual(await ids(), known);

  // Of an order whose customer others know it changes nothing, and no second one is made of it.
  const stands = await orderOf(ledger, own('order:known'));
  assert.equal(stands?.commission, 2_000);
  await say(ledger, [rejects('known', [own('order:known')])], tracker);
  await say(
    ledger,
    [tellsNow('known', 10, { occurredAt: '2020-01-01T00:00:00.000Z', evidence: { affiliate: rival } })],
    tracker,
  );
  assert.deepEqual(await orderOf(ledger, own('order:known')), stands);
  assert.deepEqual((await verifyLedger(db)).differences, []);

  // What others say by the names of then is of their own orders and customers.
  const theirs = await orderOf(ledger, 'order:theirs');
  const both = await orderOf(ledger, 'order:both');
  await say(ledger, [rejects('both', [own('order:both')])], tracker);
  assert.deepEqual(await orderOf(ledger, 'order:both'), both);
  await say(ledger, [sale('order:own-1', usd(400), { id: 'keyed:own-1', customer: { refs: ['id:k1'], email: null } })]);
  const [keyed, keyless] = [await orderOf(ledger, 'order:own-1'), await orderOf(ledger, own('order:own-1'))];
  assert.ok(keyed && keyless && keyed.id !== keyless.id && keyed.customer_id !== keyless.customer_id);
  assert.deepEqual(
    [keyed.affiliate_id, keyed.status],
    [null, 'parked'],
    'no customer of a source without a key binds it',
  );
  const customer = { refs: [own('id:u1')], email: null };
  await say(ledger, [tellsNow('new', 10, { customer, evidence: { affiliate: rival } })], tracker);
  assert.deepEqual(await orderOf(ledger, 'order:theirs'), theirs);
  assert.deepEqual((await verifyLedger(db)).differences, []);
});

async function settleAgain(ledger: Ledger, ids: string[]): Promise<void> {
  const deps = {
    db: ledger.db,
    log: createLogger({ level: 'silent', role: 'test' }),
    clock: { now: () => ledger.now },
  };
  await settleToTheEnd(deps, { eventIds: [], resettlementIds: ids });
}

function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : 1;
}
