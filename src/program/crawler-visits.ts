import type { Logger } from 'pino';
import { withinTime } from '../db/connection.ts';
import type { Db } from '../db/db.ts';
import { GroupCommit } from '../db/group-commit.ts';
import { isOutage } from '../db/outage.ts';
import { runSql } from '../db/sql.ts';
import type { LinkTarget } from './link-targets.ts';
import type { Period } from './period.ts';

/** By which link a crawler, a preview or a prefetch came, and when. */
export interface CrawlerVisit {
  programId: string;
  livemode: boolean;
  affiliateId: string;
  offerId: string;
  linkId: string | null;
  at: Date;
}

/** Counts visits that are no clicks. What cannot be written is not counted: no money hangs on it. */
export interface CrawlerVisits {
  record(target: LinkTarget, at: Date): void;
  /** Writes what is under way. */
  close(): Promise<void>;
}

const MAX_WAITING = 5_000;

export function openCrawlerVisits(db: Db, log: Logger): CrawlerVisits {
  const group = new GroupCommit<CrawlerVisit>({
    write: (visits, { withinMs }) => withinTime(db, withinMs, (session) => addCrawlerVisits(session, visits)),
    sizeOf: () => 1,
    maxRows: 500,
    maxBytes: 500,
    maxWaitingRows: MAX_WAITING,
    maxWaitingBytes: MAX_WAITING,
    isOutage,
  });
  return {
    record({ programId, livemode, affiliateId, offerId, linkId }, at) {
      group.add({ programId, livemode, affiliateId, offerId, linkId, at }).catch((error: unknown) => {
        log.debug({ err: error, linkId }, 'visit of a crawler is not counted');
      });
    },
    close: () => group.flush(),
  };
}

async function addCrawlerVisits(db: Db, visits: readonly CrawlerVisit[]): Promise<void> {
  const valuesOf = (field: keyof CrawlerVisit): unknown[] => visits.map((visit) => visit[field]);
  await runSql(
    db,
    'addCrawlerVisits',
    // In one order, so that processes that add to the same rows wait for each other and never in a circle.
    `insert into crawler_visits as counted (program_id, livemode, affiliate_id, offer_id, link_id, quarter, visits)
     select program_id, livemode, affiliate_id, offer_id, link_id, date_bin('15 minutes', at, '2000-01-01Z') as quarter, count(*)
     from unnest(:programIds::text[], :livemodes::boolean[], :affiliateIds::text[], :offerIds::text[], :linkIds::text[],
       :times::timestamptz[]) as row (program_id, livemode, affiliate_id, offer_id, link_id, at)
     group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
     on conflict (program_id, livemode, affiliate_id, offer_id, link_id, quarter)
       do update set visits = counted.visits + excluded.visits`,
    {
      programIds: valuesOf('programId'),
      livemodes: valuesOf('livemode'),
      affiliateIds: valuesOf('affiliateId'),
      offerIds: valuesOf('offerId'),
      linkIds: valuesOf('linkId'),
      times: valuesOf('at'),
    },
  );
}

export interface CrawlerVisitFilter extends Period {
  livemode: boolean;
  affiliateId?: string | undefined;
  offerId?: string | undefined;
}

/** How many there were. The ends of the period count by quarters of an hour. */
export async function countCrawlerVisits(db: Db, programId: string, filter: CrawlerVisitFilter): Promise<number> {
  const [row] = await runSql<{ visits: bigint }>(
    db,
    'countCrawlerVisits',
    `select coalesce(sum(visits), 0)::bigint as visits from crawler_visits
     where program_id = :programId and livemode = :livemode
       and (:affiliateId::text is null or affiliate_id = :affiliateId)
       and (:offerId::text is null or offer_id = :offerId)
       and (:from::timestamptz is null or quarter >= date_bin('15 minutes', :from::timestamptz, '2000-01-01Z'))
       and (:until::timestamptz is null or quarter < :until::timestamptz)`,
    {
      programId,
      livemode: filter.livemode,
      affiliateId: filter.affiliateId ?? null,
      offerId: filter.offerId ?? null,
      from: filter.from,
      until: filter.until,
    },
  );
  return Number(row?.visits ?? 0);
}

/** By link id. */
export async function countCrawlerVisitsOfLinks(
  db: Db,
  programId: string,
  livemode: boolean,
  linkIds: readonly string[],
): Promise<Map<string, number>> {
  const rows = await runSql<{ linkId: string; visits: bigint }>(
    db,
    'countCrawlerVisitsOfLinks',
    `select link_id as "linkId", sum(visits)::bigint as visits from crawler_visits
     where link_id = any(:linkIds) and livemode = :livemode and program_id = :programId group by 1`,
    { programId, livemode, linkIds },
  );
  return new Map(rows.map(({ linkId, visits }) => [linkId, Number(visits)]));
}
