import { type Evidence, type Fact, type FactNote, type FactOf, isAnonymous } from '../../domain/facts.ts';
import { isKeylessRef } from '../../domain/keyless.ts';
import { multiplyRatio } from '../../domain/money.ts';
import { type FactSet, type KnownFact, inOrder } from './order-facts.ts';
import { computeReversals } from './reversals.ts';
import {
  type Decided,
  type Payment,
  type TrackerState,
  choosePayment,
  correctPayment,
  countedAtOf,
  furthestTracker,
  statedSales,
} from './payment.ts';

export type Phase = FactOf<'sale'>['phase'];

export interface EvidenceItem {
  /** Said without a key: whoever names an affiliate so may be the visitor. */
  keyless?: boolean;
  evidence: Evidence;
  occurredAt: string;
  factId: string;
}

/** What an order's facts say together, before anybody is credited. All amounts non-negative. */
export interface OrderSummary {
  /** The money of the order: the most authoritative statement of it. Null where no amount is known. */
  payment: Payment | null;
  /** The phase stated by the most authoritative sale, even if its amount cannot be read. */
  phase: Phase | null;
  refundedMinor: bigint;
  disputedMinor: bigint;
  /** net × (gross − refunded − disputed) / gross, rounded once: what commission is computed from. */
  remainingMinor: bigint;
  /** Nothing of the payment is left; where no amount is known, all of it was refunded. */
  nothingRemains: boolean;
  /** The furthest word of a tracker, where one spoke of this order. */
  tracker: TrackerState | null;
  /** A payable action without amount is known (a CPA conversion). */
  action: boolean;
  /** A sale was stated, readable or not; a tracker's hold is then an earlier state that came late. */
  sale: boolean;
  lead: boolean;
  /** Only visitors' browsers told of it, without a key. */
  anonymous: boolean;
  /** Another system settled the order before it was imported: whatever is said of it, it earns nothing here. */
  imported: boolean;
  goal: string | null;
  /** What its senders said beside the money: of the earliest fact that says anything. */
  note: FactNote | null;
  subscription: string | null;
  /** When the order counts from: its payment, else its first action, tracker word or lead. Null: nothing that counts. */
  occurredAt: string | null;
  /** When the order began, as far as any of its facts tells: by it clicks are judged. Null: nothing that counts. */
  beganAt: string | null;
  /**
   * When it counts for holds, caps, bans, months and who is first: as `occurredAt`, but of messages without a key when they were
   * first received.
   */
  countedAt: string | null;
  /** Told of without a key: such an order comes after all others where several ask for one place. */
  keyless: boolean;
  evidence: EvidenceItem[];
  customerRefs: string[];
  emails: string[];
  /** What a person decided: a rejection is final, whatever was decided before or after. */
  decision: { status: 'approved' | 'rejected'; reason: string | null } | null;
  /** Whom a person assigned the order to: the newest word. */
  assignedTo: string | null;
  /** Who said so, and the offer that the order stood on then; null where nobody did. */
  assignment: (Decided & { offerId: string | null }) | null;
  /** It is no order, but what a person adds to a balance or takes from it. */
  adjustment: FactOf<'adjustment'> | null;
  /** Grounds of reviews that people have settled. */
  settledGrounds: ReadonlySet<string>;
  /** Facts whose amounts cannot be set against the payment: another currency. */
  incomparable: string[];
  /** What was recorded but not counted, and why (`refund_exceeds_gross`, `currency_mismatch`, `amount_invalid`). */
  flags: string[];
}

/** `assumedCurrency` is what amounts without a currency are taken for: the offer's. */
export function summarize(factSet: FactSet, assumedCurrency: string): OrderSummary {
  const facts = believed(inOrder(factSet));
  const flags = new Set<string>();
  const sales = statedSales(facts);
  const incomparable = new Set<string>();
  const said = gatherStatements(facts);
  const stated = choosePayment(sales, facts, assumedCurrency, flags, incomparable);
  const payment = correctPayment(stated, said.correction, flags, incomparable);
  const tracker = furthestTracker(facts);
  const { refundedMinor, disputedMinor, nothingRemains } = computeReversals(facts, payment, flags, incomparable);
  const datedBy = firstDatingFact(facts);
  const dating = payment ?? datedBy;
  return {
    payment,
    phase: sales[0]?.phase ?? tracker?.phase ?? null,
    refundedMinor,
    disputedMinor,
    remainingMinor: payment
      ? multiplyRatio(payment.netMinor, payment.grossMinor - refundedMinor - disputedMinor, payment.grossMinor)
      : 0n,
    nothingRemains,
    tracker: tracker?.state ?? null,
    action: said.action,
    sale: sales.length > 0,
    lead: said.lead,
    anonymous: said.anonymous,
    imported: said.imported,
    goal: said.goal,
    note: said.note,
    subscription: said.subscription,
    occurredAt: dating?.occurredAt ?? null,
    beganAt: dating ? beginningOf(facts) : null,
    countedAt: payment?.countedAt ?? (datedBy && countedAtOf(datedBy, datedBy.occurredAt, facts)),
    keyless: isKeyless(factSet),
    evidence: said.evidence,
    customerRefs: unique(said.customerRefs),
    emails: unique(said.emails),
    decision: decisionInForce(said.decisions),
    assignedTo: said.assignment?.affiliateId ?? null,
    assignment: said.assignment && decidedBy(said.assignment),
    adjustment: said.adjustment,
    settledGrounds: said.settledGrounds.length === 0 ? nothingSettled : new Set(said.settledGrounds),
    incomparable: [...incomparable].sort(),
    flags: [...flags].sort(),
  };
}

