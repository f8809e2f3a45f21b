import type { Knex } from 'knex';

/**
 * Configuration is live or test, as its rows of traffic are. What is there is live; a source that says it is test stays
 * so, and one that said nothing is live: each of its messages says itself whether it is test.
 *
 * What is live never names what is test. A foreign key says so: `names_live` is true of a live row and null of a test one,
 * which no foreign key looks at.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table affiliates
      add column livemode boolean not null default true,
      add constraint affiliates_by_mode unique (program_id, id, livemode);

    -- The mode of the affiliate, which moves with it: whoever takes one over takes its codes, or is refused where one is taken.
    alter table affiliate_codes
      add column livemode boolean not null default true,
      drop constraint affiliate_codes_pkey,
      add constraint affiliate_codes_pkey primary key (program_id, kind, code, livemode),
      drop constraint affiliate_codes_program_id_affiliate_id_fkey,
      add constraint affiliate_codes_of_affiliate foreign key (program_id, affiliate_id, livemode)
        references affiliates (program_id, id, livemode) on update cascade on delete cascade;

    alter table offers
      add column livemode boolean not null default true,
      add constraint offers_by_mode unique (program_id, id, livemode),
      drop constraint offers_program_id_code_key,
      add constraint offers_code_by_mode unique (program_id, code, livemode);
    create index offers_in_test on offers (program_id, created_at, id) where not livemode;

    alter table programs
      add column names_live boolean generated always as (true) stored,
      add constraint programs_live_default_offer foreign key (id, default_offer_id, names_live)
        references offers (program_id, id, livemode);

    alter table tracking_links
      add column livemode boolean not null default true,
      add column names_live boolean generated always as (case when livemode then true end) stored,
      add constraint tracking_links_live_affiliate foreign key (program_id, affiliate_id, names_live)
        references affiliates (program_id, id, livemode),
      add constraint tracking_links_live_offer foreign key (program_id, offer_id, names_live)
        references offers (program_id, id, livemode);

    alter table webhook_endpoints
      add column livemode boolean not null default true,
      add column names_live boolean generated always as (case when livemode then true end) stored,
      add constraint webhook_endpoints_live_affiliate foreign key (program_id, affiliate_id, names_live)
        references affiliates (program_id, id, livemode) on delete cascade;

    update sources set livemode = true where livemode is null;
    alter table sources alter column livemode set default true, alter column livemode set not null;

    -- Code from before this migration says null, and may still run while the new one starts.
    create function sources_have_a_mode() returns trigger language plpgsql as $$
    begin
      new.livemode := coalesce(new.livemode, true);
      return new;
    end $$;
    create trigger sources_have_a_mode before insert or update of livemode on sources
      for each row execute function sources_have_a_mode();

    alter table api_keys
      drop constraint api_keys_access_check,
      add constraint api_keys_access_check check (access in ('read', 'write', 'ingest')),
      -- Of rate_limits, the kinds that came from a key without such a limit: they lower what a surface allows.
      add column lent_limits text[] not null default '{}';

    -- As in 009; and the own code of a live affiliate is no test link's, not even one of the affiliate.
    create or replace function links_take_codes() returns trigger language plpgsql as $$
    begin
      insert into link_codes (code) values (lower(new.code)) on conflict (code) do nothing;
      if not found and exists (
          select 1 from link_codes c join affiliates a on a.id = c.affiliate_id
          where c.code = lower(new.code) and (a.id <> new.affiliate_id or a.livemode and not new.livemode)) then
        raise exception 'the link code % is an affiliate''s own', new.code
          using errcode = 'unique_violation', constraint = 'link_codes_pkey';
      end if;
      return null;
    end $$;

    -- As in 003, with the affiliate's mode.
    create or replace function mirror_affiliate_postback() returns trigger language plpgsql as $$
    begin
      if new.postback_url is null then
        update webhook_endpoints set deleted_at = now(), updated_at = now()
         where affiliate_id = new.id and managed and deleted_at is null;
      else
        insert into webhook_endpoints (id, program_id, kind, url, method, affiliate_id, managed, livemode)
        values ('whe_' || regexp_replace(new.id, '^aff_', ''), new.program_id, 'postback', new.postback_url, 'GET', new.id,
          true, new.livemode)
        on conflict (affiliate_id) where managed do update
          set url = excluded.url, livemode = excluded.livemode, deleted_at = null, disabled_at = null,
              disabled_reason = null, failing_since = null, failures = 0, paused_until = null, updated_at = now();
      end if;
      return null;
    end $$;

    create function mirror_affiliate_mode() returns trigger language plpgsql as $$
    begin
      update webhook_endpoints set livemode = new.livemode, updated_at = now()
       where affiliate_id = new.id and managed and livemode <> new.livemode;
      return null;
    end $$;
    create trigger affiliates_taken_over after update of livemode on affiliates
      for each row when (new.livemode <> old.livemode) execute function mirror_affiliate_mode();
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
