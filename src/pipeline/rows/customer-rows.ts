import { isEarlier } from '../../domain/orderings.ts';
import type { Trx } from '../../db/db.ts';
import { runPositional } from '../../db/sql.ts';
import type { Binding, Candidate } from '../rules/attribution.ts';
import type { OwnAttribution } from '../rules/attribution.ts';
import type { TermsSnapshot } from '../rules/catalog.ts';

/** A row of `customers`; `binding` null: nobody brought them (yet). */
export interface CustomerRow {
  id: string;
  programId: string;
  livemode: boolean;
  email: string | null;
  mergedInto: string | null;
  binding: Binding | null;
}

export async function readCustomers(trx: Trx, ids: string[]): Promise<Map<string, CustomerRow>> {
  if (ids.length === 0) return new Map();
  const rows = await runPositional<CustomerDbRow>(
    trx,
    `select id, program_id, livemode, email, merged_into, affiliate_id, offer_id, click_id, bound_at, bound_by,
       bound_ref, terms
     from customers where id = any(?)`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, toCustomer(row)]));
}

/** Every customer that was merged into one of the roots, to its root; the roots to themselves. */
export async function readMembers(trx: Trx, roots: string[]): Promise<Map<string, string>> {
  const members = new Map(roots.map((root) => [root, root]));
  if (roots.length === 0) return members;
  const rows = await runPositional<{ id: string; root: string }>(
    trx,
    `with recursive tree as (
       select id, id as root from customers where id = any(?)
       union all
       select child.id, tree.root from tree join customers child on child.merged_into = tree.id)
     select id, root from tree`,
    [roots],
  );
  for (const row of rows) members.set(row.id, row.root);
  return members;
}

/** A binding that a customer's stored order, not of this batch, offers. */
export interface BindingClaim {
  customerId: string;
  orderId: string;
  occurredAt: string;
  reference: string;
  own: OwnAttribution;
}

/** The earliest binding that each customer's other orders (those not in `except`) offer. */
export async function readEarliestBindings(
  trx: Trx,
  members: Map<string, string>,
  except: string[],
): Promise<Map<string, BindingClaim>> {
  const rows = await runPositional<BindingRow>(
    trx,
    `select member.root as customer_id, o.id, o.occurred_at, o.reference, o.own, o.terms
     from unnest(?::text[], ?::text[]) as member (id, root)
     cross join lateral (
       select id, occurred_at, reference, own, terms from orders
       where customer_id = member.id and own is not null and not (id = any(?))
       order by occurred_at, reference limit 1) o`,
    [[...members.keys()], [...members.values()], except],
  );
  const earliest = new Map<string, BindingClaim>();
  for (const row of rows) {
    const terms = row.terms.find((one) => one.affiliateId === row.own.affiliateId && one.offerId === row.own.offerId);
    if (!terms) throw new Error(`order ${row.id} is attributed, but its terms are not recorded`);
    const claim: BindingClaim = {
      customerId: row.customer_id,
      orderId: row.id,
      occurredAt: row.occurred_at.toISOString(),
      reference: row.reference,
      own: { candidate: row.own, terms },
    };
    const known = earliest.get(row.customer_id);
    if (!known || isEarlier(claim, known)) earliest.set(row.customer_id, claim);
  }
  return earliest;
}

/** How many of each customer's orders are not in `except`: those that a moved binding has to settle again. */
export async function readOtherOrders(trx: Trx, members: Map<string, string>, except: string[]): Promise<Set<string>> {
  const rows = await runPositional<{ root: string }>(
    trx,
    `select distinct member.root from unnest(?::text[], ?::text[]) as member (id, root)
     where exists (select 1 from orders o where o.customer_id = member.id and not (o.id = any(?)))`,
    [[...members.keys()], [...members.values()], except],
  );
  return new Set(rows.map((row) => row.root));
}

export async function writeCustomers(trx: Trx, inserted: CustomerRow[], updated: CustomerRow[]): Promise<void> {
  const text = `select id, program_id, livemode::boolean, email, merged_into, affiliate_id, offer_id, click_id,
       bound_at::timestamptz, bound_by, bound_ref, terms::jsonb
     from unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[],
       ?::text[], ?::text[], ?::text[]) as r (id, program_id, livemode, email, merged_into, affiliate_id, offer_id,
       click_id, bound_at, bound_by, bound_ref, terms)`;
  if (inserted.length > 0) {
    await runPositional(
      trx,
      `insert into customers (id, program_id, livemode, email, merged_into, affiliate_id, offer_id, click_id, bound_at,
         bound_by, bound_ref, terms) ${text}`,
      bindings(inserted),
    );
  }
  if (updated.length > 0) {
    await runPositional(
      trx,
      `update customers c set email = row.email, merged_into = row.merged_into, affiliate_id = row.affiliate_id,
         offer_id = row.offer_id, click_id = row.click_id, bound_at = row.bound_at, bound_by = row.bound_by,
         bound_ref = row.bound_ref, terms = row.terms, updated_at = now()
       from (${text}) as row where c.id = row.id`,
      bindings(updated),
    );
  }
}

function bindings(rows: CustomerRow[]): (string | null)[][] {
  return [
    rows.map((row) => row.id),
    rows.map((row) => row.programId),
    rows.map((row) => String(row.livemode)),
    rows.map((row) => row.email),
    rows.map((row) => row.mergedInto),
    rows.map((row) => row.binding?.affiliateId ?? null),
    rows.map((row) => row.binding?.offerId ?? null),
    rows.map((row) => row.binding?.clickId ?? null),
    rows.map((row) => row.binding?.boundAt ?? null),
    rows.map((row) => row.binding?.boundBy ?? null),
    rows.map((row) => row.binding?.boundRef ?? null),
    rows.map((row) => (row.binding ? JSON.stringify(row.binding.terms) : null)),
  ];
}

function toCustomer(row: CustomerDbRow): CustomerRow {
  const bound =
    row.affiliate_id !== null && row.offer_id !== null && row.bound_at !== null && row.bound_by !== null && row.terms;
  return {
    id: row.id,
    programId: row.program_id,
    livemode: row.livemode,
    email: row.email,
    mergedInto: row.merged_into,
    binding: bound
      ? {
          affiliateId: row.affiliate_id ?? '',
          offerId: row.offer_id ?? '',
          clickId: row.click_id,
          boundAt: (row.bound_at ?? new Date(0)).toISOString(),
          boundBy: row.bound_by ?? '',
          boundRef: row.bound_ref ?? '',
          terms: bound,
        }
      : null,
  };
}

interface CustomerDbRow {
  id: string;
  program_id: string;
  livemode: boolean;
  email: string | null;
  merged_into: string | null;
  affiliate_id: string | null;
  offer_id: string | null;
  click_id: string | null;
  bound_at: Date | null;
  bound_by: string | null;
  bound_ref: string | null;
  terms: TermsSnapshot | null;
}

interface BindingRow {
  customer_id: string;
  id: string;
  occurred_at: Date;
  reference: string;
  own: Candidate;
  terms: TermsSnapshot[];
}
