import type { Knex } from 'knex';

/**
 * Messages that the ledger has facts of, and that a replay by an older version could not read again (a byte order mark before
 * their JSON): they stand as what they said when they were taken, or `verify` would miss the message behind those facts.
 * Today's replay leaves such messages as they are.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    update inbox_events e set
      status = 'processed', outcome = 'recorded', reason = null, error = null,
      facts = said.facts, conversion_id = said.conversion_id
    from (
      select f.program_id, f.livemode, f.inbox_id, json_agg(f.fact order by f.id) as facts,
        case when count(distinct f.order_id) = 1 then min(f.order_id) end as conversion_id
      from facts f join inbox_events broken on broken.id = f.inbox_id and broken.error is not null
      where broken.status = 'unprocessable'
      group by f.program_id, f.livemode, f.inbox_id
    ) as said
    where e.id = said.inbox_id and e.program_id = said.program_id and e.livemode = said.livemode
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
