import type { Knex } from 'knex';

/** Codes without what cannot be seen, numbers that cannot be guessed, and what the retention of clicks looks for. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- How many days a click that no order names is kept beyond the longest window of its program's offers.
    alter table programs add column click_retention_days integer not null default 400
      check (click_retention_days between 0 and 36500);

    -- How many clicks went, by the quarter of an hour in which they were: statistics are counted anew from rows where a
    -- program's time zone changes, and for parts of days.
    create table forgotten_clicks (
      program_id text not null,
      livemode boolean not null,
      occurred_at timestamptz not null, -- the beginning of the quarter
      offer_id text,
      affiliate_id text not null,
      link_id text,
      clicks bigint not null
    );
    create index forgotten_clicks_by_program on forgotten_clicks (program_id, livemode, occurred_at);
    create index forgotten_clicks_by_link on forgotten_clicks (link_id) where link_id is not null;

    -- Whether a fact names a click, which must stay then: an order may be settled again by it.
    create index facts_by_click on facts ((fact #>> '{evidence,clickId}'))
      where fact #>> '{evidence,clickId}' is not null;
    create index facts_by_reference on facts ((fact #>> '{evidence,reference}'))
      where fact #>> '{evidence,reference}' is not null;

    -- The numbers of programs stand in public pages: counted up, they tell how many there are and name the others. Those
    -- that were given stay. All else as in 005.
    create or replace function give_affitor_numbers(program_ids text[], kinds text[], object_ids text[])
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
        select distinct program_id, kind, many from missing where kind <> 'program' order by program_id, kind
        on conflict (program_id, kind) do update set last_number = s.last_number + excluded.last_number
        returning program_id, kind, last_number
      ), numbered as (
        select program_id, kind, object_id, last_number - many + place as number
        from missing join drawn using (program_id, kind)
        union all
        -- 15 digits, of which a JSON number is exact: 48 random bits (of gen_random_uuid, which is made for secrets).
        select program_id, kind, object_id,
          100000000000000 + ('x' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 12))::bit(48)::bigint
        from missing where kind = 'program'
      ), given as (
        insert into affitor_numbers as n (program_id, kind, object_id, number)
        select program_id, kind, object_id, number from numbered order by program_id, kind, object_id
        on conflict (program_id, kind, object_id) do update set number = n.number
        returning n.*
      )
      select * from known union all select * from given;
    end $$;
  `);
  await refoldCodes(knex);
}

/** As in 005: planned once for a connection, each row looked up by itself. */
const plannedOnce = 'set plan_cache_mode = force_generic_plan set enable_seqscan = off';
const lookUp = (table: string, condition: string): string =>
  `lateral (select * from ${table} where ${condition} offset 0)`;

/**
 * Codes are looked up without what cannot be seen from now on, so those that have it are stored without it. One that somebody
 * else has in plain letters stays as it is, and is not found any more: whoever typed it meant the other. Links by the former
 * code lead on: it stays taken (link_codes), and whose it was has another, without what cannot be seen.
 */
async function refoldCodes(knex: Knex): Promise<void> {
  const { rows } = await knex.raw<{ rows: { program_id: string; livemode: boolean; kind: string; code: string }[] }>(
    `select program_id, livemode, kind, code from affiliate_codes
     where code ~ '[^\\x21-\\x7e]' order by program_id, livemode, kind, code`,
  );
  for (const { program_id, livemode, kind, code } of rows) {
    const folded = foldCode(code);
    if (folded === code || folded === '') continue;
    await knex.raw(
      `update affiliate_codes
          set code = :folded,
            link_code = case when kind = 'referral' then take_link_code(program_id, affiliate_id, :folded) end
       where program_id = :program_id and livemode = :livemode and kind = :kind and code = :code
         and not exists (
           select 1 from affiliate_codes
           where program_id = :program_id and livemode = :livemode and kind = :kind and code = :folded)`,
      { program_id, livemode, kind, code, folded },
    );
  }
}

/** As the code folds them (src/domain/codes.ts) at the time of this migration. */
function foldCode(code: string): string {
  return code
    .replaceAll(/[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/gu, '')
    .normalize('NFKC')
    .trim()
    .toLowerCase();
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
