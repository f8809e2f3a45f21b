import type { Trx } from '../../db/db.ts';
import { isAnonymous, type Fact } from '../../domain/facts.ts';
import { isKeylessRef } from '../../domain/keyless.ts';
import { isEarlier } from '../../domain/orderings.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';
import { findInboxIds } from '../rows/fact-rows.ts';
import {
  deleteIntroductions,
  readEmailRefs,
  readIntroductions,
  readTellingFacts,
  writeIntroductions,
  type Introduction,
} from '../rows/introduction-rows.ts';
import type { Families } from './families.ts';
import type { Arrival, LoadedOrder } from './loaded-order.ts';

const EMAIL = 'email:';

/** The reference of an e-mail, by which a guest is known. */
export function emailRef(email: string): string {
  return `${EMAIL}${email}`;
}

/** The e-mail of such a reference. */
export function emailOfRef(ref: string): string {
  return ref.slice(EMAIL.length);
}

export function isEmailRef(ref: string): boolean {
  return ref.startsWith(EMAIL);
}

/** The references that identify a customer: ids; without any, the (first) e-mail. */
export function identify(refs: string[], emails: string[]): string[] {
  if (refs.length > 0) return refs;
  const [email] = emails;
  return email === undefined ? [] : [emailRef(email)];
}

/** An e-mail as it identifies: never by a visitor's word. */
export function emailOf(fact: Fact): string | null {
  return !isAnonymous(fact) && fact.customer?.email ? fact.customer.email.toLowerCase() : null;
}

/** A fact of the batch, as far as it may say that somebody with an id has an e-mail. */
export interface Telling {
  scope: Scope;
  factId: string;
  at: string;
  /** By an id of theirs; the others of the fact are the same customer. Null: it says nothing of the kind. */
  says: { email: string; ref: string } | null;
  /** It was known, and may have said something else. */
  restated: boolean;
}

/** What the facts say that a batch adds to orders, or restates. */
export function tellingsOfOrders(orders: readonly LoadedOrder[]): Telling[] {
  return orders.flatMap(({ scope, newFacts, restatedFacts, facts }) => {
    const restated = new Set(restatedFacts.map(({ fact }) => fact.id));
    const ids = new Set([...newFacts.map(({ fact }) => fact.id), ...restated]);
    return [...ids].flatMap((id) => {
      const stands = facts.get(id);
      return stands ? tellingOf(scope, stands.fact, restated.has(id)) : [];
    });
  });
}

/**
 * What facts about customers alone say, as far as this batch brings the first message of them, or a new reading of it: the
 * others say nothing new.
 */
export async function tellingsOfArrivals(trx: Trx, arrivals: readonly Arrival[]): Promise<Telling[]> {
  const first = new Map<string, Arrival>();
  for (const arrival of arrivals) {
    const known = first.get(keyOf(arrival));
    if (!known || arrival.event.id < known.event.id) first.set(keyOf(arrival), arrival);
  }
  const stored = await findInboxIds(
    trx,
    [...first.values()].map(({ event, fact }) => ({ scope: event, factId: fact.id })),
  );
  return [...first.values()].flatMap((arrival) => {
    const { event, fact } = arrival;
    const inboxId = stored.get(keyOf(arrival));
    if (inboxId !== undefined && event.id > inboxId) return [];
    return tellingOf({ programId: event.programId, livemode: event.livemode }, fact, inboxId !== undefined);
  });
}

function keyOf({ event, fact }: Arrival): string {
  return `${scopeKey(event)} ${fact.id}`;
}

/** What a fact says about who has which e-mail. Without a key anybody may say that: it is nobody's word. */
export function tellingOf(scope: Scope, fact: Fact, restated: boolean): Telling {
  const email = fact.receivedAt === undefined ? emailOf(fact) : null;
  const [ref] = fact.customer?.refs ?? [];
  const isTold = email !== null && ref !== undefined && !isEmailRef(ref) && !isKeylessRef(ref);
  const says = isTold ? { email, ref } : null;
  return { scope, factId: fact.id, at: fact.occurredAt, says, restated };
}

