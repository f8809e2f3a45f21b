import type { Knex } from 'knex';

/**
 * Sources get a ref, by which they are named to whoever may not know the id. The code makes refs as it makes ids; the default
 * is for processes of the version before, which go on while this one starts. A ref keeps the time of its source, by which
 * lists are sorted, and nothing else of the id.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table sources add column ref text collate "C" not null default (
      'srr_' || lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
        || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14));
    update sources set ref = 'srr_' || substr(id, 5, 17) || substr(replace(gen_random_uuid()::text, '-', ''), 18)
     where id ~ '^src_[0-9a-f]{64}$';
    alter table sources add constraint sources_ref_key unique (ref);
    drop index sources_by_program;
    create index sources_by_program on sources (program_id, ref desc) where deleted_at is null;
    alter table sources add constraint sources_ref_check check (ref ~ '^srr_[0-9a-f]{32}$');
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
