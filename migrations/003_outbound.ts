import type { Knex } from 'knex';

/**
 * What the world is told: messages with the exact text that is sent, the endpoints that want them, one delivery a
 * message and endpoint, and every attempt. messages, deliveries and attempts have no foreign keys among themselves: they
 * are written thousands a second in the pipeline's transaction and deleted together by retention.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table webhook_endpoints (
      id text primary key,
      program_id text not null references programs (id),
      kind text not null check (kind in ('webhook', 'rest_hook', 'postback')),
      url text not null,               -- of a postback: its template, macros and all
      method text not null default 'POST' check (method in ('GET', 'POST')),
      body_template text,
      affiliate_id text,               -- whose conversions a postback is about; null: the program's
      managed boolean not null default false, -- mirrors affiliates.postback_url, see the trigger below
      event_types text[] not null default '{}', -- empty: all
      description text,
      headers text,                    -- encrypted JSON object
      rate_limit_per_second integer check (rate_limit_per_second between 1 and 1000),
      secret text,                     -- encrypted
      previous_secret text,            -- encrypted; signs too until it expires
      previous_secret_expires_at timestamptz,
      disabled_at timestamptz,
      disabled_reason text check (disabled_reason in ('manual', 'gone', 'failing')),
      -- What the senders of all processes know of its health.
      failing_since timestamptz,       -- the first failure after the last success
      failures integer not null default 0, -- in a row
      paused_until timestamptz,        -- breaker, Retry-After
      next_slot_at timestamptz,        -- throttle: the next free place
      exhausted_told_at timestamptz,   -- the last message.exhausted about it
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      deleted_at timestamptz,
      foreign key (program_id, affiliate_id) references affiliates (program_id, id) on delete cascade,
      check ((disabled_at is null) = (disabled_reason is null)),
      check ((previous_secret is null) = (previous_secret_expires_at is null)),
      check ((kind = 'postback') = (secret is null)),
      check (kind = 'postback' or (method = 'POST' and body_template is null and affiliate_id is null)),
      check (not managed or affiliate_id is not null)
    );
    create index webhook_endpoints_by_program on webhook_endpoints (program_id, id desc)
      where deleted_at is null and affiliate_id is null;
    create index webhook_endpoints_by_affiliate on webhook_endpoints (program_id, affiliate_id, id desc)
      where deleted_at is null and affiliate_id is not null;
    create unique index webhook_endpoints_managed on webhook_endpoints (affiliate_id) where managed;

    create table messages (
      id text primary key,             -- evt_…, the webhook-id
      program_id text not null,
      livemode boolean not null,
      type text not null,
      stream integer not null,         -- a number for program, mode and type: src/outbound/streams.ts
      body text not null,              -- every attempt sends these bytes
      created_at timestamptz not null
    );
    -- Lists of all types read this type by type and merge: a second index cost a third of the insert.
    create index messages_by_stream on messages (stream, id);

    create table deliveries (
      message_id text not null,
      endpoint_id text not null,
      -- held: the endpoint was disabled; failed: the schedule is used up; both can be recovered. cancelled: it was deleted.
      status text not null check (status in ('pending', 'succeeded', 'failed', 'held', 'cancelled')),
      trigger text not null default 'schedule' check (trigger in ('schedule', 'resend', 'recover', 'test')),
      attempts integer not null default 0,
      step integer not null default 0, -- failures in this round of the schedule
      next_attempt_at timestamptz,
      locked_until timestamptz,        -- a sender is at it; past this time it is presumed dead
      request jsonb,                   -- of a postback: {method, url, body} as rendered when it was fired
      created_at timestamptz not null, -- the message's
      primary key (message_id, endpoint_id),
      check ((status = 'pending') = (next_attempt_at is not null)),
      check (locked_until is null or status = 'pending')
    -- Half of a page is left for the claims, which then touch no index (measured: 26 us a claim against 49).
    ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1);
    create index deliveries_due on deliveries (endpoint_id, next_attempt_at) where status = 'pending';
    create index deliveries_recoverable on deliveries (endpoint_id, message_id) where status in ('failed', 'held');
    create index deliveries_unsuccessful on deliveries (status, message_id) where status in ('failed', 'held');

    create table delivery_attempts (
      message_id text not null,
      id text not null,
      endpoint_id text not null,
      status text not null check (status in ('succeeded', 'failed')),
      trigger text not null check (trigger in ('schedule', 'resend', 'recover', 'test')),
      response_status smallint,        -- null: no answer came
      response_body text,
      error text,                      -- why no answer came, or why the answer is a failure
      duration_ms integer not null,
      attempted_at timestamptz not null,
      next_attempt_at timestamptz,
      primary key (message_id, id)
    );

    -- One conversion never fires the same request twice; kept for good, since retention takes the deliveries.
    create table postback_firings (
      conversion_id text not null,
      request_hash bytea not null,
      endpoint_id text not null,
      fired_at timestamptz not null default now(),
      primary key (conversion_id, request_hash)
    );

    -- A recovery of failed and held deliveries, or a replay of missing ones: done in pages, its progress is kept here.
    create table recoveries (
      id text primary key,
      endpoint_id text not null references webhook_endpoints (id),
      kind text not null check (kind in ('failed', 'missing')),
      since timestamptz not null,
      until timestamptz not null,
      status text not null default 'running' check (status in ('running', 'completed', 'cancelled')),
      cursor_id text not null default '',
      recovered integer not null default 0,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );
    create index recoveries_running on recoveries (updated_at) where status = 'running';
    create index recoveries_by_endpoint on recoveries (endpoint_id, id desc);

    -- Affiliates are written by several surfaces, none of which should have to remember that a postback URL is an endpoint.
    create function mirror_affiliate_postback() returns trigger language plpgsql as $$
    begin
      if new.postback_url is null then
        update webhook_endpoints set deleted_at = now(), updated_at = now()
         where affiliate_id = new.id and managed and deleted_at is null;
      else
        insert into webhook_endpoints (id, program_id, kind, url, method, affiliate_id, managed)
        values ('whe_' || regexp_replace(new.id, '^aff_', ''), new.program_id, 'postback', new.postback_url, 'GET', new.id, true)
        on conflict (affiliate_id) where managed do update
          set url = excluded.url, deleted_at = null, disabled_at = null, disabled_reason = null,
              failing_since = null, failures = 0, paused_until = null, updated_at = now();
      end if;
      return null;
    end $$;
    create trigger affiliates_postback_added after insert on affiliates
      for each row when (new.postback_url is not null) execute function mirror_affiliate_postback();
    create trigger affiliates_postback_changed after update of postback_url on affiliates
      for each row when (new.postback_url is distinct from old.postback_url) execute function mirror_affiliate_postback();
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
