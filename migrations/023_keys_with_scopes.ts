import type { Knex } from 'knex';

/**
 * A key may have scopes of its own, an end, and networks; and tells when it was last used. Keys of before are what they were:
 * `access` names their scopes. A key with scopes of its own has no `access`, so that code from before lets it do nothing.
 * Columns are added empty: nothing is written anew.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table api_keys
      alter column access drop not null,
      add column scopes text[],              -- null: those that access names
      add column expires_at timestamptz,     -- null: never
      add column allowed_cidrs text[],       -- null: from everywhere
      add column last_used_at timestamptz,   -- to the minute; null: never
      add constraint api_keys_scopes_or_access check (num_nonnulls(access, scopes) = 1),
      add constraint api_keys_some_scopes check (cardinality(scopes) between 1 and 200),
      add constraint api_keys_some_networks check (cardinality(allowed_cidrs) between 1 and 100);
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
