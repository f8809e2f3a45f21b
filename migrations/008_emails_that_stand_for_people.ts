import type { Knex } from 'knex';

// As in 005: planned once for a connection, and each row looks up by itself.
const plannedOnce = 'set plan_cache_mode = force_generic_plan set enable_seqscan = off';
const lookUp = (table: string, condition: string): string =>
  `lateral (select * from ${table} where ${condition} offset 0)`;

/**
 * An e-mail is a customer record of its own, and stands for the customer of whom a message told first with an id and that
 * e-mail (introductions). Guests who are known to have become such customers are settled again, and so are subscriptions
 * that nobody is known to pay for: their months begin with the first payment.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table programs add column identify_by_email boolean not null default false;

    -- A record that stands for an e-mail, and not for an id.
    alter table customers add column is_email boolean not null default false;
    update customers set is_email = true
     where id in (select customer_id from customer_refs where ref like 'email:%');

    -- Who was told of with which e-mail and an id of theirs, and by which message first: (introduced_at, introduced_by).
    create table introductions (
      program_id text not null references programs,
      livemode boolean not null,
      email_id text not null,          -- the customer record of the e-mail
      customer_id text not null,       -- the customer record of the id
      introduced_at timestamptz not null,
      introduced_by text collate "C" not null, -- the fact
      primary key (email_id, customer_id),
      check (email_id <> customer_id)
    );
    create index introductions_first on introductions (email_id, introduced_at, introduced_by);
    create index introductions_by_customer on introductions (customer_id);

    -- To whom a customer is bound through a record that stands for them: of the e-mail, or of another id with it.
    create function bound_affiliate_of(customer text) returns text language sql stable as $$
      with recursive family (id) as (
        select customer where exists (select 1 from introductions where email_id = customer or customer_id = customer)
        union
        select near.id from family cross join lateral (
          select merged_into as id from customers where id = family.id and merged_into is not null
          union all
          select id from customers where merged_into = family.id
          union all
          select case when i.email_id = family.id then i.customer_id else i.email_id end
          from introductions i join programs p on p.id = i.program_id
          where (i.email_id = family.id or i.customer_id = family.id) and (p.identify_by_email or not exists (
            select 1 from introductions earlier where earlier.email_id = i.email_id
              and (earlier.introduced_at, earlier.introduced_by) < (i.introduced_at, i.introduced_by)))
        ) near)
      select c.affiliate_id from family join customers c on c.id = family.id
      where c.merged_into is null order by c.is_email, c.id limit 1
    $$;

    create or replace function find_affitor_customers(
      of_programs text[], of_livemodes boolean[], of_clicks text[], of_key_refs text[], of_click_refs text[]
    )
    returns table (place integer, clicked boolean, ref text, affiliate_id text, known_by text[])
    language plpgsql stable ${plannedOnce} as $$
    #variable_conflict use_column
    begin
      return query select asked.place::integer, coalesce(k.program_id = asked.program_id, false), found.ref,
        coalesce(c.affiliate_id, bound_affiliate_of(c.id)),
        array(with recursive family as (
            select c.id
            union all
            select child.id from family cross join ${lookUp('customers', 'merged_into = family.id')} child)
          select r.ref from family cross join ${lookUp('customer_refs', 'customer_id = family.id')} r order by r.ref)
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
         where c.program_id = asked.program_id and c.livemode = asked.livemode and c.merged_into is null limit 2)
      ) found on true
      left join ${lookUp('customers', 'id = found.id')} c on true;
    end $$;

    create temporary table told on commit drop as
    select f.program_id, f.livemode, f.fact -> 'customer' ->> 'email' as email, null::text as ref, r.customer_id,
      f.occurred_at, f.id
    from facts f
    join customer_refs r on r.program_id = f.program_id and r.livemode = f.livemode
      and r.ref = f.fact -> 'customer' -> 'refs' ->> 0
    where f.fact -> 'customer' ->> 'email' <> '' and r.ref not like 'email:%';
    update told set ref = 'email:' || lower(email);
  `);
  // What the database takes for lower case depends on its locale.
  const { rows } = await knex.raw<{ rows: { email: string }[] }>(
    `select distinct email from told where email ~ '[^[:ascii:]]'`,
  );
  for (const { email } of rows) {
    await knex.raw(`update told set ref = ? where email = ?`, [`email:${email.toLowerCase()}`, email]);
  }
  await knex.raw(`
    insert into customer_refs (program_id, livemode, ref, customer_id)
    select program_id, livemode, ref, 'cus_' || replace(gen_random_uuid()::text, '-', '')
    from (select distinct program_id, livemode, ref from told) t
    on conflict do nothing;

    insert into customers (id, program_id, livemode, email, is_email)
    select r.customer_id, r.program_id, r.livemode, substr(r.ref, 7), true
    from customer_refs r
    where r.ref like 'email:%' and not exists (select 1 from customers c where c.id = r.customer_id);

    insert into introductions (program_id, livemode, email_id, customer_id, introduced_at, introduced_by)
    select distinct on (r.customer_id, t.customer_id)
      t.program_id, t.livemode, r.customer_id, t.customer_id, t.occurred_at, t.id
    from told t join customer_refs r using (program_id, livemode, ref)
    order by r.customer_id, t.customer_id, t.occurred_at, t.id collate "C";

    insert into resettlements (id, program_id, livemode, customer_id)
    select 'rst_' || replace(gen_random_uuid()::text, '-', ''), c.program_id, c.livemode, c.id
    from customers c
    where c.is_email and exists (select 1 from introductions i where i.email_id = c.id)
      and (exists (select 1 from orders o where o.customer_id = c.id)
        or exists (select 1 from facts f where f.customer_id = c.id and f.order_id is null));

    -- Of subscriptions that nobody is known to pay for the months began with each payment.
    insert into resettlements (id, program_id, livemode, order_id)
    select 'rst_' || replace(gen_random_uuid()::text, '-', ''), program_id, livemode, id
    from orders where customer_id is null and subscription is not null and merged_into is null;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
