import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import type { Db } from '../../src/db/db.ts';
import type { Logger } from 'pino';
import { runSql } from '../support/sql.ts';
import type { Fact } from '../../src/domain/facts.ts';
import { newId } from '../../src/domain/ids.ts';
import { listBalances, payableMinor } from '../../src/ledger/balances.ts';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { settleSafely } from '../../src/pipeline/settle-safely.ts';
import type { IntakeJob } from '../../src/queue/jobs.ts';
import { inTransaction } from '../../src/db/db.ts';
import { familiesOf } from '../../src/ledger/customer-families.ts';
import { requestThoseWithOneEmail } from '../../src/pipeline/work-items/settle-again.ts';
import { START } from '../pipeline/rules/arbitrary-facts.ts';
import type { Delivery } from './arbitrary-deliveries.ts';
import { clicks, type History } from './arbitrary-histories.ts';
import { decide, payOut } from './live-decisions.ts';

/** Everything about a ledger that must not depend on how its facts arrived; amounts as text, orders by their references. */
export interface LedgerImage {
  /** A payment and an invoice were taken for one order, paid as one, and shown to be two afterwards. */
  paidPairCameApart: boolean;
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
  let queue: IntakeJob[] = [];
  const paidPairs: string[] = [];
  for (const [phase, batches] of delivery.phases.entries()) {
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
    const next = history.breaks[phase];
    if (!next) break;
    if (phase === 0 && history.program.identifiesOtherwise) await identifyOtherwise(db, log, programId);
    queue = [];
    const at = { number: phase, decidedAt: new Date(NOW.getTime() + phase * 60_000) };
    for (const fact of await decide(db, programId, mark, next.decisions, at)) {
      const id = newId('ibx');
      await receive(db, programId, id, [fact]);
      queue.push({ eventIds: [id], resettlementIds: [] });
    }
    if (next.pays || !delivery.decisionsWait) await work(db, log, queue, 1);
    if (next.pays) {
      await payOut(db, programId, mark, NOW, (resettlementIds) =>
        work(db, log, [{ eventIds: [], resettlementIds }], 1),
      );
      paidPairs.push(...(await readPaidPairs(db, programId)));
    }
  }
  await assertFinished(db, programId);
  await assertBooksBalance(db, programId);
  await assertProven(db, programId);
  const stillPaidPairs = new Set(await readPaidPairs(db, programId));
  const paidPairCameApart = paidPairs.some((pair) => !stillPaidPairs.has(pair));
  return { paidPairCameApart, ...(await readImage(db, programId, mark)) };
}

/** Pairs that nothing links and that were paid as one order, by the ids of both halves. */
async function readPaidPairs(db: Db, programId: string): Promise<string[]> {
  const rows = await runSql<{ pair: string }>(
    db,
    `select j.id || ' ' || o.id as pair from orders j join orders o on o.id = j.merged_into
     where j.program_id = ? and j.joined_by_hint and o.paid_at is not null`,
    [programId],
  );
  return rows.map(({ pair }) => pair);
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
    identify_by_email: program.identifyByEmail ?? false,
    same_domain: program.sameDomain ?? 'flag',
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

/** What is posted of each order is its commission, to its affiliate; to anybody else exactly what was paid to them. */
async function assertBooksBalance(db: Db, programId: string): Promise<void> {
  const wrong = await runSql<Record<string, unknown>>(
    db,
    `with posted as (
       select e.order_id, e.affiliate_id, e.currency, sum(e.amount_minor) as amount,
         coalesce(sum(e.amount_minor) filter (where pe.entry_id is not null), 0) as paid
       from ledger_entries e
       left join payout_entries pe on pe.order_id = e.order_id and pe.entry_id = e.id and pe.live
       where e.program_id = ? group by 1, 2, 3)
     select o.id from orders o where o.program_id = ? and o.commission_minor <> coalesce(
       (select amount from posted p where p.order_id = o.id
          and (p.affiliate_id, p.currency) = (o.affiliate_id, o.commission_currency)), 0)
     union all
     select o.id from orders o join posted p on p.order_id = o.id
     where (p.affiliate_id, p.currency) is distinct from (o.affiliate_id, o.commission_currency)
       and p.amount <> 0 and p.amount <> p.paid`,
    [programId, programId],
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

async function readImage(db: Db, programId: string, mark: string): Promise<Omit<LedgerImage, 'paidPairCameApart'>> {
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
       claims_payment, own, explanation, ranks_last, counted_at, approvable_at, review -> 'reasons' as review
     from orders o where id in (select root from root) order by reference`,
    [programId, programId],
  );
  const balances = await readBalances(db, programId);
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

/** What each affiliate has, and what of it a payout would take. */
async function readBalances(db: Db, programId: string): Promise<Record<string, unknown>[]> {
  const { items } = await listBalances(db, programId, {}, { limit: 100, after: null });
  return items
    .map((balance) => ({ ...balance, payableMinor: payableMinor(balance) }))
    .map((balance) => Object.fromEntries(Object.entries(balance).map(([name, value]) => [name, String(value)])))
    .filter((balance) => Object.values(balance).some((text) => /^-?[1-9]/.test(text)))
    .sort(byText);
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
