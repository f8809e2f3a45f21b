import type { Knex } from 'knex';

/**
 * Primary and foreign keys and what else is unique say the program, so that the tables can be spread over machines by it.
 * The id stands first: what is looked up by its id alone is found as before, and (id, program_id) serves the foreign keys
 * to (program_id, id) as well, which had an index of their own. Where there was an index for lists by program, that one is
 * the key now, and the one by id is unique no longer: there are as many indexes as before, and no larger ones.
 *
 * What is unique in the whole hub, because it is looked up before a program is known, stands in small tables: codes of
 * links, and the ids that an import brings (ours are random).
 *
 * Code from before this migration may still run while the new one starts: a trigger tells its rows their program. What it
 * inserts "on conflict" of an old key is refused until then: clicks, affiliates, links, redeliveries, introductions. So
 * the operations guide says to stop it first.
 */
export async function up(knex: Knex): Promise<void> {
  // All at once, before anything takes time: writers wait, readers do not, until the keys are exchanged at the end.
  await knex.raw(`lock table ${locked.join(', ')} in exclusive mode`);
  await knex.raw(ownProgram);
  for (const [table, columns] of Object.entries(keys)) {
    await knex.raw(`create unique index ${table}_key_by_program on ${table} (${columns})`);
  }
  await knex.raw(byId);
  for (const { table, name } of foreignKeys) await knex.raw(`alter table ${table} drop constraint ${name}`);
  for (const table of Object.keys(keys)) {
    await knex.raw(`
      alter table ${table} drop constraint ${table}_pkey;
      alter table ${table} add constraint ${table}_pkey primary key using index ${table}_key_by_program`);
  }
  await knex.raw(uniqueInProgram);
  for (const { table, name, definition } of foreignKeys) {
    await knex.raw(`alter table ${table} add constraint ${name} foreign key ${definition}`);
  }
  await knex.raw(uniqueInHub);
}

/** Primary keys, by table. */
const keys = {
  affiliates: 'id, program_id',
  affiliate_bans: 'affiliate_id, banned_at, program_id',
  offers: 'id, program_id',
  tracking_links: 'id, program_id',
  webhook_endpoints: 'id, program_id',
  inbox_events: 'program_id, livemode, id',
  clicks: 'program_id, livemode, id',
  customers: 'program_id, livemode, id',
  introductions: 'email_id, customer_id, program_id',
  orders: 'id, program_id',
  ledger_entries: 'order_id, id, program_id',
  resettlements: 'id, program_id',
  link_rollups: 'link_id, livemode, program_id',
  payouts: 'id, program_id',
  payout_entries: 'payout_id, order_id, entry_id, program_id',
  messages: 'id, program_id',
  deliveries: 'message_id, endpoint_id, program_id',
  postback_firings: 'conversion_id, request_hash, program_id',
  recoveries: 'id, program_id',
} as const;

const byId = `
  drop index inbox_events_by_program;
  create index inbox_events_by_id on inbox_events (id);
  drop index clicks_by_program;
  create index clicks_by_id on clicks (id);
  drop index customers_by_program;
  create index customers_by_id on customers (id);

  -- A log that is read by message, a few rows at a time, and whose ids nothing refers to.
  alter table delivery_attempts drop constraint delivery_attempts_pkey;
  create index delivery_attempts_by_message on delivery_attempts (message_id);
`;

// In the order in which a batch comes to them, so that one under way ends before us or waits for us.
const first = ['inbox_events', 'resettlements', 'customers', 'orders'];
const rest = [...Object.keys(keys), 'delivery_attempts', 'programs', 'link_codes'];
const locked = [...first, ...rest.filter((table) => !first.includes(table))];

const foreignKeys = [
  {
    table: 'affiliate_bans',
    name: 'affiliate_bans_program_id_affiliate_id_fkey',
    definition: '(program_id, affiliate_id) references affiliates (program_id, id)',
  },
  {
    table: 'link_codes',
    name: 'link_codes_program_id_affiliate_id_fkey',
    definition: '(program_id, affiliate_id) references affiliates (program_id, id) on delete cascade',
  },
  {
    table: 'payouts',
    name: 'payouts_program_id_affiliate_id_fkey',
    definition: '(program_id, affiliate_id) references affiliates (program_id, id)',
  },
  {
    table: 'tracking_links',
    name: 'tracking_links_program_id_affiliate_id_fkey',
    definition: '(program_id, affiliate_id) references affiliates (program_id, id)',
  },
  {
    table: 'tracking_links',
    name: 'tracking_links_program_id_offer_id_fkey',
    definition: '(program_id, offer_id) references offers (program_id, id)',
  },
  {
    table: 'webhook_endpoints',
    name: 'webhook_endpoints_program_id_affiliate_id_fkey',
    definition: '(program_id, affiliate_id) references affiliates (program_id, id) on delete cascade',
  },
  {
    table: 'programs',
    name: 'programs_id_default_offer_id_fkey',
    definition: '(id, default_offer_id) references offers (program_id, id)',
  },
  {
    table: 'payout_entries',
    name: 'payout_entries_payout_id_fkey',
    definition: '(program_id, payout_id) references payouts (program_id, id)',
  },
  {
    table: 'payout_entries',
    name: 'payout_entries_order_id_entry_id_fkey',
    definition: '(program_id, order_id, entry_id) references ledger_entries (program_id, order_id, id)',
  },
  {
    table: 'recoveries',
    name: 'recoveries_endpoint_id_fkey',
    definition: '(program_id, endpoint_id) references webhook_endpoints (program_id, id)',
  },
] as const;

