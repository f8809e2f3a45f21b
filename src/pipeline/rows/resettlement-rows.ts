import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { newId } from '../../domain/ids.ts';
import type { Scope } from '../../domain/scope.ts';

/** A customer's orders, or one order, to be settled again because something beside them changed. */
export interface ResettlementRequest {
  scope: Scope;
  customerId: string | null;
  orderId: string | null;
}

/** Writes down what has to be settled again in a later batch; gives the ids for the queue. */
export async function requestResettlements(trx: Trx, requests: readonly ResettlementRequest[]): Promise<string[]> {
  if (requests.length === 0) return [];
  const ids = requests.map(() => newId('rst'));
  await runSql(
    trx,
    'requestResettlements',
    `insert into resettlements (id, program_id, livemode, customer_id, order_id)
     select * from unnest(:ids::text[], :programIds::text[], :livemodes::boolean[], :customerIds::text[],
       :orderIds::text[])`,
    {
      ids,
      programIds: requests.map(({ scope }) => scope.programId),
      livemodes: requests.map(({ scope }) => scope.livemode),
      customerIds: requests.map(({ customerId }) => customerId),
      orderIds: requests.map(({ orderId }) => orderId),
    },
  );
  return ids;
}
