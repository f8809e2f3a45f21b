import type { Knex } from 'knex';

/** Who changed what, from where: every change of configuration and every decision, for good. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table audit_events (
      id text not null,                -- aud_…
      program_id text not null,
      livemode boolean not null,       -- of what was changed
      actor_kind text not null check (actor_kind in ('key', 'admin', 'session', 'command')),
      actor_id text,
      actor_name text,
      address text,
      request_id text,
      action text not null,            -- affiliate.updated, commission.approved, …
      object_type text not null,
      object_id text not null,
      before json,                     -- the changed fields as they were; null: there was nothing
      after json,                      -- the same fields as they are; null: there is nothing any more
      created_at timestamptz not null default now(),
      primary key (id, program_id)
    );
    create index audit_events_by_program on audit_events (program_id, id desc);
    create index audit_events_by_object on audit_events (program_id, object_id, id desc);

    create function audit_is_append_only() returns trigger language plpgsql as $$
    begin
      raise exception 'audit_events is append-only' using errcode = 'restrict_violation';
    end $$;
    create trigger audit_events_append_only before update or delete or truncate on audit_events
      for each statement execute function audit_is_append_only();
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
