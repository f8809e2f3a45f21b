import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import type { Fact } from '../domain/facts.ts';
import { compareText } from '../domain/orderings.ts';
import { listReferences, readFamilies } from '../ledger/conversions.ts';
import { orderColumns, toOrderRow, type OrderRow } from '../pipeline/rows/order-rows.ts';

/** All that is on record about an order, those merged into it included. */
export interface Story {
  order: OrderRow;
  /** Every reference that it is known by. */
  references: string[];
  /** The order that it was merged into. */
  mergedInto: string | null;
  /** Orders that turned out to be this one. */
  merged: string[];
  names: {
    program: string;
    affiliate: string | null;
    offer: string | null;
    /** By id: of the API keys by which people decided. */
    keys: Record<string, string>;
  };
  /** In the order in which they happened. */
  chapters: Chapter[];
}

/** One thing that happened, and what it did to the ledger. */
export interface Chapter {
  /** When it happened; of an adjustment, when it was posted. ISO 8601 UTC. */
  at: string;
  fact: Fact | null;
  /** The message that brought the fact. */
  message: StoryMessage | null;
  postings: StoryPosting[];
}

/** An inbound message, and what became of it. */
export interface StoryMessage {
  id: string;
  kind: string;
  sourceId: string | null;
  sourceRef: string | null;
  receivedAt: string;
  /** Null: it waits to be settled. */
  settledAt: string | null;
  outcome: string | null;
  reason: string | null;
  error: string | null;
}

export interface StoryPosting {
  id: string;
  orderId: string;
  affiliateId: string;
  amountMinor: bigint;
  currency: string;
  type: string;
  createdAt: string;
  payout: { id: string; status: string; createdAt: string; paidAt: string | null } | null;
}

/** Facts and postings of all orders together; one has a handful. */
const EVERYTHING = 2_147_483_647;

/**
 * The stories of these orders, in the order in which they are named; unknown ones are left out. Of facts and of postings at
 * most `limit` are read, the earliest: all of them unless said.
 */
export async function readStories(db: Db, orderIds: readonly string[], limit = EVERYTHING): Promise<Story[]> {
  if (orderIds.length === 0) return [];
  const rows = await runSql<Record<string, unknown>>(
    db,
    'readStoryOrders',
    `select ${orderColumns} from orders where id = any(:orderIds)`,
    { orderIds },
  );
  const orders = rows.map(toOrderRow);
  const families = await readFamilies(db, orderIds);
  const references = await listReferences(db, orderIds);
  const ids = [...new Set([...families.values()].flat())];
  const facts = await readFacts(db, ids, limit);
  const entries = await readEntries(db, ids, limit);
  const names = await readNames(
    db,
    orders,
    facts.map(({ fact }) => fact),
  );
  return orderIds.flatMap((orderId): Story[] => {
    const order = orders.find(({ id }) => id === orderId);
    if (!order) return [];
    const family = families.get(orderId) ?? [];
    const isOurs = (row: { order_id: string }): boolean => family.includes(row.order_id);
    return [
      {
        order,
        references: references.get(orderId) ?? [],
        mergedInto: order.mergedInto,
        merged: family.filter((id) => id !== orderId),
        names: names(order),
        chapters: toChapters(facts.filter(isOurs), entries.filter(isOurs).map(toPosting)),
      },
    ];
  });
}

function readFacts(db: Db, ids: string[], limit: number): Promise<FactRow[]> {
  return runSql<FactRow>(
    db,
    'readStoryFacts',
    `select f.order_id, f.fact, f.inbox_id, e.kind, e.source_id, s.ref as source_ref, e.received_at, e.settled_at, e.outcome,
       e.reason, e.error
     from facts f left join inbox_events e on e.id = f.inbox_id left join sources s on s.id = e.source_id
     where f.order_id = any(:ids) order by f.occurred_at, f.id limit :limit`,
    { ids, limit },
  );
}

function readEntries(db: Db, ids: string[], limit: number): Promise<EntryRow[]> {
  return runSql<EntryRow>(
    db,
    'readStoryEntries',
    `select l.id, l.order_id, l.affiliate_id, l.amount_minor, l.currency, l.type, l.fact_id, l.created_at,
       p.id as payout_id, p.status as payout_status, p.created_at as payout_created_at, p.paid_at as payout_paid_at
     from ledger_entries l
     left join payout_entries pe on pe.order_id = l.order_id and pe.entry_id = l.id and pe.live
     left join payouts p on p.id = pe.payout_id
     where l.order_id = any(:ids) order by l.created_at, l.id limit :limit`,
    { ids, limit },
  );
}

