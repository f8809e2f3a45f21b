import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { FactNote } from '../../domain/facts.ts';
import { perDatabase } from '../../db/expiring-cache.ts';
import { numberOf, takeNumbers } from './numbers.ts';

/** Numbers that a process takes at a time; those it has left when it ends are never used. */
const BLOCK_SIZE = 100;

/** Whoever gets nothing of so many blocks in turn has more callers before it than the inbox lets wait (20,000). */
const MAX_BLOCKS = 200;

interface Block {
  next: number;
  last: number;
}

/** Each program's block of this process. */
const blocksOf = perDatabase(() => new Map<string, Promise<Block>>());

/**
 * A number for a sale, and for its commission. It is stored with the sale (`noteNumber`), not by a statement of its own
 * (measured: a statement for each took an eighth of a sale's time).
 */
export async function nextSaleNumber(db: Db, programId: string): Promise<number> {
  const blocks = blocksOf(db);
  for (let tries = 0; tries < MAX_BLOCKS; tries += 1) {
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
  throw new Error(`no number for a sale of ${programId}: ${MAX_BLOCKS} blocks of ${BLOCK_SIZE} were used up by others`);
}

async function takeBlock(db: Db, programId: string): Promise<Block> {
  const last = await takeNumbers(db, programId, 'sale', BLOCK_SIZE);
  return { next: last - BLOCK_SIZE + 1, last };
}

/** The note by which a sale's fact keeps its number. */
export function noteNumber(saleNumber: number): FactNote {
  return { saleNumber };
}

/** The number of a stored sale; one that came by another surface is given its number when it is first asked for. */
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
