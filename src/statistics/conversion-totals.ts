import type { Condition } from '../db/page.ts';

/** What conversions are counted by: all that the totals tell apart. */
export interface TotalFilter {
  programId: string;
  livemode: boolean;
  /** Any of these; without any, all but `merged`. */
  statuses?: readonly string[] | undefined;
  /** True: without the leads that are only told of. */
  earning?: boolean | undefined;
  /** True: those of an affiliate. */
  credited?: boolean | undefined;
  affiliateId?: string | undefined;
  offerId?: string | undefined;
}

/** A query of one number, exact at every moment: what is folded (rollups.ts) and what is not yet. */
export function totalOf(filter: TotalFilter): Condition {
  const { programId, livemode, statuses, earning = false, credited = false, affiliateId, offerId } = filter;
  return {
    sql: 'select conversion_total(?, ?, ?, ?, ?, ?, ?)',
    bindings: [
      programId,
      livemode,
      statuses?.length ? statuses : null,
      earning,
      credited,
      affiliateId ?? null,
      offerId ?? null,
    ],
  };
}
