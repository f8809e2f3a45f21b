import type { Db } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';

/** The advertiser's customer, and the affiliate that they are bound to. */
export interface Customer {
  id: string;
  livemode: boolean;
  email: string | null;
  /** The customer that this one turned out to be. */
  mergedInto: string | null;
  /** Every id that the customer is known by: `stripe:cus_…`, `id:…`, `rc:…`. */
  references: string[];
  affiliateId: string | null;
  offerId: string | null;
  clickId: string | null;
  boundAt: Date | null;
  /** The conversion that bound them, or the fact. */
  boundBy: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/**
 * By id, by the caller's own id, or by any reference: of one who turned out to be another customer that one, but by the
 * id, under which it is shown as what it was.
 */
export async function findCustomer(
  db: Db,
  programId: string,
  livemode: boolean,
  idOrReference: string,
): Promise<Customer | null> {
  const references = [idOrReference, `id:${idOrReference}`, `stripe:${idOrReference}`];
  const [row] = await runPositional<Customer>(
    db,
    `with recursive known as (
       select c.id, c.merged_into from customer_refs r join customers c on c.id = r.customer_id
       where r.program_id = ? and r.livemode = ? and r.ref = any(?)
       union
       select c.id, c.merged_into from known join customers c on c.id = known.merged_into)
     select ${columns} from customers c
     where c.program_id = ? and c.livemode = ? and c.id = coalesce(
       (select id from customers where program_id = ? and livemode = ? and id = ?),
       (select id from known where merged_into is null order by id limit 1))`,
    [programId, livemode, references, programId, livemode, programId, livemode, idOrReference],
  );
  return row ?? null;
}

// A customer keeps their references when they turn out to be another one, who is known by them from then on.
const referencesOfCustomer = `array(
  with recursive family as (
    select c.id union all select child.id from family join customers child on child.merged_into = family.id)
  select ref from customer_refs join family on customer_id = family.id order by ref)`;

const columns = `c.id, c.livemode, c.email, c.merged_into as "mergedInto", ${referencesOfCustomer} as references,
  c.affiliate_id as "affiliateId", c.offer_id as "offerId", c.click_id as "clickId", c.bound_at as "boundAt",
  c.bound_by as "boundBy", c.created_at as "createdAt", c.updated_at as "updatedAt"`;
