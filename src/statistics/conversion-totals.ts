import type { Condition } from '../db/conditions.ts';

/** What conversions are counted by: all that the totals tell apart. */
export interface TotalFilter {
  programId: string;
  livemode: boolean;
  /** Any of these; without any, all but `merged`. */
  statuses?: readonly string[] | undefined;
  /** True: without the leads that earn nothing. */
  earning?: boolean | undefined;
  /** True: only those of an affiliate. */
  credited?: boolean | undefined;
  affiliateId?: string | undefined;
  offerId?: string | undefined;
}

/** A query of one number, exact at every moment: it adds what is rolled up (rollups.ts) and what is not yet. */
export function totalOf(filter: TotalFilter): Condition {
  const { programId, livemode, statuses, earning = false, credited = false, affiliateId, offerId } = filter;
  return {
    sql: 'select conversion_total(:programId, :livemode, :statuses, :earning, :credited, :affiliateId, :offerId)',
    bindings: {
      programId,
      livemode,
      statuses: statuses?.length ? statuses : null,
      earning,
      credited,
      affiliateId: affiliateId ?? null,
      offerId: offerId ?? null,
    },
  };
}
