import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { Fact } from '../../domain/facts.ts';
import type { Scope } from '../../domain/scope.ts';

/** By which message a customer was first told of with an id and an e-mail. */
export interface Introduction {
  scope: Scope;
  /** The customer record of the e-mail. */
  emailId: string;
  /** The customer record of the id. */
  customerId: string;
  /** ISO 8601 UTC. */
  at: string;
  /** The fact. */
  by: string;
}

interface IntroductionRow {
  programId: string;
  livemode: boolean;
  emailId: string;
  customerId: string;
  at: Date;
  by: string;
}

/** What is stored of pairs of an e-mail and a customer, and of what the given facts introduced of these customers. */
export async function readIntroductions(
  trx: Trx,
  pairs: readonly Pick<Introduction, 'emailId' | 'customerId'>[],
  customerIds: readonly string[],
  factIds: readonly string[],
): Promise<Introduction[]> {
  const rows = await runSql<IntroductionRow>(
    trx,
    'readIntroductions',
    `select i.program_id as "programId", i.livemode, i.email_id as "emailId", i.customer_id as "customerId",
       i.introduced_at as at, i.introduced_by as by
     from unnest(:emailIds::text[], :customerIds::text[]) as pair (email_id, customer_id)
     join introductions i using (email_id, customer_id)
     union
     select program_id, livemode, email_id, customer_id, introduced_at, introduced_by
     from introductions where customer_id = any(:membersIds::text[]) and introduced_by = any(:factIds::text[])`,
    {
      emailIds: pairs.map(({ emailId }) => emailId),
      customerIds: pairs.map(({ customerId }) => customerId),
      membersIds: factIds.length === 0 ? [] : customerIds,
      factIds,
    },
  );
  return rows.map(toIntroduction);
}

/** A stored fact with an e-mail, of an order of the customer or about the customer alone. */
export interface TellingFact {
  scope: Scope;
  customerId: string;
  fact: Fact;
}

export async function readTellingFacts(trx: Trx, customerIds: readonly string[]): Promise<TellingFact[]> {
  const rows = await runSql<{ programId: string; livemode: boolean; customerId: string; fact: Fact }>(
    trx,
    'readTellingFacts',
    `select f.program_id as "programId", f.livemode, c.id as "customerId", f.fact
     from unnest(:customerIds::text[]) as c (id) cross join lateral (
       select f.program_id, f.livemode, f.fact from orders o join facts f on f.order_id = o.id where o.customer_id = c.id
       union all
       select program_id, livemode, fact from facts where customer_id = c.id and order_id is null) f
     where f.fact -> 'customer' ->> 'email' <> ''`,
    { customerIds },
  );
  return rows.map(({ programId, livemode, customerId, fact }) => ({
    scope: { programId, livemode },
    customerId,
    fact,
  }));
}

/** The references of the records of e-mails, by record. */
export async function readEmailRefs(trx: Trx, emailIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await runSql<{ id: string; ref: string }>(
    trx,
    'readEmailRefs',
    `select known.id, ref from unnest(:emailIds::text[]) as known (id) cross join lateral refs_of_customer(known.id) as ref`,
    { emailIds },
  );
  return new Map(rows.map(({ id, ref }) => [id, ref]));
}

export async function writeIntroductions(trx: Trx, introductions: readonly Introduction[]): Promise<void> {
  if (introductions.length === 0) return;
  await runSql(
    trx,
    'writeIntroductions',
    `insert into introductions (program_id, livemode, email_id, customer_id, introduced_at, introduced_by)
     select * from unnest(:programIds::text[], :livemodes::boolean[], :emailIds::text[], :customerIds::text[],
       :ats::timestamptz[], :bys::text[])
     on conflict (email_id, customer_id, program_id) do update
       set introduced_at = excluded.introduced_at, introduced_by = excluded.introduced_by`,
    {
      programIds: introductions.map(({ scope }) => scope.programId),
      livemodes: introductions.map(({ scope }) => scope.livemode),
      emailIds: introductions.map(({ emailId }) => emailId),
      customerIds: introductions.map(({ customerId }) => customerId),
      ats: introductions.map(({ at }) => at),
      bys: introductions.map(({ by }) => by),
    },
  );
}

export async function deleteIntroductions(trx: Trx, introductions: readonly Introduction[]): Promise<void> {
  if (introductions.length === 0) return;
  await runSql(
    trx,
    'deleteIntroductions',
    `delete from introductions i using unnest(:emailIds::text[], :customerIds::text[]) as gone (email_id, customer_id)
     where i.email_id = gone.email_id and i.customer_id = gone.customer_id`,
    {
      emailIds: introductions.map(({ emailId }) => emailId),
      customerIds: introductions.map(({ customerId }) => customerId),
    },
  );
}

function toIntroduction({ programId, livemode, emailId, customerId, at, by }: IntroductionRow): Introduction {
  return { scope: { programId, livemode }, emailId, customerId, at: at.toISOString(), by };
}
