import type { Trx } from '../../db/db.ts';
import type { Customers } from '../orders/lock-customers.ts';
import { lockLeadClicks, rankLeadsOfClicks, writeLeads } from '../rows/lead-rows.ts';
import type { ResettlementRequest } from '../rows/resettlement-rows.ts';

/**
 * One click is one visitor: of the anonymous leads that name it the first by (receivedAt, id) may count, and the others bind
 * nobody. An earlier one that arrives late displaces the one that was first. Gives the customers beside the batch whose lead
 * became first, or is not any more: they are to be settled again.
 */
export async function contestClicksOfLeads(
  trx: Trx,
  { leads, rootOf }: Pick<Customers, 'leads' | 'rootOf'>,
): Promise<ResettlementRequest[]> {
  if (leads.length === 0) return [];
  await lockLeadClicks(trx, leads);
  await writeLeads(trx, leads);
  const moved = await rankLeadsOfClicks(trx, leads);
  return moved.flatMap(({ scope, customerId }) =>
    rootOf.has(customerId) ? [] : [{ scope, customerId, orderId: null }],
  );
}
