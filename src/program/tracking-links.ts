import { readSnapshot, type Db } from '../db/db.ts';
import { insertList, selectList, updateList, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { hasRollups } from '../statistics/rollups.ts';
import { stripInvisible } from '../domain/codes.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { makeCode, MAX_CODE_TRIES } from './codes.ts';
import { ExpiringCache, perDatabase } from '../db/expiring-cache.ts';
import { conditionOf, type Condition } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { findForeignKeyViolation, findUniqueViolation } from '../db/pg-errors.ts';

export interface TrackingLink {
  id: string;
  programId: string;
  affiliateId: string;
  offerId: string;
  /** Unique in the whole hub, since it is all that `/r/:code` tells. */
  code: string;
  customUrl: string | null;
  /** The custom URL, else the offer's. */
  destinationUrl: string;
  createdAt: Date;
}

/** What came of a link. */
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
 * Where a code leads; null for an unknown one. Remembered for some seconds, and while the database is away for longer, so
 * that visitors still arrive. What cannot be seen, and came along when the link was copied, is left out.
 */
export async function findLinkTarget(db: Db, code: string): Promise<LinkTarget | null> {
  const exact = await readLinkTarget(db, code);
  const stripped = stripInvisible(code);
  return exact ?? (stripped === code ? null : readLinkTarget(db, stripped));
}

function readLinkTarget(db: Db, code: string): Promise<LinkTarget | null> {
  return cacheOf(db).get(code, async () => {
    const [row] = await runSql<LinkTarget>(
      db,
      'findLinkTarget',
      `select l.id as "linkId", l.program_id as "programId", l.affiliate_id as "affiliateId", l.offer_id as "offerId",
         coalesce(l.custom_url, o.url) as "destinationUrl"
       from tracking_links l join offers o on o.program_id = l.program_id and o.id = l.offer_id
       where l.code = :code`,
      { code },
    );
    return row ?? null;
  });
}

/** Affiliate and offer by id. Throws VALIDATION_ERROR where they are not the program's, CONFLICT for a taken code. */
export async function createTrackingLink(db: Db, programId: string, input: TrackingLinkInput): Promise<TrackingLink> {
  const linkId = input.id ?? newId('lnk');
  for (let tries = 0; tries < MAX_CODE_TRIES; tries += 1) {
    const code = input.code ?? makeCode(9);
    if (await insertLink(db, programId, linkId, code, input)) {
      return (await findTrackingLink(db, programId, linkId)) as TrackingLink;
    }
    if (input.code !== undefined) throw new AppError('CONFLICT', `The link code '${input.code}' is taken`);
  }
  throw new Error(`No free code was found for a tracking link in ${MAX_CODE_TRIES} tries`);
}

/** False where the code is taken. */
async function insertLink(
  db: Db,
  programId: string,
  linkId: string,
  code: string,
  { affiliateId, offerId, customUrl = null }: TrackingLinkInput,
): Promise<boolean> {
  try {
    const rows = await runSql<{ id: string }>(
      db,
      'insertLink',
      `insert into tracking_links ${inserted} on conflict (code) do nothing returning id`,
      { id: linkId, programId, affiliateId, offerId, code, customUrl },
    );
    if (rows.length > 0) cacheOf(db).delete(code);
    return rows.length > 0;
  } catch (error) {
    throw describeViolation(error);
  }
}

/** Changes what is given; null where the program has no such link. Clicks that were made keep their affiliate and offer. */
export async function updateTrackingLink(
  db: Db,
  programId: string,
  linkId: string,
  changes: TrackingLinkChanges,
): Promise<TrackingLink | null> {
  const { affiliateId, offerId, customUrl } = changes;
  const update = updateList(columns, { affiliateId, offerId, customUrl });
  try {
    const [row] = await runSql<{ code: string }>(
      db,
      'updateTrackingLink',
      `update tracking_links set ${update.sql} where program_id = :programId and id = :linkId returning code`,
      { ...update.bindings, programId, linkId },
    );
    if (!row) return null;
    cacheOf(db).delete(row.code);
    return await findTrackingLink(db, programId, linkId);
  } catch (error) {
    throw describeViolation(error);
  }
}

export async function findTrackingLink(db: Db, programId: string, linkId: string): Promise<TrackingLink | null> {
  const [row] = await runSql<TrackingLink>(
    db,
    'findTrackingLink',
    `${select} where l.program_id = :programId and l.id = :linkId`,
    { programId, linkId },
  );
  return row ?? null;
}

/** Newest first. */
export function listTrackingLinks(
  db: Db,
  programId: string,
  filter: TrackingLinkFilter,
  page: PageRequest,
): Promise<Page<TrackingLink>> {
  const list = { name: 'listTrackingLinks', select, id: 'l.id' };
  return selectPage<TrackingLink>(db, list, conditionsOf(programId, filter), page);
}

/** Clicks and conversions of these links, live or test, by link id. */
export async function countLinkResults(
  db: Db,
  programId: string,
  livemode: boolean,
  linkIds: readonly string[],
): Promise<Map<string, LinkCounts>> {
  const rows = await readSnapshot(db, async (trx) => {
    const sql = (await hasRollups(trx, programId)) ? rolledUpLinkResults : countedLinkResults;
    return runSql<{ linkId: string; clicks: bigint; conversions: bigint }>(trx, 'countLinkResults', sql, {
      linkIds,
      livemode,
      programId,
    });
  });
  return new Map(rows.map((row) => [row.linkId, { clicks: Number(row.clicks), conversions: Number(row.conversions) }]));
}

const rolledUpLinkResults = `
  select link_id as "linkId", sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions from (
    select link_id, clicks, conversions from link_rollups
    where link_id = any(:linkIds) and livemode = :livemode and program_id = :programId
    union all
    select link_id, clicks, conversions from statistic_deltas
    where link_id = any(:linkIds) and livemode = :livemode and program_id = :programId
  ) counted group by 1`;

/** The same for a program whose rollups are not there yet. */
const countedLinkResults = `
  select link_id as "linkId", sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions from (
    select link_id, count(*) as clicks, 0 as conversions from clicks
    where link_id = any(:linkIds) and livemode = :livemode and program_id = :programId group by 1
    union all
    select link_id, sum(clicks), 0 from forgotten_clicks
    where link_id = any(:linkIds) and livemode = :livemode and program_id = :programId group by 1
    union all
    select c.link_id, 0, count(*) from clicks c join orders o on o.click_id = c.id
    where c.link_id = any(:linkIds) and o.livemode = :livemode and o.program_id = :programId
      and order_counts(o.status, o.kind, o.cpa_claim)
    group by 1
  ) counted group by 1`;

const columns: Columns<Exclude<keyof TrackingLink, 'destinationUrl'>> = {
  id: 'id',
  programId: 'program_id',
  affiliateId: 'affiliate_id',
  offerId: 'offer_id',
  code: 'code',
  customUrl: 'custom_url',
  createdAt: 'created_at',
};
const inserted = insertList(columns, ['createdAt']);
const select = `select ${selectList(columns, 'l')}, coalesce(l.custom_url, o.url) as "destinationUrl"
  from tracking_links l join offers o on o.program_id = l.program_id and o.id = l.offer_id`;

const cacheOf = perDatabase(
  () => new ExpiringCache<LinkTarget>({ ttlMs: 4_000, maxEntries: 50_000, serveStale: true }),
);

function conditionsOf(programId: string, filter: TrackingLinkFilter): Condition[] {
  return [
    ...conditionOf('l.program_id = :programId', programId),
    ...conditionOf('l.affiliate_id = :affiliateId', filter.affiliateId),
    ...conditionOf('l.offer_id = :offerId', filter.offerId),
    ...conditionOf('l.code = :code', filter.code),
  ];
}

/** The error to throw: one that says what is taken or missing, or the one given where it is neither. */
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
