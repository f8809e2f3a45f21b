import type { Knex } from 'knex';
import { copyOrRollBack, copyRows } from '../db/copy.ts';
import { rowSource, type Column } from '../db/rows.ts';
import { runSql } from '../db/sql.ts';
import { newId } from '../domain/ids.ts';
import type { OwnAttribution } from './customer-rows.ts';
import type { KnownFact } from './fold.ts';
import type { EventOutcome } from './outcomes.ts';
import type { Posting } from './postings.ts';
import type { Scope } from './references.ts';
import { OUTCOME_CHANNEL } from './outcome-channel.ts';

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
export async function insertFacts(trx: Knex, rows: FactRow[]): Promise<Set<string>> {
  if (rows.length === 0) return new Set();
  const { sql, bindings } = rowSource('r', columnsOf(rows));
  const stored = await runSql<{ id: string; inserted: boolean }>(
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
export async function appendFacts(trx: Knex, rows: FactRow[]): Promise<void> {
  if (rows.length === 0) return;
  if (await copyOrRollBack(trx, 'facts', columnsOf(rows))) await insertFacts(trx, rows);
}

/** Marks stored facts as taken into account by the ledger. */
export async function markPosted(trx: Knex, orderIds: string[]): Promise<void> {
  if (orderIds.length === 0) return;
  await runSql(trx, `update facts set posted = true where order_id = any(?) and not posted`, [orderIds]);
}

/** Where a stored fact belongs from now on, since its order turned out to be, or not to be, another one. */
export interface FactMove {
  scope: Scope;
  factId: string;
  orderId: string;
  /** The order that the fact is about by its references, where a hint joins that to `orderId`. */
  partId: string | null;
}

export async function moveFacts(trx: Knex, moves: FactMove[]): Promise<void> {
  if (moves.length === 0) return;
  await runSql(
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

/** Appends to the ledger. Nothing ever changes or removes an entry; a trigger sees to that. */
export async function insertPostings(
  trx: Knex,
  postings: { scope: Scope; orderId: string; posting: Posting }[],
): Promise<void> {
  if (postings.length === 0) return;
  await copyRows(trx, 'ledger_entries', [
    { name: 'id', type: 'text', values: postings.map(() => newId('led')) },
    { name: 'program_id', type: 'text', values: postings.map(({ scope }) => scope.programId) },
    { name: 'livemode', type: 'boolean', values: postings.map(({ scope }) => scope.livemode) },
    { name: 'order_id', type: 'text', values: postings.map(({ orderId }) => orderId) },
    { name: 'affiliate_id', type: 'text', values: postings.map(({ posting }) => posting.affiliateId) },
    { name: 'amount_minor', type: 'bigint', values: postings.map(({ posting }) => posting.amountMinor) },
    { name: 'currency', type: 'text', values: postings.map(({ posting }) => posting.currency) },
    { name: 'type', type: 'text', values: postings.map(({ posting }) => posting.type) },
    { name: 'fact_id', type: 'text', values: postings.map(({ posting }) => posting.factId) },
  ]);
}

/** Writes what became of the events, and announces those that somebody waits for. */
export async function finishEvents(trx: Knex, outcomes: EventOutcome[], awaited: string[], now: string): Promise<void> {
  if (outcomes.length === 0) return;
  const { sql, bindings } = rowSource('o', [
    { name: 'id', type: 'text', values: outcomes.map(({ eventId }) => eventId) },
    { name: 'outcome', type: 'text', values: outcomes.map(({ outcome }) => outcome) },
    { name: 'reason', type: 'text', values: outcomes.map(({ reason }) => reason) },
    { name: 'error', type: 'text', values: outcomes.map(({ error }) => error) },
    { name: 'conversion_id', type: 'text', values: outcomes.map(({ conversionId }) => conversionId) },
  ]);
  await runSql(
    trx,
    `update inbox_events e set status = 'processed', outcome = o.outcome, reason = o.reason, error = o.error,
       conversion_id = o.conversion_id, settled_at = ?::timestamptz
     from ${sql} where e.id = o.id`,
    [now, ...bindings],
  );
  await announceOutcomes(trx, awaited);
}

// PostgreSQL takes payloads of up to 8 000 bytes; an id has 36.
const IDS_PER_NOTICE = 200;

/** Tells the web processes whose callers wait; heard once the transaction commits. */
export async function announceOutcomes(trx: Knex, eventIds: string[]): Promise<void> {
  for (let start = 0; start < eventIds.length; start += IDS_PER_NOTICE) {
    await runSql(trx, `select pg_notify(?, ?)`, [
      OUTCOME_CHANNEL,
      eventIds.slice(start, start + IDS_PER_NOTICE).join(','),
    ]);
  }
}

/** A customer's orders, or one order, to be settled again because something beside them changed. */
export interface ResettlementRequest {
  scope: Scope;
  customerId: string | null;
  orderId: string | null;
}

/** Notes down what has to be settled again in a later batch; gives the ids for the queue. */
export async function requestResettlements(trx: Knex, requests: ResettlementRequest[]): Promise<string[]> {
  if (requests.length === 0) return [];
  const ids = requests.map(() => newId('ibx'));
  await runSql(
    trx,
    `insert into resettlements (id, program_id, livemode, customer_id, order_id)
     select * from unnest(?::text[], ?::text[], ?::boolean[], ?::text[], ?::text[])`,
    [
      ids,
      requests.map(({ scope }) => scope.programId),
      requests.map(({ scope }) => scope.livemode),
      requests.map(({ customerId }) => customerId),
      requests.map(({ orderId }) => orderId),
    ],
  );
  return ids;
}
