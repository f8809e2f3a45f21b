import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { versionsOf } from '../../db/versioned-cache.ts';
import type { Fact } from '../../domain/facts.ts';

/** An inbox event locked for settling. */
export interface TakenEvent {
  id: string;
  programId: string;
  /** Of the program's configuration as this transaction sees it. */
  version: string;
  livemode: boolean;
  kind: string;
  facts: Fact[];
  awaited: boolean;
  /** ISO 8601 UTC. */
  receivedAt: string;
}

/** A customer or an order to be settled again, because something beside it changed. */
export interface Resettlement {
  id: string;
  programId: string;
  /** Of the program's configuration as this transaction sees it. */
  version: string;
  livemode: boolean;
  customerId: string | null;
  orderId: string | null;
}

/** Takes those of the events that nobody has settled or is settling; a second job for the same events finds none. */
export async function takeEvents(trx: Trx, ids: readonly string[]): Promise<TakenEvent[]> {
  if (ids.length === 0) return [];
  const rows = await runSql<Omit<TakenEvent, 'receivedAt'> & { receivedAt: Date }>(
    trx,
    'takeEvents',
    // `is true` keeps the planner off the index on the status, which holds all that waits: the primary key finds these alone.
    `with taken as materialized (
       select id, program_id, livemode, kind, facts, awaited, received_at
       from inbox_events where id = any(:ids) and (status = 'received') is true
       order by id for update skip locked)
     select id, program_id as "programId", v.version, livemode, kind, facts, awaited, received_at as "receivedAt"
     from taken join ${versionsOf('taken')} v using (program_id) order by id`,
    { ids },
  );
  return rows.map((row) => ({ ...row, receivedAt: row.receivedAt.toISOString() }));
}

/** Takes resettlements: this transaction's commit removes them, its rollback brings them back. */
export async function takeResettlements(trx: Trx, ids: readonly string[]): Promise<Resettlement[]> {
  if (ids.length === 0) return [];
  return runSql<Resettlement>(
    trx,
    'takeResettlements',
    `with taken as (
       delete from resettlements where id in (
         select id from resettlements where id = any(:ids) order by id for update skip locked)
       returning id, program_id, livemode, customer_id, order_id)
     select id, program_id as "programId", v.version, livemode, customer_id as "customerId", order_id as "orderId"
     from taken join ${versionsOf('taken')} v using (program_id)`,
    { ids },
  );
}
