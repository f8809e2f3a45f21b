import { readSnapshot, type Db } from '../db/db.ts';
import { insertList, selectList, updateList, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { hasRollups } from '../statistics/rollups.ts';
import { AppError } from '../domain/errors.ts';
import { namedBy, type Reach, type Scope } from '../domain/scope.ts';
import { newId } from '../domain/ids.ts';
import { makeCode, MAX_CODE_TRIES } from './codes.ts';
import { countCrawlerVisitsOfLinks } from './crawler-visits.ts';
import { forgetLinkTargets } from './link-targets.ts';
import { conditionOf, type Condition } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { findForeignKeyViolation, findUniqueViolation } from '../db/pg-errors.ts';

export type TrackingLinkStatus = 'active' | 'paused';

export interface TrackingLink {
  id: string;
  programId: string;
  /** False: a test key made it, and its clicks are test. */
  livemode: boolean;
  affiliateId: string;
  offerId: string;
  /** Unique in the whole hub, since it is all that `/r/:code` tells. */
  code: string;
  customUrl: string | null;
  /** The custom URL, else the offer's. */
  destinationUrl: string;
  /** A paused link leads on, and its visits are not counted. */
  status: TrackingLinkStatus;
  createdAt: Date;
}

/** What came of a link. */
export interface LinkCounts {
  clicks: number;
  /** Those that count: pending, approved or paid. */
  conversions: number;
  /** Led on, and no clicks. */
  crawlerVisits: number;
}

export interface TrackingLinkInput {
  affiliateId: string;
  offerId: string;
  customUrl?: string | null | undefined;
  /** Made when absent. */
  code?: string | undefined;
  status?: TrackingLinkStatus | undefined;
}

export interface TrackingLinkChanges {
  /** Takes over what a test key made. */
  livemode?: true | undefined;
  affiliateId?: string | undefined;
  offerId?: string | undefined;
  customUrl?: string | null | undefined;
  code?: string | undefined;
  status?: TrackingLinkStatus | undefined;
}

export interface TrackingLinkFilter {
  affiliateId?: string | undefined;
  offerId?: string | undefined;
  code?: string | undefined;
  statuses?: readonly TrackingLinkStatus[] | undefined;
  /** What the code begins with, in any case. */
  text?: string | undefined;
}

/**
 * Affiliate and offer by id. Throws VALIDATION_ERROR where they are not the program's (or test, and the link is live),
 * CONFLICT for a taken code.
 */
export async function createTrackingLink(db: Db, scope: Scope, input: TrackingLinkInput): Promise<TrackingLink> {
  const linkId = newId('lnk');
  for (let tries = 0; tries < MAX_CODE_TRIES; tries += 1) {
    const code = input.code ?? makeCode(9);
    if (await insertLink(db, scope, linkId, code, input)) {
      return (await findTrackingLink(db, namedBy(scope), linkId)) as TrackingLink;
    }
    if (input.code !== undefined) throw codeIsTaken(input.code);
  }
  throw new Error(`No free code was found for a tracking link in ${MAX_CODE_TRIES} tries`);
}

/** False where the code is taken. */
async function insertLink(
  db: Db,
  { programId, livemode }: Scope,
  linkId: string,
  code: string,
  { affiliateId, offerId, customUrl = null, status = 'active' }: TrackingLinkInput,
): Promise<boolean> {
  try {
    const rows = await runSql<{ id: string }>(
      db,
      'insertLink',
      `insert into tracking_links ${inserted} on conflict (code, program_id) do nothing returning id`,
      { id: linkId, programId, livemode, affiliateId, offerId, code, customUrl, status },
    );
    if (rows.length > 0) forgetLinkTargets(db, programId);
    return rows.length > 0;
  } catch (error) {
    throw describeViolation(error, code);
  }
}

/**
 * Changes what is given; null where there is no such link in reach. Clicks that were made keep their affiliate, offer and
 * mode. Throws CONFLICT where a link that is taken over leads by a test affiliate or to a test offer.
 */
export async function updateTrackingLink(
  db: Db,
  reach: Reach,
  linkId: string,
  changes: TrackingLinkChanges,
): Promise<TrackingLink | null> {
  const { programId, modes } = reach;
  const { livemode, affiliateId, offerId, customUrl, code, status } = changes;
  const update = updateList(columns, { livemode, affiliateId, offerId, customUrl, code, status });
  try {
    const [row] = await runSql<{ id: string }>(
      db,
      'updateTrackingLink',
      `update tracking_links set ${update.sql}
       where program_id = :programId and id = :linkId and livemode = any(:modes::boolean[]) returning id`,
      { ...update.bindings, programId, modes, linkId },
    );
    if (!row) return null;
    forgetLinkTargets(db, programId);
    return await findTrackingLink(db, reach, linkId);
  } catch (error) {
    throw changes.livemode ? describeTakeOver(error, code) : describeViolation(error, code);
  }
}

export async function findTrackingLink(
  db: Db,
  { programId, modes }: Reach,
  linkId: string,
): Promise<TrackingLink | null> {
  const [row] = await runSql<TrackingLink>(
    db,
    'findTrackingLink',
    `${select} where l.program_id = :programId and l.id = :linkId and l.livemode = any(:modes::boolean[])`,
    { programId, modes, linkId },
  );
  return row ?? null;
}

/** Newest first. */
export function listTrackingLinks(
  db: Db,
  reach: Reach,
  filter: TrackingLinkFilter,
  page: PageRequest,
): Promise<Page<TrackingLink>> {
  const list = {
    name: 'listTrackingLinks',
    select,
    id: 'l.id',
    createdAt: {
      column: 'l.created_at',
      ofBefore: 'select created_at from tracking_links where program_id = :programId and id = :beforeId',
    },
  };
  return selectPage<TrackingLink>(db, list, conditionsOf(reach, filter), page);
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
  const crawlers = await countCrawlerVisitsOfLinks(db, programId, livemode, linkIds);
  const counts = new Map(rows.map((row) => [row.linkId, row]));
  return new Map(
    linkIds.map((linkId) => [
      linkId,
      {
        clicks: Number(counts.get(linkId)?.clicks ?? 0),
        conversions: Number(counts.get(linkId)?.conversions ?? 0),
        crawlerVisits: crawlers.get(linkId) ?? 0,
      },
    ]),
  );
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
    select c.link_id, 0, count(*) from clicks c join orders o on o.click_id = c.id and o.program_id = c.program_id
    where c.link_id = any(:linkIds) and o.livemode = :livemode and o.program_id = :programId
      and order_counts(o.status, o.kind, o.cpa_claim)
    group by 1
  ) counted group by 1`;

const columns: Columns<Exclude<keyof TrackingLink, 'destinationUrl'>> = {
  id: 'id',
  programId: 'program_id',
  livemode: 'livemode',
  affiliateId: 'affiliate_id',
  offerId: 'offer_id',
  code: 'code',
  customUrl: 'custom_url',
  status: 'status',
  createdAt: 'created_at',
};
const inserted = insertList(columns, ['createdAt']);
const select = `select ${selectList(columns, 'l')}, coalesce(l.custom_url, o.url) as "destinationUrl"
  from tracking_links l join offers o on o.program_id = l.program_id and o.id = l.offer_id`;

function conditionsOf({ programId, modes }: Reach, filter: TrackingLinkFilter): Condition[] {
  return [
    ...conditionOf('l.program_id = :programId', programId),
    ...conditionOf('l.livemode = any(:modes::boolean[])', modes),
    ...conditionOf('l.affiliate_id = :affiliateId', filter.affiliateId),
    ...conditionOf('l.offer_id = :offerId', filter.offerId),
    ...conditionOf('l.code = :code', filter.code),
    ...conditionOf('l.status = any(:statuses)', filter.statuses),
    ...conditionOf('starts_with(lower(l.code), :text)', filter.text?.toLowerCase()),
  ];
}

/** The error to throw where a link is to become live. */
function describeTakeOver(error: unknown, code: string | undefined): unknown {
  const constraint = findForeignKeyViolation(error);
  if (constraint === null) return describeViolation(error, code);
  const what = constraint.includes('offer') ? 'offer' : 'affiliate';
  return new AppError('CONFLICT', `The link's ${what} is a test ${what}: take that over first, or name a live one`, {
    details: { livemode: `cannot be true while the ${what} is a test ${what}` },
    cause: error,
  });
}

/** The error to throw: one that says what is taken or missing, or the one given where it is neither. */
function describeViolation(error: unknown, code: string | undefined): unknown {
  if (findUniqueViolation(error) !== null) return codeIsTaken(code, error);
  const constraint = findForeignKeyViolation(error);
  if (constraint === null) return error;
  const field = constraint.includes('offer') ? 'offerId' : 'affiliateId';
  const what = field === 'offerId' ? 'Offer' : 'Affiliate';
  return new AppError('VALIDATION_ERROR', `${what} not found`, {
    details: { [field]: `is not an ${what.toLowerCase()} of this program` },
    cause: error,
  });
}

/** By another link, or as some affiliate's own: codes are unique in the whole hub. */
function codeIsTaken(code: string | undefined, cause?: unknown): AppError {
  if (code === undefined) {
    const message = "The code of this link is another affiliate's own: make a link for them";
    return new AppError('CONFLICT', message, { details: { affiliateId: message }, cause });
  }
  return new AppError('CONFLICT', `The link code '${code}' is taken`, { details: { code: 'is taken' }, cause });
}
