import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { familiesOf } from '../../ledger/customer-families.ts';

/** A record of a customer, as far as it tells who they are. */
export interface CustomerRecord {
  id: string;
  /** The record that it was merged into by a message that names both. */
  mergedInto: string | null;
  /** It stands for an e-mail, and not for an id. */
  isEmail: boolean;
  /** It is known to a source that asks for no key, and to nobody else. */
  isKeyless: boolean;
  /** Anonymous leads of theirs are known. */
  hasLeads: boolean;
}

/** A record, found from one that it belongs together with. */
export interface FamilyRow extends CustomerRecord {
  start: string;
}

/** All records that belong together with each of the given ones; themselves, too. */
export async function readFamilyRows(trx: Trx, ids: readonly string[]): Promise<FamilyRow[]> {
  if (ids.length === 0) return [];
  return runSql<FamilyRow>(
    trx,
    'readFamilies',
    `${familiesOf('select unnest(:ids::text[])')}
     select family.start, family.id, c.merged_into as "mergedInto", coalesce(c.is_email, false) as "isEmail",
       coalesce(c.is_keyless, false) as "isKeyless",
       lead.fact_id is not null as "hasLeads"
     from family
     left join lateral (select merged_into, is_email, is_keyless from customers where id = family.id offset 0) c on true
     left join lateral (select fact_id from anonymous_leads where customer_id = family.id limit 1) lead on true`,
    { ids },
  );
}
