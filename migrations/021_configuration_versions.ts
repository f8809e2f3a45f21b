import type { Knex } from 'knex';

/**
 * What a worker knows of a program's configuration (affiliates, codes, offers, bans, endpoints) it may keep until that changes.
 * Each transaction that changes something leaves a random mark, and the sum of a program's marks is the version of its
 * configuration: an insert waits for no other transaction, where a counter would hold its row until the commit. Marks are
 * never only removed (the worker puts a new one in place of many), so that no version comes twice.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table configuration_changes (
      program_id text not null,
      mark bigint not null default hashtextextended(gen_random_uuid()::text, 0),
      primary key (program_id, mark)
    );

    create function configuration_inserted() returns trigger language plpgsql as $$
    begin
      insert into configuration_changes (program_id) select distinct program_id from new_rows;
      return null;
    end $$;

    create function configuration_deleted() returns trigger language plpgsql as $$
    begin
      insert into configuration_changes (program_id) select distinct program_id from old_rows;
      return null;
    end $$;

    -- Columns that count for nothing are named by the trigger. What is neither of the old rows nor equal to one has changed.
    create function configuration_updated() returns trigger language plpgsql as $$
    begin
      insert into configuration_changes (program_id)
      select distinct changed ->> 'program_id' from (
        (select to_jsonb(n) - coalesce(tg_argv, '{}') as changed from new_rows n except all select to_jsonb(o) - coalesce(tg_argv, '{}') from old_rows o)
        union all
        (select to_jsonb(o) - coalesce(tg_argv, '{}') from old_rows o except all select to_jsonb(n) - coalesce(tg_argv, '{}') from new_rows n)
      ) as changes;
      return null;
    end $$;

    create function program_updated() returns trigger language plpgsql as $$
    begin
      insert into configuration_changes (program_id) select id from new_rows;
      return null;
    end $$;
    create trigger programs_configuration after update on programs
      referencing new table as new_rows for each statement execute function program_updated();
  `);
  for (const [table, ignored] of Object.entries(ofNoAccount)) {
    await knex.raw(`
      create trigger ${table}_configuration_inserted after insert on ${table}
        referencing new table as new_rows for each statement execute function configuration_inserted();
      create trigger ${table}_configuration_deleted after delete on ${table}
        referencing old table as old_rows for each statement execute function configuration_deleted();
      create trigger ${table}_configuration_updated after update on ${table}
        referencing old table as old_rows new table as new_rows
        for each statement execute function configuration_updated(${ignored.map((name) => `'${name}'`).join(', ')});
    `);
  }
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}

/** The columns of each table that may change as they like. */
const ofNoAccount = {
  affiliates: ['updated_at'],
  affiliate_codes: [],
  affiliate_bans: ['checked_at'],
  offers: ['updated_at'],
  webhook_endpoints: ['updated_at', 'failures', 'paused_until', 'next_slot_at', 'exhausted_told_at'],
};
