import type { Db } from '../db/db.ts';
import { conditionOf, type Condition } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { runSql } from '../db/sql.ts';
import type { Scope } from '../domain/scope.ts';
import type { AdjustmentPayout, ViewedAdjustment } from './adjustment-view.ts';

/** A bonus, or what a person took back: an entry of the ledger by itself (DESIGN: an order of status `adjustment`). */
export interface Adjustment extends ViewedAdjustment {
  payout: AdjustmentPayout | null;
  /** What people call the API key that made it; null where it has no name, or is none. */
  createdByName: string | null;
}

export interface AdjustmentFilter {
  affiliateId?: string | undefined;
  currency?: string | undefined;
  /** The caller's own id of it. */
  reference?: string | undefined;
  /** By `occurredAt`. */
  from?: Date | null | undefined;
  /** Exclusive. */
  until?: Date | null | undefined;
}

export async function findAdjustment(db: Db, { programId, livemode }: Scope, id: string): Promise<Adjustment | null> {
  const [row] = await runSql<AdjustmentRow>(
    db,
    'findAdjustment',
    `${select} where o.program_id = :programId and o.livemode = :livemode and o.id = :id and o.status = 'adjustment'`,
    { programId, livemode, id },
  );
  return row ? toAdjustment(row) : null;
}

/** By the reference of its order (domain/adjustment-ref.ts). */
export async function findAdjustmentByRef(
  db: Db,
  { programId, livemode }: Scope,
  ref: string,
): Promise<Adjustment | null> {
  const [row] = await runSql<AdjustmentRow>(
    db,
    'findAdjustmentByRef',
    `${select} where o.id = (select order_id from order_refs
       where program_id = :programId and livemode = :livemode and ref = :ref)
     and o.program_id = :programId and o.status = 'adjustment'`,
    { programId, livemode, ref },
  );
  return row ? toAdjustment(row) : null;
}

/** Those of many references, by which each is told. */
export async function listAdjustmentsByRefs(
  db: Db,
  { programId, livemode }: Scope,
  refs: readonly string[],
): Promise<(ViewedAdjustment & { reference: string | null })[]> {
  const rows = await runSql<
    Omit<ViewedAdjustment, 'occurredAt' | 'createdAt'> & { reference: string; occurredAt: Date; createdAt: Date }
  >(
    db,
    'listAdjustmentsByRefs',
    `select o.id, o.livemode, o.affiliate_id as "affiliateId", o.commission_minor as "commissionMinor",
       o.commission_currency as "commissionCurrency", o.explanation, o.reference,
       o.occurred_at as "occurredAt", o.created_at as "createdAt"
     from order_refs r join orders o on o.program_id = r.program_id and o.id = r.order_id
     where r.program_id = :programId and r.livemode = :livemode and r.ref = any(:refs) and o.status = 'adjustment'`,
    { programId, livemode, refs },
  );
  return rows.map((row) => ({
    ...row,
    occurredAt: row.occurredAt.toISOString(),
    createdAt: row.createdAt.toISOString(),
  }));
}

/** Newest first. */
export async function listAdjustments(
  db: Db,
  { programId, livemode }: Scope,
  filter: AdjustmentFilter,
  page: PageRequest,
): Promise<Page<Adjustment>> {
  const conditions: Condition[] = [
    { sql: `o.status = 'adjustment'`, bindings: {} },
    ...conditionOf('o.program_id = :programId', programId),
    ...conditionOf('o.livemode = :livemode', livemode),
    ...conditionOf('o.affiliate_id = :affiliateId', filter.affiliateId),
    ...conditionOf('o.commission_currency = :currency', filter.currency),
    ...conditionOf(`o.reference = 'adjustment:ref:' || :reference`, filter.reference),
    ...conditionOf('o.occurred_at >= :from', filter.from),
    ...conditionOf('o.occurred_at < :until', filter.until),
  ];
  const list = { name: 'listAdjustments', select, id: 'o.id' };
  const { items, ...rest } = await selectPage<AdjustmentRow>(db, list, conditions, page);
  return { items: items.map(toAdjustment), ...rest };
}

// Its one entry is looked up by the order, and so is the payout: each by index, for the rows of the page alone.
const select = `select o.id, o.livemode, o.affiliate_id as "affiliateId", o.commission_minor as "commissionMinor",
    o.commission_currency as "commissionCurrency", o.explanation, o.occurred_at as "occurredAt",
    o.created_at as "createdAt", paid.payout_id as "payoutId", paid.status as "payoutStatus",
    (select name from api_keys k
      where k.program_id = o.program_id and k.id = o.explanation #>> '{adjustment,by}') as "createdByName"
  from orders o left join lateral (
    select pe.payout_id, p.status from payout_entries pe
    join payouts p on p.program_id = pe.program_id and p.id = pe.payout_id
    where pe.program_id = o.program_id and pe.order_id = o.id and pe.live limit 1) paid on true`;

interface AdjustmentRow extends Omit<Adjustment, 'payout' | 'occurredAt' | 'createdAt'> {
  occurredAt: Date;
  createdAt: Date;
  payoutId: string | null;
  payoutStatus: string | null;
}

function toAdjustment({ payoutId, payoutStatus, occurredAt, createdAt, ...row }: AdjustmentRow): Adjustment {
  return {
    ...row,
    occurredAt: occurredAt.toISOString(),
    createdAt: createdAt.toISOString(),
    payout: payoutId === null ? null : { id: payoutId, status: payoutStatus ?? '' },
  };
}
