import type { Knex } from 'knex';
import type { Db } from '../../src/db/db.ts';
import { runSql } from '../support/sql.ts';
import type { Balance } from '../../src/ledger/balances.ts';
import { emptyStatistics, type StatisticsFilter, type StatisticsInterval } from '../../src/statistics/statistics.ts';

/**
 * What statistics and balances are by definition, written apart from the code that rolls them up: sums over all clicks,
 * orders and entries.
 */
export async function sumStatistics(
  db: Db,
  programId: string,
  filter: StatisticsFilter,
  interval: StatisticsInterval | null,
) {
  const conditions = ['program_id = :programId', 'livemode = :livemode'];
  if (filter.from) conditions.push('occurred_at >= :from');
  if (filter.until) conditions.push('occurred_at < :until');
  if (filter.offerId) conditions.push('offer_id = :offerId');
  if (filter.affiliateId) conditions.push('affiliate_id = :affiliateId');
  const date = `to_char(date_trunc('${interval ?? 'day'}',
    occurred_at at time zone (select timezone from programs where id = program_id)), 'YYYY-MM-DD') as date`;
  const bindings = { programId, ...filter } as unknown as Record<string, Knex.RawBinding>;
  const where = conditions.join(' and ');
  const { rows: clicks } = await db.raw<{ rows: { date: string }[] }>(
    `select ${date} from clicks where ${where}`,
    bindings,
  );
  const { rows: told } = await db.raw<{ rows: { date: string; kind: string }[] }>(
    `select ${date}, kind from orders where ${where} and status in ('pending', 'approved', 'paid')`,
    bindings,
  );
  const { rows: events } = await db.raw<{ rows: { date: string; type: string }[] }>(
    `select ${date}, type from (
       select f.*, f.fact ->> 'eventType' as type,
         coalesce(f.attribution #>> '{terms,affiliateId}', c.affiliate_id) as affiliate_id,
         coalesce(f.attribution #>> '{terms,offerId}', c.offer_id) as offer_id
       from facts f left join clicks c on c.id = f.fact #>> '{evidence,clickId}' and c.program_id = f.program_id
       where f.fact ->> 'type' = 'funnel') e where ${where}`,
    bindings,
  );
  const { rows: orders } = await db.raw<{ rows: OrderFigures[] }>(
    `select ${date}, net_minor as net, gross_minor as gross, refunded_minor as refunded, currency,
       commission_minor as commission, commission_currency as "commissionCurrency", coalesce(customer_id, click_id, id) as buyer
     from orders where ${where} and status in ('pending', 'approved', 'paid')
       and (kind <> 'lead' or cpa_claim is not null)`,
    bindings,
  );
  const leads = told.filter(({ kind }) => kind === 'lead');
  const dates = [...new Set([...clicks, ...orders, ...leads, ...events].map((row) => row.date))].toSorted();
  const buckets = dates.map((each) => ({
    date: each,
    ...figuresOf(
      clicks.filter((row) => row.date === each).length,
      orders.filter((row) => row.date === each),
      told.filter((row) => row.date === each),
      events.filter((row) => row.date === each),
    ),
  }));
  return interval === null ? [figuresOf(clicks.length, orders, told, events)] : buckets;
}

interface OrderFigures {
  date: string;
  net: bigint;
  gross: bigint;
  refunded: bigint;
  currency: string | null;
  commission: bigint;
  commissionCurrency: string | null;
  buyer: string;
}

