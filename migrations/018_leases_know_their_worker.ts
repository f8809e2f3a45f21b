import type { Knex } from 'knex';

/**
 * A lease says which worker holds it: one that is dead gives back what it had leased, within seconds instead of half a
 * minute. Null: of a worker that cannot tell whether it lives (behind a transaction pooler), or of an older version.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('alter table deliveries add column locked_by integer');
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
