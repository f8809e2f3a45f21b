import type { Knex } from 'knex';
import { runSql } from '../../db/sql.ts';
import { customerRef } from '../../inbound/conversion-facts.ts';

/** Whom a lead or a sale is about. */
export interface Who {
  /** The click that is named, if it is the program's. */
  clickId: string | null;
  /** The customer as known so far. */
  customer: KnownCustomer | null;
  /** The references that the fact names the customer by; none: nobody can be told apart. */
  refs: string[];
}

interface KnownCustomer {
  affiliateId: string | null;
  /** Every reference that the customer is known by. */
  references: string[];
}

/**
 * To Affitor a click id stands for the customer who clicked: what names a click alone is about whoever that click bound.
 * A customer key counts more; the first one that comes with a click takes over what only the click was known for.
 */
export async function findWho(
  db: Knex,
  { programId, livemode }: { programId: string; livemode: boolean },
  { click_id, customer_key }: { click_id?: string | null | undefined; customer_key?: string | null | undefined },
): Promise<Who> {
  const keyRef = customer_key ? customerRef(customer_key) : null;
  const named = click_id ?? null;
  const wanted = [keyRef, named && clickRef(named)].filter((ref) => ref !== null);
  const { clicked, byReference, boundByClick } = await findCustomers(db, programId, livemode, named, wanted);
  const clickId = clicked ? named : null;
  const anonymous = clickId === null ? null : (byReference.get(clickRef(clickId)) ?? null);
  if (keyRef !== null) {
    const free = anonymous?.references.every((ref) => ref.startsWith(CLICK)) ? anonymous : null;
    const refs = clickId !== null && free ? [keyRef, clickRef(clickId)] : [keyRef];
    return { clickId, customer: byReference.get(keyRef) ?? free, refs };
  }
  if (clickId === null) return { clickId, customer: null, refs: [] };
  const [bound, ...others] = anonymous ? [anonymous] : boundByClick;
  const [ref] = others.length === 0 ? (bound?.references ?? []) : [];
  return { clickId, customer: ref === undefined ? null : (bound ?? null), refs: [ref ?? clickRef(clickId)] };
}

interface Found {
  /** Whether the click is the program's. */
  clicked: boolean;
  byReference: Map<string, KnownCustomer>;
  /** Whom the click bound to its affiliate, at most two. */
  boundByClick: KnownCustomer[];
}

async function findCustomers(
  db: Knex,
  programId: string,
  livemode: boolean,
  clickId: string | null,
  references: readonly string[],
): Promise<Found> {
  const rows = await runSql<{ clicked: boolean; ref: string | null; affiliateId: string | null; references: string[] }>(
    db,
    `select clicked, ref, affiliate_id as "affiliateId", known_by as "references"
     from find_affitor_customers(?, ?, ?, ?::text[])`,
    [programId, livemode, clickId, references],
  );
  const found: Found = { clicked: rows[0]?.clicked ?? false, byReference: new Map(), boundByClick: [] };
  for (const { ref, affiliateId, references: known } of rows) {
    if (ref !== null) found.byReference.set(ref, { affiliateId, references: known });
    else if (known.length > 0) found.boundByClick.push({ affiliateId, references: known });
  }
  return found;
}

const CLICK = 'click:';

function clickRef(clickId: string): string {
  return `${CLICK}${clickId}`;
}
