import type { Knex } from 'knex';

/**
 * An e-mail is a customer record of its own, and stands for the customer of whom a message told first with an id and that
 * e-mail (introductions). Guests who are known to have become such customers are settled again.
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
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
