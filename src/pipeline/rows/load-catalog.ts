import type { Trx } from '../../db/db.ts';
import { runPositional } from '../../db/sql.ts';
import type { Evidence } from '../../domain/facts.ts';
import type { CommissionOverride, CommissionTerms } from '../../domain/terms.ts';
import type { AffiliateRules, ClickRules, OfferRules, ProgramRules, World } from '../rules/catalog.ts';

/** A text that some evidence carries, in its program. */
interface Wanted {
  programId: string;
  text: string;
}

/**
 * The configuration and clicks that a batch names, read once per text. Plain reads: what they decide is recorded with
 * the order, and configuration that changes meanwhile counts for what comes after.
 */
export class Worlds {
  readonly #worlds = new Map<string, World>();
  readonly #programs = new Map<string, ProgramRules>();
  readonly #affiliates = new Map<string, AffiliateRules>();
  readonly #referralCodes = new Map<string, string>();
  readonly #coupons = new Map<string, string>();
  readonly #offers = new Map<string, OfferRules>();
  readonly #clicks = new Map<string, ClickRules>();
  readonly #asked = { affiliate: new Set<string>(), coupon: new Set<string>(), offer: new Set<string>() };
  readonly #askedClicks = new Set<string>();

  /** Reads whatever the given evidence names and has not been read yet. */
  async load(trx: Trx, items: { programId: string; evidence: Evidence }[]): Promise<void> {
    await this.#loadPrograms(trx, [...new Set(items.map((item) => item.programId))]);
    await this.#loadClicks(
      trx,
      pick(items, (evidence) => [evidence.clickId, evidence.reference]),
    );
    const clicked = [...this.#clicks.values()].map((click) => click.affiliateId);
    await this.#loadAffiliates(
      trx,
      pick(items, (evidence) => [evidence.affiliate, evidence.reference, evidence.referralCode]),
      clicked,
    );
    await this.#loadCoupons(
      trx,
      pick(items, (evidence) => [evidence.couponCode]),
    );
    const clickedOffers = [...this.#clicks.values()].flatMap((click) =>
      click.offerId === null ? [] : [click.offerId],
    );
    const defaults = [...this.#programs.values()].flatMap(({ defaultOfferId }) => defaultOfferId ?? []);
    await this.#loadOffers(
      trx,
      pick(items, (evidence) => [evidence.offer]),
      [...clickedOffers, ...defaults],
    );
  }

  /** Reads affiliates and offers by id: those of bindings and earlier attributions. */
  async loadByIds(trx: Trx, affiliateIds: string[], offerIds: string[]): Promise<void> {
    await this.#loadAffiliates(trx, [], affiliateIds);
    await this.#loadOffers(trx, [], offerIds);
  }

  of(programId: string): World {
    const known = this.#worlds.get(programId);
    if (known) return known;
    const world = this.#view(programId);
    this.#worlds.set(programId, world);
    return world;
  }

  #view(programId: string): World {
    const program = this.#programs.get(programId);
    if (!program) throw new Error(`program ${programId} is not loaded`);
    const own = <T>(map: Map<string, T>, id: string | undefined, owner: Map<string, string>): T | null =>
      id !== undefined && owner.get(id) === programId ? (map.get(id) ?? null) : null;
    return {
      program,
      affiliate: (text) =>
        own(this.#affiliates, text, this.#affiliateProgram) ??
        own(this.#affiliates, this.#referralCodes.get(key(programId, text)), this.#affiliateProgram),
      byCoupon: (code) => own(this.#affiliates, this.#coupons.get(key(programId, code)), this.#affiliateProgram),
      click: (id) => own(this.#clicks, id, this.#clickProgram),
      offer: (text) =>
        own(this.#offers, text, this.#offerProgram) ??
        own(this.#offers, this.#offerCodes.get(`${programId} ${text}`), this.#offerProgram),
    };
  }

  readonly #affiliateProgram = new Map<string, string>();
  readonly #clickProgram = new Map<string, string>();
  readonly #offerProgram = new Map<string, string>();
  readonly #offerCodes = new Map<string, string>();

  async #loadPrograms(trx: Trx, ids: string[]): Promise<void> {
    const missing = ids.filter((id) => !this.#programs.has(id));
    if (missing.length === 0) return;
    const rows = await runPositional<ProgramRow>(
      trx,
      `select id, currency, timezone, default_offer_id, attribution_model, coupon_first, hold_days, auto_approve
       from programs where id = any(?)`,
      [missing],
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
      });
    }
  }

  async #loadClicks(trx: Trx, wanted: Wanted[]): Promise<void> {
    const missing = wanted.filter(({ text }) => !this.#askedClicks.has(text)).map(({ text }) => text);
    if (missing.length === 0) return;
    for (const text of missing) this.#askedClicks.add(text);
    const rows = await runPositional<ClickRow>(
      trx,
      `select id, program_id, affiliate_id, offer_id, occurred_at, sub1 from clicks where id = any(?)`,
      [missing],
    );
    for (const row of rows) {
      this.#clickProgram.set(row.id, row.program_id);
      this.#clicks.set(row.id, {
        id: row.id,
        affiliateId: row.affiliate_id,
        offerId: row.offer_id,
        occurredAt: row.occurred_at.toISOString(),
        sub1: row.sub1,
      });
    }
  }

  async #loadAffiliates(trx: Trx, texts: Wanted[], ids: string[]): Promise<void> {
    const asked = this.#asked.affiliate;
    const byText = texts.filter(({ programId, text }) => !asked.has(key(programId, text)));
    for (const { programId, text } of byText) asked.add(key(programId, text));
    const codes = byText.length === 0 ? [] : await readCodes(trx, 'referral', byText);
    for (const row of codes) this.#referralCodes.set(key(row.program_id, row.code), row.affiliate_id);
    const wantedIds = [...byText.map(({ text }) => text), ...codes.map((row) => row.affiliate_id), ...ids];
    const missing = [...new Set(wantedIds)].filter((id) => !this.#affiliates.has(id));
    if (missing.length === 0) return;
    const rows = await runPositional<AffiliateRow>(
      trx,
      `select id, program_id, status, email, payment_email, commission_override from affiliates where id = any(?)`,
      [missing],
    );
    for (const row of rows) {
      this.#affiliateProgram.set(row.id, row.program_id);
      this.#affiliates.set(row.id, {
        id: row.id,
        status: row.status,
        emails: [row.email, row.payment_email].flatMap((email) => (email ? [email.trim().toLowerCase()] : [])),
        override: row.commission_override,
      });
    }
  }

  async #loadCoupons(trx: Trx, wanted: Wanted[]): Promise<void> {
    const missing = wanted.filter(({ programId, text }) => !this.#asked.coupon.has(key(programId, text)));
    if (missing.length === 0) return;
    for (const { programId, text } of missing) this.#asked.coupon.add(key(programId, text));
    const rows = await readCodes(trx, 'coupon', missing);
    for (const row of rows) this.#coupons.set(key(row.program_id, row.code), row.affiliate_id);
    await this.#loadAffiliates(
      trx,
      [],
      rows.map((row) => row.affiliate_id),
    );
  }

  async #loadOffers(trx: Trx, wanted: Wanted[], ids: string[]): Promise<void> {
    const byText = wanted.filter(({ programId, text }) => !this.#asked.offer.has(`${programId} ${text}`));
    for (const { programId, text } of byText) this.#asked.offer.add(`${programId} ${text}`);
    const missing = [...new Set(ids)].filter((id) => !this.#offers.has(id));
    if (byText.length === 0 && missing.length === 0) return;
    const rows = await runPositional<OfferRow>(
      trx,
      `select id, program_id, code, commission, currency, attribution_window_days, daily_cap, status
       from offers
       where id = any(?) or (program_id, code) in (select * from unnest(?::text[], ?::text[]))`,
      [
        [...missing, ...byText.map(({ text }) => text)],
        byText.map(({ programId }) => programId),
        byText.map(({ text }) => text),
      ],
    );
    for (const row of rows) {
      this.#offerProgram.set(row.id, row.program_id);
      this.#offerCodes.set(`${row.program_id} ${row.code}`, row.id);
      this.#offers.set(row.id, {
        id: row.id,
        commission: row.commission,
        currency: row.currency,
        attributionWindowDays: row.attribution_window_days,
        dailyCap: row.daily_cap,
        status: row.status,
      });
    }
  }
}

