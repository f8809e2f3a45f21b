import { inTransaction, type Db, type Trx } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { insertClicks, maskClick, type Click } from '../program/clicks.ts';
import { foldCode } from '../domain/codes.ts';
import { makeReferralCode } from '../program/codes.ts';
import { findUniqueViolation } from '../db/pg-errors.ts';
import type { ImportPlan, New, NewLink } from './plan.ts';
import type { ImportedAffiliate, ImportedOffer } from './records.ts';

const STEP = 1_000;

/** Writes offers, affiliates with their codes, and links: all of them or none. `onStep` is told how many more are done. */
export async function writeConfiguration(
  db: Db,
  programId: string,
  { offers, affiliates, links }: Pick<ImportPlan, 'offers' | 'affiliates' | 'links'>,
  onStep: (rows: number) => void,
): Promise<void> {
  try {
    await inTransaction(db, async (trx) => {
      await reserveIds(trx, programId, 'offer', offers);
      await reserveIds(trx, programId, 'affiliate', affiliates);
      await reserveIds(trx, programId, 'link', links);
      await inSteps(offers, (step) => insertOffers(trx, programId, step), onStep);
      const named = affiliates.map(withReferralCode);
      await inSteps(named, (step) => insertAffiliates(trx, programId, step), onStep);
      await inSteps(links, (step) => insertLinks(trx, programId, step), onStep);
      // After the links, which are out in the world: an affiliate's own link gets another code than they have.
      await inSteps(
        named,
        (step) => insertCodes(trx, programId, step),
        () => {},
      );
    });
  } catch (error) {
    const constraint = error instanceof TakenId ? error.message : findUniqueViolation(error);
    if (constraint === null) throw error;
    throw new Error(
      `Nothing was imported: an id or code was taken meanwhile, or comes twice in the files (${constraint}). Run it again.`,
      { cause: error },
    );
  }
}

export function writeClicks(db: Db, clicks: readonly Click[], onStep: (rows: number) => void): Promise<void> {
  return inSteps(clicks, (step) => inTransaction(db, (trx) => insertReservedClicks(trx, step)), onStep);
}

async function insertReservedClicks(trx: Trx, clicks: readonly Click[]): Promise<void> {
  const [{ programId } = { programId: '' }] = clicks;
  try {
    await reserveIds(trx, programId, 'click', clicks);
  } catch (error) {
    if (!(error instanceof TakenId)) throw error;
    throw new Error(`Not all was imported: the id of a click was taken meanwhile (${error.message}). Run it again.`, {
      cause: error,
    });
  }
  await insertClicks(trx, clicks.map(maskClick));
}

/** Another program of the hub has it. */
class TakenId extends Error {}

/**
 * Ids that are not made here are one object's in the whole hub, as ours are: what exists was looked up before, this tells
 * which of two imports at once was first. Throws TakenId.
 */
async function reserveIds(
  trx: Trx,
  programId: string,
  kind: 'affiliate' | 'offer' | 'link' | 'click',
  objects: readonly { id: string }[],
): Promise<void> {
  // In one order, so that two imports of the same ids wait for each other and do not lock each other out.
  const ids = objects.map(({ id }) => id).toSorted();
  await inSteps(
    ids,
    async (step) => {
      await runSql(
        trx,
        'reserveImportedIds',
        `insert into imported_ids (kind, id, program_id) select :kind, id, :programId from unnest(:ids::text[]) as row (id)
         on conflict (kind, id) do nothing`,
        { kind, programId, ids: step },
      );
      const [taken] = await runSql<{ id: string }>(
        trx,
        'findTakenIds',
        `select id from imported_ids where kind = :kind and id = any(:ids) and program_id <> :programId limit 1`,
        { kind, programId, ids: step },
      );
      if (taken) throw new TakenId(`${kind} ${taken.id}`);
    },
    () => {},
  );
}

/** Writes rows in their order, `size` at a time. */
export async function inSteps<T>(
  rows: readonly T[],
  write: (step: readonly T[]) => Promise<unknown>,
  onStep: (rows: number) => void,
  size = STEP,
): Promise<void> {
  for (let start = 0; start < rows.length; start += size) {
    const step = rows.slice(start, start + size);
    await write(step);
    onStep(step.length);
  }
}

