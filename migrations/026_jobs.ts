import type { Knex } from 'knex';

/**
 * What a person asks to be done with many objects, worked through page by page; and payouts of many affiliates, made at once.
 * Existing payouts are in no batch and have no words of their own; adding the columns writes no row anew.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(jobs);
  await knex.raw(batches);
  await knex.raw(recoveries);
}

const jobs = `
  create table jobs (
    id text not null,                  -- job_…
    program_id text not null references programs (id),
    livemode boolean not null,         -- of what it works on
    kind text not null check (kind in ('commission_decisions', 'inbox_replays', 'message_resends')),
    input json not null,               -- what is to be done, and with what
    call_id text,                      -- of its Idempotency-Key: a retry finds this job
    cursor text not null default '',   -- the last item that was looked at
    is_read boolean not null default false, -- every item was looked at; what is in flight is still to be settled
    in_flight jsonb not null default '[]', -- [inbox event, item] of items whose outcome is not known yet
    total integer not null check (total >= 0),
    succeeded integer not null default 0 check (succeeded >= 0),
    skipped integer not null default 0 check (skipped >= 0),
    failed integer not null default 0 check (failed >= 0),
    errors jsonb not null default '[]', -- the first of what was skipped or failed, with the reason
    failures integer not null default 0, -- how often in a row a page could not be worked
    status text not null default 'queued' check (status in ('queued', 'running', 'completed', 'cancelled', 'failed')),
    actor json not null,               -- who asked for it
    created_at timestamptz not null,
    updated_at timestamptz not null,
    finished_at timestamptz,
    primary key (id, program_id),
    check ((finished_at is null) = (status in ('queued', 'running'))),
    check (status <> 'completed' or is_read and in_flight = '[]')
  );
  create index jobs_by_program on jobs (program_id, livemode, id desc);
  create index jobs_to_work on jobs (updated_at) where status in ('queued', 'running') or in_flight <> '[]';
  create index jobs_finished on jobs (finished_at) where finished_at is not null;
  create unique index jobs_by_call on jobs (program_id, call_id) where call_id is not null;

  create function job_moves_forward() returns trigger language plpgsql as $$
  begin
    if (new.id, new.program_id, new.livemode, new.kind, new.input::text, new.created_at)
      is distinct from (old.id, old.program_id, old.livemode, old.kind, old.input::text, old.created_at) then
      raise exception 'what a job is to do does not change' using errcode = 'restrict_violation';
    end if;
    if new.status <> old.status and old.finished_at is not null then
      raise exception 'a job that is % stays so', old.status using errcode = 'restrict_violation';
    end if;
    return new;
  end $$;
  create trigger jobs_move_forward before update on jobs for each row execute function job_moves_forward();
`;

const batches = `
  create table payout_batches (
    id text not null,                  -- pab_…
    program_id text not null references programs (id),
    currency text not null,            -- of all its payouts
    minimum_minor bigint not null check (minimum_minor > 0),
    reference text,
    note text,
    created_by text not null,          -- the API key
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (id, program_id)
  );
  create index payout_batches_by_program on payout_batches (program_id, id desc);
  -- By which the payouts of a batch have its currency.
  create unique index payout_batches_currency on payout_batches (program_id, id, currency);

  alter table payouts add column batch_id text, add column reference text, add column note text,
    add constraint payouts_program_id_batch_id_currency_fkey foreign key (program_id, batch_id, currency)
      references payout_batches (program_id, id, currency);
  create index payouts_by_batch on payouts (program_id, batch_id, id desc) where batch_id is not null;

  create function payout_batch_stays() returns trigger language plpgsql as $$
  begin
    if (new.id, new.program_id, new.currency, new.minimum_minor, new.created_by, new.created_at)
      is distinct from (old.id, old.program_id, old.currency, old.minimum_minor, old.created_by, old.created_at) then
      raise exception 'a payout batch does not change' using errcode = 'restrict_violation';
    end if;
    return new;
  end $$;
  create trigger payout_batches_stay before update on payout_batches
    for each row execute function payout_batch_stays();

  create or replace function payout_moves_forward() returns trigger language plpgsql as $$
  begin
    if (new.program_id, new.affiliate_id, new.currency, new.amount_minor, new.batch_id)
      is distinct from (old.program_id, old.affiliate_id, old.currency, old.amount_minor, old.batch_id) then
      raise exception 'a payout does not change' using errcode = 'restrict_violation';
    end if;
    if new.status <> old.status and old.status <> 'pending' then
      raise exception 'a payout that is % stays so', old.status using errcode = 'restrict_violation';
    end if;
    if new.status = 'failed' and old.status = 'pending' then
      update payout_entries set live = false where payout_id = new.id;
    end if;
    return new;
  end $$;
`;

const recoveries = `
  -- A cancelled one stays so, also where a page was under way.
  create function recovery_ends_once() returns trigger language plpgsql as $$
  begin
    if new.status <> old.status and old.status <> 'running' then
      raise exception 'a recovery that is % stays so', old.status using errcode = 'restrict_violation';
    end if;
    return new;
  end $$;
  create trigger recoveries_end_once before update of status on recoveries
    for each row execute function recovery_ends_once();
`;

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
