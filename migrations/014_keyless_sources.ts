import type { Knex } from 'knex';

// As in 005: planned once for a connection, and each row looks up by itself.
const plannedOnce = 'set plan_cache_mode = force_generic_plan set enable_seqscan = off';
const lookUp = (table: string, condition: string): string =>
  `lateral (select * from ${table} where ${condition} offset 0)`;

/**
 * Sources that ask for no key speak for their own orders and customers only: their references begin with `keyless:SOURCE:`.
 * What they alone told of so far is given such references, so that their later messages still find it and nobody else's do.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    update sources set order_scope = 'source' where kind = 'postback' and settings ->> 'requireKey' = 'false';
    alter table sources add constraint sources_without_key_keep_to_themselves
      check (kind <> 'postback' or settings ->> 'requireKey' is distinct from 'false' or order_scope = 'source');

    alter table customers add column is_keyless boolean not null default false; -- known to such a source alone

    -- Who is first is told by when an order counts, which of what came without a key is when it was received.
    drop index orders_by_customer, orders_by_cpa_claim, orders_binding, orders_by_subscription, orders_binding_subscription;
    create index orders_by_customer on orders (customer_id, (coalesce(counted_at, occurred_at)), reference)
      where customer_id is not null;
    create index orders_by_cpa_claim
      on orders (program_id, livemode, cpa_claim, ranks_last, (coalesce(counted_at, occurred_at)), reference)
      where cpa_claim is not null;
    create index orders_binding on orders (customer_id, (coalesce(counted_at, occurred_at)), reference)
      where own is not null and customer_id is not null;
    create index orders_by_subscription
      on orders (program_id, livemode, subscription, (coalesce(counted_at, occurred_at)), reference)
      where subscription is not null;
    create index orders_binding_subscription
      on orders (program_id, livemode, subscription, (coalesce(counted_at, occurred_at)), reference)
      where binds_subscription and subscription is not null;

    -- As before, with whom an anonymous lead credits the customer to, where nothing else does; and without customers whom
    -- such a source alone knows: no call with a key is about them.
    drop function find_affitor_customers(text[], boolean[], text[], text[], text[]);
    create function find_affitor_customers(
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
          select r.ref from family cross join ${lookUp('customer_refs', 'customer_id = family.id')} r order by r.ref),
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
  `);
  const { rows } = await knex.raw<{ rows: unknown[] }>(
    `select 1 from sources where kind = 'postback' and settings ->> 'requireKey' = 'false' limit 1`,
  );
  if (rows.length > 0) await renameWhatTheyToldOf(knex);
}

/** Exported for the test that makes such a database; `up` calls it. */
export async function renameWhatTheyToldOf(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What came by them without a key, as far as that can be told: a source may have asked for one before.
    create temporary table keyless_messages on commit drop as
    select e.id, e.source_id, e.status from inbox_events e join sources s on s.id = e.source_id
    where s.kind = 'postback' and s.settings ->> 'requireKey' = 'false'
      and (s.settings_changed_at is null or e.received_at >= s.settings_changed_at
        or position('[redacted]'::bytea in e.raw) = 0 and coalesce(e.headers ->> 'url', '') not like '%[redacted]%');
    create unique index on keyless_messages (id);

    -- Orders that nobody else told of. What a person decided about one, or gave back, tells of nothing.
    create temporary table their_orders on commit drop as
    select f.order_id as id, bool_or(f.fact ->> 'receivedAt' is not null) as received
    from facts f
    join inbox_events e on e.id = f.inbox_id
    left join keyless_messages m on m.id = f.inbox_id
    where f.order_id is not null
      and f.order_id in (select order_id from facts where inbox_id in (select id from keyless_messages))
    group by f.order_id
    having bool_and(m.id is not null or e.kind in ('decision', 'refund')) and bool_or(m.id is not null);
    create unique index on their_orders (id);

    -- Whom facts name, by the references of then.
    create temporary table named on commit drop as
    select f.program_id, f.livemode, f.id as fact_id, f.order_id, m.source_id, r.ref, null::text as customer_id
    from facts f
    left join keyless_messages m on m.id = f.inbox_id
    cross join lateral (
      select jsonb_array_elements_text((f.fact -> 'customer' -> 'refs')::jsonb) as ref
      union all
      select 'email:' || (f.fact -> 'customer' ->> 'email') where f.fact -> 'customer' ->> 'email' <> '') r
    where f.fact ->> 'customer' is not null;
  `);
  await lowerEmails(knex);
  await knex.raw(`
    update named set customer_id = r.customer_id from customer_refs r
    where r.program_id = named.program_id and r.livemode = named.livemode and r.ref = named.ref;
    create index on named (customer_id);
    analyze keyless_messages;
    analyze their_orders;
    analyze named;

    -- All records that may be one customer with a record, one way or another.
    create temporary table kin on commit drop as
    with recursive edge as (
      select id as a, merged_into as b from customers where merged_into is not null
      union select merged_into, id from customers where merged_into is not null
      union select email_id, customer_id from introductions
      union select customer_id, email_id from introductions),
    kin (start, id) as (
      select distinct customer_id, customer_id from named where source_id is not null and customer_id is not null
      union
      select kin.start, edge.b from kin join edge on edge.a = kin.id)
    select start, id from kin;
    -- Records of which others told, or an order that is not theirs alone.
    create temporary table others_customers on commit drop as
    select distinct kin.start as id from kin
    where exists (select 1 from named n where n.customer_id = kin.id and n.source_id is null)
      or exists (select 1 from orders o where o.customer_id = kin.id and o.merged_into is null
                   and not exists (select 1 from their_orders t where t.id = o.id));
    create unique index on others_customers (id);

    -- Orders whose customer, or subscription, others know: these names stay, and so does the order.
    create temporary table shared_orders on commit drop as
    select t.id from their_orders t
    where exists (select 1 from named n join others_customers c on c.id = n.customer_id where n.order_id = t.id)
      or exists (select 1 from orders o join orders other using (program_id, livemode, subscription)
                 where o.id = t.id and not exists (select 1 from their_orders x where x.id = other.id));
    create unique index on shared_orders (id);
    -- Such an order of a reading that told when a message was received stands without any later message.
    delete from their_orders t using shared_orders s where t.id = s.id and t.received;
    -- A customer of an order that stays is not renamed, either.
    insert into others_customers select distinct kin.start from kin
    where exists (select 1 from named n join shared_orders s on s.id = n.order_id where n.customer_id = kin.id)
    on conflict do nothing;
    insert into shared_orders
    select distinct n.order_id from named n join others_customers c on c.id = n.customer_id
    join their_orders t on t.id = n.order_id
    on conflict do nothing;

    create function pg_temp.own_ref(source text, ref text) returns text language sql immutable as $$
      select case when ref like 'call:%' then ref
        else 'keyless:' || source || ':' || regexp_replace(ref, '^(order|sub):' || source || ':', '\\1:') end
    $$;
    create function pg_temp.own_refs(source text, refs jsonb) returns jsonb language sql immutable as $$
      select coalesce(jsonb_agg(pg_temp.own_ref(source, r.ref) order by r.place), '[]')
      from jsonb_array_elements_text(refs) with ordinality r (ref, place)
    $$;
    -- The fact with its source's own names; with the names of its customer and its subscription where these are its own, too.
    create function pg_temp.own_fact(source text, fact jsonb, email text, with_customer boolean) returns jsonb
    language sql immutable as $$
      select fact || jsonb_build_object('refs', pg_temp.own_refs(source, fact -> 'refs'))
        || case when with_customer and fact ->> 'subscription' is not null
             then jsonb_build_object('subscription', pg_temp.own_ref(source, fact ->> 'subscription')) else '{}' end
        || case when not with_customer or fact -> 'customer' = 'null' then '{}'
             else jsonb_build_object('customer', fact -> 'customer' || jsonb_build_object('refs',
               case when fact -> 'customer' -> 'refs' <> '[]' then pg_temp.own_refs(source, fact -> 'customer' -> 'refs')
                 when email is null then '[]'
                 else jsonb_build_array(pg_temp.own_ref(source, email)) end)) end
    $$;

    create temporary table renamed on commit drop as
    select f.program_id, f.livemode, f.id, f.order_id, f.inbox_id, m.source_id, f.fact::jsonb as was,
      pg_temp.own_fact(m.source_id, f.fact::jsonb, e.ref, s.id is null) as fact, s.id is null as with_customer
    from facts f
    join keyless_messages m on m.id = f.inbox_id
    left join their_orders t on t.id = f.order_id
    left join shared_orders s on s.id = f.order_id
    left join lateral (select ref from named n where n.program_id = f.program_id and n.livemode = f.livemode
      and n.fact_id = f.id and n.ref like 'email:%' limit 1) e on true
    where t.id is not null
      or f.order_id is null and f.fact ->> 'customer' is not null and not exists (
        select 1 from named n join others_customers c on c.id = n.customer_id
        where n.program_id = f.program_id and n.livemode = f.livemode and n.fact_id = f.id);
    create unique index on renamed (program_id, livemode, id);
    create index on renamed (order_id);

    -- Orders, with what people said about them by the same names.
    create temporary table renamed_refs on commit drop as
    select r.program_id, r.livemode, r.order_id, w.ref as was, min(pg_temp.own_ref(r.source_id, w.ref)) as ref
    from renamed r cross join lateral jsonb_array_elements_text(r.was -> 'refs') as w (ref)
    where r.order_id is not null group by 1, 2, 3, 4;
    insert into order_refs (program_id, livemode, ref, order_id)
    select distinct k.program_id, k.livemode, pg_temp.own_ref(r.source_id, w.ref), k.order_id
    from renamed r cross join lateral jsonb_array_elements_text(r.was -> 'refs') as w (ref)
    join order_refs k on k.program_id = r.program_id and k.livemode = r.livemode and k.ref = w.ref
    where r.order_id is not null
    on conflict do nothing;
    delete from order_refs k using renamed_refs r
    where k.program_id = r.program_id and k.livemode = r.livemode and k.ref = r.was and r.ref <> r.was;
    insert into renamed (program_id, livemode, id, order_id, inbox_id, was, fact, with_customer)
    select f.program_id, f.livemode, f.id, f.order_id, f.inbox_id, f.fact::jsonb,
      f.fact::jsonb || jsonb_build_object('refs', (
        select jsonb_agg(coalesce(r.ref, w.ref) order by w.place)
        from jsonb_array_elements_text((f.fact -> 'refs')::jsonb) with ordinality w (ref, place)
        left join renamed_refs r on r.order_id = f.order_id and r.was = w.ref)), false
    from facts f join their_orders t on t.id = f.order_id
    where not exists (select 1 from renamed r
      where r.program_id = f.program_id and r.livemode = f.livemode and r.id = f.id);

    -- Customers.
    insert into customer_refs (program_id, livemode, ref, customer_id)
    select distinct on (n.program_id, n.livemode, pg_temp.own_ref(r.source_id, n.ref))
      n.program_id, n.livemode, pg_temp.own_ref(r.source_id, n.ref), n.customer_id
    from renamed r join named n on n.program_id = r.program_id and n.livemode = r.livemode and n.fact_id = r.id
    where r.with_customer and n.customer_id is not null
      and jsonb_exists(r.fact -> 'customer' -> 'refs', pg_temp.own_ref(r.source_id, n.ref))
    order by 1, 2, 3, n.customer_id
    on conflict do nothing;
    delete from customer_refs k using renamed r, named n
    where r.with_customer and n.program_id = r.program_id and n.livemode = r.livemode and n.fact_id = r.id
      and k.program_id = n.program_id and k.livemode = n.livemode and k.ref = n.ref;
    update customers c set is_keyless = true, is_email = false
    where c.id in (select customer_id from named where source_id is not null)
      and exists (select 1 from customer_refs k where k.customer_id = c.id)
      and not exists (select 1 from customer_refs k where k.customer_id = c.id and k.ref not like 'keyless:%');
    delete from introductions i using renamed r
    where r.with_customer and i.program_id = r.program_id and i.livemode = r.livemode and i.introduced_by = r.id;

    -- Messages, those that said the same again and those that wait, too.
    update inbox_events e set facts = (
      select json_agg(coalesce(r.fact::json, said.fact) order by said.place)
      from json_array_elements(e.facts) with ordinality said (fact, place)
      left join renamed r on r.program_id = e.program_id and r.livemode = e.livemode and r.id = said.fact ->> 'id')
    where json_array_length(e.facts) > 0
      and (e.id in (select id from keyless_messages) or e.id in (select inbox_id from renamed));
    update inbox_events e set facts = (
      select json_agg(pg_temp.own_fact(m.source_id, said.fact, 'email:' || lower(said.fact -> 'customer' ->> 'email'), true)
          || jsonb_build_object('receivedAt',
               to_char(e.received_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by said.place)
      from json_array_elements(e.facts) with ordinality j (fact, place)
      cross join lateral (select j.fact::jsonb as fact, j.place) said)
    from keyless_messages m
    where m.id = e.id and e.status = 'received' and json_array_length(e.facts) > 0
      and not exists (select 1 from json_array_elements(e.facts) said (fact)
        join facts f on f.program_id = e.program_id and f.livemode = e.livemode and f.id = said.fact ->> 'id');
    update facts f set fact = r.fact::json from renamed r
    where f.program_id = r.program_id and f.livemode = r.livemode and f.id = r.id;

    update orders o set reference = r.ref, subscription = coalesce(pg_temp.own_ref(r.source_id, o.subscription), o.subscription)
    from (select r.order_id, min(w.ref collate "C") as ref, min(r.source_id) filter (where r.with_customer) as source_id
          from renamed r cross join lateral jsonb_array_elements_text(r.fact -> 'refs') as w (ref)
          where r.order_id is not null group by r.order_id) r
    where o.id = r.order_id;
    update customers c set bound_ref = o.reference from orders o join their_orders t on t.id = o.id
    where c.bound_by = o.id;

    -- They come after all others from now on, and what was said without a key counts from its receipt.
    insert into settling_rounds (version)
    select 14 where not exists (select 1 from settling_rounds where finished_at is null and after_id = '')
      and (exists (select 1 from their_orders) or exists (select 1 from facts where fact ->> 'receivedAt' is not null));
  `);
  await forgetKeylessIntroductions(knex);
}

/** E-mails as they identify: what the database takes for lower case depends on its locale. */
async function lowerEmails(knex: Knex): Promise<void> {
  const { rows } = await knex.raw<{ rows: { ref: string }[] }>(
    `select distinct ref from named where ref like 'email:%' and ref ~ '[^[:ascii:]]'`,
  );
  await knex.raw(`update named set ref = lower(ref) where ref like 'email:%' and ref !~ '[^[:ascii:]]'`);
  for (const { ref } of rows) await knex.raw(`update named set ref = ? where ref = ?`, [ref.toLowerCase(), ref]);
}

/** A message without a key introduces nobody; the next that says the same with one does. */
async function forgetKeylessIntroductions(knex: Knex): Promise<void> {
  await knex.raw(`
    create temporary table forgotten on commit drop as
    select i.* from introductions i
    join facts f on f.program_id = i.program_id and f.livemode = i.livemode and f.id = i.introduced_by
    where f.fact ->> 'receivedAt' is not null;
    delete from introductions i using forgotten f where i.email_id = f.email_id and i.customer_id = f.customer_id;
    insert into introductions (program_id, livemode, email_id, customer_id, introduced_at, introduced_by)
    select distinct on (g.email_id, g.customer_id) g.program_id, g.livemode, g.email_id, g.customer_id, f.occurred_at, f.id
    from forgotten g
    join named e on e.customer_id = g.email_id and e.ref like 'email:%'
    join named n on n.customer_id = g.customer_id and n.fact_id = e.fact_id and n.program_id = e.program_id
      and n.livemode = e.livemode
    join facts f on f.program_id = n.program_id and f.livemode = n.livemode and f.id = n.fact_id
    where f.fact ->> 'receivedAt' is null and e.source_id is null
    order by g.email_id, g.customer_id, f.occurred_at, f.id collate "C"
    on conflict do nothing;
    insert into resettlements (id, program_id, livemode, customer_id)
    select 'rst_' || replace(gen_random_uuid()::text, '-', ''), program_id, livemode, id
    from (select program_id, livemode, email_id as id from forgotten
          union select program_id, livemode, customer_id from forgotten) c;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
