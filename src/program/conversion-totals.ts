import type { Condition } from './page.ts';

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
}

/** A query of one number, exact at every moment: what is folded (rollups.ts) and what is not yet. */
export function totalOf({ programId, livemode, statuses, earning, credited }: TotalFilter): Condition {
  const conditions = [
    'program_id = ? and livemode = ?',
    ...(statuses?.length ? ['status = any(?)'] : []),
    ...(earning ? ['earning'] : []),
    ...(credited ? ['credited'] : []),
  ].join(' and ');
  const bindings = [programId, livemode, ...(statuses?.length ? [statuses] : [])];
  return {
    sql: `select coalesce(sum(total), 0)::bigint from (
        select total from conversion_totals where ${conditions}
        union all select total from conversion_total_deltas where ${conditions}) counted`,
    bindings: [...bindings, ...bindings],
  };
}
