import type { LockedCustomer } from '../orders/lock-customers.ts';
import type { LoadedOrder } from '../orders/loaded-order.ts';
import type { Binding, Bindings, OwnAttribution } from '../rules/attribution.ts';
import type { Evidences, PassedOver } from '../rules/evidence.ts';
import type { TermsSnapshot } from '../rules/catalog.ts';
import type { Credit, OrderKind } from '../rules/credit.ts';
import type { Posting } from '../rules/postings.ts';
import type { LeadRow } from '../rows/lead-rows.ts';
import type { OrderRow } from '../rows/order-rows.ts';

/**
 * An order's way through a batch: loaded (orders/loaded-order.ts), weighed, credited, settled. Each phase returns the next
 * and changes nothing of the one before.
 */

/** An order whose own evidence was weighed, before what it is bound by counts. */
export interface WeighedOrder extends LoadedOrder {
  customerId: string | null;
  /** Addresses that its customer is known by. */
  buyerEmails: string[];
  firstOfSubscription: boolean;
  kind: OrderKind | null;
  evidences: Evidences;
}

/** An order that is credited to somebody, or is known to be nobody's. */
export interface CreditedOrder extends WeighedOrder {
  /** Who its subscription and its customer are bound to, as far as that may speak for it. */
  bindings: Bindings;
  /** Its customer was bound by a fact about them that is later than the order, and holds for all they ever bought. */
  boundAfterwards: boolean;
  /** Whom its own evidence credits it to, if that may bind its customer. */
  own: OwnAttribution | null;
  /** The terms of its strongest own evidence, whether or not that may bind: recorded, so that they stay what they are. */
  ownTerms: TermsSnapshot | null;
  credit: Credit;
  /** Credited by more than its subscription's binding: it may bind its subscription. */
  bindsSubscription: boolean;
  /** The end of its hold; null: only a person approves. */
  approvableAt: string | null;
}

/** An order as it is to be stored. */
export interface SettledOrder {
  order: CreditedOrder;
  row: OrderRow;
  /** Somebody is credited, or was: its facts are taken into account. Else they wait. */
  attributed: boolean;
  /** Its own, and those of orders that turned out to be it. */
  postings: (Posting & { orderId: string })[];
}

/** A customer, with whom they are bound to from now on. */
export interface BoundCustomer extends LockedCustomer, LeadStanding {
  binding: Binding | null;
  /** Whom people bound them to, the newest decision first. */
  rebindings: readonly Binding[];
  /** Whom the facts about the customer alone name, by fact. */
  attributions: ReadonlyMap<string, OwnAttribution | null>;
  /** When the first of these facts happened. */
  firstFactAt: string | null;
}

/** What anonymous leads come to for a customer. */
export interface LeadStanding {
  /** The lead that counts speaks where nothing else does. */
  lead: Binding | null;
  /** Why the others do not, by fact. */
  leadsPassedOver: ReadonlyMap<string, PassedOver>;
  /** Those that stand otherwise than is stored, with why they did not count. */
  changedLeads: (LeadRow & { whyNotBefore: string | null })[];
  /** What stored orders say of leads is not so any more: which of them counts, or why the others do not. */
  leadMoved: boolean;
}

export const noLeads: LeadStanding = { lead: null, leadsPassedOver: new Map(), changedLeads: [], leadMoved: false };