function readCodes(
  trx: Trx,
  kind: 'referral' | 'coupon',
  wanted: Wanted[],
): Promise<{ program_id: string; code: string; affiliate_id: string }[]> {
  return runPositional(
    trx,
    `select program_id, code, affiliate_id from affiliate_codes
     where kind = ? and (program_id, code) in (select * from unnest(?::text[], ?::text[]))`,
    [kind, wanted.map(({ programId }) => programId), wanted.map(({ text }) => text.toLowerCase())],
  );
}

/** The distinct texts that the evidence carries, per program. */
function pick(
  items: { programId: string; evidence: Evidence }[],
  read: (evidence: Evidence) => (string | undefined)[],
): Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const { programId, evidence } of items) {
    for (const text of read(evidence)) {
      if (text !== undefined) wanted.set(`${programId} ${text}`, { programId, text });
    }
  }
  return [...wanted.values()];
}

/** Codes are compared without case. */
function key(programId: string, text: string): string {
  return `${programId} ${text.toLowerCase()}`;
}

interface ProgramRow {
  id: string;
  currency: string;
  timezone: string;
  default_offer_id: string | null;
  attribution_model: ProgramRules['attributionModel'];
  coupon_first: boolean;
  hold_days: number;
  auto_approve: boolean;
}

interface ClickRow {
  id: string;
  program_id: string;
  affiliate_id: string;
  offer_id: string | null;
  occurred_at: Date;
  sub1: string | null;
}

interface AffiliateRow {
  id: string;
  program_id: string;
  status: AffiliateRules['status'];
  email: string;
  payment_email: string | null;
  commission_override: CommissionOverride | null;
}

interface OfferRow {
  id: string;
  program_id: string;
  code: string;
  commission: CommissionTerms;
  currency: string;
  attribution_window_days: number;
  daily_cap: number;
  status: OfferRules['status'];
}
