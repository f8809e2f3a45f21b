import { randomUUIDv7 } from 'node:crypto';

/** What each id prefix stands for; an id is `prefix_` + a UUIDv7 in hex without dashes, so ids sort by creation time. */
export type IdPrefix =
  | 'prg' // program
  | 'key' // API key
  | 'aff' // affiliate
  | 'off' // offer
  | 'lnk' // tracking link
  | 'clk' // click
  | 'cus' // customer
  | 'src' // source
  | 'ibx' // inbox event
  | 'cnv' // order and the conversion it becomes
  | 'com' // commission: the same hex part as its conversion
  | 'led' // ledger entry
  | 'pay' // payout
  | 'whe' // webhook endpoint
  | 'evt' // outbound message
  | 'att' // delivery attempt
  | 'rec' // recovery of deliveries
  | 'tst'; // test session

export function newId(prefix: IdPrefix): string {
  return `${prefix}_${randomUUIDv7().replaceAll('-', '')}`;
}

/** The commission of a conversion has the same id under its own prefix: they are one row, seen from two sides. */
export function commissionIdOf(conversionId: string): string {
  return `com_${conversionId.slice('cnv_'.length)}`;
}

/** The conversion id behind a commission id, or null where the text is no commission id. */
export function conversionIdOf(commissionId: string): string | null {
  return commissionId.startsWith('com_') ? `cnv_${commissionId.slice('com_'.length)}` : null;
}
