import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';

/** What is payable, and to whom: a payout takes what `payableEntries` selects. */
export interface PayableInput {
  affiliateIds: readonly string[];
  currency: string;
  /** Only what this order has unpaid. */
  orderId?: string | undefined;
  /** Whoever has less gets nothing; 1 unless said. */
  minimumMinor?: bigint | undefined;
}

/** What `createPayouts` would take of each, by affiliate; who is banned is left out. */
export async function sumPayable(
  db: Db,
  programId: string,
  input: PayableInput,
): Promise<{ affiliateId: string; amountMinor: bigint }[]> {
  return runSql(
    db,
    'sumPayable',
    `with payable as (${payableEntries}), due as (${payableSums})
     select due.affiliate_id as "affiliateId", due.amount_minor as "amountMinor"
     from due join affiliates a on a.program_id = :programId and a.id = due.affiliate_id and a.status <> 'banned'
     order by due.affiliate_id`,
    boundPayable(programId, input),
  );
}

/**
 * Affiliates who may have so much to be paid, by their balances: nobody who has is missing. What is in review may be
 * negative, and hide in a balance what is payable.
 */
export async function findPayees(
  db: Db,
  programId: string,
  { currency, minimumMinor, limit }: { currency: string; minimumMinor: bigint; limit: number },
): Promise<string[]> {
  const columns = 'affiliate_id, posted - pending - in_payout - paid as approved';
  const rows = await runSql<{ id: string }>(
    db,
    'findPayees',
    `select affiliate_id as id from (
       select affiliate_id from (
         select ${columns} from balance_rollups where program_id = :programId and currency = :currency
         union all
         select ${columns} from balance_deltas where program_id = :programId and currency = :currency
       ) as balances group by affiliate_id having sum(approved) >= :minimumMinor
       union
       select affiliate_id from orders
       where program_id = :programId and livemode and review is not null and affiliate_id is not null
     ) as payees
     where exists (select 1 from affiliates a
       where a.program_id = :programId and a.id = payees.affiliate_id and a.status <> 'banned')
     order by affiliate_id limit :limit`,
    { programId, currency, minimumMinor, limit },
  );
  return rows.map(({ id }) => id);
}

/**
 * The postings that a payout of these affiliates takes, wherever they come from; names what `boundPayable` binds. What an order
 * holds that turned out to be another counts as held, too, while that one is in review.
 */
export const payableEntries = `
  select e.affiliate_id, e.order_id, e.id, e.amount_minor, o.offer_id, o.click_id, o.ranks_last from ledger_entries e
  join orders o on o.program_id = e.program_id and o.livemode = e.livemode and o.id = e.order_id
  where e.program_id = :programId and e.affiliate_id = any(:affiliateIds) and e.currency = :currency and e.livemode
    and o.status <> 'pending' and (:orderId::text is null or e.order_id = :orderId)
    and not (o.review is not null and o.affiliate_id = e.affiliate_id)
    and (o.merged_into is null or not exists (
      with recursive standing as (
        select o.merged_into as id
        union all
        select m.merged_into from standing s join orders m on m.id = s.id where m.merged_into is not null)
      select 1 from standing s join orders r on r.id = s.id
      where r.review is not null and r.affiliate_id = e.affiliate_id))
    and not exists (select 1 from payout_entries pe where pe.order_id = e.order_id and pe.entry_id = e.id and pe.live)`;

/** Of `payable`, what stands above. */
export const payableSums = `select affiliate_id, sum(amount_minor)::bigint as amount_minor from payable
  group by affiliate_id having sum(amount_minor) >= :minimumMinor`;

export function boundPayable(
  programId: string,
  { affiliateIds, currency, orderId, minimumMinor }: PayableInput,
): Record<string, unknown> {
  return { programId, affiliateIds, currency, orderId: orderId ?? null, minimumMinor: minimumMinor ?? 1n };
}
