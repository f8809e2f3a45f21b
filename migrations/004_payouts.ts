import type { Knex } from 'knex';

/** Settlements of approved postings. What must never happen to money is refused here, whoever asks. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table payouts (
      id text primary key,             -- pay_…
      program_id text not null,
      affiliate_id text not null,
      currency text not null,
      amount_minor bigint not null check (amount_minor > 0), -- the sum of its entries
      status text not null default 'pending' check (status in ('pending', 'paid', 'failed')),
      created_by text not null,        -- the API key
      created_at timestamptz not null,
      updated_at timestamptz not null,
      paid_at timestamptz,
      failed_at timestamptz,
      foreign key (program_id, affiliate_id) references affiliates (program_id, id),
      check ((status = 'paid') = (paid_at is not null)),
      check ((status = 'failed') = (failed_at is not null))
    );
    create index payouts_by_program on payouts (program_id, id desc);
    create index payouts_by_affiliate on payouts (program_id, affiliate_id, id desc);

    create table payout_entries (
      payout_id text not null references payouts (id),
      order_id text not null,
      entry_id text not null,
      live boolean not null default true, -- false: the payout failed, the entry is free again
      primary key (payout_id, order_id, entry_id),
      foreign key (order_id, entry_id) references ledger_entries (order_id, id)
    );
    create unique index payout_entries_live on payout_entries (order_id, entry_id) where live;

    create function payout_sum_is_right(wanted text) returns void language plpgsql as $$
    declare
      right_sum boolean;
    begin
      select sum(e.amount_minor) is not distinct from p.amount_minor
          and bool_and(e.livemode and e.program_id = p.program_id and e.affiliate_id = p.affiliate_id
            and e.currency = p.currency)
        into right_sum
        from payouts p join payout_entries pe on pe.payout_id = p.id
        join ledger_entries e on e.order_id = pe.order_id and e.id = pe.entry_id
       where p.id = wanted
       group by p.id, p.amount_minor;
      if right_sum is not true then
        raise exception 'payout % is not the sum of its entries', wanted using errcode = 'check_violation';
      end if;
    end $$;

    create function check_new_payout() returns trigger language plpgsql as $$
    begin
      perform payout_sum_is_right(new.id);
      return null;
    end $$;
    create constraint trigger payouts_are_sums after insert on payouts
      deferrable initially deferred for each row execute function check_new_payout();

    -- Once a statement, not once a row: a payout may have a hundred thousand entries.
    create function check_new_payout_entries() returns trigger language plpgsql as $$
    begin
      perform payout_sum_is_right(payout_id) from (select distinct payout_id from added) as touched;
      return null;
    end $$;
    create trigger payout_entries_are_summed after insert on payout_entries
      referencing new table as added for each statement execute function check_new_payout_entries();

    create function payout_moves_forward() returns trigger language plpgsql as $$
    begin
      if (new.program_id, new.affiliate_id, new.currency, new.amount_minor)
        is distinct from (old.program_id, old.affiliate_id, old.currency, old.amount_minor) then
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
    create trigger payouts_move_forward before update on payouts
      for each row execute function payout_moves_forward();
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
