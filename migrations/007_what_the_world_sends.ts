import type { Knex } from 'knex';

/**
 * Bans as intervals, reviews, subscriptions that are bound and locked, and the number of the reading by which a message was
 * taken in. What was settled by older rules is settled again by the worker, in steps (settling_rounds).
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table programs
      add column same_domain text not null default 'flag' check (same_domain in ('flag', 'review'));

    -- By which reading of the normalizers its facts were made. One of an older reading stands as it was read.
    alter table inbox_events add column reading integer not null default 1;

    -- Who is banned earns nothing by what is paid in between, whenever that becomes known.
    create table affiliate_bans (
      program_id text not null,
      affiliate_id text not null,
      banned_at timestamptz not null,
      lifted_at timestamptz,
      -- When what had been settled by then was settled again; null: the worker has yet to look.
      checked_at timestamptz,
      primary key (affiliate_id, banned_at),
      foreign key (program_id, affiliate_id) references affiliates (program_id, id),
      check (lifted_at >= banned_at)
    );
    create unique index affiliate_bans_open on affiliate_bans (affiliate_id) where lifted_at is null;
    create index affiliate_bans_to_check on affiliate_bans (banned_at) where checked_at is null;

    create function bans_are_kept() returns trigger language plpgsql as $$
    begin
      if new.status = 'banned' and (tg_op = 'INSERT' or old.status <> 'banned') then
        insert into affiliate_bans (program_id, affiliate_id, banned_at)
        values (new.program_id, new.id, date_trunc('milliseconds', clock_timestamp()));
      elsif new.status <> 'banned' and tg_op = 'UPDATE' and old.status = 'banned' then
        update affiliate_bans set lifted_at = date_trunc('milliseconds', clock_timestamp()), checked_at = null
         where affiliate_id = new.id and lifted_at is null;
      end if;
      return null;
    end $$;
    create trigger affiliates_keep_bans after insert or update of status on affiliates
      for each row execute function bans_are_kept();

    -- Whoever is banned already counts as banned since now.
    insert into affiliate_bans (program_id, affiliate_id, banned_at)
    select program_id, id, date_trunc('milliseconds', clock_timestamp()) from affiliates where status = 'banned';

    -- A subscription is bound to whoever its first credited order was credited to. Its row is held by whoever changes that.
    create table subscriptions (
      program_id text not null,
      livemode boolean not null,
      ref text collate "C" not null,
      primary key (program_id, livemode, ref)
    );

    alter table orders
      add column review json,          -- why nobody may be paid before a person decided: reasons and since when
      add column binds_subscription boolean not null default false, -- credited by more than its subscription's binding
      add column counted_at timestamptz; -- when it counts for bans, caps and holds, where that is not when it happened
    create index orders_binding_subscription on orders (program_id, livemode, subscription, occurred_at, reference)
      where binds_subscription and subscription is not null;
    create index orders_in_review on orders (program_id, affiliate_id, id) where review is not null;

    -- As in 002, but an approval that only time gave is taken back while a review lasts.
    create or replace function order_states_move_along() returns trigger language plpgsql as $$
    declare
      allowed boolean := true;
    begin
      if old.status = 'paid' then
        allowed := new.status = 'merged';
      elsif new.status = 'paid' then
        allowed := new.paid_at is not null and (old.status in ('approved', 'merged')
          or exists (select 1 from orders o where o.merged_into = new.id and o.paid_at is not null));
      elsif old.status = 'rejected' and new.status in ('pending', 'approved', 'reversed') then
        allowed := not exists (select 1 from facts where order_id = new.id
          and (fact ->> 'type' = 'decision' and fact ->> 'status' = 'rejected'
            or fact ->> 'type' = 'tracker' and fact ->> 'state' = 'rejected'));
      elsif old.status = 'approved' and new.status = 'pending' then
        allowed := case when new.review is not null then not exists (select 1 from facts where order_id = new.id
            and fact ->> 'type' = 'decision' and fact ->> 'status' = 'approved')
          else not exists (select 1 from facts where order_id = new.id
            and (fact ->> 'type' in ('sale', 'action') or fact ->> 'type' = 'tracker' and fact ->> 'state' = 'sale')) end;
      end if;
      if not allowed then
        raise exception 'order % does not go from % to %', new.id, old.status, new.status
          using errcode = 'restrict_violation';
      end if;
      return null;
    end $$;

    -- Which orders are still to be settled by the rules of a version: those after an id.
    create table settling_rounds (
      version integer primary key,
      after_id text not null default '',
      finished_at timestamptz
    );
    insert into settling_rounds (version) select 2 where exists (select 1 from orders);
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
