import type { Knex } from 'knex';

/**
 * How many conversions a program has of each status, for lists that tell their total. Kept as the rollups of 007 are:
 * triggers write deltas in the transaction that makes the change, the worker folds them, reading adds up both.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table conversion_total_deltas (
      id bigint generated always as identity primary key,
      program_id text not null,
      livemode boolean not null,
      status text not null,
      earning boolean not null,        -- false: a lead that is only told of
      credited boolean not null,       -- to an affiliate
      total bigint not null
    );

    create table conversion_totals (
      program_id text not null,
      livemode boolean not null,
      status text not null,
      earning boolean not null,
      credited boolean not null,
      total bigint not null,
      primary key (program_id, livemode, status, earning, credited)
    );

    create function total_new_orders() returns trigger language plpgsql as $$
    begin
      insert into conversion_total_deltas (program_id, livemode, status, earning, credited, total)
      select program_id, livemode, status, kind <> 'lead' or cpa_claim is not null, affiliate_id is not null, count(*)
      from added where kind is not null and status <> 'merged' group by 1, 2, 3, 4, 5;
      return null;
    end $$;
    create trigger new_orders_are_totalled after insert on orders
      referencing new table as added for each statement execute function total_new_orders();

    create function total_changed_orders() returns trigger language plpgsql as $$
    begin
      insert into conversion_total_deltas (program_id, livemode, status, earning, credited, total)
      select * from (
        select program_id, livemode, status, kind <> 'lead' or cpa_claim is not null, affiliate_id is not null,
          sum(sign) as total
        from (
          select 1 as sign, program_id, livemode, status, kind, cpa_claim, affiliate_id from added
          union all
          select -1, program_id, livemode, status, kind, cpa_claim, affiliate_id from removed
        ) o where kind is not null and status <> 'merged'
        group by 1, 2, 3, 4, 5
      ) d where total <> 0;
      return null;
    end $$;
    create trigger changed_orders_are_totalled after update on orders
      referencing old table as removed new table as added for each statement execute function total_changed_orders();

    insert into conversion_totals (program_id, livemode, status, earning, credited, total)
    select program_id, livemode, status, kind <> 'lead' or cpa_claim is not null, affiliate_id is not null, count(*)
    from orders where kind is not null and status <> 'merged' group by 1, 2, 3, 4, 5;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
