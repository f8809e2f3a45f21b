import type { Fact, FactCustomer, FactOf } from '../../domain/facts.ts';
import { digestId } from '../../inbound/fields/references.ts';

/** A lead as a fact: one a `subject`, whom its reference names. `kind` keeps leads of servers and of browsers apart. */
export function leadFact(
  kind: 'affitor-lead' | 'affitor-browser-lead',
  subject: string,
  { clickId, customer }: { clickId: string | null; customer: FactCustomer | null },
  receivedAt: Date,
): FactOf<'lead'> {
  const refs = [`lead:${subject}`];
  const evidence: Fact['evidence'] = clickId === null ? {} : { clickId };
  return {
    id: digestId(kind, [refs, customer, evidence]),
    refs,
    occurredAt: receivedAt.toISOString(),
    customer,
    evidence,
    type: 'lead',
    subscription: null,
    goal: 'lead',
  };
}
