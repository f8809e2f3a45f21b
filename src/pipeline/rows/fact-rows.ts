import type { Trx } from '../../db/db.ts';
import { copyUnlessTaken } from '../../db/copy.ts';
import { rowSource, type Column } from '../../db/rows.ts';
import { runPositional } from '../../db/sql.ts';
import type { Fact } from '../../domain/facts.ts';
import type { Scope } from '../../domain/scope.ts';
import type { OwnAttribution } from '../rules/attribution.ts';
import type { KnownFact } from '../rules/order-facts.ts';

/** A fact with where it is kept: with its own order, or with the one that a hint joined that to. */
export interface StoredFact extends KnownFact {
  orderId: string;
  partId: string | null;
}

/** Reads the facts of orders, by the order that each is about by its references. */
export async function readFacts(trx: Trx, orderIds: string[]): Promise<Map<string, StoredFact[]>> {
  const facts = new Map<string, StoredFact[]>();
  if (orderIds.length === 0) return facts;
  const rows = await runPositional<{
    order_id: string;
    part_id: string | null;
    inbox_id: string;
    fact: Fact;
    posted: boolean;
  }>(trx, `select order_id, part_id, inbox_id, fact, posted from facts where order_id = any(?)`, [orderIds]);
  for (const row of rows) {
    const partId = row.part_id ?? row.order_id;
    const known = facts.get(partId) ?? [];
    facts.set(partId, known);
    known.push({
      fact: row.fact,
      inboxId: row.inbox_id,
      posted: row.posted,
      orderId: row.order_id,
      partId: row.part_id,
    });
  }
  return facts;
}

/** A stored fact about a customer alone, with whom it named when it came. */
export interface CustomerFact extends KnownFact {
  attribution: OwnAttribution | null;
}

/** Facts about customers alone (links by metadata, funnel events), by root customer. */
export async function readCustomerFacts(trx: Trx, members: Map<string, string>): Promise<Map<string, CustomerFact[]>> {
  const facts = new Map<string, CustomerFact[]>();
  if (members.size === 0) return facts;
  const rows = await runPositional<{
    customer_id: string;
    inbox_id: string;
    fact: Fact;
    attribution: OwnAttribution | null;
  }>(
    trx,
    `select customer_id, inbox_id, fact, attribution from facts where customer_id = any(?) and order_id is null`,
    [[...members.keys()]],
  );
  for (const row of rows) {
    const root = members.get(row.customer_id) ?? row.customer_id;
    const known = facts.get(root) ?? [];
    facts.set(root, known);
    known.push({ fact: row.fact, inboxId: row.inbox_id, posted: false, attribution: row.attribution });
  }
  return facts;
}

/** A fact to be stored, with what it is about. */
export interface FactRow {
  scope: Scope;
  known: KnownFact;
  orderId: string | null;
  partId: string | null;
  customerId: string | null;
  /** Whom a fact about a customer names. */
  attribution: OwnAttribution | null;
}

/**
 * Stores new facts; of a fact that is there already the message received first has the say, as it is understood now. Gives
 * the ids of the new ones.
 * Sorted, since those about nobody's order or customer are under no lock: two workers with the same must not deadlock.
 */
export async function insertFacts(trx: Trx, rows: FactRow[]): Promise<Set<string>> {
  if (rows.length === 0) return new Set();
  const { sql, bindings } = rowSource('r', columnsOf(rows));
  const stored = await runPositional<{ id: string; inserted: boolean }>(
    trx,
    `insert into facts as known (program_id, livemode, id, order_id, part_id, customer_id, inbox_id, occurred_at, fact,
       attribution, posted)
     select program_id, livemode, id, order_id, part_id, customer_id, inbox_id, occurred_at, fact, attribution, posted
     from ${sql}
     order by program_id, livemode, id collate "C"
     on conflict (program_id, livemode, id) do update
       set inbox_id = least(excluded.inbox_id, known.inbox_id),
         occurred_at = case when excluded.inbox_id <= known.inbox_id then excluded.occurred_at else known.occurred_at end,
         fact = case when excluded.inbox_id <= known.inbox_id then excluded.fact else known.fact end,
         attribution = case when excluded.inbox_id <= known.inbox_id then excluded.attribution
           else coalesce(known.attribution, excluded.attribution) end
       where excluded.inbox_id < known.inbox_id
         or excluded.inbox_id = known.inbox_id and excluded.fact::jsonb <> known.fact::jsonb
         or known.attribution is null and excluded.attribution is not null
     returning id, xmax = 0 as inserted`,
    bindings,
  );
  return new Set(stored.filter((row) => row.inserted).map((row) => row.id));
}

function columnsOf(rows: FactRow[]): Column[] {
  return [
    { name: 'id', type: 'text', values: rows.map(({ known }) => known.fact.id) },
    { name: 'program_id', type: 'text', values: rows.map(({ scope }) => scope.programId) },
    { name: 'livemode', type: 'boolean', values: rows.map(({ scope }) => scope.livemode) },
    { name: 'order_id', type: 'text', values: rows.map(({ orderId }) => orderId) },
    { name: 'part_id', type: 'text', values: rows.map(({ partId }) => partId) },
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
  ];
}

/**
 * Stores facts that nobody has stored, as far as their orders' locks can tell, by COPY (measured: a third less than
 * `insertFacts`). Where another order has one of them after all, all go the other way.
 */
export async function appendFacts(trx: Trx, rows: FactRow[]): Promise<void> {
  if (rows.length === 0) return;
  if (!(await copyUnlessTaken(trx, 'facts', columnsOf(rows)))) await insertFacts(trx, rows);
}

/** Marks stored facts as taken into account by the ledger. */
export async function markPosted(trx: Trx, orderIds: string[]): Promise<void> {
  if (orderIds.length === 0) return;
  await runPositional(trx, `update facts set posted = true where order_id = any(?) and not posted`, [orderIds]);
}

/** Where a stored fact belongs from now on, since its order turned out to be, or not to be, another one. */
export interface FactMove {
  scope: Scope;
  factId: string;
  orderId: string;
  /** The order that the fact is about by its references, where a hint joins that to `orderId`. */
  partId: string | null;
}

export async function moveFacts(trx: Trx, moves: FactMove[]): Promise<void> {
  if (moves.length === 0) return;
  await runPositional(
    trx,
    `update facts set order_id = move.order_id, part_id = move.part_id
     from unnest(?::text[], ?::boolean[], ?::text[], ?::text[], ?::text[])
       as move (program_id, livemode, id, order_id, part_id)
     where facts.program_id = move.program_id and facts.livemode = move.livemode and facts.id = move.id`,
    [
      moves.map(({ scope }) => scope.programId),
      moves.map(({ scope }) => scope.livemode),
      moves.map(({ factId }) => factId),
      moves.map(({ orderId }) => orderId),
      moves.map(({ partId }) => partId),
    ],
  );
}
