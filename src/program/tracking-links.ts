import { readSnapshot, type Db } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { makeCode } from './codes.ts';
import { ExpiringCache, perDatabase } from '../db/expiring-cache.ts';
import { conditionOf, selectPage, type Condition, type Page, type PageRequest } from '../db/page.ts';
import { buildUpdate } from '../db/update.ts';
import { findForeignKeyViolation, findUniqueViolation } from '../db/pg-errors.ts';

export interface TrackingLink {
  id: string;
  programId: string;
  affiliateId: string;
  offerId: string;
  /** Unique in the whole hub: it is all that `/r/:code` has. */
  code: string;
  customUrl: string | null;
  /** The custom URL, else the offer's. */
  destinationUrl: string;
  createdAt: Date;
}

/** What came by a link. */
export interface LinkCounts {
  clicks: number;
  /** Those that count: pending, approved or paid. */
  conversions: number;
}

/** All that a redirect needs. */
export interface LinkTarget {
  linkId: string;
  programId: string;
  affiliateId: string;
  offerId: string;
  destinationUrl: string;
}

export interface TrackingLinkInput {
  affiliateId: string;
  offerId: string;
  customUrl?: string | null | undefined;
  /** Imported links keep theirs. */
  id?: string | undefined;
  code?: string | undefined;
}

export interface TrackingLinkChanges {
  affiliateId?: string | undefined;
  offerId?: string | undefined;
  customUrl?: string | null | undefined;
}

export interface TrackingLinkFilter {
  affiliateId?: string | undefined;
  offerId?: string | undefined;
  code?: string | undefined;
}

/**
 * Where a code leads; null for an unknown one. Remembered for some seconds, and past them for as long as the database
 * is away: visitors come through regardless.
 */
export function findLinkTarget(db: Db, code: string): Promise<LinkTarget | null> {
  return cacheOf(db).get(code, async () => {
    const [row] = await runPositional<LinkTarget>(
      db,
      `select l.id as "linkId", l.program_id as "programId", l.affiliate_id as "affiliateId", l.offer_id as "offerId",
         coalesce(l.custom_url, o.url) as "destinationUrl"
       from tracking_links l join offers o on o.program_id = l.program_id and o.id = l.offer_id
       where l.code = ?`,
      [code],
    );
    return row ?? null;
  });
}

/** Affiliate and offer by id. Throws VALIDATION_ERROR where they are not the program's, CONFLICT for a taken code. */
export async function createTrackingLink(db: Db, programId: string, input: TrackingLinkInput): Promise<TrackingLink> {
  const linkId = input.id ?? newId('lnk');
  for (;;) {
    const code = input.code ?? makeCode(9);
    try {
      const rows = await runPositional<{ id: string }>(
        db,
        `insert into tracking_links (id, program_id, affiliate_id, offer_id, code, custom_url)
         values (?, ?, ?, ?, ?, ?) on conflict (code) do nothing returning id`,
        [linkId, programId, input.affiliateId, input.offerId, code, input.customUrl ?? null],
      );
      if (rows.length > 0) {
        cacheOf(db).delete(code);
        return (await findTrackingLink(db, programId, linkId)) as TrackingLink;
      }
    } catch (error) {
      throw describeViolation(error);
    }
    if (input.code !== undefined) throw new AppError('CONFLICT', `The link code '${input.code}' is taken`);
  }
}

/** Changes what is given; null where the program has no such link. Clicks that were made stay whose they are. */
export async function updateTrackingLink(
  db: Db,
  programId: string,
  linkId: string,
  changes: TrackingLinkChanges,
): Promise<TrackingLink | null> {
  const update = buildUpdate({
    affiliate_id: changes.affiliateId,
    offer_id: changes.offerId,
    custom_url: changes.customUrl,
  });
  try {
    const [row] = await runPositional<{ code: string }>(
      db,
      `update tracking_links set ${update.sql} where program_id = ? and id = ? returning code`,
      [...update.bindings, programId, linkId],
    );
    if (!row) return null;
    cacheOf(db).delete(row.code);
    return await findTrackingLink(db, programId, linkId);
  } catch (error) {
    throw describeViolation(error);
  }
}

