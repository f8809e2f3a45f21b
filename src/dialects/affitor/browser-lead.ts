import type { Db } from '../../db/db.ts';
import type { Fact } from '../../domain/facts.ts';
import { isPlaceholder } from '../../domain/placeholders.ts';
import { isMacro } from '../../domain/unreplaced-macros.ts';
import { customerRef } from '../../inbound/fields/references.ts';
import { getProgram } from '../../program/programs.ts';
import { badRequest, browserLeadsOff } from './errors.ts';
import { leadFact } from './lead-fact.ts';

/** A lead as a visitor's browser tells of it. */
interface BrowserLead {
  clickId: string | null;
  /** The caller's own customer key, if it is one. */
  key: string | null;
  email: string | null;
}

/**
 * Lets a browser's lead in, where the program takes them, or it asks to be a test record. It may name a customer by the
 * caller's own key alone: the id of a payment provider belongs to whoever pays there, which a visitor cannot say. Throws where
 * it is refused.
 */
export async function admitBrowser(
  db: Db,
  programId: string,
  { test, ...said }: { clickId: string | null; key: string | null | undefined; email: string | null; test: boolean },
): Promise<BrowserLead> {
  if (!test && !(await getProgram(db, programId)).browserLeads) throw browserLeadsOff();
  // What a site sends where nobody is signed in is no key.
  const key = said.key && !isPlaceholder(said.key) && !isMacro(said.key) ? said.key : null;
  if (key !== null && !customerRef(key).startsWith(OWN)) throw badRequest(PROVIDER_ID);
  return { ...said, key };
}

const OWN = 'id:';
const PROVIDER_ID = 'customer_key is the id of a payment provider, which a lead without an API key cannot name';

/**
 * One lead a customer key; without one, one a click. It shares the order of the lead that a server may send, and names one
 * reference alone, so that it joins nobody: its visitor's own where it has no key. The e-mail is no part of its identity.
 */
export function toAnonymousLead({ clickId, key, email }: BrowserLead, receivedAt: Date): Fact {
  const own = key === null ? null : customerRef(key);
  const subject = own ?? (clickId === null ? `test:${receivedAt.toISOString()}` : `click:${clickId}`);
  const ref = own ?? (clickId === null ? null : `visitor:${clickId}`);
  const customer = ref === null ? null : { refs: [ref], email: null };
  return { ...leadFact('affitor-browser-lead', subject, { clickId, customer }, receivedAt), anonymous: { email } };
}
