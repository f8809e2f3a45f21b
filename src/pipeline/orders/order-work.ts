import { isDeepStrictEqual } from 'node:util';
import { recallWorld } from '../rules/remembered-catalog.ts';
import { defaultCurrency, evidentOffer } from '../work/reject-events.ts';
import type { ClaimedEvent } from '../work/take-work.ts';
import type { Evidences } from '../rules/attribution.ts';
import { fold, foldAll, inOrderOfFacts, type KnownFact, type OrderState } from '../rules/order-facts.ts';
import type { CapDecision, OrderRow } from '../rows/order-rows.ts';
import type { OwnAttribution } from '../rules/attribution.ts';
import type { Standing } from '../rules/postings.ts';
import type { Hint } from './pair-unlinked.ts';
import type { OwnedGroup } from './references.ts';
import type { TermsSnapshot, World } from '../rules/catalog.ts';
import type { Draft, OrderKind, Target } from '../rules/commission.ts';
import { isPaid, summarize, type OrderSummary } from '../rules/summarize.ts';
import type { Fact } from '../../domain/facts.ts';
import type { Scope } from '../../domain/scope.ts';
import { compareText } from '../../domain/orderings.ts';

/** A fact as an event of this batch brought it. */
export interface Arrival {
  event: ClaimedEvent;
  fact: Fact;
}

/** One order on its way through a batch; the later phases fill in what the earlier ones leave null. */
export interface OrderWork {
  id: string;
  scope: Scope;
  world: World;
  /** The row as it was; null for an order first heard of now. */
  before: OrderRow | null;
  /** Orders that turn out to be this one now, as they were: what they claimed until now is claimed by this one, or by nobody. */
  absorbed: OrderRow[];
  recorded: Recorded;
  arrivals: Arrival[];
  state: OrderState;
  /** Facts that nobody knew before, to be stored. */
  newFacts: KnownFact[];
  /** Facts that were known, of which this batch brings an earlier message, or a new understanding of the same. */
  restatedFacts: KnownFact[];
  standings: Standing[];
  /** What amounts without a currency are taken for while no offer is known: recorded when the order was first heard of. */
  usualCurrency: string;
  /** Whether a fact names or clicked an offer. */
  namesOffer: boolean;
  /** What they are taken for: the currency of the offer that the facts name, else of the one that the customer is bound to. */
  assumedCurrency: string;
  summary: OrderSummary;
  /** The least of all its references: with the instant, what tells its place among a customer's orders. */
  reference: string;
  orderId: string | null;
  hint: Hint | null;
  /** The order that a hint joined to this one, with the facts that are about it by their references. */
  joined: { id: string; factIds: ReadonlySet<string> } | null;
  customerId: string | null;
  kind: OrderKind | null;
  /** The subscription among whose payments it has a place. */
  subscription: string | null;
  firstOfSubscription: boolean;
  evidences: Evidences | null;
  own: OwnAttribution | null;
  /** The terms of its strongest own evidence, whether or not that may bind: recorded, so that they stay what they are. */
  ownTerms: TermsSnapshot | null;
  draft: Draft | null;
  target: Target | null;
}

/** An order that turned out to be another one: by a message that names both, or by a hint, for as long as that holds. */
export interface MergedOrder {
  id: string;
  scope: Scope;
  /** Null: first heard of now, and joined at once. */
  before: OrderRow | null;
  survivorId: string;
  standings: Standing[];
  joinedBy: Hint | null;
}

/** What was decided once and is reused by every later settlement. */
export interface Recorded {
  terms: TermsSnapshot[];
  cap: CapDecision | null;
  holdDays: number | null;
  approvedAt: string | null;
  paidAt: string | null;
}

/**
 * Puts together what is known of an order and what this batch brings. Facts of orders merged into it come with it. The
 * world is the one of today, as far as the order does not remember its own (`strictly`: not at all).
 */
