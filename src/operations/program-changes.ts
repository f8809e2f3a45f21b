import type { Logger } from 'pino';
import { inTransaction, type Db } from '../db/db.ts';
import type { Clock } from '../domain/clock.ts';
import type { Actor } from '../domain/actor.ts';
import { lockRow } from '../db/lock-row.ts';
import { recordChange } from '../program/audited-changes.ts';
import { forgetLinkTargets } from '../program/link-targets.ts';
import { requestThoseWithOneEmail } from '../pipeline/work-items/settle-again.ts';
import {
  createProgram,
  findProgram,
  updateProgram,
  type Program,
  type ProgramChanges,
  type ProgramInput,
} from '../program/programs.ts';
import type { Queues } from '../queue/queues.ts';
import { settleNow } from './settle-now.ts';

/** Creates a program, as somebody. */
export function createProgramAs(db: Db, actor: Actor, input: ProgramInput): Promise<Program> {
  return inTransaction(db, async (trx) => {
    const program = await createProgram(trx, input);
    await recordChange(trx, scopeOf(program), actor, { type: 'program', id: program.id }, null, program);
    return program;
  });
}

/** What concerns a program as a whole concerns what is live. */
function scopeOf({ id }: Program) {
  return { programId: id, livemode: true };
}

/**
 * Changes a program. Who is one customer (`identifyByEmail`) holds for all that they ever bought: those whom a change joins
 * or parts are settled again. Null for an unknown program; throws like `updateProgram`.
 */
export async function changeProgram(
  deps: { db: Db; queues: Pick<Queues, 'enqueue'>; clock: Clock; log: Logger },
  programId: string,
  changes: ProgramChanges,
  actor: Actor,
): Promise<Program | null> {
  const { program, resettlementIds } = await inTransaction(deps.db, async (trx) => {
    // Two changes at once take turns: each sees what the other left.
    await lockRow(trx, 'programs', programId, programId);
    const before = await findProgram(trx, programId);
    const after = before && (await updateProgram(trx, programId, changes));
    if (!after) return { program: null, resettlementIds: [] };
    await recordChange(trx, scopeOf(after), actor, { type: 'program', id: programId }, before, after);
    const joinsOrParts = before.identifyByEmail !== after.identifyByEmail;
    return { program: after, resettlementIds: joinsOrParts ? await requestThoseWithOneEmail(trx, programId) : [] };
  });
  forgetLinkTargets(deps.db, programId);
  await settleNow(deps, resettlementIds);
  return program;
}