/** A program's first offer becomes its default, as everywhere. */
async function insertOffers(trx: Trx, programId: string, offers: readonly New<ImportedOffer>[]): Promise<void> {
  const rows = offers.map((offer) => ({
    id: offer.id,
    name: offer.name,
    url: offer.url,
    code: offer.code ?? offer.id.slice(-10).toUpperCase(),
    description: offer.description,
    commission: offer.commission,
    currency: offer.currency,
    days: offer.attributionWindowDays,
    cap: offer.dailyCap,
    status: offer.status,
  }));
  await runSql(
    trx,
    'insertImportedOffers',
    `insert into offers (id, program_id, name, url, code, description, commission, currency, attribution_window_days,
       daily_cap, status)
     select o.id, p.id, o.name, o.url, o.code, o.description, o.commission, coalesce(o.currency, p.currency),
       coalesce(o.days, 30), coalesce(o.cap, 0), o.status
     from programs p, jsonb_to_recordset(:offers::jsonb) as o (id text, name text, url text, code text, description text,
       commission jsonb, currency text, days integer, cap integer, status text)
     where p.id = :programId`,
    { offers: JSON.stringify(rows), programId },
  );
  await runSql(
    trx,
    'setFirstImportedOffer',
    `update programs set default_offer_id = :offerId, updated_at = now()
     where id = :programId and default_offer_id is null`,
    { offerId: rows[0]?.id, programId },
  );
}

type NamedAffiliate = New<ImportedAffiliate> & { referralCode: string };

function withReferralCode(affiliate: New<ImportedAffiliate>): NamedAffiliate {
  return { ...affiliate, referralCode: affiliate.referralCode ?? makeReferralCode(affiliate.displayName) };
}

async function insertAffiliates(trx: Trx, programId: string, affiliates: readonly NamedAffiliate[]): Promise<void> {
  await runSql(
    trx,
    'insertImportedAffiliates',
    `insert into affiliates (id, program_id, display_name, email, type, status, company_name, website, payment_email,
       payment_method, payment_details, referral_code, commission_override, custom_fields, created_at, activated_at)
     select a.id, :programId, a."displayName", a.email, a.type, a.status, a."companyName", a.website, a."paymentEmail",
       a."paymentMethod", a."paymentDetails", a."referralCode", a."commissionOverride",
       a."customFields", coalesce(a."createdAt", now()),
       coalesce(a."activatedAt", case when a.status = 'active' then now() end)
     from jsonb_to_recordset(:affiliates::jsonb) as a (id text, "displayName" text, email text, type text, status text,
       "companyName" text, website text, "paymentEmail" text, "paymentMethod" text, "paymentDetails" text,
       "referralCode" text, "commissionOverride" jsonb, "customFields" jsonb, "createdAt" timestamptz,
       "activatedAt" timestamptz)`,
    { programId, affiliates: JSON.stringify(affiliates) },
  );
}

async function insertCodes(trx: Trx, programId: string, affiliates: readonly NamedAffiliate[]): Promise<void> {
  const codes = affiliates.flatMap(({ id, referralCode, couponCodes }) => [
    { kind: 'referral', code: foldCode(referralCode), id, display: referralCode, position: 1 },
    ...couponCodes.map((code, index) => ({
      kind: 'coupon',
      code: foldCode(code),
      id,
      display: code,
      position: index + 1,
    })),
  ]);
  await runSql(
    trx,
    'insertImportedCodes',
    `insert into affiliate_codes (program_id, kind, code, affiliate_id, display, position)
     select :programId, c.kind, c.code, c.id, c.display, c.position
     from jsonb_to_recordset(:codes::jsonb) as c (kind text, code text, id text, display text, position smallint)
     order by c.code`,
    { programId, codes: JSON.stringify(codes) },
  );
}

async function insertLinks(trx: Trx, programId: string, links: readonly NewLink[]): Promise<void> {
  const rows = links.map(({ id, affiliateId, offerId, code, url }) => ({ id, affiliateId, offerId, code, url }));
  // They are out in the world: codes of another system may differ by case alone.
  await runSql(trx, 'keepCaseOfLinks', `select set_config('tributary.keeps_case_of_links', 'on', true)`);
  await runSql(
    trx,
    'insertImportedLinks',
    `insert into tracking_links (id, program_id, affiliate_id, offer_id, code, custom_url)
     select l.id, :programId, l."affiliateId", l."offerId", l.code, l.url
     from jsonb_to_recordset(:links::jsonb) as l (id text, "affiliateId" text, "offerId" text, code text, url text)`,
    { programId, links: JSON.stringify(rows) },
  );
}
