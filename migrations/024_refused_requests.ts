import type { Knex } from 'knex';

/**
 * What was turned away at a source: a ring of samples and counts an hour, both for thirty days. And how many messages came in by
 * quarters of an hour, counted by the worker from the rows soon after they are settled: no statement of intake or of settling
 * writes here, and no index of theirs grows.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table refused_requests (
      id text not null,                -- rfs_…
      program_id text not null,
      livemode boolean not null,       -- of the source
      source_id text not null,
      digest text not null,            -- of the reason and of what it carried: a repeat is counted, not kept again
      reason text not null,            -- src/http/refusals.ts
      status smallint not null,
      message text not null,           -- what the sender was told
      method text not null,
      network text,                    -- the address it came from; of IPv6 the /64
      query text,                      -- without secrets, clipped, as the next
      body text,
      content_type text,
      user_agent text,
      refs text[] not null,            -- the ids that it carried
      count bigint not null check (count > 0),
      first_at timestamptz not null,
      last_at timestamptz not null,
      place text collate "C" not null, -- sorts by the last time: that in hex, and a part of the id
      primary key (id, program_id)
    );
    create unique index refused_requests_once on refused_requests (program_id, source_id, digest);
    create index refused_requests_by_place on refused_requests (source_id, place);
    create index refused_requests_by_reference on refused_requests using gin (refs);
    create index refused_requests_by_age on refused_requests (last_at);

    create table refused_counts (
      program_id text not null,
      source_id text not null,
      hour timestamptz not null,
      reason text not null,
      count bigint not null,
      primary key (program_id, source_id, hour, reason)
    );
    create index refused_counts_by_age on refused_counts (hour);

    create table inbox_counts (
      program_id text not null,
      source_id text not null,         -- '': by API key
      quarter timestamptz not null,    -- of received_at
      livemode boolean not null,
      kind text not null,
      status text not null,
      outcome text not null,
      reason text not null,            -- '': none
      count bigint not null,
      primary key (program_id, source_id, quarter, livemode, kind, status, outcome, reason)
    );
    create index inbox_counts_by_quarter on inbox_counts (program_id, livemode, quarter);

    -- One row: messages with ids up to this one are counted, except those that follow.
    create table inbox_counting (
      only_one boolean primary key default true check (only_one),
      counted_to text not null default ''
    );
    insert into inbox_counting default values;
    -- Messages that were passed over while they were not settled, or are settled again since they were counted, as was.
    create table inbox_uncounted (
      event_id text not null,
      program_id text not null,
      was json,
      primary key (event_id, program_id)
    );

    -- Only a replay writes the facts again: what was counted as settled then counts as what it becomes. It waits for a count
    -- that is under way, which may have seen the message as it was.
    create function count_replayed_again() returns trigger language plpgsql as $$
    declare
      counted_up_to text;
    begin
      select counted_to into counted_up_to from inbox_counting for share;
      if new.id <= counted_up_to then
        insert into inbox_uncounted (event_id, program_id, was) values (new.id, new.program_id, json_build_object(
          'source_id', coalesce(old.source_id, ''), 'quarter', date_bin('15 minutes', old.received_at, '2000-01-01Z'),
          'livemode', old.livemode, 'kind', old.kind, 'status', old.status, 'outcome', coalesce(old.outcome, ''),
          'reason', left(coalesce(old.reason, ''), 200)))
        on conflict do nothing;
      end if;
      return null;
    end $$;
    create trigger replayed_events_are_counted_again after update of facts on inbox_events for each row
      execute function count_replayed_again();
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
