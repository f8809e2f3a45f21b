import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import type { Db } from '../../src/db/db.ts';
import type { Logger } from 'pino';
import { runSql } from '../support/sql.ts';
import type { Fact } from '../../src/domain/facts.ts';
import { newId } from '../../src/domain/ids.ts';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { settleSafely } from '../../src/pipeline/settle-safely.ts';
import type { IntakeJob } from '../../src/queue/jobs.ts';
import { inTransaction } from '../../src/db/db.ts';
import { createPayout, finishPayout } from '../../src/ledger/payouts.ts';
import { familiesOf } from '../../src/ledger/customer-families.ts';
import { requestThoseWithOneEmail } from '../../src/pipeline/work-items/settle-again.ts';
import { requestResettlements } from '../../src/pipeline/rows/resettlement-rows.ts';
import { currencies, START } from '../pipeline/rules/arbitrary-facts.ts';
import { clicks, phasesOf, type Delivery, type History } from './arbitrary-histories.ts';

/** Everything about a ledger that must not depend on how its facts arrived; amounts as text, orders by their references. */
export interface LedgerImage {
  orders: Record<string, unknown>[];
  balances: Record<string, unknown>[];
  customers: Record<string, unknown>[];
}

const NOW = new Date('2026-12-01T00:00:00.000Z');

/** Lives through a history in a program of its own, delivered in the given way, and gives the ledger that came of it. */
export async function liveHistory(db: Db, log: Logger, history: History, delivery: Delivery): Promise<LedgerImage> {
  const mark = randomBytes(5).toString('hex');
  const programId = `prg_${mark}`;
  await createProgram(db, programId, mark, history);
  const events = JSON.parse(JSON.stringify(history.events).replaceAll('_@_', `_${mark}_`)) as Fact[][];
  // Ids are random within a millisecond: sorted, every repeat comes after all that is received for the first time.
  const deliveries = delivery.phases.flat(2).length;
  const receipt = Array.from({ length: events.length + deliveries }, () => newId('ibx')).sort();
  const repeats = receipt.splice(events.length);
  const seen = new Set<number>();
  for (const [phase, batches] of delivery.phases.entries()) {
    if (phase > 0) await payOut(db, log, programId, mark);
    if (phase === 1 && history.program.identifiesOtherwise) await identifyOtherwise(db, log, programId);
    const queue: IntakeJob[] = [];
    for (const batch of batches) {
      const eventIds: string[] = [];
      for (const index of batch) {
        const repeated = seen.has(index) || delivery.receivedAnew;
        seen.add(index);
        const id = (repeated ? repeats.shift() : receipt[index]) ?? '';
        await receive(db, programId, id, events[index] ?? []);
        eventIds.push(id);
      }
      queue.push({ eventIds, resettlementIds: [] });
    }
    await work(db, log, queue, delivery.workers);
  }
  await assertFinished(db, programId);
  await assertBooksBalance(db, programId);
  await assertProven(db, programId);
  return readImage(db, programId, mark);
}

/** Empties the queue, with so many workers at once. */
async function work(db: Db, log: Logger, queue: IntakeJob[], workers: number): Promise<void> {
  const deps = { db, log, clock: { now: () => NOW } };
  const running = Array.from({ length: workers }, async (_, turn) => {
    for (let job = queue.shift(); job; job = queue.shift()) {
      const { resettlementIds } = await settleSafely(deps, job);
      // What is to be settled again may come at any time: at once or last.
      for (const id of resettlementIds) {
        const again = { eventIds: [], resettlementIds: [id] };
        if (turn % 2 === 0) queue.push(again);
        else queue.unshift(again);
      }
    }
  });
  await Promise.all(running);
}

/** Changes who is one customer; those whom that concerns are settled again. */
async function identifyOtherwise(db: Db, log: Logger, programId: string): Promise<void> {
  const requested = await inTransaction(db, async (trx) => {
    await runSql(trx, `update programs set identify_by_email = not identify_by_email where id = ?`, [programId]);
    return requestThoseWithOneEmail(trx, programId);
  });
  await work(
    db,
    log,
    requested.map((id) => ({ eventIds: [], resettlementIds: [id] })),
    2,
  );
}

/** Pays all that is payable: what was paid is a decision that later facts find. */
async function payOut(db: Db, log: Logger, programId: string, mark: string): Promise<void> {
  for (const name of ['a', 'b']) {
    for (const currency of currencies) {
      const input = { affiliateId: `aff_${mark}_${name}`, currency, createdBy: 'key_1' };
      const requests = await inTransaction(db, async (trx) => {
        const payout = await createPayout(trx, programId, input, NOW);
        if (!payout) return [];
        const { orderIds = [] } = (await finishPayout(trx, programId, payout.id, 'paid', NOW)) ?? {};
        const scope = { programId, livemode: true };
        return requestResettlements(
          trx,
          orderIds.map((orderId) => ({ scope, customerId: null, orderId })),
        );
      });
      await work(db, log, [{ eventIds: [], resettlementIds: requests }], 1);
    }
  }
}

