import type { Logger } from 'pino';
import { inTransaction, type Db } from '../db/db.ts';
import type { Clock } from '../domain/clock.ts';
import { requestThoseWithOneEmail } from '../pipeline/work-items/settle-again.ts';
import { lockIdentifyByEmail, updateProgram, type Program, type ProgramChanges } from '../program/programs.ts';
import type { Queues } from '../queue/queues.ts';
import { settleNow } from './settle-now.ts';

/**
 * Changes a program. Who is one customer (`identifyByEmail`) holds for all that they ever bought: those whom a change joins
 * or parts are settled again. Null for an unknown program; throws like `updateProgram`.
 */
export async function changeProgram(
  deps: { db: Db; queues: Queues; clock: Clock; log: Logger },
  programId: string,
  changes: ProgramChanges,
): Promise<Program | null> {
  const { program, resettlementIds } = await inTransaction(deps.db, async (trx) => {
    // Two changes at once take turns: each sees what the other left.
    const before = changes.identifyByEmail === undefined ? null : await lockIdentifyByEmail(trx, programId);
    const after = await updateProgram(trx, programId, changes);
    const joinsOrParts = before !== null && after !== null && before !== after.identifyByEmail;
    return { program: after, resettlementIds: joinsOrParts ? await requestThoseWithOneEmail(trx, programId) : [] };
  });
  await settleNow(deps, resettlementIds);
  return program;
}
