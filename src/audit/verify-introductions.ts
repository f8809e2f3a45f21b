import type { Trx } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import type { Fact } from '../domain/facts.ts';
import type { Scope } from '../domain/scope.ts';
import { emailOf, emailRef, tellingOf } from '../pipeline/orders/introductions.ts';
import type { Findings } from './verify-findings.ts';

/**
 * Compares a page of introductions with the facts: each is told by its fact, and no other fact told of the same e-mail and
 * customer before. Gives the e-mail record at which the page ends; null at the end.
 */
export async function verifyIntroductions(
  trx: Trx,
  afterId: string,
  limit: number,
  programId: string | null,
  findings: Findings,
): Promise<string | null> {
  const rows = await runSql<IntroductionRow>(
    trx,
    'readIntroductionPage',
    `select i.email_id as "emailId", i.customer_id as "customerId", i.introduced_by as by,
       i.introduced_at as at, e.ref, f.fact, r.customer_id as "factCustomerId"
     from (select distinct email_id from introductions
           where email_id > :afterId and (:programId::text is null or program_id = :programId)
           order by email_id limit :limit) page
     join introductions i using (email_id)
     left join customer_refs e on e.customer_id = i.email_id
     left join facts f on f.program_id = i.program_id and f.livemode = i.livemode and f.id = i.introduced_by
     left join customer_refs r on r.program_id = i.program_id and r.livemode = i.livemode
       and r.ref = f.fact -> 'customer' -> 'refs' ->> 0
     order by i.email_id, i.customer_id`,
    { afterId, programId, limit },
  );
  for (const { emailId, customerId, by, at, ref, fact, factCustomerId } of rows) {
    const email = fact === null ? null : emailOf(fact);
    const told =
      fact !== null &&
      email !== null &&
      emailRef(email) === ref &&
      factCustomerId === customerId &&
      Date.parse(fact.occurredAt) === at.getTime();
    if (!told) findings.differ('customer', emailId, `stands for ${customerId}`, by, 'a fact that says so');
  }
  const emails = new Set(rows.map(({ emailId }) => emailId));
  return emails.size === limit ? (rows.at(-1)?.emailId ?? null) : null;
}

interface IntroductionRow {
  emailId: string;
  customerId: string;
  by: string;
  at: Date;
  ref: string | null;
  fact: Fact | null;
  factCustomerId: string | null;
}

/** Facts of a page that tell of a customer with an id and an e-mail, without an introduction that is as early. */
export async function findUnintroduced(
  trx: Trx,
  facts: readonly { scope: Scope; fact: Fact }[],
): Promise<{ fact: Fact }[]> {
  const telling = facts.flatMap(({ scope, fact }) => {
    const { says } = tellingOf(scope, fact, false);
    return says === null ? [] : [{ scope, fact, ...says }];
  });
  if (telling.length === 0) return [];
  const rows = await runSql<{ place: number }>(
    trx,
    'findUnintroduced',
    `select told.place::int from unnest(:programIds::text[], :livemodes::boolean[], :emails::text[], :refs::text[],
       :ats::timestamptz[], :factIds::text[]) with ordinality as told (program_id, livemode, email, ref, at, fact_id, place)
     where not exists (
       select 1 from customer_refs e
       join customer_refs r on r.program_id = told.program_id and r.livemode = told.livemode and r.ref = told.ref
       join introductions i on i.email_id = e.customer_id and i.customer_id = r.customer_id
       where e.program_id = told.program_id and e.livemode = told.livemode and e.ref = told.email
         and (i.introduced_at, i.introduced_by) <= (told.at, told.fact_id))`,
    {
      programIds: telling.map(({ scope }) => scope.programId),
      livemodes: telling.map(({ scope }) => scope.livemode),
      emails: telling.map(({ email }) => emailRef(email)),
      refs: telling.map(({ ref }) => ref),
      ats: telling.map(({ fact }) => fact.occurredAt),
      factIds: telling.map(({ fact }) => fact.id),
    },
  );
  return rows.flatMap(({ place }) => telling[place - 1] ?? []);
}
