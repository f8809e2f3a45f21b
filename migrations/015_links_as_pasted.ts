import type { Knex } from 'knex';

/**
 * Links as people write them, and their visits by crawlers.
 *
 * A code of a tracking link is unique in the hub whatever its case. Links from before, and imported ones, whose codes differ
 * by case alone stay: they are out in the world, and are looked up exactly first.
 *
 * A referral code becomes a link code with a live affiliate; a test affiliate has one that is made, so that tests take no
 * code from anybody. Who has a code keeps it.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- As in 010, and without case. The row of link_codes is locked, so that of two links at once one is refused.
    create or replace function links_take_codes() returns trigger language plpgsql as $$
    begin
      insert into link_codes (code) values (lower(new.code)) on conflict (code) do nothing;
      if found then
        return null;
      end if;
      perform 1 from link_codes where code = lower(new.code) for update;
      if exists (
          select 1 from link_codes c join affiliates a on a.id = c.affiliate_id
          where c.code = lower(new.code) and (a.id <> new.affiliate_id or a.livemode and not new.livemode)) then
        raise exception 'the link code % is an affiliate''s own', new.code
          using errcode = 'unique_violation', constraint = 'link_codes_pkey';
      end if;
      -- An import says that it keeps the case; a link from before may be paused, or go to another affiliate, as it is.
      if current_setting('tributary.keeps_case_of_links', true) is distinct from 'on'
        and (tg_op = 'INSERT' or lower(new.code) <> lower(old.code))
        and exists (select 1 from tracking_links l where lower(l.code) = lower(new.code) and l.id <> new.id) then
        raise exception 'the link code % is another link''s', new.code
          using errcode = 'unique_violation', constraint = 'link_codes_pkey';
      end if;
      return null;
    end $$;

    -- As in 009, where the affiliate is live. No code is '.', so for a test affiliate one is made, once.
    create or replace function referral_codes_lead_somewhere() returns trigger language plpgsql as $$
    begin
      new.link_code := case when new.livemode then null else (
        select code from link_codes where program_id = new.program_id and affiliate_id = new.affiliate_id
        order by code limit 1) end;
      new.link_code := coalesce(new.link_code,
        take_link_code(new.program_id, new.affiliate_id, case when new.livemode then new.code else '.' end));
      return new;
    end $$;
    create trigger affiliate_codes_taken_over before update of livemode on affiliate_codes
      for each row when (new.kind = 'referral' and new.livemode and not old.livemode)
      execute function referral_codes_lead_somewhere();

    -- Visits that are led on and not counted as clicks: crawlers, previews, prefetches. By quarters of an hour, of which the
    -- days of every time zone are made.
    create table crawler_visits (
      program_id text not null references programs (id),
      livemode boolean not null,
      affiliate_id text not null,
      offer_id text not null,
      link_id text, -- null: by an affiliate's own code
      quarter timestamptz not null,
      visits bigint not null,
      unique nulls not distinct (program_id, livemode, affiliate_id, offer_id, link_id, quarter)
    );
    create index crawler_visits_by_link on crawler_visits (link_id) where link_id is not null;
    create index crawler_visits_by_time on crawler_visits (program_id, livemode, quarter);
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
