import type { Knex } from 'knex';

// A session plans such a function's statement once, perhaps while the tables are empty. Left to itself it would plan for the
// arrays at hand each time, as their real length looks cheaper than one that is guessed (measured: 1.1 ms a call, not 0.4).
const plannedOnce = 'set plan_cache_mode = force_generic_plan set enable_seqscan = off';

/**
 * What a row of the query looks up, each row by itself: `offset 0` keeps the condition inside. Otherwise a planner that
 * knows of few rows yet reads a whole program through another index (measured: 11 ms for eight calls among 7 000 customers,
 * beside 0.3).
 */
const lookUp = (table: string, condition: string): string =>
  `lateral (select * from ${table} where ${condition} offset 0)`;

/** The numbers of the Affitor dialect, and whom its calls are about. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Affitor's ids are numbers: a sequence of their own for each program and kind of object.
    create table affitor_sequences (
      program_id text not null,        -- '' for the numbers of the programs themselves
      kind text not null,              -- sale (and its commission), event, program
      last_number bigint not null,
      primary key (program_id, kind)
    );
    create table affitor_numbers (
      program_id text not null,
      kind text not null,
      object_id text not null,
      number bigint not null,
      primary key (program_id, kind, object_id),
      -- Not in the order of the key, so that nobody who looks for an object takes this index.
      unique (number, program_id, kind)
    );

    -- The numbers of objects, given to those that have none. Two processes may both draw one for the same object: the first
    -- stays, and the other is a gap in the sequence. A function, because its plan is made once for a connection: to plan it
    -- took longer than to run it.
    create function give_affitor_numbers(program_ids text[], kinds text[], object_ids text[])
    returns setof affitor_numbers language plpgsql ${plannedOnce} as $$
    begin
      return query with wanted as (
        select distinct program_id, kind, object_id
        from unnest(program_ids, kinds, object_ids) as object (program_id, kind, object_id)
      ), known as (
        select n.* from wanted cross join ${lookUp(
          'affitor_numbers',
          'program_id = wanted.program_id and kind = wanted.kind and object_id = wanted.object_id',
        )} n
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

    -- Of each call that asks, by its place: whether the click is the program's, and the customers whom the references lead to
    -- (of one who turned out to be another customer that one) with all that they are known by; without a reference those
    -- whom the click bound, at most two.
    create function find_affitor_customers(
      of_programs text[], of_livemodes boolean[], of_clicks text[], of_key_refs text[], of_click_refs text[]
    )
    returns table (place integer, clicked boolean, ref text, affiliate_id text, known_by text[])
    language plpgsql stable ${plannedOnce} as $$
    #variable_conflict use_column
    begin
      return query select asked.place::integer, coalesce(k.program_id = asked.program_id, false), found.ref, c.affiliate_id,
        array(with recursive family as (
            select c.id
            union all
            select child.id from family cross join ${lookUp('customers', 'merged_into = family.id')} child)
          select r.ref from family cross join ${lookUp('customer_refs', 'customer_id = family.id')} r order by r.ref)
      from unnest(of_programs, of_livemodes, of_clicks, of_key_refs, of_click_refs) with ordinality
        as asked (program_id, livemode, click_id, key_ref, click_ref, place)
      left join ${lookUp('clicks', 'id = asked.click_id')} k on true
      left join lateral (
        with recursive known as (
          select r.ref, c.id, c.merged_into
          from ${lookUp(
            'customer_refs',
            'program_id = asked.program_id and livemode = asked.livemode and ref = any(array[asked.key_ref, asked.click_ref])',
          )} r cross join ${lookUp('customers', 'id = r.customer_id')} c
          union
          select known.ref, c.id, c.merged_into
          from known cross join ${lookUp('customers', 'id = known.merged_into')} c
        )
        select known.ref, known.id from known where known.merged_into is null
        union all
        (select null, c.id from ${lookUp('customers', 'click_id = asked.click_id')} c
         where c.program_id = asked.program_id and c.livemode = asked.livemode and c.merged_into is null limit 2)
      ) found on true
      left join ${lookUp('customers', 'id = found.id')} c on true;
    end $$;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
