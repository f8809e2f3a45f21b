import { isDeepStrictEqual } from 'node:util';
import { isAnonymous, type Fact } from '../../domain/facts.ts';
import { isKeylessRef, withoutSource } from '../../domain/keyless.ts';
import { compareText } from '../../domain/orderings.ts';
import type { Scope } from '../../domain/scope.ts';
import { defaultCurrency, mentionedOffer } from '../rules/assumed-currency.ts';
import type { Catalog, TermsSnapshot } from '../rules/catalog.ts';
import type { PaidTo } from '../rules/attribution.ts';
import { addFact, addFacts, inOrder, type FactSet, type KnownFact } from '../rules/order-facts.ts';
import type { Pairing } from '../rules/pair-unlinked.ts';
import { rememberedCatalog, type Remembering } from '../rules/remembered-catalog.ts';
import { isKeyless, isPaid, summarize, type OrderSummary } from '../rules/summarize.ts';
import type { OrderSum } from '../rows/ledger-rows.ts';
import type { CapDecision, OrderRow } from '../rows/order-rows.ts';
import type { TakenEvent } from '../work-items/take-work.ts';

/** A fact as an event of this batch brought it. */
export interface Arrival {
  event: TakenEvent;
  fact: Fact;
}

/**
 * An order under lock, with all that is stored of it and what this batch brings. The next phases of a batch are in
 * credit/credited-order.ts.
 */
export interface LoadedOrder {
  id: string;
  scope: Scope;
  /** The configuration of today, as far as the order does not remember its own. */
  catalog: Catalog;
  /** The row as it was; null for an order that is new. */
  before: OrderRow | null;
  /** The references by which the batch knows it: of an order that is new all there are. */
  refs: string[];
  /** Orders that turn out to be this one now, as they were: what they held is this order's from now on, or nobody's. */
  absorbed: OrderRow[];
  recorded: Recorded;
  arrivals: Arrival[];
  facts: FactSet;
  /** Facts that nobody knew before, to be stored. */
  newFacts: KnownFact[];
  /** What comes without a key does not count for now (`withhold`). */
  withholds: boolean;
  /** New facts that do not count for now: stored, and not posted. */
  withheldFacts: KnownFact[];
  /** Facts that were known, of which this batch brings an earlier message, or a new reading of the same. */
  restatedFacts: KnownFact[];
  /** What the ledger holds of it, and of the orders that turned out to be it. */
  ledgerSums: OrderSum[];
  /** Whom payouts paid for it, or for an order that turned out to be it. */
  paidTo: PaidTo[];
  /** It was told of without a key, and somebody was paid for it: then only a key or a person changes what it earns. */
  pinned: boolean;
  /** The currency of amounts without one, while no offer is known: recorded when the order was new. */
  usualCurrency: string;
  /** Whether a fact names or clicked an offer. */
  namesOffer: boolean;
  /** The currency of amounts without one: that of the offer which the facts name, else the usual one. */
  assumedCurrency: string;
  summary: OrderSummary;
  /** The first of all its references: with the instant, it tells the order's rank among a customer's orders. */
  reference: string;
  orderId: string | null;
  /** The subscription among whose payments it ranks. */
  subscription: string | null;
  pairing: Pairing | null;
  /** The order that is joined to this one without a link, with the facts whose references lead to it. */
  joined: { id: string; factIds: ReadonlySet<string> } | null;
}

/** An order that turned out to be another one: by a message that names both, or paired with it for as long as that holds. */
export interface MergedOrder {
  id: string;
  scope: Scope;
  /** Null: new in this batch, and joined at once. */
  before: OrderRow | null;
  /** Of one that is new all its references. */
  refs: string[];
  survivorId: string;
  joinedBy: Pairing | null;
}

/** What was decided once and is reused by every later settlement. */
export interface Recorded {
  terms: TermsSnapshot[];
  cap: CapDecision | null;
  holdDays: number | null;
  approvedAt: string | null;
  paidAt: string | null;
}

/** What is stored of an order, and what the batch brings to it. */
export interface OrderMaterial {
  id: string;
  scope: Scope;
  before: OrderRow | null;
  refs: string[];
  /** Orders that turn out to be this one, the oldest first; their facts are among the known ones. */
  losers: OrderRow[];
  knownFacts: KnownFact[];
  arrivals: Arrival[];
  sums: ReadonlyMap<string, OrderSum[]>;
  pairing: Pairing | null;
  joined: LoadedOrder['joined'];
}

