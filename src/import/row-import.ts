import { AppError } from '../domain/errors.ts';
import type { Fact, Normalized } from '../domain/facts.ts';
import type { Outcome } from '../domain/outcomes.ts';
import { storeMessages, type InboxMessage } from '../inbound/inbox/inbox.ts';
import { readOutcomes } from '../inbound/inbox/read-outcomes.ts';
import { settleToTheEnd, type SettleDeps } from '../pipeline/settle-safely.ts';
import { readKnownFacts } from './known.ts';
import type { Problem, RowPosition } from './records.ts';
import type { Progress } from './import.ts';
import { inSteps } from './write.ts';

/** Rows of files, each of which becomes one message, as if the API had been called for it. */
export interface RowImportRequest {
  programId: string;
  livemode: boolean;
  paths: readonly string[];
  /** Checks everything and writes nothing. */
  dryRun: boolean;
}

export interface RowImportReport {
  programId: string;
  livemode: boolean;
  dryRun: boolean;
  /** Rows of all files. */
  rows: number;
  /** Rows that are new, and were sent (or would be). */
  sent: number;
  /** Rows that say what is on record already. */
  there: number;
  /** Rows that say again what another one says. */
  repeated: number;
  /** What became of those that were sent. */
  outcomes: Partial<Record<Outcome, number>>;
  /** Every mistake of every file. With any, nothing is imported. */
  problems: Problem[];
  /** What is no mistake, and may not be what was meant. */
  notes: Problem[];
  /** Rows that were sent and refused, with the reason. */
  refused: Problem[];
}

export interface RowMessage {
  at: RowPosition;
  message: InboxMessage;
}

const ROWS_PER_STEP = 500;

/** Sends what is new of the rows, so many at once, and tells what became of it. Rows that are there already add nothing. */
export async function sendRows(
  deps: SettleDeps,
  { programId, livemode, dryRun }: RowImportRequest,
  messages: readonly RowMessage[],
  found: Pick<RowImportReport, 'rows' | 'problems' | 'notes'>,
  onProgress: (progress: Progress) => void,
): Promise<RowImportReport> {
  const { fresh, there, repeated } = await sortOut(deps, { programId, livemode }, messages);
  const report: RowImportReport = {
    programId,
    livemode,
    dryRun,
    ...found,
    sent: fresh.length,
    there,
    repeated,
    outcomes: {},
    refused: [],
  };
  if (dryRun || found.problems.length > 0) return report;
  let done = 0;
  await inSteps(
    fresh,
    (step) => sendStep(deps, step, report),
    (rows) => {
      done += rows;
      onProgress({ done, total: fresh.length });
    },
    ROWS_PER_STEP,
  );
  return report;
}

async function sendStep(deps: SettleDeps, step: readonly RowMessage[], report: RowImportReport): Promise<void> {
  const stored = step.map(({ message }) => message);
  const eventIds = await storeMessages(deps.db, stored, deps.clock.now());
  await settleToTheEnd(deps, { eventIds, resettlementIds: [] });
  const outcomes = await readOutcomes(deps.db, eventIds);
  for (const [index, id] of eventIds.entries()) {
    const settled = outcomes.get(id);
    const at = step[index]?.at;
    if (!settled || !at) continue;
    const { outcome, reason, error } = settled;
    report.outcomes[outcome] = (report.outcomes[outcome] ?? 0) + 1;
    if (outcome !== 'rejected' && outcome !== 'failed') continue;
    report.refused.push({ at, field: null, message: `${outcome}: ${error ?? reason ?? 'no reason is known'}` });
  }
}

/** Those that the ledger does not know, each once. */
async function sortOut(
  { db }: Pick<SettleDeps, 'db'>,
  scope: { programId: string; livemode: boolean },
  messages: readonly RowMessage[],
): Promise<{ fresh: RowMessage[]; there: number; repeated: number }> {
  const named = messages.map((one) => ({ one, id: factOf(one.message.normalized).id }));
  const known = await readKnownFacts(
    db,
    scope,
    named.map(({ id }) => id),
    [],
  );
  const unknown = named.filter(({ id }) => !known.ids.has(id));
  const first = new Map(unknown.toReversed().map(({ id, one }) => [id, one]));
  const fresh = unknown.flatMap(({ id, one }) => (first.get(id) === one ? [one] : []));
  return { fresh, there: named.length - unknown.length, repeated: unknown.length - fresh.length };
}

/** The one fact of a row. */
export function factOf(normalized: Normalized): Fact {
  const [fact] = normalized.kind === 'facts' ? normalized.facts : [];
  if (!fact) throw new Error('a row became no fact');
  return fact;
}

/** What a row is, or what is wrong with it, which is added to the problems. */
export function readRow<T>(at: RowPosition, problems: Problem[], read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'VALIDATION_ERROR') throw error;
    const details = Object.entries(error.details ?? {}).filter(([field]) => field !== 'reason');
    for (const [field, message] of details) problems.push({ at, field, message });
    if (details.length === 0) problems.push({ at, field: null, message: error.message });
    return null;
  }
}
