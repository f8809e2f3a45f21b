import type { Knex } from 'knex';

/**
 * Each entry of a payout keeps by what the order was credited then: where nothing names the payee any more, the order stays
 * with them by that, and not by what it was credited by in between. Of payouts from before it is what the order says now.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table payout_entries
      add column offer_id text,
      add column click_id text,
      add column ranks_last boolean not null default false; -- nobody who shows who they are told of it, as orders.ranks_last
    update payout_entries pe set offer_id = o.offer_id, click_id = o.click_id, ranks_last = o.ranks_last
      from orders o where o.id = pe.order_id;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
