import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import type { Fact } from '../domain/facts.ts';
import { readKeyNames } from '../program/key-names.ts';
import { restoreSourceIds } from '../program/source-refs.ts';
import { readFamily } from '../ledger/conversions.ts';
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
  message: { id: string; kind: string; sourceId: string | null; sourceRef: string | null; receivedAt: string } | null;
  postings: StoryPosting[];
}

export interface StoryPosting {
  id: string;
  orderId: string;
  affiliateId: string;
  amountMinor: bigint;
  currency: string;
  type: string;
  createdAt: string;
  payout: { id: string; status: string } | null;
}

/** Finds orders by conversion or commission id, by the sender's own order id, or by any reference; live ones first. */
export async function findStories(db: Db, name: string): Promise<Story[]> {
  const text = await restoreSourceIds(db, null, name);
  const rows = await runSql<{ id: string }>(
    db,
    'findStories',
    `with recursive named as (select order_id as id from order_refs where ref = any(:references)),
       known as (
         select id from named
         union
         select o.merged_into from known join orders o on o.id = known.id where o.merged_into is not null)
     select id from orders where id = :text or id = 'cnv_' || substr(:text, 5) and :text like 'com\\_%'
     union select id from named
     union select o.id from known join orders o on o.id = known.id and o.order_id = :text
     union select id from orders where order_id = :text and reference is distinct from 'order:' || order_id`,
    { text, references: [text, `order:${text}`, `stripe:${text}`] },
  );
  const stories: Story[] = [];
  for (const { id } of rows.slice(0, MAX_STORIES)) stories.push(await readStory(db, id));
  return stories.sort(
    (a, b) => Number(b.order.livemode) - Number(a.order.livemode) || (a.order.id < b.order.id ? -1 : 1),
  );
}

const MAX_STORIES = 20;

async function readStory(db: Db, orderId: string): Promise<Story> {
  const [row] = await runSql<Record<string, unknown>>(
    db,
    'readStoryOrder',
    `select ${orderColumns} from orders where id = :orderId`,
    { orderId },
  );
  if (!row) throw new Error(`no order ${orderId}`);
  const order = toOrderRow(row);
  const ids = await readFamily(db, orderId);
  const references = await runSql<{ ref: string }>(
    db,
    'readStoryReferences',
    `select ref from unnest(:ids::text[]) as known (id) cross join lateral refs_of_order(known.id) as ref
     order by ref collate "C"`,
    { ids },
  );
  const facts = await runSql<FactRow>(
    db,
    'readStoryFacts',
    `select f.fact, f.inbox_id, e.kind, e.source_id, s.ref as source_ref, e.received_at
     from facts f left join inbox_events e on e.id = f.inbox_id left join sources s on s.id = e.source_id
     where f.order_id = any(:ids) order by f.occurred_at, f.id`,
    { ids },
  );
  const entries = await runSql<EntryRow>(
    db,
    'readStoryEntries',
    `select l.id, l.order_id, l.affiliate_id, l.amount_minor, l.currency, l.type, l.fact_id, l.created_at,
       p.id as payout_id, p.status as payout_status
     from ledger_entries l
     left join payout_entries pe on pe.order_id = l.order_id and pe.entry_id = l.id and pe.live
     left join payouts p on p.id = pe.payout_id
     where l.order_id = any(:ids) order by l.created_at, l.id`,
    { ids },
  );
  const [names] = await runSql<Omit<Story['names'], 'keys'>>(
    db,
    'readStoryNames',
    `select p.name as program, a.display_name as affiliate, o.name as offer from programs p
     left join affiliates a on a.id = :affiliateId and a.program_id = p.id
     left join offers o on o.id = :offerId and o.program_id = p.id where p.id = :programId`,
    { affiliateId: order.affiliateId, offerId: order.offerId, programId: order.programId },
  );
  return {
    order,
    references: references.map(({ ref }) => ref),
    mergedInto: order.mergedInto,
    merged: ids.filter((id) => id !== orderId),
    names: {
      ...(names ?? { program: order.programId, affiliate: null, offer: null }),
      keys: await readKeyNames(
        db,
        order.programId,
        facts.flatMap(({ fact }) => ('by' in fact ? [fact.by] : [])),
      ),
    },
    chapters: toChapters(facts, entries.map(toPosting)),
  };
}

/** Each fact with the postings that it caused; what was posted without one, for the change of another order, between them. */
function toChapters(facts: FactRow[], postings: { factId: string | null; posting: StoryPosting }[]): Chapter[] {
  const told = new Set(facts.map(({ fact }) => fact.id));
  const chapters = facts.map((row): Chapter => ({
    at: row.fact.occurredAt,
    fact: row.fact,
    message:
      row.received_at === null
        ? null
        : {
            id: row.inbox_id,
            kind: row.kind ?? '',
            sourceId: row.source_id,
            sourceRef: row.source_ref,
            receivedAt: row.received_at.toISOString(),
          },
    postings: postings.filter(({ factId }) => factId === row.fact.id).map(({ posting }) => posting),
  }));
  for (const { factId, posting } of postings) {
    if (factId !== null && told.has(factId)) continue;
    chapters.push({ at: posting.createdAt, fact: null, message: null, postings: [posting] });
  }
  return chapters.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
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
      payout: row.payout_id === null ? null : { id: row.payout_id, status: row.payout_status ?? '' },
    },
  };
}

interface FactRow {
  fact: Fact;
  inbox_id: string;
  kind: string | null;
  source_id: string | null;
  source_ref: string | null;
  received_at: Date | null;
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
}
