import type { Trx } from '../../db/db.ts';
import { runPositional } from '../../db/sql.ts';
import { newId } from '../../domain/ids.ts';
import type { Scope } from '../../domain/scope.ts';

/** A customer's orders, or one order, to be settled again because something beside them changed. */
export interface ResettlementRequest {
  scope: Scope;
  customerId: string | null;
  orderId: string | null;
}

/** Notes down what has to be settled again in a later batch; gives the ids for the queue. */
export async function requestResettlements(trx: Trx, requests: ResettlementRequest[]): Promise<string[]> {
  if (requests.length === 0) return [];
  const ids = requests.map(() => newId('ibx'));
  await runPositional(
    trx,
    `insert into resettlements (id, program_id, livemode, customer_id, order_id)
     select * from unnest(?::text[], ?::text[], ?::boolean[], ?::text[], ?::text[])`,
    [
      ids,
      requests.map(({ scope }) => scope.programId),
      requests.map(({ scope }) => scope.livemode),
      requests.map(({ customerId }) => customerId),
      requests.map(({ orderId }) => orderId),
    ],
  );
  return ids;
}
