import { randomUUIDv7 } from 'node:crypto';

/**
 * What each id prefix stands for; an id is `prefix_` + a UUIDv7 in hex without dashes. Ids of one process sort in the
 * order in which they were made, those of several by the millisecond, so a list "newest first" is one by id.
 */
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

let lastMs = 0;
let counter = 0;

/** The 62 bits after version, time and counter are random, so nobody guesses an id from another one. */
export function newId(prefix: IdPrefix): string {
  const uuid = randomUUIDv7();
  const ms = Date.now();
  if (ms > lastMs) {
    lastMs = ms;
    // A random start below the half leaves room to count up within one millisecond.
    counter = Number.parseInt(uuid.slice(15, 18), 16) >>> 1;
  } else if (counter === 0xfff) {
    // Full, or the clock went back: the time runs ahead a little (RFC 9562 section 6.2, method 1).
    lastMs += 1;
    counter = 0;
  } else {
    counter += 1;
  }
  const time = lastMs.toString(16).padStart(12, '0');
  return `${prefix}_${time}7${counter.toString(16).padStart(3, '0')}${uuid.slice(19, 23)}${uuid.slice(24)}`;
}

/** The commission of a conversion has the same id under its own prefix: they are one row, seen from two sides. */
export function commissionIdOf(conversionId: string): string {
  return `com_${conversionId.slice('cnv_'.length)}`;
}

/** The conversion id behind a commission id, or null where the text is no commission id. */
export function conversionIdOf(commissionId: string): string | null {
  return commissionId.startsWith('com_') ? `cnv_${commissionId.slice('com_'.length)}` : null;
}
