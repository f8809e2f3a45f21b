import { hash, randomBytes } from 'node:crypto';
import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';

/** So long a link works, unless it is used before. */
export const LINK_WORKS_MS = 15 * 60_000;

/** What was over for so long is deleted when the next link is made. */
const KEPT_MS = 24 * 3_600_000;

/** Whom a link lets in: the hub's owner to the console, an affiliate to their own pages. */
export type SignInLink = { opens: 'console' } | { opens: 'portal'; programId: string; affiliateId: string };

/** Makes a link, and gives what has to be in it: 256 random bits, of which only a hash is stored. */
export async function createSignInLink(
  db: Db,
  link: SignInLink,
  now: Date,
): Promise<{ token: string; expiresAt: Date }> {
  const token = randomBytes(32).toString('base64url');
  const expiresAt = new Date(now.getTime() + LINK_WORKS_MS);
  const { opens } = link;
  const { programId, affiliateId } = opens === 'portal' ? link : { programId: null, affiliateId: null };
  await runSql(
    db,
    'createSignInLink',
    `with over as (delete from sign_in_links where expires_at < :forgotten)
     insert into sign_in_links (token_hash, opens, program_id, affiliate_id, created_at, expires_at)
     values (:tokenHash, :opens, :programId, :affiliateId, :now, :expiresAt)`,
    {
      tokenHash: hashOf(token),
      opens,
      programId,
      affiliateId,
      now,
      expiresAt,
      forgotten: new Date(now.getTime() - KEPT_MS),
    },
  );
  return { token, expiresAt };
}

/** Uses a link up: of two who have it one gets in. Null where there is none such that still works. */
export async function takeSignInLink(
  db: Db,
  opens: SignInLink['opens'],
  token: string,
  now: Date,
): Promise<SignInLink | null> {
  const [row] = await runSql<{ programId: string; affiliateId: string }>(
    db,
    'takeSignInLink',
    `update sign_in_links set used_at = :now
     where token_hash = :tokenHash and opens = :opens and used_at is null and expires_at > :now
     returning program_id as "programId", affiliate_id as "affiliateId"`,
    { tokenHash: hashOf(token), opens, now },
  );
  if (!row) return null;
  return opens === 'console' ? { opens } : { opens, ...row };
}

function hashOf(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
