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

    -- The numbers of objects, given to those that have none. Two processes may both draw one for the same object: the first
    -- stays, and the other is a gap in the sequence. A function, because its plan is made once for a connection (by index,
    -- since the tables may be empty then): to plan it took longer than to run it.
    create function give_affitor_numbers(program_ids text[], kinds text[], object_ids text[])
    returns setof affitor_numbers language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    begin
      return query with wanted as (
        select distinct program_id, kind, object_id
        from unnest(program_ids, kinds, object_ids) as object (program_id, kind, object_id)
      ), known as (
        select n.* from affitor_numbers n join wanted using (program_id, kind, object_id)
      ), missing as (
        select program_id, kind, object_id, count(*) over sequence as many,
          row_number() over (sequence order by object_id) as place
        from wanted where not exists (
          select 1 from known where (known.program_id, known.kind, known.object_id)
            = (wanted.program_id, wanted.kind, wanted.object_id))
        window sequence as (partition by program_id, kind)
      ), drawn as (
        insert into affitor_sequences as s (program_id, kind, last_number)
        select distinct program_id, kind, many from missing order by program_id, kind
        on conflict (program_id, kind) do update set last_number = s.last_number + excluded.last_number
        returning program_id, kind, last_number
      ), given as (
        insert into affitor_numbers as n (program_id, kind, object_id, number)
        select program_id, kind, object_id, last_number - many + place
        from missing join drawn using (program_id, kind) order by program_id, kind, object_id
        on conflict (program_id, kind, object_id) do update set number = n.number
        returning n.*
      )
      select * from known union all select * from given;
    end $$;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