/** The plainest way: every event by itself, in the order of the history. */
export function plainDelivery(history: History): Delivery {
  const phases = phasesOf(history).map((indexes) => indexes.map((index) => [index]));
  return { phases, workers: 1, receivedAnew: false };
}

async function createProgram(db: Db, programId: string, mark: string, history: History): Promise<void> {
  const { program } = history;
  await db('programs').insert({
    id: programId,
    name: 'Generated',
    timezone: program.timezone,
    coupon_first: program.couponFirst,
    attribution_model: program.attributionModel,
    auto_approve: program.autoApprove,
    hold_days: program.holdDays,
    identify_by_email: program.identifyByEmail,
  });
  const affiliates = [
    { name: 'a', email: 'a@affiliates.example', status: 'active', override: null },
    { name: 'b', email: 'b@affiliates.example', status: 'active', override: { rateBps: 500 } },
    { name: 'paused', email: 'p@affiliates.example', status: 'paused', override: null },
    { name: 'self', email: 'buyer@shop.example', status: 'active', override: null },
  ];
  for (const { name, email, status, override } of affiliates) {
    const id = `aff_${mark}_${name}`;
    await db('affiliates').insert({
      id,
      program_id: programId,
      display_name: name,
      email,
      status,
      referral_code: `code-${name}`,
      commission_override: override === null ? null : JSON.stringify(override),
    });
    await db('affiliate_codes').insert([
      { program_id: programId, kind: 'referral', code: `code-${name}`, display: `code-${name}`, affiliate_id: id },
      { program_id: programId, kind: 'coupon', code: `cpn-${name}`, display: `cpn-${name}`, affiliate_id: id },
    ]);
  }
  // For a day, in the midst of the history.
  await db('affiliate_bans').insert({
    program_id: programId,
    affiliate_id: `aff_${mark}_b`,
    banned_at: new Date(START + 3_600_000),
    lifted_at: new Date(START + 86_400_000),
    checked_at: NOW,
  });
  const offers = [
    { name: '1', commission: history.commission, currency: 'USD', status: 'published' },
    { name: '2', commission: history.otherCommission, currency: 'JPY', status: 'published' },
    { name: 'closed', commission: history.commission, currency: 'USD', status: 'paused' },
  ];
  for (const { name, commission, currency, status } of offers) {
    await db('offers').insert({
      id: `off_${mark}_${name}`,
      program_id: programId,
      name,
      url: 'https://shop.example/',
      code: `offer-${name}`,
      commission: JSON.stringify(commission),
      currency,
      status,
    });
  }
  await db('programs')
    .where({ id: programId })
    .update({ default_offer_id: `off_${mark}_1` });
  for (const { name, affiliate, offer, at } of clicks) {
    await db('clicks').insert({
      id: `clk_${mark}_${name}`,
      program_id: programId,
      livemode: true,
      affiliate_id: `aff_${mark}_${affiliate}`,
      offer_id: offer === null ? null : `off_${mark}_${offer}`,
      occurred_at: at,
    });
  }
}

async function receive(db: Db, programId: string, id: string, facts: Fact[]): Promise<void> {
  await db('inbox_events').insert({
    id,
    program_id: programId,
    kind: 'stripe',
    livemode: true,
    raw: Buffer.from('{}'),
    facts: JSON.stringify(facts),
    received_at: NOW,
    next_enqueue_at: NOW,
  });
}

async function assertFinished(db: Db, programId: string): Promise<void> {
  const left = await runSql<{ id: string; error: string | null }>(
    db,
    `select id, error from inbox_events where program_id = ? and status <> 'processed'
     union all select id, 'to be settled again' from resettlements where program_id = ?`,
    [programId, programId],
  );
  if (left.length > 0) throw new Error(`${left.length} not settled: ${left[0]?.error}`);
}

/**
 * What is posted of each order is its commission, to its affiliate alone; and nothing stands with merged orders but what was
 * paid to somebody else than the surviving order's affiliate.
 */
async function assertBooksBalance(db: Db, programId: string): Promise<void> {
  const wrong = await runSql<Record<string, unknown>>(
    db,
    `select o.id, o.status, o.commission_minor, e.affiliate_id, e.currency, coalesce(e.amount, 0) as posted
     from orders o left join (
       select order_id, affiliate_id, currency, sum(amount_minor) as amount from ledger_entries group by 1, 2, 3
     ) e on e.order_id = o.id and e.amount <> 0
     where o.program_id = ? and not (o.status = 'merged' and exists (
         select 1 from ledger_entries l join payout_entries pe on pe.order_id = l.order_id and pe.entry_id = l.id and pe.live
         where l.order_id = o.id and l.affiliate_id = e.affiliate_id))
       and (coalesce(e.amount, 0) <> o.commission_minor
       or e.amount is not null and (e.affiliate_id, e.currency) is distinct from (o.affiliate_id, o.commission_currency))`,
    [programId],
  );
  if (wrong.length > 0) throw new Error(`the books do not balance: ${String(wrong[0]?.['id'])}`);
}

