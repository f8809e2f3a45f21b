import type { Trx } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';
import { bindCustomers } from '../pipeline/credit/bind-customers.ts';
import { readCustomers, readMembers, type CustomerRow } from '../pipeline/rows/customer-rows.ts';
import type { CustomerWork } from '../pipeline/orders/lock-customers.ts';
import type { Findings } from './verify-findings.ts';
import { Worlds } from '../pipeline/rows/load-catalog.ts';

/** Binds a page of customers anew, from their orders' claims and the facts about them, and compares. */
export async function verifyCustomers(trx: Trx, page: CustomerRow[], findings: Findings): Promise<void> {
  const worlds = new Worlds();
  await worlds.load(
    trx,
    page.map(({ programId }) => ({ programId, evidence: {} })),
  );
  const byId = new Map(
    page.map((row): [string, CustomerWork] => [
      row.id,
      {
        id: row.id,
        scope: { programId: row.programId, livemode: row.livemode },
        before: row,
        merged: [],
        email: row.email,
        orders: [],
        facts: [],
        attributions: new Map(),
        binding: null,
      },
    ]),
  );
  const members = await readMembers(trx, [...byId.keys()]);
  const waiting = await findWaiting(trx, [...members.keys()]);
  await bindCustomers(trx, { byId, members }, [], worlds);
  for (const { id, before, binding } of byId.values()) {
    findings.count('customers');
    const inFlight = [...members].some(([member, root]) => root === id && waiting.has(member));
    if (inFlight) findings.count('waiting');
    else if (describe(before?.binding ?? null) !== describe(binding)) {
      findings.differ('customer', id, 'binding', describe(before?.binding ?? null), describe(binding));
    }
  }
}

function describe(binding: CustomerRow['binding']): string | null {
  if (!binding) return null;
  const { affiliateId, offerId, clickId, boundAt, boundBy } = binding;
  return [affiliateId, offerId, clickId, boundAt, boundBy].join(' ');
}

/** Customers who are to be settled again, or an order of theirs. */
async function findWaiting(trx: Trx, ids: string[]): Promise<Set<string>> {
  const rows = await runPositional<{ id: string }>(
    trx,
    `select customer_id as id from resettlements where customer_id = any(?)
     union select o.customer_id from resettlements r join orders o on o.id = r.order_id where o.customer_id = any(?)`,
    [ids, ids],
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
  const rows = await runPositional<{ id: string }>(
    trx,
    `select id from customers where id > ? and merged_into is null and (?::text is null or program_id = ?)
     order by id limit ?`,
    [afterId, programId, programId, limit],
  );
  return [
    ...(
      await readCustomers(
        trx,
        rows.map(({ id }) => id),
      )
    ).values(),
  ].sort((a, b) => (a.id < b.id ? -1 : 1));
}
