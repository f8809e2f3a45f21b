import type { Knex } from 'knex';

/**
 * Leads that browsers send without a key: off unless a program switches them on, and the weakest evidence of all. Which of
 * them counts is decided apart from all bindings, so that nothing of a customer is written by a visitor's word.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table programs add column browser_leads boolean not null default false;

    -- Nothing but an anonymous lead credits it: it takes its CPA slot after all others, and a daily cap counts it apart.
    alter table orders add column ranks_last boolean not null default false;
    alter table cap_counters add column taken_apart integer not null default 0 check (taken_apart >= 0);

    create table anonymous_leads (
      program_id text not null,
      livemode boolean not null,
      fact_id text collate "C" not null,
      click_id text not null,
      customer_id text not null,       -- the record of the reference that the lead names
      received_at timestamptz not null,
      email text,                      -- the visitor's word: counts against this lead alone
      attribution json,                -- whom the click named when the lead was judged, with the terms of that moment
      why_not text default 'not judged yet', -- null: it speaks for its customer, as long as it is the first of its click
      primary key (program_id, livemode, fact_id)
    );
    create index anonymous_leads_by_click on anonymous_leads (program_id, livemode, click_id, received_at, fact_id);
    create index anonymous_leads_by_customer on anonymous_leads (customer_id);

    -- Who was first with a click: one lead, by (received_at, fact_id). The row is the lock under which that is decided.
    create table lead_clicks (
      program_id text not null,
      livemode boolean not null,
      click_id text collate "C" not null,
      fact_id text,
      primary key (program_id, livemode, click_id)
    );

    -- The lead that speaks for a customer, through any record that is the same customer.
    create function lead_of(customer text) returns setof anonymous_leads language sql stable as $$
      with recursive family (id) as (
        select customer where exists (select 1 from anonymous_leads)
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
      select l.* from family join anonymous_leads l on l.customer_id = family.id
      join lead_clicks c using (program_id, livemode, click_id, fact_id)
      where l.why_not is null order by l.received_at, l.fact_id limit 1
    $$;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
