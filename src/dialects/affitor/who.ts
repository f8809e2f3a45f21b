import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { isPlaceholder } from '../../domain/placeholders.ts';
import { clickOf } from '../../domain/test-clicks.ts';
import { isMacro } from '../../domain/unreplaced-macros.ts';
import { customerRef } from '../../inbound/fields/references.ts';
import { perDatabase } from '../../db/expiring-cache.ts';
import { openSharedStatement } from './shared-statement.ts';

/** Whom a lead or a sale is about. */
export interface Who {
  /** The click that is named, if it is the program's, and no test click in a live call. */
  clickId: string | null;
  /** The customer as known so far. */
  customer: KnownCustomer | null;
  /** The references by which the fact names the customer; empty: the call names nobody. */
  refs: string[];
}

interface KnownCustomer {
  affiliateId: string | null;
  /** Whom an anonymous lead credits the customer to, where nothing else does. */
  leadAffiliateId: string | null;
  /** Every reference that the customer is known by. */
  references: string[];
}

/**
 * Affitor takes a click id for the customer who clicked: a call that names only a click is about the customer whom that
 * click bound. A customer key is stronger; the first that comes with a click takes over the customer known by it alone.
 */
export async function findWho(
  db: Db,
  { programId, livemode }: { programId: string; livemode: boolean },
  { click_id, customer_key }: { click_id?: string | null | undefined; customer_key?: string | null | undefined },
): Promise<Who> {
  // What a site sends where nobody is signed in, or where it filled nothing in, is no key: everybody would be one customer.
  const isKey = customer_key && !isPlaceholder(customer_key) && !isMacro(customer_key);
  const keyRef = isKey ? customerRef(customer_key) : null;
  const named = click_id ? clickOf(click_id) : null;
  const { clicked, byReference, boundByClick } = await findCustomers({
    db,
    programId,
    livemode,
    clickId: named,
    keyRef,
  });
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

interface Question {
  db: Db;
  programId: string;
  livemode: boolean;
  clickId: string | null;
  keyRef: string | null;
}

interface Asked extends Question {
  /** Filled in by the group's statement. */
  found: Found;
}

/**
 * Concurrent callers share one statement. It begins after they called, so it sees what they were told before. A lone caller
 * starts one at once, and nobody waits for more than the statement under way and their own.
 */
async function findCustomers(question: Question): Promise<Found> {
  const asked: Asked = { ...question, found: { clicked: false, byReference: new Map(), boundByClick: [] } };
  await statementOf(question.db).add(asked);
  return asked.found;
}

const statementOf = perDatabase(() => openSharedStatement<Asked>(answerGroup));

async function answerGroup(group: readonly Asked[]): Promise<void> {
  const [first] = group;
  if (!first) return;
  const rows = await runSql<FoundRow>(
    first.db,
    'findCustomersOfCalls',
    `select place as "callNumber", ref,
       -- Live calls know no test clicks.
       clicked and (not (:livemodes::boolean[])[place]
         or (select livemode from clicks where id = (:clickIds::text[])[place])) as clicked,
       affiliate_id as "affiliateId", known_by as "references", lead_affiliate_id as "leadAffiliateId"
     from find_affitor_customers(:programIds::text[], :livemodes::boolean[], :clickIds::text[], :keyRefs::text[],
       :clickRefs::text[])`,
    {
      programIds: group.map(({ programId }) => programId),
      livemodes: group.map(({ livemode }) => livemode),
      clickIds: group.map(({ clickId }) => clickId),
      keyRefs: group.map(({ keyRef }) => keyRef),
      clickRefs: group.map(({ clickId }) => clickId && clickRef(clickId)),
    },
  );
  for (const { callNumber, clicked, ref, ...customer } of rows) {
    const found = group[callNumber - 1]?.found;
    if (!found) throw new Error(`the group has no call ${callNumber}`);
    found.clicked = clicked;
    if (ref !== null) found.byReference.set(ref, customer);
    else if (customer.references.length > 0) found.boundByClick.push(customer);
  }
}

interface FoundRow {
  /** From 1. */
  callNumber: number;
  clicked: boolean;
  /** Null: whom the click bound, or nobody. */
  ref: string | null;
  affiliateId: string | null;
  leadAffiliateId: string | null;
  references: string[];
}

const CLICK = 'click:';

function clickRef(clickId: string): string {
  return `${CLICK}${clickId}`;
}
