import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';

/** What all affiliates of a program together have in one currency; live money only, integer minor units. */
export interface BalanceTotals {
  currency: string;
  pendingMinor: bigint;
  approvedMinor: bigint;
  inPayoutMinor: bigint;
  paidMinor: bigint;
  payableMinor: bigint;
  heldMinor: bigint;
  /** How many affiliates have something payable. */
  payees: bigint;
}

/** The sums of what `listBalances` lists: what is payable is summed up by affiliate, since a debt of one pays nobody else. */
export function readBalanceTotals(db: Db, programId: string): Promise<BalanceTotals[]> {
  const columns = 'affiliate_id, currency, posted, pending, in_payout, paid';
  return runSql<BalanceTotals>(
    db,
    'readBalanceTotals',
    `with recursive in_review as (
       select id, affiliate_id from orders
       where program_id = :programId and livemode and review is not null and status <> 'pending'
         and affiliate_id is not null
       union all
       select m.id, i.affiliate_id from in_review i join orders m on m.merged_into = i.id
     ), held as (
       select e.affiliate_id, e.currency, sum(e.amount_minor) as amount
       from in_review i join ledger_entries e on e.order_id = i.id and e.affiliate_id = i.affiliate_id
       where not exists (
         select 1 from payout_entries pe where pe.order_id = e.order_id and pe.entry_id = e.id and pe.live)
       group by 1, 2
     ), balances as (
       select affiliate_id, currency, sum(pending) as pending, sum(posted - pending - in_payout - paid) as approved,
         sum(in_payout) as in_payout, sum(paid) as paid
       from (
         select ${columns} from balance_rollups where program_id = :programId
         union all
         select ${columns} from balance_deltas where program_id = :programId) each_one group by 1, 2
     ), due as (
       select b.*, coalesce(h.amount, 0) as held,
         case when a.status = 'banned' then 0 else greatest(b.approved - coalesce(h.amount, 0), 0) end as payable
       from balances b join affiliates a on a.program_id = :programId and a.id = b.affiliate_id
       left join held h on h.affiliate_id = b.affiliate_id and h.currency = b.currency
     )
     select currency, sum(pending)::bigint as "pendingMinor", sum(approved)::bigint as "approvedMinor",
       sum(in_payout)::bigint as "inPayoutMinor", sum(paid)::bigint as "paidMinor",
       sum(payable)::bigint as "payableMinor", sum(held)::bigint as "heldMinor",
       count(*) filter (where payable > 0) as payees
     from due group by currency order by currency`,
    { programId },
  );
}
