import type { Trx } from '../../db/db.ts';
import { runPositional } from '../../db/sql.ts';
import type { Fact } from '../../domain/facts.ts';

/** An inbox event locked for settling. */
export interface ClaimedEvent {
  id: string;
  programId: string;
  livemode: boolean;
  kind: string;
  facts: Fact[];
  awaited: boolean;
  /** ISO 8601 UTC. */
  receivedAt: string;
}

/** A customer or an order to be settled anew, because something beside it changed. */
export interface Resettlement {
  id: string;
  programId: string;
  livemode: boolean;
  customerId: string | null;
  orderId: string | null;
}

/** Takes those of the events that nobody has settled or is settling; a second job for the same events finds none. */
export async function claimEvents(trx: Trx, ids: string[]): Promise<ClaimedEvent[]> {
  if (ids.length === 0) return [];
  const rows = await runPositional<EventRow>(
    trx,
    // Worded so that no index on the status is taken: it holds all that waits, the primary key these alone.
    `select id, program_id, livemode, kind, facts, awaited, received_at
     from inbox_events where id = any(?) and (status = 'received') is true
     order by id for update skip locked`,
    [ids],
  );
  return rows.map((row) => ({
    id: row.id,
    programId: row.program_id,
    livemode: row.livemode,
    kind: row.kind,
    facts: row.facts,
    awaited: row.awaited,
    receivedAt: row.received_at.toISOString(),
  }));
}

/** Takes resettlements; they are gone with this transaction's commit, and back with its rollback. */
export async function claimResettlements(trx: Trx, ids: string[]): Promise<Resettlement[]> {
  if (ids.length === 0) return [];
  const rows = await runPositional<ResettlementRow>(
    trx,
    `delete from resettlements where id in (
       select id from resettlements where id = any(?) order by id for update skip locked)
     returning id, program_id, livemode, customer_id, order_id`,
    [ids],
  );
  return rows.map((row) => ({
    id: row.id,
    programId: row.program_id,
    livemode: row.livemode,
    customerId: row.customer_id,
    orderId: row.order_id,
  }));
}

interface EventRow {
  id: string;
  program_id: string;
  livemode: boolean;
  kind: string;
  facts: Fact[];
  awaited: boolean;
  received_at: Date;
}

interface ResettlementRow {
  id: string;
  program_id: string;
  livemode: boolean;
  customer_id: string | null;
  order_id: string | null;
}
