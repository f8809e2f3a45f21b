import type { Knex } from 'knex';

/**
 * Every affiliate has a link of their own, `/r/REFERRALCODE`, to the program's default offer. Referral codes are unique in a
 * program and link codes in the whole hub, so one table says who took a code first. Links can be paused.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table tracking_links
      add column status text not null default 'active' check (status in ('active', 'paused'));
    create index tracking_links_by_folded_code on tracking_links (lower(code));

    -- Codes are compared without case, so that /r/Bea and /r/BEA lead to one affiliate. Codes that an affiliate had before
    -- stay theirs: links with them are out in the world.
    create table link_codes (
      code text collate "C" primary key, -- in lower case
      program_id text,
      affiliate_id text,                 -- whose own code it is; null: a tracking link's
      foreign key (program_id, affiliate_id) references affiliates (program_id, id) on delete cascade
    );
    insert into link_codes (code) select distinct lower(code) from tracking_links;

    alter table affiliate_codes
      add column link_code text collate "C"; -- of a referral code: by which /r knows the affiliate

    -- The code itself where it is free in the hub, else one that is made, of characters that are not mistaken for others.
    -- A tracking link of the same affiliate alone may have it, too.
    create function take_link_code(program text, affiliate text, wanted text) returns text language plpgsql as $$
    declare
      own text := wanted;
    begin
      for tries in 1..20 loop
        if own not in ('.', '..') then
          insert into link_codes as taken (code, program_id, affiliate_id) values (own, program, affiliate)
          on conflict (code) do update set program_id = excluded.program_id, affiliate_id = excluded.affiliate_id
            where taken.affiliate_id = excluded.affiliate_id
              or taken.affiliate_id is null and not exists (
                select 1 from tracking_links l where lower(l.code) = taken.code and l.affiliate_id <> excluded.affiliate_id);
          if found then
            return own;
          end if;
        end if;
        select string_agg(substr('23456789abcdefghjkmnpqrstuvwxyz', 1 + floor(random() * 31)::integer, 1), '')
          into own from generate_series(1, 9);
      end loop;
      raise exception 'no free link code was found for affiliate %', affiliate;
    end $$;

    create function referral_codes_lead_somewhere() returns trigger language plpgsql as $$
    begin
      new.link_code := take_link_code(new.program_id, new.affiliate_id, new.code);
      return new;
    end $$;
    create trigger affiliate_codes_take_link_codes before insert on affiliate_codes
      for each row when (new.kind = 'referral') execute function referral_codes_lead_somewhere();

    -- Whose own code it is may have a link of that code; nobody else.
    create function links_take_codes() returns trigger language plpgsql as $$
    begin
      insert into link_codes (code) values (lower(new.code)) on conflict (code) do nothing;
      if not found and exists (select 1 from link_codes
          where code = lower(new.code) and affiliate_id <> new.affiliate_id) then
        raise exception 'the link code % is an affiliate''s own', new.code
          using errcode = 'unique_violation', constraint = 'link_codes_pkey';
      end if;
      return null;
    end $$;
    create trigger tracking_links_take_codes after insert or update of code, affiliate_id on tracking_links
      for each row execute function links_take_codes();

    -- Those who were there first have the first choice.
    do $$
    declare
      affiliate record;
    begin
      for affiliate in
        select c.program_id, c.affiliate_id, c.code from affiliate_codes c join affiliates a on a.id = c.affiliate_id
        where c.kind = 'referral' order by a.created_at, a.id
      loop
        update affiliate_codes set link_code = take_link_code(program_id, affiliate_id, code)
        where program_id = affiliate.program_id and kind = 'referral' and code = affiliate.code;
      end loop;
    end $$;
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
