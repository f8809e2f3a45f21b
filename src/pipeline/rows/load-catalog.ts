import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { foldCode, stripInvisible } from '../../domain/codes.ts';
import type { Evidence } from '../../domain/facts.ts';
import { namedBy, scopeKey, type Scope } from '../../domain/scope.ts';
import type { CommissionOverride, CommissionTerms } from '../../domain/terms.ts';
import type { AffiliateRules, Catalog, ClickRules, OfferRules, ProgramRules } from '../rules/catalog.ts';

/** A text that some evidence carries, in its program. */
interface Mention {
  programId: string;
  text: string;
}

/** An affiliate, offer or click: to another program, and to live where it is test, it is as if it were unknown. */
interface Owned<T> extends Scope {
  rules: T;
}

/**
 * Loads what a batch names of its programs' configuration and clicks, each text once. Plain reads without locks: what they
 * decide is recorded with the order, and configuration that changes meanwhile counts for what comes after.
 */
export class CatalogLoader {
  readonly #catalogs = { live: new Map<string, Catalog>(), test: new Map<string, Catalog>() };
  readonly #programs = new Map<string, LoadedProgram>();
  readonly #affiliates = new Map<string, Owned<AffiliateRules>>();
  readonly #referralCodes = new Map<string, string>();
  readonly #coupons = new Map<string, string>();
  readonly #offers = new Map<string, Owned<OfferRules>>();
  readonly #offerCodes = new Map<string, string>();
  readonly #clicks = new Map<string, Owned<ClickRules>>();
  readonly #asked = { affiliate: new Set<string>(), coupon: new Set<string>(), offer: new Set<string>() };
  readonly #askedClicks = new Set<string>();

