import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { FactNote } from '../../domain/facts.ts';
import { perDatabase } from '../../db/expiring-cache.ts';
import { numberOf, takeNumbers } from './numbers.ts';

/** Numbers that a process takes at a time; what is left of them when it ends is a gap. */
const BLOCK_SIZE = 100;

interface Block {
  next: number;
  last: number;
}

/** Each program's block of this process. */
const blocksOf = perDatabase(() => new Map<string, Promise<Block>>());

/**
 * A number for a sale, and for its commission. It is kept with the sale (`noteNumber`), so that none is written for itself:
 * drawn for each sale by a statement, they took an eighth of its time.
 */
export async function nextSaleNumber(db: Db, programId: string): Promise<number> {
  const blocks = blocksOf(db);
  for (;;) {
    const taken = blocks.get(programId) ?? takeBlock(db, programId);
    blocks.set(programId, taken);
    try {
      const block = await taken;
      if (block.next <= block.last) return block.next++;
      if (blocks.get(programId) === taken) blocks.delete(programId);
    } catch (error) {
      if (blocks.get(programId) === taken) blocks.delete(programId);
      throw error;
    }
  }
}

async function takeBlock(db: Db, programId: string): Promise<Block> {
  const last = await takeNumbers(db, programId, 'sale', BLOCK_SIZE);
  return { next: last - BLOCK_SIZE + 1, last };
}

/** What a sale's fact remembers of its number. */
export function noteNumber(saleNumber: number): FactNote {
  return { saleNumber };
}

/** The number of a sale that is stored; one that came another way is given a number when it is first asked for. */
export async function saleNumberOf(db: Db, programId: string, conversionId: string): Promise<number> {
  const [row] = await runSql<{ note: FactNote | null }>(
    db,
    'readSaleNote',
    `select note from orders where program_id = :programId and id = :conversionId`,
    { programId, conversionId },
  );
  const noted = row?.note?.['saleNumber'];
  return typeof noted === 'number' ? noted : await numberOf(db, programId, 'sale', conversionId);
}
