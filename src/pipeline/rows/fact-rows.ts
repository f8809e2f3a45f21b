import { copyUnlessTaken } from '../../db/copy.ts';
import { later, type Trx } from '../../db/db.ts';
import { rowSource, type Column } from '../../db/rows.ts';
import { FEW, runSql } from '../../db/sql.ts';
import type { Fact } from '../../domain/facts.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';
import type { OwnAttribution } from '../rules/attribution.ts';
import type { KnownFact } from '../rules/order-facts.ts';

/** A fact of an order, with where it is kept. */
export interface StoredFact extends KnownFact {
  orderId: string;
  /** The order that the fact's references lead to, where that is joined to `orderId` without a link; else null. */
  halfId: string | null;
}

/** Reads the facts of orders, by the order that the references of each lead to. */
export async function readFacts(trx: Trx, orderIds: readonly string[]): Promise<Map<string, StoredFact[]>> {
  const facts = new Map<string, StoredFact[]>();
  if (orderIds.length === 0) return facts;
  const rows = await runSql<{
    order_id: string;
    part_id: string | null;
    inbox_id: string;
    fact: Fact;
    posted: boolean;
  }>(trx, 'readFacts', `select order_id, part_id, inbox_id, fact, posted from facts where order_id = any(:orderIds)`, {
    orderIds,
  });
  for (const row of rows) {
    append(facts, row.part_id ?? row.order_id, {
      fact: row.fact,
      inboxId: row.inbox_id,
      posted: row.posted,
      orderId: row.order_id,
      halfId: row.part_id,
    });
  }
  return facts;
}

/** A stored fact about a customer alone, with whom it named when it came. */
export interface CustomerFact extends KnownFact {
  attribution: OwnAttribution | null;
}

/** Facts about customers alone (links by metadata, funnel events), by the customer whom theirs was merged into. */
export async function readCustomerFacts(
  trx: Trx,
  rootOf: ReadonlyMap<string, string>,
): Promise<Map<string, CustomerFact[]>> {
  const facts = new Map<string, CustomerFact[]>();
  if (rootOf.size === 0) return facts;
  const rows = await runSql<{
    customer_id: string;
    inbox_id: string;
    fact: Fact;
    attribution: OwnAttribution | null;
  }>(
    trx,
    'readCustomerFacts',
    `select customer_id, inbox_id, fact, attribution from facts
     where customer_id = any(:customerIds) and order_id is null`,
    { customerIds: [...rootOf.keys()] },
  );
  for (const row of rows) {
    append(facts, rootOf.get(row.customer_id) ?? row.customer_id, {
      fact: row.fact,
      inboxId: row.inbox_id,
      posted: false,
      attribution: row.attribution,
    });
  }
  return facts;
}

/** By which message each fact is known, as far as it is; by scope and fact. */
export async function findInboxIds(
  trx: Trx,
  wanted: readonly { scope: Scope; factId: string }[],
): Promise<Map<string, string>> {
  if (wanted.length === 0) return new Map();
  const rows = await runSql<{ programId: string; livemode: boolean; id: string; inboxId: string }>(
    trx,
    'findInboxIdsOfFacts',
    `select f.program_id as "programId", f.livemode, f.id, f.inbox_id as "inboxId"
     from unnest(:programIds::text[], :livemodes::boolean[], :ids::text[]) as w (program_id, livemode, id)
     join facts f using (program_id, livemode, id)`,
    {
      programIds: wanted.map(({ scope }) => scope.programId),
      livemodes: wanted.map(({ scope }) => scope.livemode),
      ids: wanted.map(({ factId }) => factId),
    },
  );
  return new Map(rows.map((row) => [`${scopeKey(row)} ${row.id}`, row.inboxId]));
}

/** A fact to be stored, with what it is about. */
export interface FactRow {
  scope: Scope;
  known: KnownFact;
  orderId: string | null;
  halfId: string | null;
  customerId: string | null;
  /** Whom a fact about a customer names. */
  attribution: OwnAttribution | null;
  /** It names the click that its order is credited by: then the order alone keeps that click. */
  namesItsClick: boolean;
}

/**
 * Stores facts. If a fact exists, the message received earliest wins, in its latest reading. Gives the ids of the new ones.
 *
 * Sorted, since facts that are about nobody's order or customer are under no lock: two workers with the same facts would
 * deadlock.
 */
