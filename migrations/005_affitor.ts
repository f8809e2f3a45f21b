import type { Knex } from 'knex';

// A session plans such a function's statement once, perhaps while the tables are empty: by index from the beginning.
const byIndex = 'set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off';

/** The numbers of the Affitor dialect, and whom its calls are about. */
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
    -- stays, and the other is a gap in the sequence. A function, because its plan is made once for a connection: to plan it
    -- took longer than to run it.
    create function give_affitor_numbers(program_ids text[], kinds text[], object_ids text[])
    returns setof affitor_numbers language plpgsql ${byIndex} as $$
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

    -- Whether the click is the program's, and the customers whom the references lead to (of one who turned out to be another
    -- customer that one) with all that they are known by; without a reference those whom the click bound, at most two.
    create function find_affitor_customers(of_program text, of_livemode boolean, of_click text, of_refs text[])
    returns table (clicked boolean, ref text, affiliate_id text, known_by text[]) language plpgsql stable ${byIndex} as $$
    #variable_conflict use_column
    begin
      return query with recursive known as (
        select r.ref, c.id, c.merged_into from customer_refs r join customers c on c.id = r.customer_id
        where r.program_id = of_program and r.livemode = of_livemode and r.ref = any(of_refs)
        union
        select known.ref, c.id, c.merged_into from known join customers c on c.id = known.merged_into
      ), found as (
        select known.ref, known.id from known where known.merged_into is null
        union all
        (select null, c.id from customers c
         where c.program_id = of_program and c.livemode = of_livemode and c.click_id = of_click
           and c.merged_into is null limit 2)
      )
      select exists (select from clicks k where k.id = of_click and k.program_id = of_program), found.ref, c.affiliate_id,
        array(with recursive family as (
            select c.id union all select child.id from family join customers child on child.merged_into = family.id)
          select r.ref from customer_refs r join family on r.customer_id = family.id order by r.ref)
      from (values (1)) as always left join found on true left join customers c on c.id = found.id;
    end $$;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
