import { isDeepStrictEqual } from 'node:util';
import type { Trx } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import type { Fact } from '../domain/facts.ts';
import { isOfOthersCustomer } from '../pipeline/orders/loaded-order.ts';
import { readFacts } from '../pipeline/rows/fact-rows.ts';
import { readLedgerSums } from '../pipeline/rows/ledger-rows.ts';
import type { FactPosition } from './fact-position.ts';
import type { Findings } from './verify-findings.ts';
import { findLeadsNotKept } from './verify-leads.ts';
import { findUnintroduced } from './verify-introductions.ts';

/**
 * Compares a page of stored facts with the messages that brought them: each says what its message was understood to say,
 * and is about an order that exists. Nothing deletes messages, so a missing one is a difference. Gives where the page ends.
 */
export async function verifyFacts(
  trx: Trx,
  after: FactPosition,
  limit: number,
  programId: string | null,
  findings: Findings,
): Promise<FactPosition | null> {
  const rows = await runSql<FactRow>(
    trx,
    'readFactPage',
    `select f.program_id, f.livemode, f.id, f.fact, f.occurred_at, f.inbox_id, e.facts as said,
       f.order_id is not null and o.id is null as homeless, f.order_id is not null and not f.posted
         and o.affiliate_id is not null as forgotten, o.id as order_id
     from (select * from facts where (program_id, livemode, id) > (:afterProgramId, :afterLivemode, :afterId)
             and (:programId::text is null or program_id = :programId)
           order by program_id, livemode, id limit :limit) f
     left join inbox_events e on e.id = f.inbox_id
     left join orders o on o.id = f.order_id and o.program_id = f.program_id and o.livemode = f.livemode
     order by f.program_id, f.livemode, f.id`,
    { afterProgramId: after.programId, afterLivemode: after.livemode, afterId: after.id, programId, limit },
  );
  const withheld = await findWithheld(trx, rows);
  for (const row of rows) {
    findings.count('facts');
    if (row.said === null) findings.differ('fact', row.id, 'message', 'none', row.inbox_id);
    else {
      const said = row.said.find(({ id }) => id === row.id);
      if (!isDeepStrictEqual(said, row.fact)) findings.differ('fact', row.id, 'content', row.fact, said ?? null);
    }
    if (row.fact.id !== row.id) findings.differ('fact', row.id, 'id', row.id, row.fact.id);
    if (Date.parse(row.fact.occurredAt) !== row.occurred_at.getTime()) {
      findings.differ('fact', row.id, 'occurredAt', row.occurred_at, row.fact.occurredAt);
    }
    if (row.homeless) findings.differ('fact', row.id, 'order', 'none', 'an order of the program');
    if (row.forgotten && !withheld.has(row)) findings.differ('fact', row.id, 'posted', false, true);
  }
  const told = rows.map(({ program_id: ofProgram, livemode, fact }) => ({
    scope: { programId: ofProgram, livemode },
    fact,
  }));
  for (const fact of await findUnintroduced(trx, told)) {
    findings.differ('fact', fact.id, 'introduction', 'none', 'of its customer, with the e-mail');
  }
  for (const id of await findLeadsNotKept(trx, told)) findings.differ('fact', id, 'lead', 'none', 'an anonymous lead');
  const last = rows.at(-1);
  return last && rows.length === limit ? { programId: last.program_id, livemode: last.livemode, id: last.id } : null;
}

/** Facts that came without a key and do not count for now: a payout has their order, or others know its customer. */
async function findWithheld(trx: Trx, rows: readonly FactRow[]): Promise<Set<FactRow>> {
  const waiting = rows.filter(({ forgotten, fact }) => forgotten && fact.receivedAt !== undefined);
  const orderIds = [...new Set(waiting.flatMap(({ order_id: id }) => id ?? []))];
  const sums = await readLedgerSums(trx, orderIds);
  const facts = await readFacts(trx, orderIds);
  const withholding = orderIds.filter((id) => {
    const known = new Map((facts.get(id) ?? []).map((one) => [one.fact.id, one]));
    return (sums.get(id) ?? []).some(({ isInPayout }) => isInPayout) || isOfOthersCustomer(known);
  });
  return new Set(waiting.filter(({ order_id: id }) => id !== null && withholding.includes(id)));
}

interface FactRow {
  program_id: string;
  livemode: boolean;
  id: string;
  fact: Fact;
  occurred_at: Date;
  inbox_id: string;
  said: Fact[] | null;
  order_id: string | null;
  homeless: boolean;
  forgotten: boolean;
}
