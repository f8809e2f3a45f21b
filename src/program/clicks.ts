import type { Db } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';
import { conditionOf, selectPage, type Condition, type Page, type PageRequest } from '../db/page.ts';

/** A visit by an affiliate's link, or one that a server told of. */
export interface Click {
  id: string;
  programId: string;
  livemode: boolean;
  affiliateId: string;
  offerId: string | null;
  linkId: string | null;
  occurredAt: Date;
  /** What the affiliate put on the link; sub1 is by convention their own click id. */
  sub1: string | null;
  sub2: string | null;
  sub3: string | null;
  sub4: string | null;
  sub5: string | null;
  utm: Record<string, string> | null;
  ip: string | null;
  userAgent: string | null;
  sourceUrl: string | null;
}

export type StoredClick = Click & { createdAt: Date };

export interface ClickFilter {
  livemode: boolean;
  affiliateId?: string | undefined;
  offerId?: string | undefined;
  linkId?: string | undefined;
  from?: Date | null | undefined;
  /** Exclusive. */
  until?: Date | null | undefined;
}

/** Writes clicks in one statement. One that is there already (a retry after a lost answer) is left as it is. */
export async function insertClicks(db: Db, clicks: readonly Click[]): Promise<void> {
  const column = <K extends keyof Click>(key: K): Click[K][] => clicks.map((click) => click[key]);
  await runPositional(
    db,
    `insert into clicks (id, program_id, livemode, affiliate_id, offer_id, link_id, occurred_at, sub1, sub2, sub3, sub4,
       sub5, utm, ip, user_agent, source_url)
     select id, program_id, livemode, affiliate_id, offer_id, link_id, occurred_at, sub1, sub2, sub3, sub4, sub5,
       utm::jsonb, ip, user_agent, source_url
     from unnest(?::text[], ?::text[], ?::boolean[], ?::text[], ?::text[], ?::text[], ?::timestamptz[], ?::text[],
       ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[])
       as row (id, program_id, livemode, affiliate_id, offer_id, link_id, occurred_at, sub1, sub2, sub3, sub4, sub5, utm,
         ip, user_agent, source_url)
     on conflict (id) do nothing`,
    [
      column('id'),
      column('programId'),
      column('livemode'),
      column('affiliateId'),
      column('offerId'),
      column('linkId'),
      column('occurredAt'),
      column('sub1'),
      column('sub2'),
      column('sub3'),
      column('sub4'),
      column('sub5'),
      clicks.map(({ utm }) => (utm ? JSON.stringify(utm) : null)),
      column('ip'),
      column('userAgent'),
      column('sourceUrl'),
    ],
  );
}

export async function findClick(
  db: Db,
  programId: string,
  livemode: boolean,
  clickId: string,
): Promise<StoredClick | null> {
  const [row] = await runPositional<StoredClick>(
    db,
    `select ${columns} from clicks where program_id = ? and livemode = ? and id = ?`,
    [programId, livemode, clickId],
  );
  return row ?? null;
}

/** Whosever click it is: for callers without a key, whom the click itself tells apart. */
export async function findAnyClick(db: Db, clickId: string): Promise<StoredClick | null> {
  const [row] = await runPositional<StoredClick>(db, `select ${columns} from clicks where id = ?`, [clickId]);
  return row ?? null;
}

/** Newest first. */
export function listClicks(
  db: Db,
  programId: string,
  filter: ClickFilter,
  page: PageRequest,
): Promise<Page<StoredClick>> {
  return selectPage<StoredClick>(db, `select ${columns} from clicks`, 'id', conditionsOf(programId, filter), page);
}

const columns = `id, program_id as "programId", livemode, affiliate_id as "affiliateId", offer_id as "offerId",
  link_id as "linkId", occurred_at as "occurredAt", sub1, sub2, sub3, sub4, sub5, utm, ip, user_agent as "userAgent",
  source_url as "sourceUrl", created_at as "createdAt"`;

function conditionsOf(programId: string, filter: ClickFilter): Condition[] {
  return [
    { sql: 'program_id = ? and livemode = ?', bindings: [programId, filter.livemode] },
    ...conditionOf('affiliate_id = ?', filter.affiliateId),
    ...conditionOf('offer_id = ?', filter.offerId),
    ...conditionOf('link_id = ?', filter.linkId),
    ...conditionOf('occurred_at >= ?', filter.from),
    ...conditionOf('occurred_at < ?', filter.until),
  ];
}