/** Puts an order together from what is stored of it and what this batch brings. `today` is the configuration of today. */
export function assembleOrder(
  material: OrderMaterial,
  today: Catalog,
  remembering: Remembering = { onlyRemembered: false },
): LoadedOrder {
  const { id, scope, before, losers, sums, pairing, joined } = material;
  const rows = before ? [before, ...losers] : losers;
  const explanations = rows.flatMap(({ explanation }) => explanation ?? []);
  const catalog =
    explanations.length === 0
      ? today
      : rememberedCatalog(today, explanations, { ...remembering, namedAgain: codesIn(material.arrivals) });
  const recorded = recordedOf(rows, catalog);
  const arrivals = material.arrivals.toSorted((a, b) => compareText(a.event.id, b.event.id));
  const ledgerSums = [id, ...rows.map((row) => row.id).filter((one) => one !== id)].flatMap(
    (one) => sums.get(one) ?? [],
  );
  const isInPayout = ledgerSums.some((sum) => sum.isInPayout);
  const taken = withhold(takeIn(material.knownFacts, arrivals), isInPayout);
  const { facts } = taken;
  const stated = inOrder(facts).map(({ fact }) => fact);
  const refs = stated.flatMap((fact) => fact.refs);
  const usualCurrency = before?.assumedCurrency ?? defaultCurrency(catalog);
  const offerCurrency = currencyOfOffer(stated, recorded.terms, catalog);
  const paidTo = payeesOf(ledgerSums);
  // Of what a payout took and the same or another gave back nothing is left to hold on to.
  const pinned = paidTo.length > 0 && isKeyless(facts);
  const assumedCurrency = (pinned ? before?.currency : null) ?? offerCurrency ?? usualCurrency;
  const summary = summarize(facts, assumedCurrency);
  return {
    id,
    scope,
    catalog,
    before,
    refs: material.refs,
    absorbed: losers.filter(({ mergedInto }) => mergedInto === null),
    recorded,
    arrivals,
    ...taken,
    ledgerSums,
    paidTo,
    pinned,
    usualCurrency,
    namesOffer: offerCurrency !== null,
    assumedCurrency,
    summary,
    reference: firstOf(refs) ?? before?.reference ?? id,
    orderId: shownOrderId(refs),
    subscription: isPaid(summary) ? summary.subscription : null,
    pairing,
    joined,
  };
}

function codesIn(arrivals: readonly Arrival[]): ReadonlySet<string> {
  return new Set(arrivals.flatMap(({ fact }) => fact.evidence.referralCode ?? []));
}

/** Whom payouts paid in the end, in an order that does not depend on which of the orders is which. */
function payeesOf(sums: OrderSum[]): PaidTo[] {
  if (sums.length === 0) return [];
  const payees = [...Map.groupBy(sums, ({ affiliateId, currency }) => `${affiliateId} ${currency}`).values()].flatMap(
    (of) => (of.reduce((total, { paidMinor }) => total + paidMinor, 0n) > 0n ? of.filter(isPaidSum) : []),
  );
  return payees
    .map(({ affiliateId, offerId, clickId, ranksLast }) => ({
      affiliateId,
      offerId,
      clickId,
      byLead: ranksLast === true,
    }))
    .sort((a, b) => compareText(JSON.stringify(a), JSON.stringify(b)));
}

function isPaidSum({ paidMinor }: OrderSum): boolean {
  return paidMinor > 0n;
}

/**
 * Leaves out what came without a key after a payout took the order: what is paid is not changed by somebody who need not show
 * who they are. Should the payout fail, it counts again. The same of an order from before such sources spoke for themselves
 * alone, whose customer others know: it stands as it is.
 */
function withhold(
  { facts, newFacts, restatedFacts }: Pick<LoadedOrder, 'facts' | 'newFacts' | 'restatedFacts'>,
  isInPayout: boolean,
): Pick<LoadedOrder, 'facts' | 'newFacts' | 'withholds' | 'withheldFacts' | 'restatedFacts'> {
  const withholds = isInPayout || isOfOthersCustomer(facts);
  const isLate = ({ fact, posted }: KnownFact): boolean => fact.receivedAt !== undefined && !posted;
  if (!withholds || ![...facts.values()].some(isLate)) {
    return { facts, newFacts, withholds, withheldFacts: [], restatedFacts };
  }
  return {
    facts: new Map([...facts].filter(([, known]) => !isLate(known))),
    newFacts: newFacts.filter((known) => !isLate(known)),
    withholds,
    withheldFacts: newFacts.filter(isLate),
    restatedFacts,
  };
}

