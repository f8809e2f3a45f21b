import type { Knex } from 'knex';

/**
 * Adjustments: a bonus, or what a person takes back, each an order of its own that is no conversion (its kind is null) and
 * whose status never moves. Whatever counts conversions, clicks or revenue passes over orders without a kind, as it did
 * over those of which nothing that counts is known yet; code from before this migration does, too.
 *
 * Nothing that is stored is looked at: no row has the new status, so the constraints hold for all there are, and the index is
 * empty. It costs the insert of an order nothing but the question whether it is one.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    do $$
    declare
      old record;
    begin
      for old in
        select conname from pg_constraint where conrelid = 'orders'::regclass and contype = 'c'
          and (pg_get_constraintdef(oid) like '%''not_tracked''%' and pg_get_constraintdef(oid) not like '%affiliate_id%'
            or pg_get_constraintdef(oid) like '%''waiting''%kind IS NULL%')
      loop
        execute format('alter table orders drop constraint %I', old.conname);
      end loop;
    end $$;
    alter table orders
      add constraint orders_status_is_known check (status in
        ('waiting', 'pending', 'approved', 'paid', 'rejected', 'reversed', 'parked', 'not_tracked', 'merged', 'adjustment'))
        not valid,
      add constraint orders_without_kind_wait check
        ((status in ('waiting', 'adjustment')) = (kind is null) or status = 'merged') not valid,
      add constraint adjustments_have_ids check ((status = 'adjustment') = (id like 'adj\\_%')) not valid,
      -- Money of somebody, and nothing of a conversion: no amount that was paid, no click, offer, customer or review.
      add constraint adjustments_are_no_conversions check (status <> 'adjustment' or (
        affiliate_id is not null and commission_currency is not null and commission_minor <> 0
        and occurred_at is not null and explanation is not null
        and gross_minor = 0 and net_minor = 0 and refunded_minor = 0 and currency is null
        and num_nonnulls(offer_id, click_id, customer_id, subscription, goal, order_id, cpa_claim, own, cap, review,
          hint, approvable_at, rejected_at, paid_at, hold_days) = 0
        and not claims_payment and not binds_subscription and not ranks_last)) not valid;
    create index orders_adjustments on orders (program_id, livemode, id) where status = 'adjustment';

    -- An affiliate of the program, and a live one where money is live. Looked at as the row is made: neither moves away.
    create function adjustment_has_an_affiliate() returns trigger language plpgsql as $$
    begin
      if not exists (select 1 from affiliates
          where program_id = new.program_id and id = new.affiliate_id and (livemode or not new.livemode)) then
        raise exception 'there is no affiliate % in the scope of the adjustment', new.affiliate_id
          using errcode = 'foreign_key_violation';
      end if;
      return null;
    end $$;
    create trigger adjustments_have_affiliates after insert on orders for each row
      when (new.status = 'adjustment') execute function adjustment_has_an_affiliate();

    create function adjustments_stay() returns trigger language plpgsql as $$
    begin
      raise exception 'adjustment % stays as it is: make another one to take it back', new.id
        using errcode = 'restrict_violation';
    end $$;
    create trigger adjustments_are_final after update on orders for each row
      when ((old.status = 'adjustment' or new.status = 'adjustment')
        and (old.status, old.affiliate_id, old.commission_minor, old.commission_currency)
          is distinct from (new.status, new.affiliate_id, new.commission_minor, new.commission_currency))
      execute function adjustments_stay();
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
