import type { Trx } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { isAnonymous, type Fact } from '../domain/facts.ts';
import { readFamilies } from '../pipeline/orders/families.ts';
import type { FactPosition } from './fact-position.ts';
import type { Findings } from './verify-findings.ts';

/**
 * Compares a page of anonymous leads with the facts that tell of them, and who was first with their clicks. Which of them
 * counts is compared with their customers. Gives where the page ends.
 */
export async function verifyLeads(
  trx: Trx,
  after: FactPosition,
  limit: number,
  programId: string | null,
  findings: Findings,
): Promise<FactPosition | null> {
  const rows = await runSql<LeadPageRow>(
    trx,
    'readAnonymousLeadPage',
    `select l.program_id as "programId", l.livemode, l.fact_id as id, l.click_id as "clickId", l.email,
       l.customer_id as "customerId", l.received_at as "receivedAt", f.fact, r.customer_id as "ownerId",
       c.fact_id as "firstOfClick", (select first.fact_id from anonymous_leads first
         where first.program_id = l.program_id and first.livemode = l.livemode and first.click_id = l.click_id
         order by first.received_at, first.fact_id limit 1) as "firstExpected"
     from (select * from anonymous_leads where (program_id, livemode, fact_id) > (:afterProgramId, :afterLivemode, :afterId)
             and (:programId::text is null or program_id = :programId)
           order by program_id, livemode, fact_id limit :limit) l
     left join facts f on f.program_id = l.program_id and f.livemode = l.livemode and f.id = l.fact_id
     left join customer_refs r on r.program_id = l.program_id and r.livemode = l.livemode
       and r.ref = f.fact -> 'customer' -> 'refs' ->> 0
     left join lead_clicks c on c.program_id = l.program_id and c.livemode = l.livemode and c.click_id = l.click_id
     order by l.program_id, l.livemode, l.fact_id`,
    { afterProgramId: after.programId, afterLivemode: after.livemode, afterId: after.id, programId, limit },
  );
  const { mergedTo } = await readFamilies(trx, [
    ...new Set(rows.flatMap(({ customerId, ownerId }) => [customerId, ...(ownerId === null ? [] : [ownerId])])),
  ]);
  for (const row of rows) {
    findings.count('leads');
    const { id, fact, clickId, receivedAt, email, customerId, ownerId, firstOfClick, firstExpected } = row;
    const isTold =
      fact !== null &&
      isAnonymous(fact) &&
      fact.evidence.clickId === clickId &&
      fact.anonymous.email === email &&
      Date.parse(fact.occurredAt) === receivedAt.getTime() &&
      ownerId !== null &&
      mergedTo.get(ownerId) === mergedTo.get(customerId);
    if (!isTold)
      findings.differ('lead', id, 'content', { clickId, receivedAt, email, customerId }, 'a fact that says so');
    if (firstOfClick !== firstExpected) findings.differ('lead', id, 'first of its click', firstOfClick, firstExpected);
  }
  const last = rows.at(-1);
  return last && rows.length === limit ? { programId: last.programId, livemode: last.livemode, id: last.id } : null;
}

/** Anonymous leads of a page of facts that are not kept as such. */
export async function findLeadsNotKept(
  trx: Trx,
  facts: readonly { scope: { programId: string; livemode: boolean }; fact: Fact }[],
): Promise<string[]> {
  const told = facts.filter(({ fact }) => isAnonymous(fact) && fact.evidence.clickId !== undefined);
  if (told.length === 0) return [];
  const rows = await runSql<{ id: string }>(
    trx,
    'findLeadsNotKept',
    `select w.id from unnest(:programIds::text[], :livemodes::boolean[], :ids::text[]) as w (program_id, livemode, id)
     where not exists (select 1 from anonymous_leads l
       where l.program_id = w.program_id and l.livemode = w.livemode and l.fact_id = w.id)`,
    {
      programIds: told.map(({ scope }) => scope.programId),
      livemodes: told.map(({ scope }) => scope.livemode),
      ids: told.map(({ fact }) => fact.id),
    },
  );
  return rows.map(({ id }) => id);
}

interface LeadPageRow extends FactPosition {
  clickId: string;
  email: string | null;
  customerId: string;
  receivedAt: Date;
  fact: Fact | null;
  ownerId: string | null;
  firstOfClick: string | null;
  firstExpected: string | null;
}
