import type { Knex } from 'knex';

/** Tenants, their keys and their configuration. Ids are text (`aff_…`): imported programs keep the ids they had. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table programs (
      id text primary key,
      name text not null,
      currency text not null default 'USD',
      timezone text not null default 'UTC',
      default_offer_id text,
      attribution_model text not null default 'last_click' check (attribution_model in ('last_click', 'first_click')),
      coupon_first boolean not null default false,
      hold_days integer not null default 0 check (hold_days between 0 and 3650),
      auto_approve boolean not null default false,
      company_name text,
      contact_email text,
      status text not null default 'approved',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );

    create table api_keys (
      id text primary key,
      program_id text not null references programs (id),
      name text not null,
      mode text not null check (mode in ('live', 'test')),
      access text not null check (access in ('read', 'write')),
      key_hash bytea not null unique,
      display text not null,
      rate_limits jsonb,
      created_at timestamptz not null default now(),
      revoked_at timestamptz
    );
    create index api_keys_by_program on api_keys (program_id, id desc);

    create table affiliates (
      id text primary key,
      program_id text not null references programs (id),
      display_name text not null,
      email text not null,
      type text not null default 'external' check (type in ('external', 'internal')),
      status text not null default 'active' check (status in ('pending', 'active', 'paused', 'banned')),
      company_name text,
      website text,
      payment_email text,
      payment_method text,
      payment_details text,
      referral_code text not null,
      commission_override jsonb,
      postback_url text,
      custom_fields jsonb not null default '{}',
      activated_at timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      unique (program_id, id)
    );
    create index affiliates_by_status on affiliates (program_id, status, id desc);

    -- Referral and coupon codes share one table so that a constraint, not a check, keeps each unique in its program.
    create table affiliate_codes (
      program_id text not null,
      kind text not null check (kind in ('referral', 'coupon')),
      code text collate "C" not null,  -- lower case: codes are compared without case
      affiliate_id text not null,
      display text not null,           -- as it was written
      position smallint not null default 1, -- among the affiliate's coupons, as they were given
      primary key (program_id, kind, code),
      foreign key (program_id, affiliate_id) references affiliates (program_id, id) on delete cascade
    );
    create index affiliate_codes_by_affiliate on affiliate_codes (affiliate_id);
    create index affiliate_codes_by_code on affiliate_codes (code) where kind = 'referral'; -- for callers without a key

    create table offers (
      id text primary key,
      program_id text not null references programs (id),
      name text not null,
      url text not null,
      code text not null,
      description text,
      commission jsonb not null,       -- domain/terms.ts
      currency text not null,
      attribution_window_days integer not null default 30 check (attribution_window_days between 1 and 3650),
      daily_cap integer not null default 0 check (daily_cap >= 0),
      status text not null default 'published' check (status in ('draft', 'published', 'paused', 'archived')),
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      unique (program_id, id),
      unique (program_id, code)
    );
    create index offers_by_status on offers (program_id, status, id desc);
    alter table programs add foreign key (id, default_offer_id) references offers (program_id, id);

    create table tracking_links (
      id text primary key,
      program_id text not null references programs (id),
      affiliate_id text not null,
      offer_id text not null,
      code text not null unique,
      custom_url text,
      created_at timestamptz not null default now(),
      foreign key (program_id, affiliate_id) references affiliates (program_id, id),
      foreign key (program_id, offer_id) references offers (program_id, id)
    );
    create index tracking_links_by_program on tracking_links (program_id, id desc);
    create index tracking_links_by_affiliate on tracking_links (affiliate_id, id desc);

    create table clicks (
      id text primary key,
      program_id text not null,
      livemode boolean not null,
      affiliate_id text not null,
      offer_id text,
      link_id text,
      occurred_at timestamptz not null,
      sub1 text, sub2 text, sub3 text, sub4 text, sub5 text,
      utm jsonb,
      ip text,
      user_agent text,
      source_url text,
      created_at timestamptz not null default now()
    );
    create index clicks_by_program on clicks (program_id, livemode, id desc);
    create index clicks_by_link on clicks (link_id) where link_id is not null;
    create index clicks_by_affiliate on clicks (affiliate_id, occurred_at);

    create table sources (
      id text primary key,
      program_id text not null references programs (id),
      kind text not null check (kind in ('stripe', 'revenuecat', 'postback')),
      name text,
      order_scope text not null default 'program' check (order_scope in ('program', 'source')),
      livemode boolean,                -- null: each message says so itself
      settings jsonb not null,         -- what may be shown: preset, fields, statuses, response, …
      settings_changed_at timestamptz, -- what came before was understood by other settings
      secrets text,                    -- encrypted; never shown
      created_at timestamptz not null default now(),
      deleted_at timestamptz
    );
    create index sources_by_program on sources (program_id, id desc) where deleted_at is null;

    -- A test click to try an integration with: what a conversion with it showed is read back by the token.
    create table test_sessions (
      token text primary key,
      program_id text not null references programs (id),
      offer_id text not null,
      click_id text not null,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null
    );

    create table idempotency_keys (
      program_id text not null,
      livemode boolean not null,
      method text not null,
      path text not null,
      key text not null,
      request_hash bytea not null,
      response_status integer,         -- null while the request is under way
      response_body text,
      claimed_at timestamptz not null default now(),
      primary key (program_id, livemode, method, path, key)
    );
    create index idempotency_keys_by_age on idempotency_keys (claimed_at);
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
