import type { Knex } from 'knex';

/** The raw inbox, the facts, the orders (each becomes one conversion and its commission) and the append-only ledger. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table inbox_events (
      id text primary key,
      program_id text not null,
      source_id text,
      kind text not null,              -- stripe, revenuecat, postback, conversion, event, refund, decision, import
      livemode boolean not null,
      raw bytea not null,
      headers json not null default '{}',
      facts json not null default '[]',
      status text not null default 'received'
        check (status in ('received', 'processed', 'ignored', 'unprocessable', 'failed')),
      outcome text,
      reason text,
      error text,
      conversion_id text,
      awaited boolean not null default false, -- a caller waits for the outcome: the worker announces it
      attempts smallint not null default 0,
      next_enqueue_at timestamptz not null,
      received_at timestamptz not null,
      settled_at timestamptz,
      check ((status = 'received') = (settled_at is null)),
      check (error is not null or status not in ('failed', 'unprocessable'))
    -- Settling writes each row once more. With room for that on its page, and no index on what it changes, none has to be
    -- touched (measured: 24 us an event, so 10).
    ) with (fillfactor = 45);
    create index inbox_events_by_program on inbox_events (program_id, livemode, id);
    create index inbox_events_by_source on inbox_events (source_id, id desc) where source_id is not null;
    create index inbox_events_in_error on inbox_events (program_id, livemode, id) where error is not null;

    -- Which events may still be waiting, a row for all that arrived in one statement: what the sweep looks after. It lets
    -- go of a row once none of its events waits.
    create table inbox_watches (
      id bigint generated always as identity primary key,
      event_ids text[] not null,
      due_at timestamptz not null
    );
    create index inbox_watches_due on inbox_watches (due_at);

    create function watch_new_events() returns trigger language plpgsql as $$
    begin
      insert into inbox_watches (event_ids, due_at)
      select array_agg(id), min(next_enqueue_at) from arrived where status = 'received' having count(*) > 0;
      return null;
    end $$;
    create trigger new_events_are_watched after insert on inbox_events
      referencing new table as arrived for each statement execute function watch_new_events();

    create function watch_event_again() returns trigger language plpgsql as $$
    begin
      insert into inbox_watches (event_ids, due_at) values (array[new.id], new.next_enqueue_at);
      return null;
    end $$;
    -- It is replayed, or failed and gets another turn.
    create trigger postponed_events_are_watched after update of status, next_enqueue_at on inbox_events for each row
      when (new.status = 'received' and (old.status <> 'received' or old.next_enqueue_at <> new.next_enqueue_at))
      execute function watch_event_again();

    create table customers (
      id text primary key,
      program_id text not null,
      livemode boolean not null,
      email text,
      merged_into text,
      -- The binding: made by the earliest attributed order (or by a customer fact), with the terms of that moment.
      affiliate_id text,
      offer_id text,
      click_id text,
      bound_at timestamptz,
      bound_by text,                   -- id of the order that bound, or of the customer fact
      bound_ref text collate "C",
      terms jsonb,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      check ((affiliate_id is null) = (bound_at is null))
    );
    create index customers_by_program on customers (program_id, livemode, id desc);
    create index customers_by_click on customers (click_id) where click_id is not null;
    create index customers_by_merge on customers (merged_into) where merged_into is not null;

    create table customer_refs (
      program_id text not null,
      livemode boolean not null,
      ref text collate "C" not null,
      customer_id text not null,
      primary key (program_id, livemode, ref)
    -- Whoever claims a reference locks it by writing it again: with room on its page no index has to be touched.
    ) with (fillfactor = 85);
    create index customer_refs_by_customer on customer_refs (customer_id);

    -- An order and the conversion it becomes are one row: kind is null while nothing that counts is known of it.
    create table orders (
      id text primary key,             -- cnv_…
      program_id text not null,
      livemode boolean not null,
      merged_into text,
      kind text check (kind in ('sale', 'renewal', 'lead', 'action')),
      status text not null default 'waiting' check (status in
        ('waiting', 'pending', 'approved', 'paid', 'rejected', 'reversed', 'parked', 'not_tracked', 'merged')),
      reason text,
      gross_minor bigint not null default 0 check (gross_minor >= 0),
      net_minor bigint not null default 0 check (net_minor >= 0),
      refunded_minor bigint not null default 0 check (refunded_minor >= 0 and refunded_minor <= gross_minor),
      currency text,
      assumed_currency text,           -- what an amount without currency was taken for, decided once
      affiliate_id text,
      offer_id text,
      click_id text,
      customer_id text,
      reference text collate "C",      -- the least of its references: orders of one instant are told apart by it
      order_id text,                   -- the sender's own order id
      goal text,
      note json,                       -- what its senders said beside the money, for lists to show: never searched
      subscription text,
      sub1 text,
      occurred_at timestamptz,
      commission_minor bigint not null default 0,
      commission_currency text,
      -- Recorded decisions, which settling again reuses: the terms of their time, and the cap slot.
      terms json not null default '[]', -- json: written often, never searched
      cap json,
      explanation json,
      -- Claims, found by index: who is first decides (DESIGN 5), never who was processed first.
      own json,                        -- attributed by its own evidence, with terms: may bind its customer
      claims_payment boolean not null default false, -- money by this customer: dates the first payment
      cpa_claim text collate "C",      -- the CPA slot it asks for
      hold_days integer,               -- recorded when first settled; null: only a person approves
      approvable_at timestamptz,       -- the end of the hold
      -- What may pair a payment with an invoice that nothing links to it (Stripe's versions from basil on).
      hint text collate "C",           -- account, customer, currency and amount
      hint_at timestamptz,
      joined_by_hint boolean not null default false, -- merged for as long as nothing says otherwise
      approved_at timestamptz,
      rejected_at timestamptz,
      paid_at timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      check ((status = 'merged') = (merged_into is not null)),
      check (merged_into is not null or not joined_by_hint),
      check ((hint is null) = (hint_at is null)),
      check ((status = 'waiting') = (kind is null) or status = 'merged'),
      check (status not in ('pending', 'approved', 'paid', 'rejected', 'reversed') or affiliate_id is not null)
    -- With room on its page a refund, which changes nothing that is indexed, touches that page and none of its indexes.
    ) with (fillfactor = 80);
    create index orders_by_affiliate on orders (affiliate_id, id) where affiliate_id is not null;
    create index orders_by_customer on orders (customer_id, occurred_at, reference) where customer_id is not null;
    -- All that the look-up asks for, in its order: without the scope the planner, lacking statistics, took another index
    -- and read the whole program (measured: 2 ms a claim instead of 10 µs).
    create index orders_by_cpa_claim on orders (program_id, livemode, cpa_claim, occurred_at, reference)
      where cpa_claim is not null;
    create index orders_binding on orders (customer_id, occurred_at, reference) where own is not null and customer_id is not null;
    create index orders_by_subscription on orders (program_id, livemode, subscription, occurred_at, reference) where subscription is not null;
    create index orders_by_hint on orders (program_id, livemode, hint, hint_at) where hint is not null;
    create index orders_by_merge on orders (merged_into) where merged_into is not null;
    create index orders_to_approve on orders (approvable_at) where approvable_at is not null and status = 'pending';

    -- For lists by a rare value, which would else read the whole table backwards to fill one page. Each costs an insert
    -- about 4.5 µs (measured beside 15 µs for the row with its other indexes).
    create index orders_by_offer on orders (offer_id, id) where offer_id is not null;
    create index orders_by_click on orders (click_id) where click_id is not null;
    create index orders_by_order_id on orders (order_id) where order_id is not null;

    create table order_refs (
      program_id text not null,
      livemode boolean not null,
      ref text collate "C" not null,
      order_id text not null,
      primary key (program_id, livemode, ref)
    ) with (fillfactor = 85);
    create index order_refs_by_order on order_refs (order_id);

    -- One row a hint: held by whoever pairs its orders.
    create table order_pools (
      program_id text not null,
      livemode boolean not null,
      hint text collate "C" not null,
      primary key (program_id, livemode, hint)
    );

    create table facts (
      program_id text not null,
      livemode boolean not null,
      id text collate "C" not null,
      order_id text,                   -- null: about a customer or a click alone
      part_id text,                    -- the order that it is about by its references, where a hint joined that to order_id
      customer_id text,
      inbox_id text not null,
      occurred_at timestamptz not null,
      fact json not null,              -- domain/facts.ts
      attribution json,                -- of a fact about a customer: whom it named when it came, with the terms of that time
      posted boolean not null default false,
      created_at timestamptz not null default now(),
      primary key (program_id, livemode, id)
    );
    create index facts_by_order on facts (order_id) where order_id is not null;
    create index facts_by_customer on facts (customer_id) where order_id is null and customer_id is not null;

    create table ledger_entries (
      id text not null,
      program_id text not null,
      livemode boolean not null,
      order_id text not null,
      affiliate_id text not null,
      amount_minor bigint not null check (amount_minor <> 0),
      currency text not null,
      type text not null,              -- the kind of fact that caused it
      fact_id text,
      created_at timestamptz not null default now(),
      -- By its order, which it is always looked for with: one index then does for both.
      primary key (order_id, id)
    );
    create index ledger_entries_by_affiliate on ledger_entries (program_id, affiliate_id, currency) where livemode;

    create function ledger_is_append_only() returns trigger language plpgsql as $$
    begin
      raise exception 'ledger_entries is append-only: post a correcting entry instead' using errcode = 'restrict_violation';
    end $$;
    create trigger ledger_entries_append_only before update or delete or truncate on ledger_entries
      for each statement execute function ledger_is_append_only();

    -- That each has an order of its scope is seen to where its balance is kept (006_rollups.ts).
    -- It needs that orders stay, and stay whose they are.
    create function orders_stay() returns trigger language plpgsql as $$
    begin
      raise exception 'an order is never removed, and never becomes another''s' using errcode = 'restrict_violation';
    end $$;
    create trigger orders_are_kept before delete or truncate on orders for each statement execute function orders_stay();
    create trigger orders_keep_their_scope before update of id, program_id, livemode on orders
      for each statement execute function orders_stay();

    -- A commission's state moves along the edges of src/docs/choices.md alone. Judged at commit, when the facts are stored:
    -- a rejection or an approval may go with the word that made it (a replay read it otherwise, a pairing came apart).
    create function order_states_move_along() returns trigger language plpgsql as $$
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
        allowed := not exists (select 1 from facts where order_id = new.id
          and (fact ->> 'type' in ('sale', 'action') or fact ->> 'type' = 'tracker' and fact ->> 'state' = 'sale'));
      end if;
      if not allowed then
        raise exception 'order % does not go from % to %', new.id, old.status, new.status
          using errcode = 'restrict_violation';
      end if;
      return null;
    end $$;
    create constraint trigger orders_move_along after update on orders deferrable initially deferred for each row
      when (old.status is distinct from new.status and (old.status in ('approved', 'paid', 'rejected') or new.status = 'paid'))
      execute function order_states_move_along();

    -- Daily caps: how many slots of an offer's day are taken. The decision for each order is kept with the order.
    create table cap_counters (
      program_id text not null,
      livemode boolean not null,
      offer_id text not null,
      day date not null,
      taken integer not null check (taken >= 0),
      primary key (program_id, livemode, offer_id, day)
    );

    -- What the worker settles anew in a later batch: a customer whose binding or first order changed.
    create table resettlements (
      id text primary key,
      program_id text not null,
      livemode boolean not null,
      customer_id text,
      order_id text,
      created_at timestamptz not null default now(),
      check ((customer_id is null) <> (order_id is null))
    );
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
