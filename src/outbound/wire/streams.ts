/** A program's messages of one type, live or test. */
export interface Stream {
  programId: string;
  livemode: boolean;
  type: string;
}

/**
 * The 32-bit number by which a stream's messages are indexed. The three texts themselves would make each entry twice as
 * wide (measured: a tenth of what PostgreSQL needs to settle an event). Two streams may share a number, so a query by
 * number names the stream as well.
 *
 * It is FNV-1a (https://docs.rs/simplehash/latest/simplehash/fn.fnv1a_32.html, read 2026-11). Rows store it, so it must
 * never change.
 */
export function streamNumber({ programId, livemode, type }: Stream): number {
  if (programId !== begun.programId || livemode !== begun.livemode) {
    begun = { programId, livemode, number: hashOn(0x81_1c_9d_c5, `${programId} ${livemode} `) };
  }
  return hashOn(begun.number, type) | 0;
}

/** Where the hash stands after a program and its mode: most messages are of the program of the one before. */
let begun = { programId: '', livemode: false, number: hashOn(0x81_1c_9d_c5, ' false ') };

function hashOn(from: number, text: string): number {
  let number = from;
  for (let at = 0; at < text.length; at += 1) number = Math.imul(number ^ text.charCodeAt(at), 0x01_00_01_93);
  return number;
}
