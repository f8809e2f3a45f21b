import type { Trx } from '../../db/db.ts';
import type { Customers } from '../orders/lock-customers.ts';
import { lockLeadClicks, rankLeadsOfClicks, writeLeads } from '../rows/lead-rows.ts';
import type { ResettlementRequest } from '../rows/resettlement-rows.ts';

/** What the leads of a batch changed about who is first with a click. */
export interface LeadContest {
  /** Customers of the batch, by the record that stands for them, whose lead became first or is not any more. */
  moved: ReadonlySet<string>;
  /** The others, to be settled again. */
  requests: ResettlementRequest[];
}

export const noContest: LeadContest = { moved: new Set(), requests: [] };

/**
 * One click is one visitor: of the anonymous leads that name it the first by (receivedAt, id) may count, and the others bind
 * nobody. An earlier one that arrives late displaces the one that was first; its customer is settled again.
 */
export async function contestClicksOfLeads(
  trx: Trx,
  { leads, rootOf }: Pick<Customers, 'leads' | 'rootOf'>,
): Promise<LeadContest> {
  if (leads.length === 0) return noContest;
  await lockLeadClicks(trx, leads);
  await writeLeads(trx, leads);
  const moved = new Set<string>();
  const requests: ResettlementRequest[] = [];
  for (const { scope, customerId } of await rankLeadsOfClicks(trx, leads)) {
    const root = rootOf.get(customerId);
    if (root === undefined) requests.push({ scope, customerId, orderId: null });
    else moved.add(root);
  }
  return { moved, requests };
}
