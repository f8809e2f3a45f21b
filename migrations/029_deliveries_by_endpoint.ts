import type { Knex } from 'knex';

/**
 * What was delivered to an endpoint is listed newest first. What is pending, and what failed or is held, has indexes already;
 * this one takes a delivery when its result is recorded, once, and not when it is written or leased. It is built while
 * deliveries wait.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create index deliveries_done on deliveries (endpoint_id, message_id) where status in ('succeeded', 'cancelled')
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