export async function insertFacts(trx: Trx, rows: FactRow[]): Promise<Set<string>> {
  if (rows.length === 0) return new Set();
  const columns = columnsOf(rows);
  const { sql, bindings } = rowSource('r', columns);
  const names = columns.map(({ name }) => name).join(', ');
  const stored = await runSql<{ id: string; inserted: boolean }>(
    trx,
    'insertFacts',
    `insert into facts as known (${names})
     select ${names} from ${sql}
     order by program_id, livemode, id collate "C"
     on conflict (program_id, livemode, id) do update
       set inbox_id = least(excluded.inbox_id, known.inbox_id),
         occurred_at = case when excluded.inbox_id <= known.inbox_id then excluded.occurred_at else known.occurred_at end,
         fact = case when excluded.inbox_id <= known.inbox_id then excluded.fact else known.fact end,
         attribution = case when excluded.inbox_id <= known.inbox_id then excluded.attribution
           else coalesce(known.attribution, excluded.attribution) end,
         names_its_click = known.names_its_click and excluded.names_its_click
       where excluded.inbox_id < known.inbox_id
         or excluded.inbox_id = known.inbox_id and excluded.fact::jsonb <> known.fact::jsonb
         or known.attribution is null and excluded.attribution is not null
     returning id, xmax = 0 as inserted`,
    bindings,
  );
  return new Set(stored.filter((row) => row.inserted).map((row) => row.id));
}

/**
 * Stores facts that nobody has stored, as far as their orders' locks can tell: few by one statement, which nobody waits for,
 * many by COPY (measured: a third less than `insertFacts`). If another transaction stored one of them after all, COPY fails and we fall back to `insertFacts`.
 */
export async function appendFacts(trx: Trx, rows: FactRow[]): Promise<void> {
  if (rows.length === 0) return;
  if (rows.length <= FEW) later(trx, insertFacts(trx, rows));
  else if (!(await copyUnlessTaken(trx, 'facts', columnsOf(rows)))) await insertFacts(trx, rows);
}

function columnsOf(rows: FactRow[]): Column[] {
  return [
    { name: 'id', type: 'text', values: rows.map(({ known }) => known.fact.id) },
    { name: 'program_id', type: 'text', values: rows.map(({ scope }) => scope.programId) },
    { name: 'livemode', type: 'boolean', values: rows.map(({ scope }) => scope.livemode) },
    { name: 'order_id', type: 'text', values: rows.map(({ orderId }) => orderId) },
    { name: 'part_id', type: 'text', values: rows.map(({ halfId }) => halfId) },
    { name: 'customer_id', type: 'text', values: rows.map(({ customerId }) => customerId) },
    { name: 'inbox_id', type: 'text', values: rows.map(({ known }) => known.inboxId) },
    { name: 'occurred_at', type: 'timestamptz', values: rows.map(({ known }) => known.fact.occurredAt) },
    { name: 'fact', type: 'json', values: rows.map(({ known }) => JSON.stringify(known.fact)) },
    {
      name: 'attribution',
      type: 'json',
      values: rows.map(({ attribution }) => (attribution === null ? null : JSON.stringify(attribution))),
    },
    { name: 'posted', type: 'boolean', values: rows.map(({ known }) => known.posted) },
    { name: 'names_its_click', type: 'boolean', values: rows.map(({ namesItsClick }) => namesItsClick) },
  ];
}

/** Marks the facts of orders as taken into account by the ledger; of some orders not those that came without a key. */
export async function markPosted(trx: Trx, orders: readonly { orderId: string; withholds: boolean }[]): Promise<void> {
  if (orders.length === 0) return;
  await runSql(
    trx,
    'markFactsPosted',
    `update facts set posted = true where order_id = any(:orderIds) and not posted
       and not (order_id = any(:withholdingIds) and fact ->> 'receivedAt' is not null)`,
    {
      orderIds: orders.map(({ orderId }) => orderId),
      withholdingIds: orders.flatMap(({ orderId, withholds }) => (withholds ? orderId : [])),
    },
  );
}

/** Facts of orders that are not credited by the click any more which they were: the clicks that they name are looked for. */
export async function lookForClicksOf(trx: Trx, orderIds: readonly string[]): Promise<void> {
  if (orderIds.length === 0) return;
  await runSql(
    trx,
    'lookForClicksOfFacts',
    'update facts set names_its_click = false where order_id = any(:orderIds) and names_its_click',
    { orderIds },
  );
}

/** Where a stored fact belongs from now on, since its order turned out to be, or not to be, another one. */
export interface FactMove {
  scope: Scope;
  factId: string;
  orderId: string;
  halfId: string | null;
}

export async function moveFacts(trx: Trx, moves: FactMove[]): Promise<void> {
  if (moves.length === 0) return;
  await runSql(
    trx,
    'moveFacts',
    `update facts set order_id = move.order_id, part_id = move.half_id, names_its_click = false
     from unnest(:programIds::text[], :livemodes::boolean[], :factIds::text[], :orderIds::text[], :halfIds::text[])
       as move (program_id, livemode, id, order_id, half_id)
     where facts.program_id = move.program_id and facts.livemode = move.livemode and facts.id = move.id`,
    {
      programIds: moves.map(({ scope }) => scope.programId),
      livemodes: moves.map(({ scope }) => scope.livemode),
      factIds: moves.map(({ factId }) => factId),
      orderIds: moves.map(({ orderId }) => orderId),
      halfIds: moves.map(({ halfId }) => halfId),
    },
  );
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}
