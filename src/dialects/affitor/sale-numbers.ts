import type { Knex } from 'knex';
import { numberAhead } from './numbers.ts';

/**
 * The number of a sale, which is its commission's as well. It belongs to the transaction, so that it can be drawn before
 * the sale is stored; one that comes to nothing leaves a gap.
 */
export function numberSale(
  db: Knex,
  programId: string,
  livemode: boolean,
  references: readonly string[],
): Promise<number> {
  return numberAhead(db, programId, 'sale', `${livemode ? 'live' : 'test'} ${references[0] ?? ''}`);
}