function figuresOf(clicks: number, orders: OrderFigures[], told: { kind: string }[], events: { type: string }[]) {
  const eventsOf = (wanted: string): number => events.filter(({ type }) => type === wanted).length;
  const funnel = {
    clicks,
    pageviews: eventsOf('pageview'),
    registrations: eventsOf('registration'),
    leads: told.filter(({ kind }) => kind === 'lead').length,
    sales: told.filter(({ kind }) => kind === 'sale' || kind === 'action').length,
  };
  const statistics = { ...emptyStatistics(), clicks, conversions: orders.length, funnel };
  const rateOf = (count: number): number => (clicks > 0 ? Math.round((count / clicks) * 10_000) / 10_000 : 0);
  statistics.conversionRate = rateOf(orders.length);
  statistics.buyerRate = rateOf(new Set(orders.map(({ buyer }) => buyer)).size);
  const currencies = orders
    .flatMap((order) => [order.currency, order.commissionCurrency])
    .filter((each) => each !== null);
  for (const currency of [...new Set(currencies)].toSorted()) {
    const revenue = orders.filter((order) => order.currency === currency).map(remaining);
    const commission = orders.filter((order) => order.commissionCurrency === currency).map((order) => order.commission);
    const sum = (amounts: bigint[]): number => Number(amounts.reduce((a, b) => a + b, 0n));
    statistics.amounts.push({ currency, revenueMinor: sum(revenue), commissionMinor: sum(commission) });
  }
  return statistics;
}

/** Rounded half up. */
function remaining({ net, gross, refunded }: OrderFigures): bigint {
  return gross === 0n ? net : (2n * net * (gross - refunded) + gross) / (2n * gross);
}

export async function sumOffers(db: Db, programId: string) {
  return runSql<{ offerId: string | null; clicks: number; amounts: unknown }>(
    db,
    `with sold as (
       select offer_id, coalesce(currency, commission_currency) as currency, count(*) as conversions, count(*) filter (where status in ('approved', 'paid')) as approved,
         sum(case when gross_minor = 0 then net_minor
           else round(net_minor::numeric * (gross_minor - refunded_minor) / gross_minor) end)::bigint as revenue
       from orders where program_id = ? and livemode and status in ('pending', 'approved', 'paid')
         and (kind <> 'lead' or cpa_claim is not null)
       group by 1, 2)
     select offer_id as "offerId",
       (select count(*)::int from clicks c where c.program_id = ? and livemode and c.offer_id is not distinct from o.offer_id)
         as clicks,
       coalesce((select jsonb_agg(jsonb_build_object('currency', currency, 'conversions', conversions,
           'approved', approved, 'revenueMinor', revenue) order by revenue desc, currency)
         from sold where sold.offer_id is not distinct from o.offer_id), '[]') as amounts
     from (select offer_id from sold union select offer_id from clicks where program_id = ? and livemode) o
     order by 1 nulls last`,
    [programId, programId, programId],
  );
}

export function sumBalances(db: Db, programId: string): Promise<Balance[]> {
  return runSql<Balance>(
    db,
    `select e.affiliate_id as "affiliateId", e.currency,
       coalesce(sum(e.amount_minor) filter (where p.id is null and o.status = 'pending'), 0)::bigint as "pendingMinor",
       coalesce(sum(e.amount_minor) filter (where p.id is null and o.status <> 'pending'), 0)::bigint as "approvedMinor",
       coalesce(sum(e.amount_minor) filter (where p.status = 'pending'), 0)::bigint as "inPayoutMinor",
       coalesce(sum(e.amount_minor) filter (where p.status = 'paid'), 0)::bigint as "paidMinor",
       coalesce(sum(e.amount_minor) filter (where p.id is null and r.status <> 'pending' and r.review is not null
         and r.affiliate_id = e.affiliate_id), 0)::bigint as "heldMinor",
       a.status = 'banned' as banned
     from ledger_entries e
     join orders o on o.id = e.order_id
     join lateral (
       with recursive chain as (
         select o.* union all select m.* from chain c join orders m on m.id = c.merged_into)
       select * from chain where merged_into is null) r on true
     join affiliates a on a.id = e.affiliate_id
     left join payout_entries pe on pe.order_id = e.order_id and pe.entry_id = e.id and pe.live
     left join payouts p on p.id = pe.payout_id
     where e.program_id = ? and e.livemode
     group by e.affiliate_id, e.currency, a.status
     order by e.affiliate_id desc, e.currency`,
    [programId],
  );
}