const nothingSettled: ReadonlySet<string> = new Set();

/** What the facts say beside the money; of what only one of them can say the first word counts. */
interface Statements extends Pick<
  OrderSummary,
  | 'action'
  | 'lead'
  | 'anonymous'
  | 'imported'
  | 'goal'
  | 'note'
  | 'subscription'
  | 'evidence'
  | 'customerRefs'
  | 'emails'
  | 'adjustment'
> {
  assignment: FactOf<'assignment'> | null;
  correction: FactOf<'correction'> | null;
  decisions: FactOf<'decision'>[];
  settledGrounds: string[];
}

function gatherStatements(facts: KnownFact[]): Statements {
  const said: Statements = {
    action: false,
    lead: false,
    anonymous: false,
    imported: false,
    goal: null,
    note: null,
    subscription: null,
    evidence: [],
    customerRefs: [],
    emails: [],
    decisions: [],
    assignment: null,
    correction: null,
    adjustment: null,
    settledGrounds: [],
  };
  for (const { fact } of facts) {
    if (fact.type === 'action') said.action = true;
    else if (fact.type === 'lead') said.lead = true;
    else if (fact.type === 'imported') said.imported = true;
    if ('goal' in fact) said.goal ??= fact.goal;
    if ('subscription' in fact) said.subscription ??= fact.subscription ?? null;
    said.note ??= fact.note ?? null;
    if (isAnonymous(fact)) said.anonymous = true;
    else if (!isEmpty(fact.evidence)) {
      const { evidence, occurredAt, id: factId } = fact;
      said.evidence.push({ evidence, occurredAt, factId, keyless: fact.receivedAt !== undefined });
    }
    if (fact.customer) {
      said.customerRefs.push(...fact.customer.refs);
      if (fact.customer.email) said.emails.push(fact.customer.email.toLowerCase());
    }
    if (fact.type === 'decision') said.decisions.push(fact);
    else if (fact.type === 'assignment') said.assignment = fact;
    else if (fact.type === 'correction') said.correction = fact;
    else if (fact.type === 'adjustment') said.adjustment = fact;
    if ('settles' in fact) said.settledGrounds.push(...(fact.settles ?? []));
  }
  return said;
}

function decidedBy({ by, reason, occurredAt: at, id: factId, offerId }: FactOf<'assignment'>) {
  return { by, reason: reason ?? null, at, factId, offerId: offerId ?? null };
}

function isEmpty(evidence: Evidence): boolean {
  for (const _ in evidence) return false;
  return true;
}

/** What a browser said without a key is left out where anybody else tells of the order. */
function believed(facts: KnownFact[]): KnownFact[] {
  const others = facts.filter(({ fact }) => !isAnonymous(fact));
  // A decision about a lead says nothing of the order itself.
  const areTelling = others.some(({ fact }) => !decisions.has(fact.type));
  return areTelling ? others : facts;
}

const decisions: ReadonlySet<Fact['type']> = new Set(['decision', 'assignment', 'correction']);

/** Whether money was paid, here or before the order was imported; only that ranks among a subscription's payments. */
export function isPaid({ payment, imported }: OrderSummary): boolean {
  return payment !== null || imported;
}

function firstDatingFact(facts: KnownFact[]): Fact | null {
  const dated = (type: Fact['type']): Fact | null => facts.find(({ fact }) => fact.type === type)?.fact ?? null;
  return (
    dated('imported') ?? dated('sale') ?? dated('action') ?? dated('tracker') ?? dated('lead') ?? dated('adjustment')
  );
}

/** The earliest moment that a fact of the order itself tells; what undoes it, or was decided about it, came later. */
function beginningOf(facts: KnownFact[]): string | null {
  let first: string | null = null;
  for (const { fact } of facts) {
    if (!tellsBeginning.has(fact.type)) continue;
    const at = fact.beganAt ?? fact.occurredAt;
    if (first === null || at < first) first = at;
  }
  return first;
}

const tellsBeginning: ReadonlySet<Fact['type']> = new Set(['sale', 'lead', 'action', 'tracker', 'link', 'imported']);

/**
 * Whether an order is a source's that asks for no key: it is known by that source's own references, or nobody else told of
 * it. What a person decides about it, or refunds, does not make it anybody else's.
 */
export function isKeyless(facts: FactSet): boolean {
  let isTold = false;
  let isTrusted = false;
  for (const { fact } of facts.values()) {
    if (!tellsBeginning.has(fact.type)) continue;
    if (fact.refs.some(isKeylessRef)) return true;
    isTold = true;
    if (fact.receivedAt === undefined) isTrusted = true;
  }
  return isTold && !isTrusted;
}

/** The first rejection, else the newest approval: what people decide about one commission at once ends the same way. */
function decisionInForce(decisions: FactOf<'decision'>[]): OrderSummary['decision'] {
  const deciding = decisions.find(({ status }) => status === 'rejected') ?? decisions.at(-1);
  return deciding ? { status: deciding.status, reason: deciding.reason } : null;
}

function unique(values: string[]): string[] {
  return values.length === 0 ? values : [...new Set(values)].sort();
}
