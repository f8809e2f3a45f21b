import type { Knex } from 'knex';
import { numbersOf } from './numbers.ts';

export interface SaleNumbers {
  saleId: number;
  commissionId: number;
}

/**
 * The numbers of a sale and its commission. They belong to the transaction, so that they can be drawn while the sale is
 * settled; one that comes to nothing leaves a gap.
 */
export async function numberSale(
  db: Knex,
  programId: string,
  livemode: boolean,
  references: readonly string[],
): Promise<SaleNumbers> {
  const transaction = `${livemode ? 'live' : 'test'} ${references[0] ?? ''}`;
  const [saleId = 0, commissionId = 0] = await numbersOf(db, programId, [
    { kind: 'sale', objectId: transaction },
    { kind: 'commission', objectId: transaction },
  ]);
  return { saleId, commissionId };
}