/**
 * Keeps by which message each customer was first introduced with each e-mail; the records are locked. A fact that does not
 * say any more what it said is taken back, and the next one that says so counts. Whether anything changed.
 */
export async function recordIntroductions(
  trx: Trx,
  tellings: readonly Telling[],
  families: Families,
  ownerOf: (scope: Scope, ref: string) => string,
): Promise<boolean> {
  const said = tellings.flatMap(({ scope, says, at, factId }): Introduction[] =>
    says === null
      ? []
      : [
          {
            scope,
            emailId: ownerOf(scope, emailRef(says.email)),
            customerId: ownerOf(scope, says.ref),
            at,
            by: factId,
          },
        ],
  );
  const restated = tellings.filter((telling) => telling.restated);
  const pairs = firstOfPairs(said).filter(
    ({ emailId, customerId }) => families.records.has(emailId) && families.records.has(customerId),
  );
  if (said.length === 0 && (restated.length === 0 || families.records.size === 0)) return false;
  const stored =
    pairs.length === 0 && restated.length === 0
      ? []
      : await readIntroductions(
          trx,
          pairs,
          [...families.records.keys()],
          restated.map(({ factId }) => factId),
        );
  const restatedKeys = new Set(restated.map(({ scope, factId }) => `${scopeKey(scope)} ${factId}`));
  const withdrawn = stored.filter(
    (one) => restatedKeys.has(`${scopeKey(one.scope)} ${one.by}`) && !said.some((other) => isSame(one, other)),
  );
  const next = await findOthers(trx, withdrawn, families, restatedKeys);
  const standing = new Map(stored.filter((one) => !withdrawn.includes(one)).map((one) => [pairOf(one), one]));
  const changed = firstOfPairs([...said, ...next]).filter((one) => {
    const before = standing.get(pairOf(one));
    return before === undefined || comesBefore(one, before);
  });
  await deleteIntroductions(trx, withdrawn);
  await writeIntroductions(trx, changed);
  return withdrawn.length > 0 || changed.length > 0;
}

/** What else is stored of the pairs that nothing said any more what it did. */
async function findOthers(
  trx: Trx,
  withdrawn: readonly Introduction[],
  families: Families,
  except: ReadonlySet<string>,
): Promise<Introduction[]> {
  if (withdrawn.length === 0) return [];
  const refOf = await readEmailRefs(
    trx,
    withdrawn.map(({ emailId }) => emailId),
  );
  const roots = new Set(withdrawn.map(({ customerId }) => families.rootOf.get(customerId)));
  const members = [...families.rootOf].flatMap(([member, root]) => (roots.has(root) ? member : []));
  const facts = await readTellingFacts(trx, members);
  return withdrawn.flatMap(({ scope, emailId, customerId }) =>
    facts.flatMap((known): Introduction[] => {
      const { fact } = known;
      if (except.has(`${scopeKey(known.scope)} ${fact.id}`)) return [];
      const { says } = tellingOf(scope, fact, false);
      const isTheirs = families.rootOf.get(known.customerId) === families.rootOf.get(customerId);
      if (!isTheirs || says === null || emailRef(says.email) !== refOf.get(emailId)) return [];
      return [{ scope, emailId, customerId, at: fact.occurredAt, by: fact.id }];
    }),
  );
}

function firstOfPairs(introductions: readonly Introduction[]): Introduction[] {
  const first = new Map<string, Introduction>();
  for (const one of introductions) {
    const known = first.get(pairOf(one));
    if (!known || comesBefore(one, known)) first.set(pairOf(one), one);
  }
  return [...first.values()];
}

function comesBefore(a: Introduction, b: Introduction): boolean {
  return isEarlier({ occurredAt: a.at, reference: a.by }, { occurredAt: b.at, reference: b.by });
}

function pairOf({ emailId, customerId }: Introduction): string {
  return `${emailId} ${customerId}`;
}

function isSame(a: Introduction, b: Introduction): boolean {
  return pairOf(a) === pairOf(b) && a.at === b.at && a.by === b.by;
}
