import type { Knex } from 'knex';

// As in 005: planned once for a connection, and each row looks up by itself.
const plannedOnce = 'set plan_cache_mode = force_generic_plan set enable_seqscan = off';
const lookUp = (table: string, condition: string): string =>
  `lateral (select * from ${table} where ${condition} offset 0)`;

/**
 * An event writes less: what a row tells by itself has no second row, and no entry in another index. Nothing that is stored is
 * written anew; columns are added empty, and seven indexes are built, for which every fact is looked at once (measured on a
 * busy machine of two cores: 21 s for 500 000 conversions; writers wait).
 *
 * Code from before may still run meanwhile: what it writes is told by the rows that it always was told by, and the indexes
 * take it. It lists no commission that is stored with its conversion, and looks up order ids and references slowly.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Every event adds to a few rows: with room on its page that touches no index.
    alter table statistic_rollups set (fillfactor = 50);
    alter table conversion_totals set (fillfactor = 50);
    alter table balance_rollups set (fillfactor = 50);
    alter table link_rollups set (fillfactor = 50);

    -- An affiliate's id alone finds the same entries.
    drop index ledger_entries_by_affiliate;
    create index ledger_entries_by_affiliate on ledger_entries (affiliate_id) where livemode;

    -- The end of a source's id is random. In the order of ids new entries go to the end, where pages fill up; descending they
    -- split each page in halves.
    drop index inbox_events_by_source;
    create index inbox_events_by_source on inbox_events (right(source_id, 12), id) where source_id is not null;

    -- Whether an order may bind its customer stands in the index of the customer's orders, which needs no second one then.
    drop index orders_by_customer, orders_binding;
    create index orders_by_customer on orders (customer_id, num_nulls(own), (coalesce(counted_at, occurred_at)), reference)
      where customer_id is not null;

    -- An order whose first reference is the sender's own order id is found by that reference.
    drop index orders_by_order_id;
    create index orders_by_order_id on orders (order_id)
      where order_id is not null and reference is distinct from 'order:' || order_id;

    -- Who an order or a customer is known by when it is new stands with its row, and is looked up in no index of
    -- references by owner: that one holds what was told later, and all that code from before wrote.
    alter table orders add column refs json;
    alter table customers add column refs json;
    alter table order_refs add column listed boolean not null default true;
    alter table customer_refs add column listed boolean not null default true;
    drop index order_refs_by_order, customer_refs_by_customer;
    create index order_refs_by_order on order_refs (order_id) where listed;
    create index customer_refs_by_customer on customer_refs (customer_id) where listed;

    create function refs_of_order(of_order text) returns setof text language sql stable rows 2 as $$
      select ref from order_refs where order_id = of_order and listed
      union all
      select json_array_elements_text(refs) from orders where id = of_order
    $$;
    create function refs_of_customer(of_customer text) returns setof text language sql stable rows 2 as $$
      select ref from customer_refs where customer_id = of_customer and listed
      union all
      select json_array_elements_text(refs) from customers where id = of_customer
    $$;

    -- As in 014, with the references of a customer's row.
    create or replace function find_affitor_customers(
      of_programs text[], of_livemodes boolean[], of_clicks text[], of_key_refs text[], of_click_refs text[]
    )
    returns table (
      place integer, clicked boolean, ref text, affiliate_id text, known_by text[], lead_affiliate_id text
    )
    language plpgsql stable ${plannedOnce} as $$
    #variable_conflict use_column
    begin
      return query select asked.place::integer, coalesce(k.program_id = asked.program_id, false), found.ref, bound.to,
        array(with recursive family as (
            select c.id
            union all
            select child.id from family cross join ${lookUp('customers', 'merged_into = family.id')} child)
          select r.ref from family cross join lateral refs_of_customer(family.id) as r (ref) order by r.ref collate "C"),
        case when bound.to is null and c.id is not null then
          (select attribution -> 'terms' ->> 'affiliateId' from lead_of(c.id)) end
      from unnest(of_programs, of_livemodes, of_clicks, of_key_refs, of_click_refs) with ordinality
        as asked (program_id, livemode, click_id, key_ref, click_ref, place)
      left join ${lookUp('clicks', 'id = asked.click_id')} k on true
      left join lateral (
        with recursive known as (
          select r.ref, c.id, c.merged_into
          from ${lookUp(
            'customer_refs',
            'program_id = asked.program_id and livemode = asked.livemode and ref = any(array[asked.key_ref, asked.click_ref])',
          )} r cross join ${lookUp('customers', 'id = r.customer_id')} c
          union
          select known.ref, c.id, c.merged_into
          from known cross join ${lookUp('customers', 'id = known.merged_into')} c
        )
        select known.ref, known.id from known where known.merged_into is null
        union all
        (select null, c.id from ${lookUp('customers', 'click_id = asked.click_id')} c
         where c.program_id = asked.program_id and c.livemode = asked.livemode and c.merged_into is null
           and not c.is_keyless limit 2)
      ) found on true
      left join ${lookUp('customers', 'id = found.id')} c on true
      left join lateral (select coalesce(c.affiliate_id, bound_affiliate_of(c.id)) as to) bound on true;
    end $$;

    -- A click that an order is credited by is kept for the order's sake: only facts that name another are looked for.
    alter table facts add column names_its_click boolean not null default false;
    drop index facts_by_click;
    create index facts_by_click on facts ((fact #>> '{evidence,clickId}'))
      where fact #>> '{evidence,clickId}' is not null and not names_its_click;

    -- Most deliveries succeed at once: what is to be told of that attempt stands with the delivery. All others have rows
    -- of their own.
    alter table deliveries
      add column first_attempt_id text,
      add column response_status smallint,
      add column response_body text,
      add column duration_ms integer,
      add column attempted_at timestamptz;
    create view every_attempt as
      select message_id, id, endpoint_id, status, trigger, response_status, response_body, error, duration_ms,
        attempted_at, next_attempt_at
      from delivery_attempts
      union all
      select message_id, first_attempt_id, endpoint_id, 'succeeded', 'schedule', response_status, response_body, null,
        duration_ms, attempted_at, null
      from deliveries where first_attempt_id is not null;

    -- The 'commission.created' that was told with a 'conversion.created' or 'lead.created' and that no endpoint wanted then:
    -- its data, or 'derived' where they are what that conversion says of its commission. Its id is that of this row with
    -- another last digit: 1 for 0.
    alter table messages add column commission text;
    create function commission_message_id(id text) returns text language sql immutable as $$
      select left(id, -1) || '1'
    $$;
    -- As it was rendered, to the byte: what rows say 'derived' of was compared with this when they were written
    -- (src/outbound/messages/commission-messages.ts). It never changes: another form takes another word.
    create function derived_commission(conversion json) returns text language sql immutable as $$
      select '{"id":' || (conversion #> '{commission,id}') || ',"conversionId":' || (conversion -> 'id')
        || ',"affiliateId":' || (conversion -> 'affiliateId') || ',"amountMinor":' || (conversion #> '{commission,amountMinor}')
        || ',"currency":' || (conversion #> '{commission,currency}') || ',"status":' || (conversion -> 'status')
        || ',"reason":' || (conversion -> 'reason') || ',"review":null,"livemode":' || (conversion -> 'livemode')
        || ',"createdAt":' || (conversion -> 'createdAt') || ',"paidAt":null}'
    $$;
    create function commission_message_body(
      program_id text, livemode boolean, id text, body text, commission text, created_at timestamptz
    ) returns text language sql stable as $$
      select '{"id":"' || commission_message_id(id) || '","type":"commission.created","createdAt":"'
        || to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '","livemode":' || livemode
        || ',"programId":' || to_json(program_id) || ',"data":'
        || case when commission = 'derived' then derived_commission(body::json -> 'data') else commission end || '}'
    $$;
    create view every_message as
      select id, program_id, livemode, type, body, created_at from messages
      union all
      select commission_message_id(id), program_id, livemode, 'commission.created',
        commission_message_body(program_id, livemode, id, body, commission, created_at), created_at
      from messages where commission is not null;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
