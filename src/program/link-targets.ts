import type { Db } from '../db/db.ts';
import { ExpiringCache, perDatabase } from '../db/expiring-cache.ts';
import { runSql } from '../db/sql.ts';
import { foldCode, pastedForms } from '../domain/codes.ts';
import { mendDestination } from '../domain/destinations.ts';

/** All that a redirect needs. */
export interface LinkTarget {
  /** Null for an affiliate's own code. */
  linkId: string | null;
  programId: string;
  /** The link's, or that of the affiliate whose own code it is: the clicks are of this mode. */
  livemode: boolean;
  affiliateId: string;
  referralCode: string;
  offerId: string;
  /** May hold macros. */
  destinationUrl: string;
  status: 'active' | 'paused';
  /** Whose links lead on, and are not counted. */
  isBanned: boolean;
}

/**
 * Where a code leads: a tracking link's, or an affiliate's own, which leads to the program's default offer (a test affiliate's
 * to the oldest test offer where there is none). A live affiliate's own code is no test link's, whatever was made first. Null
 * for an unknown one. Remembered for some seconds, and while the database is away for longer, so that visitors still arrive.
 * What came along when the link was copied is left out.
 */
export async function findLinkTarget(db: Db, code: string): Promise<LinkTarget | null> {
  for (const form of pastedForms(code)) {
    const target = await readLinkTarget(db, form);
    if (target) return target;
  }
  return null;
}

function readLinkTarget(db: Db, code: string): Promise<LinkTarget | null> {
  return cacheOf(db).get(code, async () => {
    const [row] = await runSql<LinkTarget>(db, 'findLinkTarget', targetByCode, {
      code,
      lowered: code.toLowerCase(),
      folded: foldCode(code),
    });
    return row ? { ...row, destinationUrl: mendDestination(row.destinationUrl) } : null;
  });
}

const targetByCode = `
  select target.link_id as "linkId", target.program_id as "programId", target.livemode, target.affiliate_id as "affiliateId",
    a.referral_code as "referralCode", o.id as "offerId", coalesce(target.custom_url, o.url) as "destinationUrl", target.status,
    a.status = 'banned' as "isBanned"
  from (
    select 1 as rank, l.id as link_id, l.program_id, l.livemode, l.affiliate_id, l.offer_id, l.custom_url, l.status
    from tracking_links l where l.code = :code
    union all
    -- As it was before codes were compared without what cannot be seen: links that are out in the world go on.
    select case when c.code = :lowered then 2 else 3 end, null, c.program_id, own.livemode, c.affiliate_id,
      coalesce(p.default_offer_id, case when not own.livemode then
        (select id from offers where program_id = p.id and not livemode order by created_at, id limit 1) end),
      null, 'active'
    from link_codes c join programs p on p.id = c.program_id
      join affiliates own on own.program_id = c.program_id and own.id = c.affiliate_id
    where c.code in (:lowered, :folded)
    union all
    -- In another case than its own, where that leaves no doubt.
    select 4, l.id, l.program_id, l.livemode, l.affiliate_id, l.offer_id, l.custom_url, l.status
    from tracking_links l where lower(l.code) = :lowered and l.code <> :code
      and not exists (select 1 from tracking_links other where lower(other.code) = :lowered and other.id <> l.id)
  ) target
  join affiliates a on a.program_id = target.program_id and a.id = target.affiliate_id
  join offers o on o.program_id = target.program_id and o.id = target.offer_id
  order by target.rank = 4, target.livemode desc, target.rank limit 1`;

/** Has what is remembered of a program's links looked up again, because something that they depend on has changed. */
export function forgetLinkTargets(db: Db, programId: string): void {
  cacheOf(db).expireWhere((target) => target.programId === programId);
}

const cacheOf = perDatabase(
  () => new ExpiringCache<LinkTarget>({ ttlMs: 4_000, maxEntries: 50_000, serveStale: true }),
);
