import type { IdPrefix } from '../domain/ids.ts';
import { isPlaceholder } from '../domain/placeholders.ts';
import type { ImportedMessage } from '../inbound/import/normalize.ts';
import type { Click } from '../program/clicks.ts';
import { foldCode } from '../domain/codes.ts';
import { derivedId, fits, identityOf } from './ids.ts';
import type { Known } from './known.ts';
import { Names, type PlanContext } from './names.ts';
import type {
  ImportedAffiliate,
  ImportedClick,
  ImportedCustomer,
  ImportedLink,
  ImportedOffer,
  ImportedOrder,
  Located,
  Problem,
  RecordKind,
} from './records.ts';
import { Tally, type Counts } from './tally.ts';

export type New<R> = R & { id: string };
export type NewLink = ImportedLink & { id: string; affiliateId: string; offerId: string };

/** What an import would write, in this order. */
export interface ImportPlan {
  offers: Located<New<ImportedOffer>>[];
  affiliates: New<ImportedAffiliate>[];
  links: NewLink[];
  clicks: Click[];
  messages: ImportedMessage[];
  counts: Record<RecordKind, Counts>;
  problems: Problem[];
  notes: Problem[];
}

/**
 * Works out what is to be written. An id of the other system is kept where it can be an id here and no other program has it.
 * Else one is derived from the program and that id, so that a second import finds what the first one made. Pure.
 */
export function planImport(records: readonly Located[], known: Known, context: PlanContext): ImportPlan {
  const planner = new Planner(known, context);
  for (const record of records) if (record.kind === 'offer') planner.addOffer(record);
  planner.checkOffers();
  for (const record of records) if (record.kind === 'affiliate') planner.addAffiliate(record);
  planner.checkCodes();
  for (const record of records) if (record.kind === 'link') planner.addLink(record);
  for (const record of records) if (record.kind === 'click') planner.addClick(record);
  for (const record of records) if (record.kind === 'customer') planner.addCustomer(record);
  for (const record of records) if (record.kind === 'order') planner.addOrder(record);
  return planner.plan;
}

class Planner {
  readonly plan: ImportPlan;
  readonly #known: Known;
  readonly #context: PlanContext;
  readonly #tally = new Tally();
  readonly #names: Names;
  readonly #newOffers = new Map<string, Located<New<ImportedOffer>>>();
  readonly #drafts = new Map<string, Located<New<ImportedAffiliate>>>();

  constructor(known: Known, context: PlanContext) {
    this.#known = known;
    this.#context = context;
    this.#names = new Names(known, context, this.#tally);
    const { counts, problems, notes } = this.#tally;
    this.plan = { offers: [], affiliates: [], links: [], clicks: [], messages: [], counts, problems, notes };
  }

  addOffer(record: Located<ImportedOffer>): void {
    const identity = record.id ?? record.code ?? record.name;
    const id = this.#keepId('off', record.id, identity, this.#known.offers);
    const there = this.#known.offers.has(id) ? id : this.#known.offerCodes.get(record.code ?? '');
    const isRepeated = this.#names.offers.has(identity);
    for (const name of [record.id, record.code]) if (name !== null) this.#names.offers.set(name, there ?? id);
    this.#names.offers.set(identity, there ?? id);
    if (isRepeated) {
      const draft = this.#newOffers.get(id);
      if (draft) draft.url ??= record.url;
      this.#tally.counts.offer.repeated += 1;
    } else if (there !== undefined) this.#tally.counts.offer.there += 1;
    else {
      const offer = { ...record, id };
      this.plan.offers.push(offer);
      this.#newOffers.set(id, offer);
      this.#names.firstNewOffer ??= id;
      this.#tally.counts.offer.added += 1;
    }
  }

  checkOffers(): void {
    for (const offer of this.plan.offers) {
      if (offer.url === null) this.#tally.refuse(offer, 'url', 'is needed for an offer that is not in the program yet');
    }
  }

  addAffiliate(record: Located<ImportedAffiliate>): void {
    const identity = identityOf(record);
    const id = this.#keepId('aff', record.id, identity, this.#known.affiliates);
    const draft = this.#drafts.get(id);
    if (draft) {
      // One list may say more of them than another.
      draft.referralCode ??= record.referralCode;
      draft.paymentMethod ??= record.paymentMethod;
      draft.paymentDetails ??= record.paymentDetails;
      draft.commissionOverride ??= record.commissionOverride;
      this.#tally.counts.affiliate.repeated += 1;
    } else this.#drafts.set(id, { ...record, id });
    this.#names.affiliates.set(identity, id);
  }