export async function findTrackingLink(db: Db, programId: string, linkId: string): Promise<TrackingLink | null> {
  const [row] = await runPositional<TrackingLink>(db, `${select} where l.program_id = ? and l.id = ?`, [
    programId,
    linkId,
  ]);
  return row ?? null;
}

/** Newest first. */
export function listTrackingLinks(
  db: Db,
  programId: string,
  filter: TrackingLinkFilter,
  page: PageRequest,
): Promise<Page<TrackingLink>> {
  return selectPage<TrackingLink>(db, select, 'l.id', conditionsOf(programId, filter), page);
}

/** Clicks and conversions of these links, live or test, by link id. */
export async function countLinkResults(
  db: Db,
  programId: string,
  livemode: boolean,
  linkIds: readonly string[],
): Promise<Map<string, LinkCounts>> {
  const rows = await readSnapshot(db, async (trx) => {
    const [zone] = await runPositional(trx, 'select 1 from statistic_zones where program_id = ?', [programId]);
    const sql = zone ? rolledUpLinkResults : countedLinkResults;
    const scope = [linkIds, livemode, programId];
    return runPositional<{ linkId: string; clicks: bigint; conversions: bigint }>(trx, sql, [...scope, ...scope]);
  });
  return new Map(rows.map((row) => [row.linkId, { clicks: Number(row.clicks), conversions: Number(row.conversions) }]));
}

const rolledUpLinkResults = `
  select link_id as "linkId", sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions from (
    select link_id, clicks, conversions from link_rollups where link_id = any(?) and livemode = ? and program_id = ?
    union all
    select link_id, clicks, conversions from statistic_deltas where link_id = any(?) and livemode = ? and program_id = ?
  ) counted group by 1`;

/** The same for a program whose rollups are not there yet. */
const countedLinkResults = `
  select link_id as "linkId", sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions from (
    select link_id, count(*) as clicks, 0 as conversions from clicks
    where link_id = any(?) and livemode = ? and program_id = ? group by 1
    union all
    select c.link_id, 0, count(*) from clicks c join orders o on o.click_id = c.id
    where c.link_id = any(?) and o.livemode = ? and o.program_id = ? and order_counts(o.status, o.kind, o.cpa_claim)
    group by 1
  ) counted group by 1`;

const select = `select l.id, l.program_id as "programId", l.affiliate_id as "affiliateId", l.offer_id as "offerId", l.code,
    l.custom_url as "customUrl", coalesce(l.custom_url, o.url) as "destinationUrl", l.created_at as "createdAt"
  from tracking_links l join offers o on o.program_id = l.program_id and o.id = l.offer_id`;

const cacheOf = perDatabase(
  () => new ExpiringCache<LinkTarget>({ ttlMs: 4_000, maxEntries: 50_000, serveStale: true }),
);

function conditionsOf(programId: string, filter: TrackingLinkFilter): Condition[] {
  return [
    { sql: 'l.program_id = ?', bindings: [programId] },
    ...conditionOf('l.affiliate_id = ?', filter.affiliateId),
    ...conditionOf('l.offer_id = ?', filter.offerId),
    ...conditionOf('l.code = ?', filter.code),
  ];
}

function describeViolation(error: unknown): unknown {
  if (findUniqueViolation(error) !== null) {
    return new AppError('CONFLICT', 'A tracking link with this id exists already', { cause: error });
  }
  const constraint = findForeignKeyViolation(error);
  if (constraint === null) return error;
  const field = constraint.includes('offer') ? 'offerId' : 'affiliateId';
  const what = field === 'offerId' ? 'Offer' : 'Affiliate';
  return new AppError('VALIDATION_ERROR', `${what} not found`, {
    details: { [field]: `is not an ${what.toLowerCase()} of this program` },
    cause: error,
  });
}