/** What the things that orders name are called. */
async function readNames(db: Db, orders: OrderRow[], facts: Fact[]): Promise<(order: OrderRow) => Story['names']> {
  const deciders = facts.flatMap((fact) => ('by' in fact ? [fact.by] : []));
  const rows = await runSql<{ kind: string; program_id: string; id: string; name: string }>(
    db,
    'readStoryNames',
    `select 'program' as kind, id as program_id, id, name from programs where id = any(:programIds)
     union all
     select 'affiliate', program_id, id, display_name from affiliates where id = any(:affiliateIds)
     union all
     select 'offer', program_id, id, name from offers where id = any(:offerIds)
     union all
     select 'key', program_id, id, name from api_keys where program_id = any(:programIds) and id = any(:deciders)`,
    {
      programIds: [...new Set(orders.map(({ programId }) => programId))],
      affiliateIds: orders.flatMap(({ affiliateId }) => affiliateId ?? []),
      offerIds: orders.flatMap(({ offerId }) => offerId ?? []),
      deciders: [...new Set(deciders)],
    },
  );
  return ({ programId, affiliateId, offerId }) => {
    const ours = rows.filter((row) => row.program_id === programId);
    const nameOf = (kind: string, id: string | null): string | null =>
      ours.find((row) => row.kind === kind && row.id === id)?.name ?? null;
    return {
      program: nameOf('program', programId) ?? programId,
      affiliate: nameOf('affiliate', affiliateId),
      offer: nameOf('offer', offerId),
      keys: Object.fromEntries(ours.filter(({ kind }) => kind === 'key').map(({ id, name }) => [id, name])),
    };
  };
}

/** Each fact with the postings that it caused; what was posted without one, for the change of another order, between them. */
function toChapters(facts: FactRow[], postings: { factId: string | null; posting: StoryPosting }[]): Chapter[] {
  const told = new Set(facts.map(({ fact }) => fact.id));
  const chapters = facts.map((row): Chapter => ({
    at: row.fact.occurredAt,
    fact: row.fact,
    message: toMessage(row),
    postings: postings.filter(({ factId }) => factId === row.fact.id).map(({ posting }) => posting),
  }));
  for (const { factId, posting } of postings) {
    if (factId !== null && told.has(factId)) continue;
    chapters.push({ at: posting.createdAt, fact: null, message: null, postings: [posting] });
  }
  return chapters.sort((a, b) => compareText(a.at, b.at));
}

function toMessage(row: FactRow): StoryMessage | null {
  if (row.received_at === null) return null;
  return {
    id: row.inbox_id,
    kind: row.kind ?? '',
    sourceId: row.source_id,
    sourceRef: row.source_ref,
    receivedAt: row.received_at.toISOString(),
    settledAt: row.settled_at?.toISOString() ?? null,
    outcome: row.outcome,
    reason: row.reason,
    error: row.error,
  };
}

function toPosting(row: EntryRow): { factId: string | null; posting: StoryPosting } {
  return {
    factId: row.fact_id,
    posting: {
      id: row.id,
      orderId: row.order_id,
      affiliateId: row.affiliate_id,
      amountMinor: row.amount_minor,
      currency: row.currency,
      type: row.type,
      createdAt: row.created_at.toISOString(),
      payout: row.payout_id === null ? null : toPayout(row.payout_id, row),
    },
  };
}

function toPayout(id: string, row: EntryRow): StoryPosting['payout'] {
  return {
    id,
    status: row.payout_status ?? '',
    createdAt: row.payout_created_at?.toISOString() ?? '',
    paidAt: row.payout_paid_at?.toISOString() ?? null,
  };
}

interface FactRow {
  order_id: string;
  fact: Fact;
  inbox_id: string;
  kind: string | null;
  source_id: string | null;
  source_ref: string | null;
  received_at: Date | null;
  settled_at: Date | null;
  outcome: string | null;
  reason: string | null;
  error: string | null;
}

interface EntryRow {
  id: string;
  order_id: string;
  affiliate_id: string;
  amount_minor: bigint;
  currency: string;
  type: string;
  fact_id: string | null;
  created_at: Date;
  payout_id: string | null;
  payout_status: string | null;
  payout_created_at: Date | null;
  payout_paid_at: Date | null;
}
