import type { Db } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';
import { foldCode } from '../program/codes.ts';

/** What the hub has already of that which is to be imported. Ids and link codes are the hub's, codes the program's. */
export interface Known {
  affiliates: Map<string, { programId: string; email: string }>;
  /** By code in its folded form: the affiliate. */
  referralCodes: Map<string, string>;
  couponCodes: Map<string, string>;
  /** By e-mail in lower case: an affiliate of the program. */
  emails: Map<string, string>;
  offers: Map<string, { programId: string; url: string }>;
  offerCodes: Map<string, string>;
  links: Map<string, { programId: string; affiliateId: string; offerId: string }>;
  linkIds: Set<string>;
  clicks: Map<string, { programId: string }>;
}

/** What is asked for, all at once. */
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

export async function readKnown(db: Db, programId: string, wanted: Wanted): Promise<Known> {
  const referrals = await inSteps<{ code: string; id: string }>(
    db,
    `select code, affiliate_id as id from affiliate_codes where program_id = ? and kind = 'referral' and code = any(?)`,
    [...wanted.affiliates].map(foldCode),
    [programId],
  );
  const coupons = await inSteps<{ code: string; id: string }>(
    db,
    `select code, affiliate_id as id from affiliate_codes where program_id = ? and kind = 'coupon' and code = any(?)`,
    [...wanted.coupons].map(foldCode),
    [programId],
  );
  const affiliates = await inSteps<{ id: string; programId: string; email: string }>(
    db,
    `select id, program_id as "programId", lower(email) as email from affiliates where id = any(?)`,
    [...wanted.affiliates, ...referrals.map(({ id }) => id), ...coupons.map(({ id }) => id)],
  );
  const emails = await inSteps<{ email: string; id: string }>(
    db,
    `select lower(email) as email, min(id) as id from affiliates where program_id = ? and lower(email) = any(?) group by 1`,
    [...wanted.emails],
    [programId],
  );
  const offers = await inSteps<{ id: string; programId: string; url: string }>(
    db,
    `select id, program_id as "programId", url from offers where id = any(?)`,
    [...wanted.offers],
  );
  const offerCodes = await inSteps<{ code: string; id: string }>(
    db,
    `select code, id from offers where program_id = ? and code = any(?)`,
    [...wanted.offers],
    [programId],
  );
  const links = await inSteps<{ code: string; programId: string; affiliateId: string; offerId: string }>(
    db,
    `select code, program_id as "programId", affiliate_id as "affiliateId", offer_id as "offerId"
     from tracking_links where code = any(?)`,
    [...wanted.links],
  );
  const linkIds = await inSteps<{ id: string }>(db, `select id from tracking_links where id = any(?)`, [
    ...wanted.linkIds,
  ]);
  const clicks = await inSteps<{ id: string; programId: string }>(
    db,
    `select id, program_id as "programId" from clicks where id = any(?)`,
    [...wanted.clicks],
  );
  return {
    affiliates: new Map(affiliates.map((row) => [row.id, row])),
    referralCodes: new Map(referrals.map(({ code, id }) => [code, id])),
    couponCodes: new Map(coupons.map(({ code, id }) => [code, id])),
    emails: new Map(emails.map(({ email, id }) => [email, id])),
    offers: new Map(offers.map((row) => [row.id, row])),
    offerCodes: new Map(offerCodes.map(({ code, id }) => [code, id])),
    links: new Map(links.map((row) => [row.code, row])),
    linkIds: new Set(linkIds.map(({ id }) => id)),
    clicks: new Map(clicks.map((row) => [row.id, row])),
  };
}

/** Which of these facts the program has; those of orders that it knows by any of the facts' references count, too. */
export async function readKnownFacts(
  db: Db,
  scope: { programId: string; livemode: boolean },
  ids: readonly string[],
  refs: readonly string[],
): Promise<{ ids: Set<string>; refs: Set<string> }> {
  const bindings = [scope.programId, scope.livemode];
  const facts = await inSteps<{ id: string }>(
    db,
    `select id from facts where program_id = ? and livemode = ? and id = any(?)`,
    ids,
    bindings,
  );
  const orders = await inSteps<{ ref: string }>(
    db,
    `select r.ref from order_refs r join orders o on o.id = r.order_id
     where r.program_id = ? and r.livemode = ? and r.ref = any(?) and (o.kind is not null or o.status = 'merged')`,
    refs,
    bindings,
  );
  return { ids: new Set(facts.map(({ id }) => id)), refs: new Set(orders.map(({ ref }) => ref)) };
}

const STEP = 10_000;

async function inSteps<Row>(
  db: Db,
  sql: string,
  values: readonly string[],
  bindings: readonly unknown[] = [],
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let start = 0; start < values.length; start += STEP) {
    const step = await runPositional<Row>(db, sql, [...bindings, values.slice(start, start + STEP)]);
    for (const row of step) rows.push(row);
  }
  return rows;
}