const ofEndpoints = ['deliveries', 'delivery_attempts', 'postback_firings', 'recoveries'];

const ownProgram = `
  create function endpoint_tells_the_program() returns trigger language plpgsql as $$
  begin
    select program_id into new.program_id from webhook_endpoints where id = new.endpoint_id;
    return new;
  end $$;
  create function payout_tells_the_program() returns trigger language plpgsql as $$
  begin
    select program_id into new.program_id from payouts where id = new.payout_id;
    return new;
  end $$;

  ${ofEndpoints
    .map(
      (table) => `
  alter table ${table} add column program_id text;
  update ${table} t set program_id = e.program_id from webhook_endpoints e where e.id = t.endpoint_id;`,
    )
    .join('')}
  -- Of an endpoint that is no more, which nothing is sent to.
  update deliveries t set program_id = m.program_id from messages m where m.id = t.message_id and t.program_id is null;
  update delivery_attempts t set program_id = m.program_id from messages m
   where m.id = t.message_id and t.program_id is null;
  update postback_firings t set program_id = o.program_id from orders o
   where o.id = t.conversion_id and t.program_id is null;
  delete from deliveries where program_id is null;
  delete from delivery_attempts where program_id is null;
  delete from postback_firings where program_id is null;

  alter table payout_entries add column program_id text;
  update payout_entries t set program_id = p.program_id from payouts p where p.id = t.payout_id;
  create trigger payout_entries_know_their_program before insert on payout_entries
    for each row when (new.program_id is null) execute function payout_tells_the_program();
  alter table payout_entries alter column program_id set not null;
  ${ofEndpoints
    .map(
      (table) => `
  create trigger ${table}_know_their_program before insert on ${table}
    for each row when (new.program_id is null) execute function endpoint_tells_the_program();
  alter table ${table} alter column program_id set not null;`,
    )
    .join('')}
`;

const uniqueInProgram = `
  alter table affiliates drop constraint affiliates_program_id_id_key;
  alter table offers drop constraint offers_program_id_id_key;

  drop index affiliate_bans_open;
  create unique index affiliate_bans_open on affiliate_bans (affiliate_id, program_id) where lifted_at is null;
  drop index payout_entries_live;
  create unique index payout_entries_live on payout_entries (order_id, entry_id, program_id) where live;
  drop index webhook_endpoints_managed;
  create unique index webhook_endpoints_managed on webhook_endpoints (affiliate_id, program_id) where managed;

  -- As in 010, by the new key.
  create or replace function mirror_affiliate_postback() returns trigger language plpgsql as $$
  begin
    if new.postback_url is null then
      update webhook_endpoints set deleted_at = now(), updated_at = now()
       where affiliate_id = new.id and program_id = new.program_id and managed and deleted_at is null;
    else
      insert into webhook_endpoints (id, program_id, kind, url, method, affiliate_id, managed, livemode)
      values ('whe_' || regexp_replace(new.id, '^aff_', ''), new.program_id, 'postback', new.postback_url, 'GET', new.id,
        true, new.livemode)
      on conflict (affiliate_id, program_id) where managed do update
        set url = excluded.url, livemode = excluded.livemode, deleted_at = null, disabled_at = null,
            disabled_reason = null, failing_since = null, failures = 0, paused_until = null, updated_at = now();
    end if;
    return null;
  end $$;
`;

const uniqueInHub = `
  -- By which program's link a code leads on. To the letter: link_codes has them without case, and knows of no link.
  create table tracking_link_codes (
    code text primary key,
    program_id text not null
  );
  insert into tracking_link_codes (code, program_id) select code, program_id from tracking_links;
  alter table tracking_links drop constraint tracking_links_code_key,
    add constraint tracking_links_code_key unique (code, program_id);
  create function links_reserve_codes() returns trigger language plpgsql as $$
  begin
    if tg_op <> 'INSERT' then
      delete from tracking_link_codes where code = old.code;
    end if;
    if tg_op <> 'DELETE' then
      insert into tracking_link_codes (code, program_id) values (new.code, new.program_id);
    end if;
    return null;
  end $$;
  create trigger tracking_links_reserve_codes after insert or update of code or delete on tracking_links
    for each row execute function links_reserve_codes();

  -- The ids that imports bring from other systems, which are not random: each is one object's in the whole hub.
  create table imported_ids (
    kind text not null check (kind in ('affiliate', 'offer', 'link', 'click')),
    id text not null,
    program_id text not null,
    primary key (kind, id)
  );
`;

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
