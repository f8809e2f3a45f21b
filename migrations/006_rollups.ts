import type { Knex } from 'knex';

// A session plans such a function's statements once, perhaps while the tables are empty: by index from the beginning, or
// every batch would read all orders until the next analyze. Nor does it know how many rows an insert has: it would sort
// them by eight columns to group them (measured: 1.6 ms for a thousand) instead of hashing.
const planned = 'set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off';

/**
 * Rollups of what statistics and balances count. Triggers write what each statement changed as delta rows, in the same
 * transaction and whoever it is that writes; the worker folds deltas into the rollups; reading adds up both. So a figure
 * is exact at every moment, and no two transactions ever wait for one counter.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Deltas know the quarter of an hour (UTC), which every time zone's days are made of; folding makes days of them.
    create table statistic_deltas (
      program_id text not null,
      livemode boolean not null,
      quarter timestamptz not null,    -- -infinity: no time is known
      offer_id text,
      affiliate_id text,
      link_id text,
      currency text,                   -- of the revenue
      commission_currency text,
      clicks bigint not null default 0,
      conversions bigint not null default 0,
      approved bigint not null default 0, -- of the conversions
      revenue bigint not null default 0,
      commission bigint not null default 0
    );

    create table statistic_rollups (
      program_id text not null,
      livemode boolean not null,
      grain text not null check (grain in ('program', 'offer', 'affiliate', 'affiliate_offer')),
      offer_id text not null,          -- '': none, or all of them where the grain does not tell them apart
      affiliate_id text not null,
      day date not null,               -- in the time zone of statistic_zones; infinity: all days
      currency text not null,          -- '': none
      commission_currency text not null,
      clicks bigint not null,
      conversions bigint not null,
      approved bigint not null,
      revenue bigint not null,
      commission bigint not null,
      primary key (program_id, livemode, grain, affiliate_id, offer_id, day, currency, commission_currency)
    );

    create table link_rollups (
      program_id text not null,
      livemode boolean not null,
      link_id text not null,
      clicks bigint not null,
      conversions bigint not null,
      primary key (link_id, livemode)
    );
    create index link_rollups_by_program on link_rollups (program_id);

    -- The programs whose statistics are rolled up, and the time zone of their days. Without a row, or while the program has
    -- another time zone, its statistics are counted from the rows themselves until the worker has built them (anew).
    create table statistic_zones (
      program_id text primary key,
      timezone text not null
    );

    -- A new program has nothing to be built from.
    create function new_programs_are_built() returns trigger language plpgsql as $$
    begin
      insert into statistic_zones (program_id, timezone) values (new.id, new.timezone);
      return null;
    end $$;
    create trigger programs_have_zones after insert on programs
      for each row execute function new_programs_are_built();

    create table balance_deltas (
      program_id text not null,
      affiliate_id text not null,
      currency text not null,
      posted bigint not null default 0,
      pending bigint not null default 0,
      in_payout bigint not null default 0,
      paid bigint not null default 0
    );

    create table balance_rollups (
      program_id text not null,
      affiliate_id text not null,
      currency text not null,
      posted bigint not null,          -- all entries
      pending bigint not null,         -- the entries of pending orders
      in_payout bigint not null,       -- payouts under way
      paid bigint not null
    );
    create unique index balance_rollups_in_order on balance_rollups (program_id, affiliate_id desc, currency);

    create function count_new_clicks() returns trigger language plpgsql as $$
    begin
      insert into statistic_deltas (program_id, livemode, quarter, offer_id, affiliate_id, link_id, clicks)
      select program_id, livemode, date_bin('15 minutes', occurred_at, '2000-01-01Z'), offer_id, affiliate_id, link_id,
        count(*)
      from added group by 1, 2, 3, 4, 5, 6;
      return null;
    end $$;
    create trigger clicks_are_counted after insert on clicks
      referencing new table as added for each statement execute function count_new_clicks();

    -- What remains of net after refunds, rounded half up.
    create function remaining_of(net bigint, gross bigint, refunded bigint) returns bigint language sql immutable as $$
      select case when refunded = 0 or gross = 0 then net else round(net::numeric * (gross - refunded) / gross)::bigint end
    $$;

    create function order_counts(status text, kind text, cpa_claim text) returns boolean language sql immutable as $$
      select status in ('pending', 'approved', 'paid') and (kind <> 'lead' or cpa_claim is not null)
    $$;

    create function count_new_orders() returns trigger language plpgsql ${planned} as $$
    begin
      insert into statistic_deltas (program_id, livemode, quarter, offer_id, affiliate_id, link_id, currency,
        commission_currency, conversions, approved, revenue, commission)
      select o.program_id, o.livemode, coalesce(date_bin('15 minutes', o.occurred_at, '2000-01-01Z'), '-infinity'),
        o.offer_id, o.affiliate_id, c.link_id, o.currency, o.commission_currency, count(*),
        count(*) filter (where o.status <> 'pending'),
        sum(remaining_of(o.net_minor, o.gross_minor, o.refunded_minor)), sum(o.commission_minor)
      from added o left join clicks c on c.id = o.click_id
      where order_counts(o.status, o.kind, o.cpa_claim)
      group by 1, 2, 3, 4, 5, 6, 7, 8;
      return null;
    end $$;
    create trigger orders_are_counted after insert on orders
      referencing new table as added for each statement execute function count_new_orders();

    create function count_changed_orders() returns trigger language plpgsql ${planned} as $$
    begin
      insert into statistic_deltas (program_id, livemode, quarter, offer_id, affiliate_id, link_id, currency,
        commission_currency, conversions, approved, revenue, commission)
      select * from (
        select o.program_id, o.livemode, coalesce(date_bin('15 minutes', o.occurred_at, '2000-01-01Z'), '-infinity'),
          o.offer_id, o.affiliate_id, c.link_id, o.currency, o.commission_currency, sum(sign) as conversions,
          coalesce(sum(sign) filter (where o.status <> 'pending'), 0) as approved,
          sum(sign * remaining_of(o.net_minor, o.gross_minor, o.refunded_minor)) as revenue,
          sum(sign * o.commission_minor) as commission
        from (
          select 1 as sign, program_id, livemode, occurred_at, offer_id, affiliate_id, click_id, currency,
            commission_currency, status, net_minor, gross_minor, refunded_minor, commission_minor
          from added where order_counts(status, kind, cpa_claim)
          union all
          select -1, program_id, livemode, occurred_at, offer_id, affiliate_id, click_id, currency,
            commission_currency, status, net_minor, gross_minor, refunded_minor, commission_minor
          from removed where order_counts(status, kind, cpa_claim)
        ) o left join clicks c on c.id = o.click_id
        group by 1, 2, 3, 4, 5, 6, 7, 8
      ) d where (conversions, approved, revenue, commission) <> (0, 0, 0, 0);

      -- What an order has earned moves with it from pending to approved, or back.
      insert into balance_deltas (program_id, affiliate_id, currency, pending)
      select e.program_id, e.affiliate_id, e.currency, sum(moved.sign * e.amount_minor)
      from (
        select id, sum(sign) as sign from (
          select id, 1 as sign from added where status = 'pending' and livemode
          union all
          select id, -1 from removed where status = 'pending' and livemode
        ) either group by id having sum(sign) <> 0
      ) moved join ledger_entries e on e.order_id = moved.id
      group by 1, 2, 3;
      return null;
    end $$;
    create trigger changed_orders_are_counted after update on orders
      referencing old table as removed new table as added for each statement execute function count_changed_orders();

    -- No posting without an order of its scope, too: the same look-up tells both. A foreign key says that a row at a time,
    -- with a second unique index on orders (measured: 8 µs an entry against 1).
    create function sum_new_entries() returns trigger language plpgsql ${planned} as $$
    declare
      lost text;
    begin
      with entries as materialized (
        select e.program_id, e.livemode, e.order_id, e.affiliate_id, e.currency, e.amount_minor, o.id as known, o.status
        from added e left join orders o on o.id = e.order_id and o.program_id = e.program_id and o.livemode = e.livemode
      ), summed as (
        insert into balance_deltas (program_id, affiliate_id, currency, posted, pending)
        select program_id, affiliate_id, currency, sum(amount_minor),
          coalesce(sum(amount_minor) filter (where status = 'pending'), 0)
        from entries where livemode group by 1, 2, 3
      )
      select order_id into lost from entries where known is null limit 1;
      if found then
        raise exception 'there is no order % in the scope of its posting', lost using errcode = 'foreign_key_violation';
      end if;
      return null;
    end $$;
    create trigger ledger_entries_are_summed after insert on ledger_entries
      referencing new table as added for each statement execute function sum_new_entries();

    create function sum_changed_payout() returns trigger language plpgsql as $$
    begin
      insert into balance_deltas (program_id, affiliate_id, currency, in_payout, paid)
      select new.program_id, new.affiliate_id, new.currency,
        case when new.status = 'pending' then new.amount_minor else 0 end
          - case when tg_op = 'UPDATE' and old.status = 'pending' then new.amount_minor else 0 end,
        case when new.status = 'paid' then new.amount_minor else 0 end
          - case when tg_op = 'UPDATE' and old.status = 'paid' then new.amount_minor else 0 end;
      return null;
    end $$;
    create trigger payouts_are_summed after insert or update of status on payouts
      for each row execute function sum_changed_payout();

    -- How many conversions of each status there are, in all and by affiliate and offer, for lists that tell their total:
    -- kept in the same way.
    create table conversion_total_deltas (
      program_id text not null,
      livemode boolean not null,
      affiliate_id text,
      offer_id text,
      status text not null,
      earning boolean not null,        -- false: a lead that is only told of
      total bigint not null
    );

    create table conversion_totals (
      program_id text not null,
      livemode boolean not null,
      affiliate_id text not null,      -- '': all of them, and those of nobody
      offer_id text not null,          -- '': all of them, and those of none
      status text not null,
      earning boolean not null,
      credited boolean not null,       -- to an affiliate
      total bigint not null,
      primary key (program_id, livemode, affiliate_id, offer_id, status, earning, credited)
    );

    create function total_new_orders() returns trigger language plpgsql as $$
    begin
      insert into conversion_total_deltas (program_id, livemode, affiliate_id, offer_id, status, earning, total)
      select program_id, livemode, affiliate_id, offer_id, status, kind <> 'lead' or cpa_claim is not null, count(*)
      from added where kind is not null and status <> 'merged' group by 1, 2, 3, 4, 5, 6;
      return null;
    end $$;
    create trigger new_orders_are_totalled after insert on orders
      referencing new table as added for each statement execute function total_new_orders();

    create function total_changed_orders() returns trigger language plpgsql as $$
    begin
      insert into conversion_total_deltas (program_id, livemode, affiliate_id, offer_id, status, earning, total)
      select * from (
        select program_id, livemode, affiliate_id, offer_id, status, kind <> 'lead' or cpa_claim is not null,
          sum(sign) as total
        from (
          select 1 as sign, program_id, livemode, affiliate_id, offer_id, status, kind, cpa_claim from added
          union all
          select -1, program_id, livemode, affiliate_id, offer_id, status, kind, cpa_claim from removed
        ) o where kind is not null and status <> 'merged'
        group by 1, 2, 3, 4, 5, 6
      ) d where total <> 0;
      return null;
    end $$;
    create trigger changed_orders_are_totalled after update on orders
      referencing old table as removed new table as added for each statement execute function total_changed_orders();

    -- The total of those that a list is about: what is folded and what is not yet, in the snapshot of the query that asks.
    -- A function, because its plan is made once for a connection, which costs more than the reading. Statuses, affiliate
    -- and offer null: all; only_earning and only_credited false: whether or not.
    create function conversion_total(
      of_program text, of_livemode boolean, of_statuses text[], only_earning boolean, only_credited boolean,
      of_affiliate text, of_offer text
    ) returns bigint language plpgsql stable as $$
    begin
      return (
        select coalesce(sum(total), 0)::bigint
        from (
          select status, earning, credited, total from conversion_totals
          where program_id = of_program and livemode = of_livemode
            and affiliate_id = coalesce(of_affiliate, '') and offer_id = coalesce(of_offer, '')
          union all
          select status, earning, affiliate_id is not null, total from conversion_total_deltas
          where program_id = of_program and livemode = of_livemode
            and (of_affiliate is null or affiliate_id = of_affiliate) and (of_offer is null or offer_id = of_offer)
        ) known
        where (of_statuses is null or status = any(of_statuses)) and (earning or not only_earning)
          and (credited or not only_credited)
      );
    end $$;

    -- For the parts of days at the ends of a period: next to nothing on insert, and rows lie about in the order of time.
    create index clicks_by_time on clicks using brin (occurred_at) with (pages_per_range = 32, autosummarize = on);
    create index orders_by_time on orders using brin (occurred_at) with (pages_per_range = 32, autosummarize = on);
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
