import type { Trx } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import type { Fact } from '../domain/facts.ts';
import { scopeKey, type Scope } from '../domain/scope.ts';
import { readFamilies } from '../pipeline/orders/families.ts';
import { emailRef, tellingOf } from '../pipeline/orders/introductions.ts';
import type { Findings } from './verify-findings.ts';

/** A fact that says that somebody has an id and an e-mail. */
interface Telling {
  fact: Fact;
  scope: Scope;
  says: { email: string; ref: string };
}

/**
 * Compares a page of introductions with the facts: each is told by its fact. Gives the e-mail record at which the page
 * ends; null at the end.
 */
export async function verifyIntroductions(
  trx: Trx,
  afterId: string,
  limit: number,
  programId: string | null,
  findings: Findings,
): Promise<string | null> {
  const rows = await runSql<Introduction & { programId: string; livemode: boolean; fact: Fact | null }>(
    trx,
    'readIntroductionPage',
    `select i.program_id as "programId", i.livemode, i.email_id as "emailId", i.customer_id as "customerId",
       i.introduced_at as at, i.introduced_by as by, f.fact
     from (select distinct email_id from introductions
           where email_id > :afterId and (:programId::text is null or program_id = :programId)
           order by email_id limit :limit) page
     join introductions i using (email_id)
     left join facts f on f.program_id = i.program_id and f.livemode = i.livemode and f.id = i.introduced_by
     order by i.email_id, i.customer_id`,
    { afterId, programId, limit },
  );
  const told = rows.flatMap(({ fact, ...scope }) => (fact === null ? [] : tellingsIn(scope, fact)));
  const owners = await readOwners(trx, told);
  const { mergedTo } = await readFamilies(trx, [...rows.map(({ customerId }) => customerId), ...owners.values()]);
  for (const { emailId, customerId, by, at, fact, ...scope } of rows) {
    const [telling] = fact === null ? [] : tellingsIn(scope, fact);
    const { email = null, ref = null } = telling?.says ?? {};
    const isTold =
      email !== null &&
      ref !== null &&
      owners.get(keyOf(scope, emailRef(email))) === emailId &&
      mergedTo.get(owners.get(keyOf(scope, ref)) ?? '') === mergedTo.get(customerId) &&
      Date.parse(fact?.occurredAt ?? '') === at.getTime();
    if (!isTold) findings.differ('customer', emailId, `stands for ${customerId}`, by, 'a fact that says so');
  }
  const emails = new Set(rows.map(({ emailId }) => emailId));
  return emails.size === limit ? (rows.at(-1)?.emailId ?? null) : null;
}

interface Introduction {
  emailId: string;
  customerId: string;
  at: Date;
  by: string;
}

/** Facts of a page that tell of a customer with an id and an e-mail, without an introduction that is as early. */
export async function findUnintroduced(trx: Trx, facts: readonly { scope: Scope; fact: Fact }[]): Promise<Fact[]> {
  const told = facts.flatMap(({ scope, fact }) => tellingsIn(scope, fact));
  const owners = await readOwners(trx, told);
  const emailIds = told.flatMap(({ scope, says }) => owners.get(keyOf(scope, emailRef(says.email))) ?? []);
  const introductions = await readIntroductionsOf(trx, [...new Set(emailIds)]);
  const { mergedTo } = await readFamilies(trx, [
    ...new Set([...owners.values(), ...introductions.map(({ customerId }) => customerId)]),
  ]);
  const ofEmail = Map.groupBy(introductions, ({ emailId }) => emailId);
  return told.flatMap(({ scope, fact, says }) => {
    const customer = mergedTo.get(owners.get(keyOf(scope, says.ref)) ?? '');
    const known = ofEmail.get(owners.get(keyOf(scope, emailRef(says.email))) ?? '') ?? [];
    const isIntroduced = known.some(
      ({ customerId, at, by }) => mergedTo.get(customerId) === customer && isAsEarly(at.toISOString(), by, fact),
    );
    return isIntroduced ? [] : fact;
  });
}

function isAsEarly(at: string, by: string, { occurredAt, id }: Fact): boolean {
  return at < occurredAt || (at === occurredAt && by <= id);
}

function tellingsIn(scope: Scope, fact: Fact): Telling[] {
  const { says } = tellingOf(scope, fact, false);
  return says === null ? [] : [{ fact, scope, says }];
}

/** The records of the ids and e-mails that facts tell of, by scope and reference. */
async function readOwners(trx: Trx, told: readonly Telling[]): Promise<Map<string, string>> {
  if (told.length === 0) return new Map();
  const refs = told.flatMap(({ scope, says }) => [says.ref, emailRef(says.email)].map((ref) => ({ ...scope, ref })));
  const rows = await runSql<{ programId: string; livemode: boolean; ref: string; id: string }>(
    trx,
    'readRecordsOfRefs',
    `select r.program_id as "programId", r.livemode, r.ref, r.customer_id as id
     from unnest(:programIds::text[], :livemodes::boolean[], :refs::text[]) as w (program_id, livemode, ref)
     join customer_refs r using (program_id, livemode, ref)`,
    {
      programIds: refs.map(({ programId }) => programId),
      livemodes: refs.map(({ livemode }) => livemode),
      refs: refs.map(({ ref }) => ref),
    },
  );
  return new Map(rows.map((row) => [keyOf(row, row.ref), row.id]));
}

async function readIntroductionsOf(trx: Trx, emailIds: readonly string[]): Promise<Introduction[]> {
  if (emailIds.length === 0) return [];
  return runSql<Introduction>(
    trx,
    'readIntroductionsOfEmails',
    `select email_id as "emailId", customer_id as "customerId", introduced_at as at, introduced_by as by
     from introductions where email_id = any(:emailIds)`,
    { emailIds },
  );
}

function keyOf(scope: Scope, ref: string): string {
  return `${scopeKey(scope)} ${ref}`;
}
