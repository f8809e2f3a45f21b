import type { Db } from '../db/db.ts';
import { selectList, type Columns } from '../db/columns.ts';
import type { ColumnType } from '../db/rows.ts';
import { runSql } from '../db/sql.ts';
import { findKeyIn, maskKeysIn } from '../domain/keys.ts';
import { conditionOf, type Condition } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';

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

/** How long the texts may be that affiliates put on their links; longer ones of visitors are cut. */
export const MAX_SUB_LENGTH = 1024;

/** Writes clicks in one statement. One that is stored already (a retry after a lost answer) is left as it is. */
export async function insertClicks(db: Db, clicks: readonly Click[]): Promise<void> {
  const valuesOf = (field: keyof Click): unknown[] => clicks.map((click) => click[field]);
  await runSql(db, 'insertClicks', insertion, {
    ...Object.fromEntries(insertedFields.map((field) => [field, valuesOf(field)])),
    utm: clicks.map(({ utm }) => (utm ? JSON.stringify(utm) : null)),
  });
}

/** The click without API keys: a link that was pasted together wrongly must not show one to whoever lists clicks. */
export function maskClick(click: Click): Click {
  const { sub1, sub2, sub3, sub4, sub5, utm, userAgent, sourceUrl } = click;
  const texts = { sub1, sub2, sub3, sub4, sub5, utm, userAgent, sourceUrl };
  return findKeyIn(texts) ? { ...click, ...maskKeysIn(texts) } : click;
}

export async function findClick(
  db: Db,
  programId: string,
  livemode: boolean,
  clickId: string,
): Promise<StoredClick | null> {
  const [row] = await runSql<StoredClick>(
    db,
    'findClick',
    `select ${selected} from clicks where program_id = :programId and livemode = :livemode and id = :clickId`,
    { programId, livemode, clickId },
  );
  return row ?? null;
}

/** A click of any program: for callers without a key, whose program the click tells. */
export async function findAnyClick(db: Db, clickId: string): Promise<StoredClick | null> {
  const [row] = await runSql<StoredClick>(db, 'findAnyClick', `select ${selected} from clicks where id = :clickId`, {
    clickId,
  });
  return row ?? null;
}

/** Until when a click counts: the end of the window of its offer, else of the program's default one. Null for an unknown click. */
export async function readClickExpiry(db: Db, clickId: string): Promise<Date | null> {
  const [row] = await runSql<{ expiresAt: Date }>(
    db,
    'readClickExpiry',
    `select c.occurred_at + coalesce(o.attribution_window_days, 30) * interval '24 hours' as "expiresAt"
     from clicks c join programs p on p.id = c.program_id
     left join offers o on o.program_id = c.program_id and o.id = coalesce(c.offer_id, p.default_offer_id)
     where c.id = :clickId`,
    { clickId },
  );
  return row?.expiresAt ?? null;
}

/** Newest first. */
export function listClicks(
  db: Db,
  programId: string,
  filter: ClickFilter,
  page: PageRequest,
): Promise<Page<StoredClick>> {
  const list = { name: 'listClicks', select: `select ${selected} from clicks`, id: 'id' };
  return selectPage<StoredClick>(db, list, conditionsOf(programId, filter), page);
}

const columns: Columns<keyof StoredClick> = {
  id: 'id',
  programId: 'program_id',
  livemode: 'livemode',
  affiliateId: 'affiliate_id',
  offerId: 'offer_id',
  linkId: 'link_id',
  occurredAt: 'occurred_at',
  sub1: 'sub1',
  sub2: 'sub2',
  sub3: 'sub3',
  sub4: 'sub4',
  sub5: 'sub5',
  utm: 'utm',
  ip: 'ip',
  userAgent: 'user_agent',
  sourceUrl: 'source_url',
  createdAt: 'created_at',
};
const selected = selectList(columns);

/** All values of a column travel in one array, so that the statement is the same for any number of clicks. */
const { createdAt: _default, ...insertedColumns } = columns;
const insertedFields = Object.keys(insertedColumns) as (keyof Click)[];
const types: { readonly [F in keyof Click]?: ColumnType } = {
  livemode: 'boolean',
  occurredAt: 'timestamptz',
  utm: 'jsonb',
};
const names = Object.values(insertedColumns).join(', ');
const arrays = insertedFields.map((field) => `:${field}::${types[field] ?? 'text'}[]`).join(', ');
const insertion = `insert into clicks (${names}) select * from unnest(${arrays}) as row (${names}) on conflict (program_id, livemode, id) do nothing`;

function conditionsOf(programId: string, filter: ClickFilter): Condition[] {
  return [
    ...conditionOf('program_id = :programId', programId),
    ...conditionOf('livemode = :livemode', filter.livemode),
    ...conditionOf('affiliate_id = :affiliateId', filter.affiliateId),
    ...conditionOf('offer_id = :offerId', filter.offerId),
    ...conditionOf('link_id = :linkId', filter.linkId),
    ...conditionOf('occurred_at >= :from', filter.from),
    ...conditionOf('occurred_at < :until', filter.until),
  ];
}