  /**
   * Loads the programs of the evidence and others, and whatever it names, unless it is there already: in two round trips,
   * first what is named by texts, then whom that leads to.
   */
  async load(
    trx: Trx,
    items: { programId: string; evidence: Evidence }[],
    otherPrograms: readonly string[] = [],
  ): Promise<void> {
    const named = (read: (evidence: Evidence) => (string | undefined)[]): Mention[] => mentions(items, read);
    const affiliates = this.#unasked(
      'affiliate',
      named(({ affiliate, reference, referralCode }) => [affiliate, reference, referralCode]),
    );
    const coupons = this.#unasked(
      'coupon',
      named(({ couponCode, discounts }) => [couponCode, ...(discounts ?? [])]),
    );
    const [, , ofCodes, ofCoupons] = await Promise.all([
      this.loadPrograms(trx, [...items.map(({ programId }) => programId), ...otherPrograms]),
      this.#loadClicks(
        trx,
        named(({ clickId, reference }) => [clickId, reference]),
      ),
      this.#loadCodes(trx, 'referral', affiliates),
      this.#loadCodes(trx, 'coupon', coupons),
    ]);
    const clicks = [...this.#clicks.values()].map(({ rules }) => rules);
    await Promise.all([
      this.#loadAffiliates(trx, [
        ...affiliates.map(({ text }) => text),
        ...ofCodes,
        ...ofCoupons,
        ...clicks.map(({ affiliateId }) => affiliateId),
      ]),
      this.#loadOffers(
        trx,
        named(({ offer }) => [offer]),
        clicks.flatMap(({ offerId }) => offerId ?? []),
      ),
    ]);
  }

  /** Those that were not asked for before, compared as codes are; from now on they were. */
  #unasked(what: 'affiliate' | 'coupon', mentioned: Mention[]): Mention[] {
    const asked = this.#asked[what];
    const unasked = mentioned.filter(({ programId, text }) => !asked.has(textKey(programId, text)));
    for (const { programId, text } of unasked) asked.add(textKey(programId, text));
    return unasked;
  }

  /** Loads programs with their default offers. */
  async loadPrograms(trx: Trx, ids: readonly string[]): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#programs.has(id));
    if (missing.length === 0) return;
    const rows = await runSql<ProgramRow>(
      trx,
      'loadPrograms',
      `select id, currency, timezone, default_offer_id, attribution_model, coupon_first, hold_days, auto_approve,
         same_domain,
         case when default_offer_id is null then
           (select id from offers where program_id = programs.id and not livemode order by created_at, id limit 1)
         end as test_offer_id
       from programs where id = any(:ids)`,
      { ids: missing },
    );
    for (const row of rows) {
      this.#programs.set(row.id, {
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
      });
    }
  }

  /** Loads affiliates and offers by id: those of bindings and earlier attributions. */
  async loadByIds(trx: Trx, affiliateIds: readonly string[], offerIds: readonly string[]): Promise<void> {
    await Promise.all([this.#loadAffiliates(trx, affiliateIds), this.#loadOffers(trx, [], offerIds)]);
  }

  /** The catalog of a program that was loaded, for its live or its test orders. It sees what is loaded later, too. */
  of({ programId, livemode }: Scope): Catalog {
    const catalogs = livemode ? this.#catalogs.live : this.#catalogs.test;
    const known = catalogs.get(programId);
    if (known) return known;
    const catalog = this.#view({ programId, livemode });
    catalogs.set(programId, catalog);
    return catalog;
  }

  #view({ programId, livemode }: Scope): Catalog {
    const loaded = this.#programs.get(programId);
    if (!loaded) throw new Error(`program ${programId} is not loaded`);
    const { testOfferId, ...program } = loaded;
    const { modes } = namedBy({ programId, livemode });
    const ofProgram = <T>(map: Map<string, Owned<T>>, id: string): T | null => {
      const found = map.get(id);
      return found?.programId === programId ? found.rules : null;
    };
    const own = <T>(map: Map<string, Owned<T>>, id: string | undefined): T | null => {
      const found = id === undefined ? undefined : map.get(id);
      return found?.programId === programId && (found.livemode || !livemode) ? found.rules : null;
    };
    const byCode = <T>(
      map: Map<string, Owned<T>>,
      codes: Map<string, string>,
      key: (scope: Scope) => string,
    ): T | null =>
      modes.reduce<T | null>((found, mode) => found ?? own(map, codes.get(key({ programId, livemode: mode }))), null);
    return {
      program: livemode ? program : { ...program, defaultOfferId: program.defaultOfferId ?? testOfferId },
      affiliate: (text) =>
        own(this.#affiliates, text) ?? byCode(this.#affiliates, this.#referralCodes, (of) => codeKey(of, text)),
      byCoupon: (code) => byCode(this.#affiliates, this.#coupons, (of) => codeKey(of, code)),
      click: (id) => own(this.#clicks, id),
      clickOfAnyMode: (id) => ofProgram(this.#clicks, id),
      // By its code in its own spelling, else without what cannot be seen.
      offer: (text) =>
        own(this.#offers, text) ??
        byCode(this.#offers, this.#offerCodes, (of) => `${scopeKey(of)} ${text}`) ??
        byCode(this.#offers, this.#offerCodes, (of) => `${scopeKey(of)} ${stripInvisible(text)}`),
    };
  }

  async #loadClicks(trx: Trx, wanted: Mention[]): Promise<void> {
    const missing = wanted.filter(({ text }) => !this.#askedClicks.has(text)).map(({ text }) => text);
    if (missing.length === 0) return;
    for (const text of missing) this.#askedClicks.add(text);
    const rows = await runSql<ClickRow>(
      trx,
      'loadClicks',
      `select id, program_id, livemode, affiliate_id, offer_id, occurred_at, sub1 from clicks where id = any(:ids)`,
      { ids: missing },
    );
    for (const row of rows) {
      const rules = {
        id: row.id,
        affiliateId: row.affiliate_id,
        offerId: row.offer_id,
        occurredAt: row.occurred_at.toISOString(),
        sub1: row.sub1,
      };
      this.#clicks.set(row.id, { ...toScope(row), rules });
    }
  }

  /** Whose codes these are. */
  async #loadCodes(trx: Trx, kind: 'referral' | 'coupon', wanted: Mention[]): Promise<string[]> {
    if (wanted.length === 0) return [];
    const known = kind === 'referral' ? this.#referralCodes : this.#coupons;
    const rows = await readCodes(trx, kind, wanted);
    for (const row of rows) known.set(codeKey(toScope(row), row.code), row.affiliate_id);
    return rows.map((row) => row.affiliate_id);
  }

  async #loadAffiliates(trx: Trx, ids: readonly string[]): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#affiliates.has(id));
    if (missing.length === 0) return;
    const rows = await runSql<AffiliateRow>(
      trx,
      'loadAffiliates',
      `select id, program_id, livemode, status, email, payment_email, commission_override,
         (select json_agg(json_build_array(banned_at, lifted_at)) from affiliate_bans where affiliate_id = a.id) as bans
       from affiliates a where id = any(:ids)`,
      { ids: missing },
    );
    for (const row of rows) {
      const rules = {
        id: row.id,
        status: row.status,
        emails: [row.email, row.payment_email].flatMap((email) => (email ? [email.trim().toLowerCase()] : [])),
        override: row.commission_override,
        bans: (row.bans ?? []).map(([from, until]) => ({
          from: toIso(from),
          until: until === null ? null : toIso(until),
        })),
      };
      this.#affiliates.set(row.id, { ...toScope(row), rules });
    }
  }

  async #loadOffers(trx: Trx, mentioned: Mention[], ids: readonly string[]): Promise<void> {
    const byText = mentioned.filter(({ programId, text }) => !this.#asked.offer.has(`${programId} ${text}`));
    for (const { programId, text } of byText) this.#asked.offer.add(`${programId} ${text}`);
    const defaults = [...this.#programs.values()].flatMap(
      ({ defaultOfferId, testOfferId }) => defaultOfferId ?? testOfferId ?? [],
    );
    const missing = [...new Set([...ids, ...defaults])].filter((id) => !this.#offers.has(id));
    if (byText.length === 0 && missing.length === 0) return;
    const rows = await runSql<OfferRow>(
      trx,
      'loadOffers',
      `select id, program_id, livemode, code, commission, currency, attribution_window_days, daily_cap, status
       from offers
       where id = any(:ids) or (program_id, code) in (select * from unnest(:programIds::text[], :codes::text[]))`,
      {
        ids: [...missing, ...byText.map(({ text }) => text)],
        programIds: [...byText, ...byText].map(({ programId }) => programId),
        codes: [...byText.map(({ text }) => text), ...byText.map(({ text }) => stripInvisible(text))],
      },
    );
    for (const row of rows) {
      this.#offerCodes.set(`${scopeKey(toScope(row))} ${row.code}`, row.id);
      const rules = {
        id: row.id,
        commission: row.commission,
        currency: row.currency,
        attributionWindowDays: row.attribution_window_days,
        dailyCap: row.daily_cap,
        status: row.status,
      };
      this.#offers.set(row.id, { ...toScope(row), rules });
    }
  }
}

function readCodes(
  trx: Trx,
  kind: 'referral' | 'coupon',
  wanted: Mention[],
): Promise<{ program_id: string; livemode: boolean; code: string; affiliate_id: string }[]> {
  return runSql(
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
}

/** The distinct texts that the evidence carries, per program. */
function mentions(
  items: { programId: string; evidence: Evidence }[],
  read: (evidence: Evidence) => (string | undefined)[],
): Mention[] {
  const mentioned = new Map<string, Mention>();
  for (const { programId, evidence } of items) {
    for (const text of read(evidence)) {
      if (text !== undefined) mentioned.set(`${programId} ${text}`, { programId, text });
    }
  }
  return [...mentioned.values()];
}

function toIso(time: string): string {
  return new Date(time).toISOString();
}

/** Codes are compared without case, and without what cannot be seen. */
function codeKey(scope: Scope, text: string): string {
  return textKey(scopeKey(scope), text);
}

function textKey(programId: string, text: string): string {
  return `${programId} ${foldCode(text)}`;
}

function toScope({ program_id: programId, livemode }: { program_id: string; livemode: boolean }): Scope {
  return { programId, livemode };
}

/** `testOfferId`: what stands in for a default offer in test, where there is none. */
type LoadedProgram = ProgramRules & { testOfferId: string | null };

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

interface ClickRow {
  id: string;
  program_id: string;
  livemode: boolean;
  affiliate_id: string;
  offer_id: string | null;
  occurred_at: Date;
  sub1: string | null;
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
