import { configurationCache, type VersionedCache } from '../../db/versioned-cache.ts';
import type { Trx } from '../../db/db.ts';
import { foldCode, stripInvisible } from '../../domain/codes.ts';
import type { Evidence } from '../../domain/facts.ts';
import { namedBy, scopeKey, type Scope } from '../../domain/scope.ts';
import type { AffiliateRules, Catalog, ClickRules } from '../rules/catalog.ts';
import {
  readAffiliates,
  readClicks,
  readCodes,
  readOffers,
  readPrograms,
  type LoadedProgram,
  type Mention,
  type Owned,
  type OwnedCode,
  type OwnedOffer,
} from './catalog-rows.ts';

/** What each kind of mention comes to. */
interface Answers {
  program: LoadedProgram | null;
  affiliate: Owned<AffiliateRules> | null;
  referral: OwnedCode[];
  coupon: OwnedCode[];
  offer: OwnedOffer[];
}

/**
 * Loads what a batch names of its programs' configuration and clicks, each text once. Plain reads without locks: what they
 * decide is recorded with the order, and configuration that changes meanwhile counts for what comes after.
 *
 * What a program has of it is remembered between batches, by the `versions` that the batch saw: of programs without one
 * everything is read.
 */
export class CatalogLoader {
  readonly #versions: ReadonlyMap<string, string>;
  readonly #catalogs = { live: new Map<string, Catalog>(), test: new Map<string, Catalog>() };
  readonly #programs = new Map<string, LoadedProgram>();
  readonly #affiliates = new Map<string, Owned<AffiliateRules>>();
  readonly #codes = { referral: new Map<string, string>(), coupon: new Map<string, string>() };
  readonly #offers = new Map<string, OwnedOffer>();
  readonly #offerCodes = new Map<string, string>();
  readonly #clicks = new Map<string, Owned<ClickRules>>();
  readonly #asked = new Set<string>();

