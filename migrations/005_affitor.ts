import type { Knex } from 'knex';

/** The numbers of the Affitor dialect. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Affitor's ids are numbers: a sequence of their own for each program and kind of object.
    create table affitor_sequences (
      program_id text not null,        -- '' for the numbers of the programs themselves
      kind text not null,              -- sale, commission, event, program
      last_number bigint not null,
      primary key (program_id, kind)
    );
    create table affitor_numbers (
      program_id text not null,
      kind text not null,
      object_id text not null,
      number bigint not null,
      primary key (program_id, kind, object_id),
      unique (program_id, kind, number)
    );
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