/** Whether an order that a source without a key alone tells of names, in a message of an older reading, whom others know. */
export function isOfOthersCustomer(facts: ReadonlyMap<string, Pick<KnownFact, 'fact'>>): boolean {
  return [...facts.values()].some(({ fact: { refs, customer, receivedAt, ...fact } }) => {
    if (receivedAt !== undefined || !refs.some(isKeylessRef)) return false;
    const subscription = 'subscription' in fact ? (fact.subscription ?? null) : null;
    const isOwn = customer === null || (customer.refs.length > 0 && customer.refs.every(isKeylessRef));
    return !isOwn || (subscription !== null && !isKeylessRef(subscription));
  });
}

/** The currency of the offer that the facts name, as it was recorded with the order, else as it is now. */
function currencyOfOffer(facts: Fact[], recorded: TermsSnapshot[], catalog: Catalog): string | null {
  const offer = mentionedOffer(
    facts.flatMap((fact) => (isAnonymous(fact) ? [] : fact.evidence)),
    catalog,
  );
  return recorded.find(({ offerId }) => offerId === offer?.id)?.currency ?? offer?.currency ?? null;
}

/** The order as it was, with those that turn out to be it: what any of them held may pass to others. */
export function rowsBefore({ before, absorbed }: LoadedOrder): OrderRow[] {
  return before ? [before, ...absorbed] : absorbed;
}

/** What is known of an order once the facts that arrived are added, and which of those changed it. */
export function takeIn(
  knownFacts: KnownFact[],
  arrivals: Arrival[],
): Pick<LoadedOrder, 'facts' | 'newFacts' | 'restatedFacts'> {
  let facts = addFacts(knownFacts);
  const newFacts: KnownFact[] = [];
  const restatedFacts: KnownFact[] = [];
  for (const { event, fact } of arrivals) {
    const present = facts.get(fact.id);
    if (present && !restates(event.id, fact, present)) continue;
    const arrived: KnownFact = { fact, inboxId: event.id, posted: present?.posted ?? false };
    facts = present ? new Map(facts).set(fact.id, arrived) : addFact(facts, arrived);
    (present ? restatedFacts : newFacts).push(arrived);
  }
  return { facts, newFacts, restatedFacts };
}

/**
 * Whether a message decides what a known fact says: it was received before the one that brought the fact, or is that one
 * itself, replayed and read otherwise.
 */
export function restates(inboxId: string, fact: Fact, present: KnownFact): boolean {
  if (inboxId !== present.inboxId) return inboxId < present.inboxId;
  return !isDeepStrictEqual(fact, present.fact);
}

/** Of orders that turned out to be one, the oldest first: what any of them was promised holds. */
function recordedOf(rows: OrderRow[], { program }: Catalog): Recorded {
  const settled = rows.find(({ kind }) => kind !== null);
  return {
    terms: recordTerms([], ...rows.flatMap(({ terms }) => terms)),
    cap: rows.find(({ cap }) => cap !== null)?.cap ?? null,
    holdDays: settled ? settled.holdDays : program.autoApprove ? program.holdDays : null,
    approvedAt: firstOf(rows.flatMap(({ approvedAt }) => approvedAt ?? [])),
    paidAt: firstOf(rows.flatMap(({ paidAt }) => paidAt ?? [])),
  };
}

/** Adds terms to those on record; of one affiliate and offer the first stay. */
export function recordTerms(known: TermsSnapshot[], ...added: (TermsSnapshot | null)[]): TermsSnapshot[] {
  const all = [...known];
  for (const terms of added) {
    if (!terms) continue;
    if (!all.some((one) => one.affiliateId === terms.affiliateId && one.offerId === terms.offerId)) all.push(terms);
  }
  return all;
}

/**
 * The id under which the sender knows the order: its own order id where there is one, else the provider's payment,
 * invoice, session or transaction id.
 */
export function shownOrderId(refs: string[]): string | null {
  const sorted = [...new Set(refs.map(withoutSource))].sort();
  const own = sorted.find((ref) => ref.startsWith('order:'));
  if (own !== undefined) return own.replace(/^order:(?:src_[0-9a-f]+:)?/, '');
  for (const prefix of ['pi_', 'in_', 'ch_', 'py_', 'cs_']) {
    const ref = sorted.find((one) => one.startsWith('stripe:') && afterColon(one).startsWith(prefix));
    if (ref !== undefined) return afterColon(ref);
  }
  const transaction = sorted.find((ref) => ref.startsWith('rc:'));
  return transaction === undefined ? null : transaction.split(':').slice(2).join(':');
}

function afterColon(ref: string): string {
  return ref.slice(ref.lastIndexOf(':') + 1);
}

/** The first in code-unit order. */
function firstOf(values: string[]): string | null {
  let first: string | null = null;
  for (const value of values) if (first === null || value < first) first = value;
  return first;
}