  constructor(versions: ReadonlyMap<string, string> = new Map()) {
    this.#versions = versions;
  }

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
    const affiliates = named(({ affiliate, reference, referralCode }) => [affiliate, reference, referralCode]);
    const coupons = named(({ couponCode, discounts }) => [couponCode, ...(discounts ?? [])]);
    const clickIds = named(({ clickId, reference }) => [clickId, reference]);
    const [, , ofCodes, ofCoupons] = await Promise.all([
      this.loadPrograms(trx, [...items.map(({ programId }) => programId), ...otherPrograms]),
      this.#loadClicks(trx, clickIds),
      this.#loadCodes(trx, 'referral', affiliates),
      this.#loadCodes(trx, 'coupon', coupons),
    ]);
    const clicks = [...this.#clicks.values()];
    await Promise.all([
      this.#loadAffiliates(trx, [
        ...affiliates,
        ...ofCodes,
        ...ofCoupons,
        ...clicks.map(({ programId, rules }) => ({ programId, text: rules.affiliateId })),
      ]),
      this.#loadOffers(trx, [
        ...named(({ offer }) => [offer]),
        ...clicks.flatMap(({ programId, rules }) => mention(programId, rules.offerId)),
      ]),
    ]);
  }

  /** Loads programs with their default offers. */
  async loadPrograms(trx: Trx, ids: readonly string[]): Promise<void> {
    const wanted = ids.map((id) => ({ programId: id, text: id }));
    const found = await this.#answer(trx, 'program', wanted, async (missing) => {
      const rows = await readPrograms(
        trx,
        missing.map(({ programId }) => programId),
      );
      return ({ programId }) => rows.get(programId) ?? null;
    });
    for (const program of found) if (program) this.#programs.set(program.id, program);
  }

  #defaultOffers(): Mention[] {
    return [...this.#programs.values()].flatMap(({ id, defaultOfferId, testOfferId }) =>
      mention(id, defaultOfferId ?? testOfferId),
    );
  }

  /** Loads affiliates and offers by their ids: those of bindings and earlier attributions. */
  async loadByIds(trx: Trx, affiliates: readonly Mention[], offers: readonly Mention[]): Promise<void> {
    await Promise.all([this.#loadAffiliates(trx, affiliates), this.#loadOffers(trx, offers)]);
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
        own(this.#affiliates, text) ?? byCode(this.#affiliates, this.#codes.referral, (of) => codeKey(of, text)),
      byCoupon: (code) => byCode(this.#affiliates, this.#codes.coupon, (of) => codeKey(of, code)),
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
    const missing = this.#unasked('click', wanted);
    if (missing.length === 0) return;
    const clicks = await readClicks(
      trx,
      missing.map(({ text }) => text),
    );
    for (const click of clicks) this.#clicks.set(click.rules.id, click);
  }

  /** Whose codes these are. */
  async #loadCodes(trx: Trx, kind: 'referral' | 'coupon', wanted: Mention[]): Promise<Mention[]> {
    const folded = wanted.map(({ programId, text }) => ({ programId, text: foldCode(text) }));
    const found = await this.#answer(trx, kind, folded, async (missing) => {
      const byCode = Map.groupBy(await readCodes(trx, kind, missing), ({ programId, code }) => `${programId} ${code}`);
      return ({ programId, text }) => byCode.get(`${programId} ${text}`) ?? [];
    });
    const codes = found.flat();
    for (const { code, affiliateId, ...scope } of codes) this.#codes[kind].set(codeKey(scope, code), affiliateId);
    return codes.map(({ programId, affiliateId }) => ({ programId, text: affiliateId }));
  }

  async #loadAffiliates(trx: Trx, wanted: readonly Mention[]): Promise<void> {
    const found = await this.#answer(trx, 'affiliate', wanted, async (missing) => {
      const byId = new Map(
        (await readAffiliates(trx, missing)).map((one) => [`${one.programId} ${one.rules.id}`, one]),
      );
      return ({ programId, text }) => byId.get(`${programId} ${text}`) ?? null;
    });
    for (const affiliate of found) if (affiliate) this.#affiliates.set(affiliate.rules.id, affiliate);
  }

  async #loadOffers(trx: Trx, wanted: readonly Mention[]): Promise<void> {
    const found = await this.#answer(trx, 'offer', [...wanted, ...this.#defaultOffers()], async (missing) => {
      const byProgram = Map.groupBy(await readOffers(trx, missing), ({ programId }) => programId);
      return ({ programId, text }) => {
        const codes = [text, stripInvisible(text)];
        const offers = byProgram.get(programId) ?? [];
        return offers.filter(({ code, rules }) => rules.id === text || codes.includes(code));
      };
    });
    for (const offer of found.flat()) {
      this.#offers.set(offer.rules.id, offer);
      this.#offerCodes.set(`${scopeKey(offer)} ${offer.code}`, offer.rules.id);
    }
  }

  /** What the mentions come to that were not asked for yet: as it is remembered, else read and remembered. */
  async #answer<K extends keyof Answers>(
    trx: Trx,
    kind: K,
    wanted: readonly Mention[],
    read: (missing: Mention[]) => Promise<(mention: Mention) => Answers[K]>,
  ): Promise<Answers[K][]> {
    const cache = this.#cacheOf(trx);
    const answers: Answers[K][] = [];
    const missing: Mention[] = [];
    for (const one of this.#unasked(kind, wanted)) {
      const known = cache?.get(keyOf(kind, one), this.#versions.get(one.programId) ?? '');
      if (known === undefined) missing.push(one);
      else answers.push(known as Answers[K]);
    }
    if (missing.length === 0) return answers;
    const answerTo = await read(missing);
    for (const one of missing) {
      const answer = answerTo(one);
      const version = this.#versions.get(one.programId);
      if (version !== undefined) cache?.set(keyOf(kind, one), version, answer);
      answers.push(answer);
    }
    return answers;
  }

  #cacheOf(trx: Trx): VersionedCache | null {
    return this.#versions.size === 0 ? null : configurationCache(trx);
  }

  #unasked(kind: string, wanted: readonly Mention[]): Mention[] {
    return wanted.filter((one) => {
      const key = keyOf(kind, one);
      if (this.#asked.has(key)) return false;
      this.#asked.add(key);
      return true;
    });
  }
}

function keyOf(kind: string, { programId, text }: Mention): string {
  return `${kind} ${programId} ${text}`;
}

function mention(programId: string, id: string | null): Mention[] {
  return id === null ? [] : [{ programId, text: id }];
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

/** Codes are compared without case, and without what cannot be seen. */
function codeKey(scope: Scope, text: string): string {
  return `${scopeKey(scope)} ${foldCode(text)}`;
}
