import type { Knex } from 'knex';
import { customerRef } from '../../inbound/conversion-facts.ts';
import { findAnyClick, type StoredClick } from '../../program/clicks.ts';
import { findCustomersByReference, findCustomersOfClick, type Customer } from '../../program/customers.ts';

/** Whom a lead or a sale is about. */
export interface Who {
  /** The click that is named, if it is the program's. */
  click: StoredClick | null;
  /** The customer as known so far. */
  customer: Customer | null;
  /** The references that the fact names the customer by; none: nobody can be told apart. */
  refs: string[];
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
  const wanted = [keyRef, click_id ? clickRef(click_id) : null].filter((ref) => ref !== null);
  const [named, customers] = await Promise.all([
    click_id ? findAnyClick(db, click_id) : null,
    findCustomersByReference(db, programId, livemode, wanted),
  ]);
  const click = named?.programId === programId ? named : null;
  const anonymous = click ? (customers.get(clickRef(click.id)) ?? null) : null;
  if (keyRef !== null) {
    const free = anonymous?.references.every((ref) => ref.startsWith(CLICK)) ? anonymous : null;
    const refs = click && free ? [keyRef, clickRef(click.id)] : [keyRef];
    return { click, customer: customers.get(keyRef) ?? free, refs };
  }
  if (!click) return { click, customer: null, refs: [] };
  const [bound, ...others] = anonymous ? [anonymous] : await findCustomersOfClick(db, programId, livemode, click.id);
  const [ref] = others.length === 0 ? (bound?.references ?? []) : [];
  return { click, customer: ref === undefined ? null : (bound ?? null), refs: [ref ?? clickRef(click.id)] };
}

const CLICK = 'click:';

function clickRef(clickId: string): string {
  return `${CLICK}${clickId}`;
}
