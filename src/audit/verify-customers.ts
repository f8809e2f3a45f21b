import type { Trx } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { bindCustomers } from '../pipeline/credit/bind-customers.ts';
import { bindLeads } from '../pipeline/credit/bind-leads.ts';
import { readFamilies } from '../pipeline/orders/families.ts';
import { readKnownCustomers } from '../pipeline/orders/lock-customers.ts';
import { readCustomers, type CustomerRow } from '../pipeline/rows/customer-rows.ts';
import { CatalogLoader } from '../pipeline/rows/load-catalog.ts';
import type { Findings } from './verify-findings.ts';

/** Binds a page of customers again, from what their orders offer and the facts about them, and compares. */
export async function verifyCustomers(trx: Trx, page: CustomerRow[], findings: Findings): Promise<void> {
  const catalogs = new CatalogLoader();
  await catalogs.loadPrograms(
    trx,
    page.map(({ programId }) => programId),
  );
  const known = await readKnownCustomers(
    trx,
    await readFamilies(
      trx,
      page.map(({ id }) => id),
    ),
  );
  const { rootOf } = known;
  const toBeSettled = await findCustomersToBeSettled(trx, [...rootOf.keys()]);
  const inFlight = new Set([...toBeSettled].map((id) => rootOf.get(id)));
  const customers = await bindCustomers(trx, known, [], catalogs);
  await bindLeads(trx, customers, [], [], catalogs);
  for (const { id, binding: stored } of page) {
    const root = rootOf.get(id) ?? id;
    // An e-mail that stands for a customer, and whoever the program takes for the same person, is bound by that record.
    if (root === id) findings.count('customers');
    const expected = root === id ? describe(customers.byId.get(id)?.binding ?? null) : null;
    if (inFlight.has(root)) findings.count('waiting');
    else {
      if (describe(stored) !== expected) findings.differ('customer', id, 'binding', describe(stored), expected);
      const changed = root === id ? (customers.byId.get(id)?.changedLeads ?? []) : [];
      for (const { factId, whyNotBefore, whyNot } of changed) {
        findings.differ('lead', factId, 'standing', whyNotBefore ?? COUNTS, whyNot ?? COUNTS);
      }
    }
  }
}

const COUNTS = 'it counts';

function describe(binding: CustomerRow['binding']): string | null {
  if (!binding) return null;
  const { affiliateId, offerId, clickId, boundAt, boundBy } = binding;
  return [affiliateId, offerId, clickId, boundAt, boundBy].join(' ');
}

/** Customers who are to be settled again, or an order of theirs. */
async function findCustomersToBeSettled(trx: Trx, customerIds: string[]): Promise<Set<string>> {
  const rows = await runSql<{ id: string }>(
    trx,
    'findCustomersToBeSettled',
    `select customer_id as id from resettlements where customer_id = any(:customerIds)
     union
     select o.customer_id from resettlements r join orders o on o.id = r.order_id
      where o.customer_id = any(:customerIds)
     union
     select c.id from customers c
      where c.id = any(:customerIds) and exists (select 1 from settling_rounds where finished_at is null)`,
    { customerIds },
  );
  return new Set(rows.map(({ id }) => id));
}

/** A page of customers by id, without those that turned out to be others. */
export async function readCustomerPage(
  trx: Trx,
  afterId: string,
  limit: number,
  programId: string | null,
): Promise<CustomerRow[]> {
  const rows = await runSql<{ id: string }>(
    trx,
    'readCustomerPage',
    `select id from customers
     where id > :afterId and merged_into is null and (:programId::text is null or program_id = :programId)
     order by id limit :limit`,
    { afterId, programId, limit },
  );
  const ids = rows.map(({ id }) => id);
  return [...(await readCustomers(trx, ids)).values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