  /** Tells affiliates that exist from new ones; a code belongs to one affiliate. */
  checkCodes(): void {
    const owners = { referralCode: new Map<string, string>(), couponCodes: new Map<string, string>() };
    const byEmail = new Map(this.#known.emails);
    for (const draft of this.#drafts.values()) {
      const there = this.#findAffiliate(draft);
      const id = there ?? draft.id;
      this.#noteSharedEmail(draft, there, byEmail);
      this.#names.affiliates.set(identityOf(draft), id);
      this.#names.affiliates.set(draft.id, id);
      for (const [field, codes, taken] of [
        ['referralCode', draft.referralCode === null ? [] : [draft.referralCode], this.#known.referralCodes],
        ['couponCodes', draft.couponCodes, this.#known.couponCodes],
      ] as const) {
        for (const code of codes) {
          const folded = foldCode(code);
          const owner = taken.get(folded) ?? owners[field].get(folded) ?? id;
          if (owner !== id) this.#tally.refuse(draft, field, `'${code}' is the code of another affiliate (${owner})`);
          owners[field].set(folded, id);
          if (field === 'referralCode') this.#names.affiliates.set(folded, id);
        }
      }
      if (there === undefined) this.plan.affiliates.push(draft);
      this.#tally.counts.affiliate[there === undefined ? 'added' : 'there'] += 1;
    }
  }

  addLink(record: Located<ImportedLink>): void {
    const affiliateId = this.#names.affiliateOf(record);
    const offerId = this.#names.offerOf(record, true);
    const there = this.#known.links.get(record.code);
    if (there && there.programId !== this.#context.programId) {
      return this.#tally.refuse(
        record,
        'linkCode',
        `'${record.code}' is the code of a test link, or of a link in another program of this hub`,
      );
    }
    const other = there ?? this.#names.links.get(record.code);
    if (!affiliateId || !offerId) return;
    if (other && other.affiliateId !== affiliateId) {
      return this.#tally.refuse(
        record,
        'linkCode',
        `'${record.code}' is the code of a link of another affiliate (${other.affiliateId})`,
      );
    }
    const own = this.#known.ownLinkCodes.get(foldCode(record.code));
    if (own !== undefined && own !== affiliateId) {
      return this.#tally.refuse(record, 'linkCode', `'${record.code}' is the own code of another affiliate (${own})`);
    }
    if (this.#tally.count('link', record.code, there !== undefined)) return;
    this.#names.links.set(record.code, { affiliateId, offerId });
    const isFree = record.id !== null && fits(record.id) && !this.#known.linkIds.has(record.id);
    const id = isFree && record.id !== null ? record.id : derivedId(this.#context.programId, 'lnk', record.code);
    // A link to its offer's page has no URL of its own, and so follows the offer.
    const offerUrl = this.#newOffers.get(offerId)?.url ?? this.#known.offers.get(offerId)?.url;
    this.plan.links.push({ ...record, url: record.url === offerUrl ? null : record.url, id, affiliateId, offerId });
  }

  addClick(record: Located<ImportedClick>): void {
    if (isPlaceholder(record.id)) return this.#refusePlaceholder(record, 'clickId', record.id);
    const link = record.link === null ? undefined : this.#names.linkOf(record.link);
    if (record.link !== null && !link) this.#tally.refuse(record, 'link', `'${record.link}' is the code of no link`);
    if (record.link === null && record.affiliate === null)
      this.#tally.refuse(record, 'affiliate', 'is required, or a link');
    const affiliateId = record.affiliate === null ? link?.affiliateId : this.#names.affiliateOf(record);
    const offerId = record.offer === null ? (link?.offerId ?? null) : this.#names.offerOf(record, false);
    const there = this.#known.clicks.get(record.id);
    if (there && there.programId !== this.#context.programId) {
      return this.#tally.refuse(
        record,
        'clickId',
        `'${record.id}' is a test click, or one of another program of this hub`,
      );
    }
    if (!affiliateId || (record.offer !== null && offerId === null)) return;
    this.#names.clicks.add(record.id);
    if (this.#tally.count('click', record.id, there !== undefined)) return;
    const [sub1 = null, sub2 = null, sub3 = null, sub4 = null, sub5 = null] = record.subs;
    this.plan.clicks.push({
      id: record.id,
      programId: this.#context.programId,
      livemode: true,
      affiliateId,
      offerId,
      linkId: null,
      occurredAt: record.occurredAt,
      sub1,
      sub2,
      sub3,
      sub4,
      sub5,
      utm: null,
      ip: null,
      userAgent: null,
      sourceUrl: record.sourceUrl,
    });
  }

  addCustomer(given: Located<ImportedCustomer>): void {
    const record = withoutPlaceholders(given);
    const evidence = this.#names.evidenceOf(record, true);
    if (!evidence) return;
    const { customerId, email, subscriptionId } = record;
    if (customerId === null && email === null && !subscriptionId?.startsWith('sub_')) {
      return this.#tally.refuse(record, 'customer_id', 'is required, or an e-mail or a Stripe subscription');
    }
    if (this.#tally.count('customer', JSON.stringify([customerId, email?.toLowerCase(), subscriptionId]), false))
      return;
    this.plan.messages.push({
      kind: 'customer',
      customer: { id: customerId, email, subscriptionId },
      evidence,
      since: (record.since ?? this.#context.now).toISOString(),
    });
  }

  addOrder(given: Located<ImportedOrder>): void {
    if (isPlaceholder(given.orderId)) return this.#refusePlaceholder(given, 'orderId', given.orderId);
    const record = withoutPlaceholders(given);
    const evidence = this.#names.evidenceOf(record, false);
    if (!evidence) return;
    if (this.#tally.count('order', record.orderId, false)) return;
    this.plan.messages.push({
      kind: 'order',
      orderId: record.orderId,
      customer: { id: record.customerId, email: record.email, subscriptionId: record.subscriptionId },
      evidence,
      amount: record.amount,
      occurredAt: (record.occurredAt ?? this.#context.now).toISOString(),
    });
  }

  /** The affiliate that exists already: by id, by code and e-mail, or by e-mail alone where the row has nothing else. */
  #findAffiliate(draft: New<ImportedAffiliate>): string | undefined {
    if (this.#known.affiliates.get(draft.id)?.programId === this.#context.programId) return draft.id;
    const email = draft.email.toLowerCase();
    if (draft.referralCode === null)
      return draft.id === derivedId(this.#context.programId, 'aff', email)
        ? this.#known.emails.get(email)?.[0]
        : undefined;
    const owner = this.#known.referralCodes.get(foldCode(draft.referralCode));
    return owner !== undefined && this.#known.affiliates.get(owner)?.email === email ? owner : undefined;
  }

  /** Programs may have several affiliates of one e-mail; whoever is known by it alone is the one who was there first. */
  #noteSharedEmail(
    draft: Located<New<ImportedAffiliate>>,
    there: string | undefined,
    byEmail: Map<string, string[]>,
  ): void {
    const email = draft.email.toLowerCase();
    const others = (byEmail.get(email) ?? []).filter((id) => id !== (there ?? draft.id));
    if (there === undefined) byEmail.set(email, [...others, draft.id]);
    if (others.length === 0) return;
    const who = others.join(', ');
    if (there === undefined) this.#tally.note(draft, 'email', `is that of another affiliate, too (${who})`);
    else if (draft.referralCode === null && there !== draft.id) {
      this.#tally.note(draft, 'email', `is that of several affiliates: taken for ${there}, and not for ${who}`);
    }
  }

  #refusePlaceholder(record: Located, field: string, value: string): void {
    this.#tally.refuse(record, field, `'${value}' stands for no value: give an id, or leave the row out`);
  }

  #keepId(
    prefix: IdPrefix,
    given: string | null,
    identity: string,
    known: ReadonlyMap<string, { programId: string }>,
  ): string {
    const owner = given === null ? undefined : known.get(given)?.programId;
    const isFree = owner === undefined || owner === this.#context.programId;
    return given !== null && fits(given) && isFree ? given : derivedId(this.#context.programId, prefix, identity);
  }
}

/** A word that stands for no value names nobody: many rows have it. */
function withoutPlaceholders<R extends ImportedCustomer | ImportedOrder>(record: R): R {
  const known = (id: string | null): string | null => (id === null || isPlaceholder(id) ? null : id);
  return {
    ...record,
    customerId: known(record.customerId),
    subscriptionId: known(record.subscriptionId),
    clickId: known(record.clickId),
  };
}