/** `tributary verify` finds nothing. */
async function assertProven(db: Db, programId: string): Promise<void> {
  const { total, differences } = await verifyLedger(db, { programId, pageSize: 3 });
  if (total === 0) return;
  const words = differences.map(
    ({ what, id, field, stored, expected }) =>
      `${what} ${id} ${field}: stored ${inspect(stored, { depth: 9 })}, expected ${inspect(expected, { depth: 9 })}`,
  );
  throw new Error(`the proof differs:\n${words.join('\n')}`);
}

async function readImage(db: Db, programId: string, mark: string): Promise<LedgerImage> {
  const bindings = [programId];
  const orders = await runSql<Record<string, unknown>>(
    db,
    `with recursive root as (
       select id, id as root from orders where program_id = ? and merged_into is null
       union all
       select o.id, root.root from orders o join root on o.merged_into = root.id),
     customer_root as (
       select start as id, (array_agg(c.id order by c.is_email, c.id))[1] as root
       from (${familiesOf('select id from customers where program_id = ?')} select * from family) f
       join customers c on c.id = f.id where c.merged_into is null group by start)
     select (select array_agg(ref order by ref) from order_refs join root r on r.id = order_refs.order_id
             where r.root = o.id) as refs,
       (select array_agg(ref order by ref) from customer_refs c join customer_root r on r.id = c.customer_id
        where r.root = (select root from customer_root where id = o.customer_id)) as customer,
       (select array_agg(f.id order by f.id) from facts f where f.order_id = o.id) as facts,
       (select json_agg(s order by s.affiliate_id, s.currency) from (
          select e.affiliate_id, e.currency, sum(e.amount_minor)::text as amount
          from ledger_entries e join root r on r.id = e.order_id where r.root = o.id
          group by 1, 2 having sum(e.amount_minor) <> 0) s) as postings,
       kind, status, reason, gross_minor::text, net_minor::text, refunded_minor::text, currency, affiliate_id, offer_id,
       click_id, order_id, goal, subscription, occurred_at, reference, commission_minor::text, commission_currency,
       claims_payment, own, explanation, keyless, counted_at, approvable_at
     from orders o where id in (select root from root) order by reference`,
    [programId, programId],
  );
  const balances = await runSql<Record<string, unknown>>(
    db,
    `select affiliate_id, currency, sum(amount_minor)::text as amount from ledger_entries where program_id = ?
     group by 1, 2 having sum(amount_minor) <> 0 order by 1, 2`,
    bindings,
  );
  const customers = await runSql<Record<string, unknown>>(
    db,
    `with root as (
       select start as id, (array_agg(c.id order by c.is_email, c.id))[1] as root
       from (${familiesOf('select id from customers where program_id = ?')} select * from family) f
       join customers c on c.id = f.id where c.merged_into is null group by start)
     select (select array_agg(ref order by ref) from customer_refs join root r on r.id = customer_refs.customer_id
             where r.root = c.id) as refs, affiliate_id, offer_id, click_id, bound_at, bound_ref
     from customers c where id in (select root from root)
       and (exists (select 1 from orders where merged_into is null and customer_id in (select id from root r where r.root = c.id))
         or exists (select 1 from facts where order_id is null and customer_id in (select id from root r where r.root = c.id)))`,
    bindings,
  );
  const image = { orders, balances, customers: customers.toSorted(byText) };
  return JSON.parse(
    // Ids differ each time: what a binding is called by its order is compared by reference.
    JSON.stringify(image)
      .replaceAll(mark, '@')
      .replaceAll(/"value":"cnv_[0-9a-f]{32}"/g, '"value":"binding"'),
  ) as LedgerImage;
}

/** What two ledgers differ in, the fields alone: the first has `was`, the second `is`. */
export function describeDifference(was: LedgerImage, is: LedgerImage): string {
  const lines: string[] = [];
  for (const part of ['orders', 'customers', 'balances'] as const) {
    for (let index = 0; index < Math.max(was[part].length, is[part].length); index += 1) {
      const [a = {}, b = {}] = [was[part][index], is[part][index]];
      for (const field of new Set([...Object.keys(a), ...Object.keys(b)])) {
        const [before, after] = [JSON.stringify(a[field]), JSON.stringify(b[field])];
        if (before !== after) lines.push(`${part} ${index} ${field}: was ${before}, is ${after}`);
      }
    }
  }
  return lines.join('\n');
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