export function assembleOrder(
  group: Pick<OwnedGroup<Arrival>, 'ownerId' | 'scope' | 'members'>,
  before: OrderRow | null,
  knownFacts: KnownFact[],
  standings: Standing[],
  today: World,
  losers: OrderRow[] = [],
  strictly = false,
): OrderWork {
  const rows = before ? [before, ...losers] : losers;
  const world = recallWorld(
    today,
    rows.flatMap(({ explanation }) => explanation ?? []),
    strictly,
  );
  const recorded = recordedOf(rows, world);
  const arrivals = [...group.members].sort((a, b) => compareText(a.event.id, b.event.id));
  const { state, newFacts, restatedFacts } = takeIn(knownFacts, arrivals);
  const facts = inOrderOfFacts(state).map((one) => one.fact);
  const usualCurrency = before?.assumedCurrency ?? defaultCurrency(world);
  const offer = evidentOffer(
    facts.map((fact) => fact.evidence),
    world,
  );
  const statedCurrency =
    recorded.terms.find(({ offerId }) => offerId === offer?.id)?.currency ?? offer?.currency ?? null;
  const assumedCurrency = statedCurrency ?? usualCurrency;
  const summary = summarize(state, assumedCurrency);
  const refs = facts.flatMap((fact) => fact.refs);
  return {
    id: group.ownerId,
    scope: group.scope,
    world,
    before,
    absorbed: losers.filter(({ mergedInto }) => mergedInto === null),
    recorded,
    arrivals,
    state,
    newFacts,
    restatedFacts,
    standings,
    usualCurrency,
    namesOffer: statedCurrency !== null,
    assumedCurrency,
    summary,
    reference: leastOf(refs) ?? before?.reference ?? group.ownerId,
    orderId: shownOrderId(refs),
    hint: null,
    joined: null,
    customerId: null,
    kind: null,
    subscription: isPaid(summary) ? summary.subscription : null,
    firstOfSubscription: true,
    evidences: null,
    own: null,
    ownTerms: null,
    draft: null,
    target: null,
  };
}

/** The order as it was, with those that turn out to be it: whatever they held may pass to others. */
export function rowsBefore({ before, absorbed }: OrderWork): OrderRow[] {
  return before ? [before, ...absorbed] : absorbed;
}

/** What is known of an order once the facts that arrived are folded in, and which of those changed it. */
export function takeIn(
  knownFacts: KnownFact[],
  arrivals: Arrival[],
): Pick<OrderWork, 'state' | 'newFacts' | 'restatedFacts'> {
  let state = foldAll(knownFacts);
  const newFacts: KnownFact[] = [];
  const restatedFacts: KnownFact[] = [];
  for (const { event, fact } of arrivals) {
    const present = state.get(fact.id);
    if (present && !restates(event.id, fact, present)) continue;
    const arrived: KnownFact = { fact, inboxId: event.id, posted: present?.posted ?? false };
    state = present ? new Map(state).set(fact.id, arrived) : fold(state, arrived);
    (present ? restatedFacts : newFacts).push(arrived);
  }
  return { state, newFacts, restatedFacts };
}

/**
 * Whether a message has the say about a fact that is known already: it was received before the one that brought the fact,
 * or is that one itself, replayed and understood otherwise.
 */
export function restates(inboxId: string, fact: Fact, present: KnownFact): boolean {
  if (inboxId !== present.inboxId) return inboxId < present.inboxId;
  return !isDeepStrictEqual(fact, present.fact);
}

/** Of orders that turned out to be one, the oldest first: what any of them was promised holds. */
function recordedOf(rows: OrderRow[], { program }: World): Recorded {
  const settled = rows.find(({ kind }) => kind !== null);
  return {
    terms: recordTerms([], ...rows.flatMap(({ terms }) => terms)),
    cap: rows.find(({ cap }) => cap !== null)?.cap ?? null,
    holdDays: settled ? settled.holdDays : program.autoApprove ? program.holdDays : null,
    approvedAt: leastOf(rows.flatMap(({ approvedAt }) => approvedAt ?? [])),
    paidAt: leastOf(rows.flatMap(({ paidAt }) => paidAt ?? [])),
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
  const sorted = [...new Set(refs)].sort();
  const own = sorted.find((ref) => ref.startsWith('order:'));
  if (own !== undefined) return own.replace(/^order:(?:src_[0-9a-f]+:)?/, '');
  for (const prefix of ['pi_', 'in_', 'ch_', 'py_', 'cs_']) {
    const ref = sorted.find((one) => one.startsWith('stripe:') && lastPart(one).startsWith(prefix));
    if (ref !== undefined) return lastPart(ref);
  }
  const transaction = sorted.find((ref) => ref.startsWith('rc:'));
  return transaction === undefined ? null : transaction.split(':').slice(2).join(':');
}

function lastPart(ref: string): string {
  return ref.slice(ref.lastIndexOf(':') + 1);
}

function leastOf(values: string[]): string | null {
  let least: string | null = null;
  for (const value of values) if (least === null || value < least) least = value;
  return least;
}
