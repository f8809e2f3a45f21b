import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { foldCode, stripInvisible } from '../../domain/codes.ts';
import type { Scope } from '../../domain/scope.ts';
import type { CommissionOverride, CommissionTerms } from '../../domain/terms.ts';
import type { AffiliateRules, ClickRules, OfferRules, ProgramRules } from '../rules/catalog.ts';

/** A text that names something in its program: an id, or a code. */
export interface Mention {
  programId: string;
  text: string;
}

/** An affiliate, offer or click: to another program, and to live where it is test, it is as if it were unknown. */
export interface Owned<T> extends Scope {
  rules: T;
}

/** A code, and whose it is. */
export interface OwnedCode extends Scope {
  code: string;
  affiliateId: string;
}

/** An offer with the code by which it may be named. */
export interface OwnedOffer extends Owned<OfferRules> {
  code: string;
}

/** `testOfferId`: what stands in for a default offer in test, where there is none. */
export type LoadedProgram = ProgramRules & { testOfferId: string | null };

interface ProgramRow {
  id: string;
  currency: string;
  timezone: string;
  default_offer_id: string | null;
  attribution_model: ProgramRules['attributionModel'];
  coupon_first: boolean;
  hold_days: number;
  auto_approve: boolean;
  same_domain: ProgramRules['sameDomain'];
  test_offer_id: string | null;
}

/** Programs with their default offers, by id. */
export async function readPrograms(trx: Trx, ids: readonly string[]): Promise<Map<string, LoadedProgram>> {
  const rows = await runSql<ProgramRow>(
    trx,
    'loadPrograms',
    `select id, currency, timezone, default_offer_id, attribution_model, coupon_first, hold_days, auto_approve,
       same_domain,
       case when default_offer_id is null then
         (select id from offers where program_id = programs.id and not livemode order by created_at, id limit 1)
       end as test_offer_id
     from programs where id = any(:ids)`,
    { ids },
  );
  return new Map(rows.map((row) => [row.id, toProgram(row)]));
}

function toProgram(row: ProgramRow): LoadedProgram {
  return {
    id: row.id,
    currency: row.currency,
    timezone: row.timezone,
    defaultOfferId: row.default_offer_id,
    attributionModel: row.attribution_model,
    couponFirst: row.coupon_first,
    holdDays: row.hold_days,
    autoApprove: row.auto_approve,
    sameDomain: row.same_domain,
    testOfferId: row.test_offer_id,
  };
}

interface ClickRow {
  id: string;
  program_id: string;
  livemode: boolean;
  affiliate_id: string;
  offer_id: string | null;
  occurred_at: Date;
  sub1: string | null;
}

export async function readClicks(trx: Trx, ids: readonly string[]): Promise<Owned<ClickRules>[]> {
  const rows = await runSql<ClickRow>(
    trx,
    'loadClicks',
    `select id, program_id, livemode, affiliate_id, offer_id, occurred_at, sub1 from clicks where id = any(:ids)`,
    { ids },
  );
  return rows.map((row) => ({
    ...toScope(row),
    rules: {
      id: row.id,
      affiliateId: row.affiliate_id,
      offerId: row.offer_id,
      occurredAt: row.occurred_at.toISOString(),
      sub1: row.sub1,
    },
  }));
}

/** Codes are compared without case, and without what cannot be seen. */
export async function readCodes(trx: Trx, kind: 'referral' | 'coupon', wanted: Mention[]): Promise<OwnedCode[]> {
  const rows = await runSql<{ program_id: string; livemode: boolean; code: string; affiliate_id: string }>(
    trx,
    'loadAffiliateCodes',
    `select program_id, livemode, code, affiliate_id from affiliate_codes
     where kind = :kind and (program_id, code) in (select * from unnest(:programIds::text[], :codes::text[]))`,
    {
      kind,
      programIds: wanted.map(({ programId }) => programId),
      codes: wanted.map(({ text }) => foldCode(text)),
    },
  );
  return rows.map((row) => ({ ...toScope(row), code: row.code, affiliateId: row.affiliate_id }));
}

interface AffiliateRow {
  id: string;
  program_id: string;
  livemode: boolean;
  status: AffiliateRules['status'];
  email: string;
  payment_email: string | null;
  commission_override: CommissionOverride | null;
  bans: [from: string, until: string | null][] | null;
}

/** Affiliates by their ids. */
export async function readAffiliates(trx: Trx, wanted: Mention[]): Promise<Owned<AffiliateRules>[]> {
  const rows = await runSql<AffiliateRow>(
    trx,
    'loadAffiliates',
    `select id, program_id, livemode, status, email, payment_email, commission_override,
       (select json_agg(json_build_array(banned_at, lifted_at)) from affiliate_bans where affiliate_id = a.id) as bans
     from affiliates a where (program_id, id) in (select * from unnest(:programIds::text[], :ids::text[]))`,
    { programIds: wanted.map(({ programId }) => programId), ids: wanted.map(({ text }) => text) },
  );
  return rows.map((row) => ({
    ...toScope(row),
    rules: {
      id: row.id,
      status: row.status,
      emails: [row.email, row.payment_email].flatMap((email) => (email ? [email.trim().toLowerCase()] : [])),
      override: row.commission_override,
      bans: (row.bans ?? []).map(([from, until]) => ({
        from: toIso(from),
        until: until === null ? null : toIso(until),
      })),
    },
  }));
}

interface OfferRow {
  id: string;
  program_id: string;
  livemode: boolean;
  code: string;
  commission: CommissionTerms;
  currency: string;
  attribution_window_days: number;
  daily_cap: number;
  status: OfferRules['status'];
}

/** Offers by id, by code in its own spelling, or without what cannot be seen. */
export async function readOffers(trx: Trx, wanted: Mention[]): Promise<OwnedOffer[]> {
  const rows = await runSql<OfferRow>(
    trx,
    'loadOffers',
    `with wanted as (
       select program_id, id, stripped from unnest(:programIds::text[], :texts::text[], :stripped::text[])
         as w (program_id, id, stripped)
     ), found as (
       select o.id from wanted join offers o using (program_id, id)
       union select o.id from wanted w join offers o on o.program_id = w.program_id and o.code in (w.id, w.stripped)
     )
     select id, program_id, livemode, code, commission, currency, attribution_window_days, daily_cap, status
     from offers where id in (select id from found)`,
    {
      programIds: wanted.map(({ programId }) => programId),
      texts: wanted.map(({ text }) => text),
      stripped: wanted.map(({ text }) => stripInvisible(text)),
    },
  );
  return rows.map((row) => ({
    ...toScope(row),
    code: row.code,
    rules: {
      id: row.id,
      commission: row.commission,
      currency: row.currency,
      attributionWindowDays: row.attribution_window_days,
      dailyCap: row.daily_cap,
      status: row.status,
    },
  }));
}

function toIso(time: string): string {
  return new Date(time).toISOString();
}

function toScope({ program_id: programId, livemode }: { program_id: string; livemode: boolean }): Scope {
  return { programId, livemode };
}
