import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import type { Conversion } from '../ledger/conversions.ts';
import { basisOf, type Basis, type ReviewReason } from '../pipeline/rules/review.ts';
import { readNames } from '../program/names.ts';

/** What one ground of a review stands on; what it is not about is empty. */
export interface ReviewEvidence {
  reason: ReviewReason;
  /** Why another affiliate is spoken of: a payout paid them, or evidence names them. */
  because: 'paid' | 'named' | null;
  /** Whom it is about, the one who is credited first. */
  affiliates: { id: string; displayName: string | null }[];
  domains: string[];
  /** What was said in another currency than the payment. */
  facts: { id: string; type: string; amountMinor: number | null; currency: string | null; occurredAt: string }[];
}

export interface ReviewDetail {
  evidence: ReviewEvidence[];
  /** What the ledger holds of it, by affiliate and currency, and what of that is in a payout or paid. */
  ledger: { affiliateId: string; currency: string; amountMinor: number; inPayoutMinor: number }[];
  /** Orders that are taken for this one by their amount alone. */
  joinedConversionIds: string[];
}

/** What reviews stand on, by conversion; in a few statements for all of them. */
export async function readReviewDetails(
  db: Db,
  programId: string,
  conversions: readonly Pick<Conversion, 'id' | 'review'>[],
): Promise<Map<string, ReviewDetail>> {
  const ids = conversions.map(({ id }) => id);
  const bases = new Map(conversions.map(({ id, review }) => [id, (review?.grounds ?? []).map(basisOf)]));
  const all = [...bases.values()].flat();
  const [names, facts, ledger, joined] = await Promise.all([
    readNames(db, programId, 'affiliate', [...new Set(all.flatMap(affiliatesOf))]),
    readFactAmounts(db, programId, ids, all),
    readLedger(db, programId, ids),
    readJoined(db, programId, ids),
  ]);
  return new Map(
    ids.map((id) => [
      id,
      {
        evidence: (bases.get(id) ?? []).map((basis) => toEvidence(basis, names, facts)),
        ledger: ledger.filter(({ root }) => root === id).map(sumOf),
        joinedConversionIds: joined.filter(({ root }) => root === id).map((row) => row.id),
      },
    ]),
  );
}

function sumOf(row: ReviewDetail['ledger'][number] & { root: string }): ReviewDetail['ledger'][number] {
  const { root: _, ...sum } = row;
  return sum;
}

function affiliatesOf(basis: Basis): string[] {
  if (basis.reason === 'joined_affiliates_differ') return basis.affiliateIds;
  if (basis.reason !== 'paid_to_another') return [];
  return [basis.creditedTo, basis.other].filter((id) => id !== null);
}

function toEvidence(
  basis: Basis,
  names: ReadonlyMap<string, string>,
  facts: ReadonlyMap<string, ReviewEvidence['facts'][number]>,
): ReviewEvidence {
  return {
    reason: basis.reason,
    because: basis.reason === 'paid_to_another' ? basis.because : null,
    affiliates: affiliatesOf(basis).map((id) => ({ id, displayName: names.get(id) ?? null })),
    domains: basis.reason === 'same_domain' ? basis.domains : [],
    facts: basis.reason === 'currency_mismatch' ? basis.factIds.flatMap((id) => facts.get(id) ?? []) : [],
  };
}

async function readFactAmounts(
  db: Db,
  programId: string,
  orderIds: readonly string[],
  bases: readonly Basis[],
): Promise<Map<string, ReviewEvidence['facts'][number]>> {
  const factIds = bases.flatMap((basis) => (basis.reason === 'currency_mismatch' ? basis.factIds : []));
  if (factIds.length === 0) return new Map();
  const rows = await runSql<ReviewEvidence['facts'][number]>(
    db,
    'readFactAmounts',
    `select id, fact ->> 'type' as type, (amount ->> 'minor')::float8 as "amountMinor", amount ->> 'currency' as currency,
       fact ->> 'occurredAt' as "occurredAt"
     from facts cross join lateral (select coalesce(fact -> 'amount', fact -> 'net') as amount) said
     where order_id = any(:orderIds) and program_id = :programId and id = any(:factIds)`,
    { orderIds, programId, factIds },
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** With what the orders hold that turned out to be one of these. */
function readLedger(
  db: Db,
  programId: string,
  orderIds: readonly string[],
): Promise<(ReviewDetail['ledger'][number] & { root: string })[]> {
  return runSql(
    db,
    'readLedgerOfReviews',
    `with recursive family as (
       select id as root, id from orders where id = any(:orderIds) and program_id = :programId
       union all
       select family.root, o.id from family join orders o on o.merged_into = family.id)
     select f.root, e.affiliate_id as "affiliateId", e.currency, sum(e.amount_minor)::float8 as "amountMinor",
       coalesce(sum(e.amount_minor) filter (where exists (select 1 from payout_entries pe
         where pe.order_id = e.order_id and pe.entry_id = e.id and pe.live)), 0)::float8 as "inPayoutMinor"
     from family f join ledger_entries e on e.order_id = f.id and e.program_id = :programId
     group by 1, 2, 3 order by 1, 2, 3`,
    { orderIds, programId },
  );
}

function readJoined(db: Db, programId: string, orderIds: readonly string[]): Promise<{ root: string; id: string }[]> {
  return runSql(
    db,
    'readOrdersJoinedToReviewed',
    `select merged_into as root, id from orders
     where merged_into = any(:orderIds) and program_id = :programId and joined_by_hint order by id`,
    { orderIds, programId },
  );
}
