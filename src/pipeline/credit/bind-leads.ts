import type { Trx } from '../../db/db.ts';
import { isAnonymous } from '../../domain/facts.ts';
import { scopeKey } from '../../domain/scope.ts';
import type { Customers } from '../orders/lock-customers.ts';
import type { LoadedOrder } from '../orders/loaded-order.ts';
import type { Binding } from '../rules/attribution.ts';
import type { PassedOver } from '../rules/evidence.ts';
import type { Catalog } from '../rules/catalog.ts';
import { readFirstFactsOfOrders, readLeads, type LeadRow } from '../rows/lead-rows.ts';
import type { CatalogLoader } from '../rows/load-catalog.ts';
import { attributeByEvidence } from './bind-customers.ts';
import { noLeads, type BoundCustomer, type LeadStanding } from './credited-order.ts';
import { mayBind } from './terms.ts';

/**
 * Finds the anonymous lead that counts for each customer: the first that is the first of its click and names somebody who
 * may be paid, and only where nothing else was known of the customer before it was received.
 */
export async function bindLeads(
  trx: Trx,
  customers: Customers<BoundCustomer>,
  orders: readonly LoadedOrder[],
  batchOrderIds: readonly string[],
  catalogs: CatalogLoader,
): Promise<void> {
  const { byId, rootOf, ofOrder } = customers;
  if (customers.leads.length === 0 && !customers.hadLeads) return;
  const found = await readLeads(trx, rootOf);
  if (found.size === 0) return;
  const arrived = new Set(customers.leads.map(({ scope, factId }) => `${scopeKey(scope)} ${factId}`));
  const affiliates = [...found.values()]
    .flat()
    .flatMap(({ scope, attribution }) =>
      attribution ? [{ programId: scope.programId, text: attribution.terms.affiliateId }] : [],
    );
  await catalogs.loadByIds(trx, affiliates, []);
  const concerned = new Map([...rootOf].filter(([, root]) => found.has(root)));
  const known = await readFirstFactsOfOrders(trx, concerned, batchOrderIds);
  for (const { id, facts } of orders) {
    const root = ofOrder.get(id);
    if (root === undefined || !found.has(root)) continue;
    for (const { fact } of facts.values()) {
      if (!isAnonymous(fact)) known.set(root, earlier(known.get(root), fact.occurredAt) ?? fact.occurredAt);
    }
  }
  for (const [root, rows] of found) {
    const customer = byId.get(root);
    if (!customer) continue;
    const catalog = catalogs.of(customer.scope);
    const judged = rows.map((row) => judge(row, arrived.has(`${scopeKey(row.scope)} ${row.factId}`), catalog));
    const firstFactAt = earlier(known.get(root), customer.firstFactAt);
    byId.set(root, { ...customer, ...standingOf(judged, firstFactAt, customer, catalog) });
  }
}

interface JudgedLead {
  row: LeadRow;
  /** It came, or came earlier, with this batch. */
  arrived: boolean;
}

/** Whom its click names, by the terms of today; what was judged before stays, unless the lead was received earlier. */
function judge(row: LeadRow, arrived: boolean, catalog: Catalog): JudgedLead {
  if (!arrived) return { row, arrived };
  const { factId: id, receivedAt: occurredAt, clickId } = row;
  const attribution = attributeByEvidence({ id, occurredAt, evidence: { clickId } }, catalog);
  return { row: { ...row, attribution }, arrived };
}

/** `leads` are in the order in which they were received. */
function standingOf(
  leads: readonly JudgedLead[],
  firstFactAt: string | undefined,
  { emails }: BoundCustomer,
  catalog: Catalog,
): LeadStanding {
  const standing = { ...noLeads, leadsPassedOver: new Map<string, PassedOver>(), changedLeads: [] as ChangedLead[] };
  for (const { row, arrived } of leads) {
    const why = whyNot(row, standing.lead, firstFactAt, emails, catalog);
    if (why === null) standing.lead = bindingOf(row);
    else {
      const named = row.attribution ? { affiliateId: row.attribution.terms.affiliateId } : {};
      standing.leadsPassedOver.set(row.factId, { by: 'anonymous_lead', value: row.clickId, why, ...named });
    }
    if (!arrived && row.whyNot === why) continue;
    standing.changedLeads.push({ ...row, whyNot: why, whyNotBefore: row.whyNot });
    // The order of one that arrived is of this batch: the customer's others depend on it where it counts, or did.
    if (!arrived || row.whyNot === null || why === null) standing.leadMoved = true;
  }
  return standing;
}

type ChangedLead = LeadStanding['changedLeads'][number];

function whyNot(
  { isFirst, attribution, receivedAt, email }: LeadRow,
  counting: Binding | null,
  firstFactAt: string | undefined,
  emails: string[],
  catalog: Catalog,
): string | null {
  if (!isFirst) return 'another lead of this click came first';
  if (firstFactAt !== undefined && firstFactAt < receivedAt) return 'more was known of the customer before';
  if (!attribution) return 'its click credits nobody';
  const buyer = email === null ? emails : [...emails, email];
  if (!mayBind(attribution.terms, buyer, receivedAt, catalog)) return 'its affiliate may not be credited';
  return counting === null ? null : 'an earlier lead counts';
}

function bindingOf({ factId, receivedAt, clickId, attribution }: LeadRow): Binding | null {
  if (!attribution) return null;
  const { terms } = attribution;
  const { affiliateId, offerId } = terms;
  return { affiliateId, offerId, clickId, boundAt: receivedAt, boundRef: factId, boundBy: factId, terms };
}

function earlier(known: string | undefined, at: string | null): string | undefined {
  return at === null || (known !== undefined && known <= at) ? known : at;
}
