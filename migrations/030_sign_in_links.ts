import type { Knex } from 'knex';

/**
 * Links by which somebody signs in once: the hub's owner to the console, an affiliate to their own pages. Only a hash of what is
 * in the link is kept. A link was used, or is over, for good.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table sign_in_links (
      token_hash bytea primary key check (length(token_hash) = 32), -- SHA-256
      opens text not null check (opens in ('console', 'portal')),
      program_id text,                   -- of the affiliate; the owner has none
      affiliate_id text,
      created_at timestamptz not null,
      expires_at timestamptz not null,
      used_at timestamptz,
      foreign key (program_id, affiliate_id) references affiliates (program_id, id),
      check ((opens = 'portal') = (affiliate_id is not null)),
      check ((program_id is null) = (affiliate_id is null)),
      check (expires_at > created_at),
      check (used_at < expires_at)
    );
    create index sign_in_links_over on sign_in_links (expires_at);
  `);
}

export async function down(): Promise<void> {
  throw new Error('Migrations only go forward');
}
