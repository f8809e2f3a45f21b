import type { Knex } from 'knex';

// As in 006: planned by index from the beginning, whatever the tables hold then.
const planned = 'set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off';

/**
 * What lists are looked through by, and the funnel in the statistics: page views, registrations, leads and sales are added up
 * as clicks and conversions are.
 *
 * Statistics are built anew after it: until then (a few seconds for a million conversions) they are counted row by row, right
 * but slower. Code from before may still run meanwhile: the page views and registrations that it rolls up are lost to the
 * funnel. Of the indexes on large tables each holds few rows: those of orders that pay nothing for a reason, of leads, of what
 * is in review, and of facts that are funnel events. Of any other order or fact an insert only looks at a null or a word.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(indexes);
  await knex.raw(funnel);
}

const indexes = `
  -- By creation, since imports bring ids of their own.
  create index affiliates_by_creation on affiliates (program_id, created_at, id);
  create index offers_by_creation on offers (program_id, created_at, id);
  drop index tracking_links_by_program, tracking_links_by_affiliate;
  create index tracking_links_by_creation on tracking_links (program_id, created_at, id);
  create index tracking_links_by_affiliate on tracking_links (affiliate_id, created_at, id);

  -- The words of a text, for searches by the beginnings of words: what stands between them in addresses and codes parts words.
  create function words_of(said text) returns tsvector language sql immutable parallel safe as $$
    select to_tsvector('pg_catalog.simple'::regconfig, translate(said, '@._-+/:', '       '))
  $$;
  create index affiliates_by_words on affiliates
    using gin (words_of(display_name || ' ' || email || ' ' || coalesce(company_name, '') || ' ' || referral_code));
  create index offers_by_words on offers using gin (words_of(name || ' ' || code));

  create index orders_by_reason on orders (program_id, livemode, reason, id) where reason is not null;
  create index orders_of_leads on orders (program_id, livemode, id) where kind = 'lead';
  create index orders_in_review_by_id on orders (program_id, livemode, id) where review is not null;

  -- The null is looked at first: the fact of an order is not parsed for this.
  create index facts_of_funnel on facts (program_id, livemode, inbox_id)
    where order_id is null and fact ->> 'type' = 'funnel';
  create index facts_of_funnel_by_time on facts (program_id, livemode, occurred_at)
    where order_id is null and fact ->> 'type' = 'funnel';

  create index statistic_rollups_by_day on statistic_rollups (program_id, livemode, grain, day);
`;

const counted = `status in ('pending', 'approved', 'paid')`;
const figuresOf = (sign: string): string => `
  coalesce(sum(${sign}) filter (where order_counts(o.status, o.kind, o.cpa_claim)), 0) as conversions,
  coalesce(sum(${sign}) filter (where o.status <> 'pending' and order_counts(o.status, o.kind, o.cpa_claim)), 0) as approved,
  coalesce(sum(${sign} * remaining_of(o.net_minor, o.gross_minor, o.refunded_minor))
    filter (where order_counts(o.status, o.kind, o.cpa_claim)), 0) as revenue,
  coalesce(sum(${sign} * o.commission_minor) filter (where order_counts(o.status, o.kind, o.cpa_claim)), 0) as commission,
  coalesce(sum(${sign}) filter (where o.kind = 'lead'), 0) as leads,
  coalesce(sum(${sign}) filter (where o.kind in ('sale', 'action')), 0) as sales`;

const funnel = `
  alter table statistic_deltas
    add column pageviews bigint not null default 0,
    add column registrations bigint not null default 0,
    add column leads bigint not null default 0,
    add column sales bigint not null default 0;
  alter table statistic_rollups
    add column pageviews bigint not null default 0,
    add column registrations bigint not null default 0,
    add column leads bigint not null default 0,
    add column sales bigint not null default 0;

  -- As in 006; leads that earn nothing are no conversions, but leads.
  create or replace function count_new_orders() returns trigger language plpgsql ${planned} as $$
  begin
    insert into statistic_deltas (program_id, livemode, quarter, offer_id, affiliate_id, link_id, currency,
      commission_currency, conversions, approved, revenue, commission, leads, sales)
    select o.program_id, o.livemode, coalesce(date_bin('15 minutes', o.occurred_at, '2000-01-01Z'), '-infinity'),
      o.offer_id, o.affiliate_id, c.link_id, o.currency, o.commission_currency, ${figuresOf('1')}
    from added o left join clicks c on c.id = o.click_id
    where o.${counted}
    group by 1, 2, 3, 4, 5, 6, 7, 8;
    return null;
  end $$;

  create or replace function count_changed_orders() returns trigger language plpgsql ${planned} as $$
  begin
    insert into statistic_deltas (program_id, livemode, quarter, offer_id, affiliate_id, link_id, currency,
      commission_currency, conversions, approved, revenue, commission, leads, sales)
    select * from (
      select o.program_id, o.livemode, coalesce(date_bin('15 minutes', o.occurred_at, '2000-01-01Z'), '-infinity'),
        o.offer_id, o.affiliate_id, c.link_id, o.currency, o.commission_currency, ${figuresOf('sign')}
      from (
        select 1 as sign, program_id, livemode, occurred_at, offer_id, affiliate_id, click_id, currency,
          commission_currency, status, kind, cpa_claim, net_minor, gross_minor, refunded_minor, commission_minor
        from added where ${counted}
        union all
        select -1, program_id, livemode, occurred_at, offer_id, affiliate_id, click_id, currency,
          commission_currency, status, kind, cpa_claim, net_minor, gross_minor, refunded_minor, commission_minor
        from removed where ${counted}
      ) o left join clicks c on c.id = o.click_id
      group by 1, 2, 3, 4, 5, 6, 7, 8
    ) d where (conversions, approved, revenue, commission, leads, sales) <> (0, 0, 0, 0, 0, 0);

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

  -- Whose a funnel event is: whom its customer was of when it came, else whose click it names.
  create function count_funnel_event(of_fact facts, sign integer) returns void language plpgsql ${planned} as $$
  declare
    terms json := of_fact.attribution -> 'terms';
  begin
    insert into statistic_deltas (program_id, livemode, quarter, offer_id, affiliate_id, pageviews, registrations)
    select of_fact.program_id, of_fact.livemode, date_bin('15 minutes', of_fact.occurred_at, '2000-01-01Z'),
      coalesce(terms ->> 'offerId', c.offer_id), coalesce(terms ->> 'affiliateId', c.affiliate_id),
      case when of_fact.fact ->> 'eventType' = 'pageview' then sign else 0 end,
      case when of_fact.fact ->> 'eventType' = 'registration' then sign else 0 end
    from (select) one
    left join clicks c on c.id = of_fact.fact #>> '{evidence,clickId}' and c.program_id = of_fact.program_id;
  end $$;

  create function count_new_funnel_event() returns trigger language plpgsql as $$
  begin
    perform count_funnel_event(new, 1);
    return null;
  end $$;
  create trigger funnel_events_are_counted after insert on facts
    for each row when (new.order_id is null and new.fact ->> 'type' = 'funnel')
    execute function count_new_funnel_event();

  create function count_changed_funnel_event() returns trigger language plpgsql as $$
  begin
    perform count_funnel_event(old, -1);
    perform count_funnel_event(new, 1);
    return null;
  end $$;
  create trigger changed_funnel_events_are_counted after update of occurred_at, fact, attribution on facts
    for each row when (new.order_id is null and new.fact ->> 'type' = 'funnel')
    execute function count_changed_funnel_event();

  -- All are built anew, with the new figures.
  delete from statistic_zones;
`;

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
