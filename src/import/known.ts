import type { Db } from '../db/db.ts';
import { runSql, type Bindings } from '../db/sql.ts';
import { foldCode } from '../domain/codes.ts';

/**
 * What exists already of what is to be imported: ids and link codes in the whole hub, other codes in the program. What is
 * imported is live, so a test object of the program is nobody's: `programId` is empty.
 */
export interface Known {
  affiliates: Map<string, { programId: string; email: string }>;
  /** By code in its folded form: the affiliate. */
  referralCodes: Map<string, string>;
  couponCodes: Map<string, string>;
  /** By e-mail in lower case: the affiliates of the program who have it. */
  emails: Map<string, string[]>;
  offers: Map<string, { programId: string; url: string }>;
  offerCodes: Map<string, string>;
  /** By link code in its folded form: the affiliate of the hub whose own code it is. */
  ownLinkCodes: Map<string, string>;
  links: Map<string, { programId: string; affiliateId: string; offerId: string }>;
  linkIds: Set<string>;
  clicks: Map<string, { programId: string }>;
}

/** What to look up. */
export interface Wanted {
  /** Ids and codes. */
  affiliates: Set<string>;
  coupons: Set<string>;
  emails: Set<string>;
  offers: Set<string>;
  links: Set<string>;
  linkIds: Set<string>;
  clicks: Set<string>;
}

const ownerOfLive = `case when livemode then program_id else '' end`;

export async function readKnown(db: Db, programId: string, wanted: Wanted): Promise<Known> {
  const referrals = await readCodes(db, programId, 'referral', wanted.affiliates);
  const coupons = await readCodes(db, programId, 'coupon', wanted.coupons);
  const affiliates = await readInSteps<{ id: string; programId: string; email: string }>(
    db,
    'readKnownAffiliates',
    `select id, ${ownerOfLive} as "programId", lower(email) as email from affiliates where id = any(:names)`,
    [...wanted.affiliates, ...referrals.values(), ...coupons.values()],
  );
  const emails = await readInSteps<{ email: string; ids: string[] }>(
    db,
    'readKnownEmails',
    `select lower(email) as email, array_agg(id order by id) as ids from affiliates
     where program_id = :programId and livemode and lower(email) = any(:names) group by 1`,
    [...wanted.emails],
    { programId },
  );
  const linkIds = await readInSteps<{ id: string }>(
    db,
    'readKnownLinkIds',
    `select id from tracking_links where id = any(:names)`,
    [...wanted.linkIds],
  );
  const clicks = await readInSteps<{ id: string; programId: string }>(
    db,
    'readKnownClicks',
    `select id, ${ownerOfLive} as "programId" from clicks where id = any(:names)`,
    [...wanted.clicks],
  );
  return {
    affiliates: new Map(affiliates.map((row) => [row.id, row])),
    referralCodes: referrals,
    couponCodes: coupons,
    emails: new Map(emails.map(({ email, ids }) => [email, ids])),
    ...(await readOffers(db, programId, [...wanted.offers])),
    ownLinkCodes: await readOwnLinkCodes(db, [...wanted.links]),
    links: await readLinks(db, [...wanted.links]),
    linkIds: new Set(linkIds.map(({ id }) => id)),
    clicks: new Map(clicks.map((row) => [row.id, row])),
  };
}

/** By code in its folded form: the affiliate. */
async function readCodes(
  db: Db,
  programId: string,
  kind: 'referral' | 'coupon',
  codes: ReadonlySet<string>,
): Promise<Map<string, string>> {
  const rows = await readInSteps<{ code: string; id: string }>(
    db,
    'readKnownCodes',
    `select code, affiliate_id as id from affiliate_codes
     where program_id = :programId and livemode and kind = :kind and code = any(:names)`,
    [...codes].map(foldCode),
    { programId, kind },
  );
  return new Map(rows.map(({ code, id }) => [code, id]));
}

async function readOffers(
  db: Db,
  programId: string,
  names: readonly string[],
): Promise<Pick<Known, 'offers' | 'offerCodes'>> {
  const offers = await readInSteps<{ id: string; programId: string; url: string }>(
    db,
    'readKnownOffers',
    `select id, ${ownerOfLive} as "programId", url from offers where id = any(:names)`,
    names,
  );
  const codes = await readInSteps<{ code: string; id: string }>(
    db,
    'readKnownOfferCodes',
    `select code, id from offers where program_id = :programId and livemode and code = any(:names)`,
    names,
    { programId },
  );
  return {
    offers: new Map(offers.map((row) => [row.id, row])),
    offerCodes: new Map(codes.map(({ code, id }) => [code, id])),
  };
}

async function readLinks(db: Db, codes: readonly string[]): Promise<Known['links']> {
  const rows = await readInSteps<{ code: string; programId: string; affiliateId: string; offerId: string }>(
    db,
    'readKnownLinks',
    `select code, ${ownerOfLive} as "programId", affiliate_id as "affiliateId", offer_id as "offerId"
     from tracking_links where code = any(:names)`,
    codes,
  );
  return new Map(rows.map((row) => [row.code, row]));
}

async function readOwnLinkCodes(db: Db, codes: readonly string[]): Promise<Known['ownLinkCodes']> {
  const rows = await readInSteps<{ code: string; affiliateId: string }>(
    db,
    'readKnownOwnLinkCodes',
    `select code, affiliate_id as "affiliateId" from link_codes where code = any(:names) and affiliate_id is not null`,
    codes.map(foldCode),
  );
  return new Map(rows.map(({ code, affiliateId }) => [code, affiliateId]));
}

/** Which of these facts the program has, and which of these references name an order that counts. */
export async function readKnownFacts(
  db: Db,
  scope: { programId: string; livemode: boolean },
  ids: readonly string[],
  refs: readonly string[],
): Promise<{ ids: Set<string>; refs: Set<string> }> {
  const { programId, livemode } = scope;
  const facts = await readInSteps<{ id: string }>(
    db,
    'readKnownFacts',
    `select id from facts where program_id = :programId and livemode = :livemode and id = any(:names)`,
    ids,
    { programId, livemode },
  );
  const orders = await readInSteps<{ ref: string }>(
    db,
    'readKnownReferences',
    `select r.ref from order_refs r join orders o on o.id = r.order_id
     where r.program_id = :programId and r.livemode = :livemode and r.ref = any(:names)
       and (o.kind is not null or o.status = 'merged')`,
    refs,
    { programId, livemode },
  );
  return { ids: new Set(facts.map(({ id }) => id)), refs: new Set(orders.map(({ ref }) => ref)) };
}

const STEP = 10_000;

/** The rows of a statement for many `:names`, so many at once. */
async function readInSteps<Row>(
  db: Db,
  statement: string,
  sql: string,
  names: readonly string[],
  bindings: Bindings = {},
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let start = 0; start < names.length; start += STEP) {
    const step = await runSql<Row>(db, statement, sql, { ...bindings, names: names.slice(start, start + STEP) });
    for (const row of step) rows.push(row);
  }
  return rows;
}
