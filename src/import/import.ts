import { inTransaction } from '../db/db.ts';
import type { Actor } from '../domain/actor.ts';
import { newId } from '../domain/ids.ts';
import { normalizeImported, type ImportedMessage } from '../inbound/import/normalize.ts';
import { storeMessages, type InboxMessage } from '../inbound/inbox/inbox.ts';
import { settleToTheEnd, type SettleDeps } from '../pipeline/settle-safely.ts';
import { changeProgram } from '../operations/program-changes.ts';
import { recordChange } from '../program/audited-changes.ts';
import { getProgram } from '../program/programs.ts';
import { readKnown, readKnownFacts } from './known.ts';
import { planImport, type ImportPlan } from './plan.ts';
import { wantedBy } from './wanted.ts';
import { readFiles } from './read-files.ts';
import type { ImportFormat, Problem, RecordKind } from './records.ts';
import { inSteps, writeClicks, writeConfiguration } from './write.ts';
import type { Counts } from './tally.ts';

export interface ImportRequest {
  /** The system that the files come from, as the messages name it. */
  from: string;
  format: ImportFormat;
  programId: string;
  paths: readonly string[];
  /** Checks everything and writes nothing. */
  dryRun: boolean;
  actor: Actor;
}

export interface ImportReport {
  from: string;
  programId: string;
  dryRun: boolean;
  /** By kind of object. */
  counts: Record<RecordKind, Counts>;
  /** Orders without an id of their own, by which no repeat could be known. */
  withoutId: number;
  /** Every mistake of every file. With any, nothing is imported. */
  problems: Problem[];
  /** What is no mistake, and may not be what was meant. */
  notes: Problem[];
  /** The program takes leads without a key from now on, which the system did whose data comes. */
  switchedOn: 'browserLeads'[];
}

export interface Progress {
  done: number;
  total: number;
}

const MESSAGES_PER_STEP = 500;

/**
 * Brings what another system lists into a program. All files are read and checked before anything is written, and with one
 * mistake nothing is. What exists already stays as it is, so importing the same files again adds nothing. Configuration is
 * written in one transaction; clicks, customers and orders follow in steps, and an import that breaks off there is run again.
 *
 * Throws where a file cannot be opened, and NOT_FOUND where there is no such program.
 */
export async function importFiles(
  deps: SettleDeps,
  { from, format, programId, paths, dryRun, actor }: ImportRequest,
  onProgress: (progress: Progress) => void,
): Promise<ImportReport> {
  const { db } = deps;
  const { currency, defaultOfferId, browserLeads } = await getProgram(db, programId);
  const read = await readFiles(paths, format, { currency });
  const known = await readKnown(db, programId, wantedBy(read.records, programId));
  const now = deps.clock.now();
  const plan = planImport(read.records, known, { programId, defaultOfferId, now });
  const messages = await withoutKnown(deps, programId, plan);
  const problems = [...read.problems, ...plan.problems];
  const { counts, notes } = plan;
  const switchedOn: ImportReport['switchedOn'] = format.browserLeads && !browserLeads ? ['browserLeads'] : [];
  const report = { from, programId, dryRun, counts, withoutId: read.passedOver, problems, notes, switchedOn };
  if (dryRun || problems.length > 0) return report;

  const { offers, affiliates, links, clicks } = plan;
  const total = offers.length + affiliates.length + links.length + clicks.length + messages.length;
  let done = 0;
  const onStep = (rows: number): void => {
    done += rows;
    onProgress({ done, total });
  };
  await inTransaction(db, async (trx) => {
    if (total === 0) return;
    const object = { type: 'import', id: newId('job') };
    await recordChange(trx, { programId, ...scope }, actor, object, null, { from, counts }, { action: 'started' });
    await writeConfiguration(trx, programId, plan, onStep);
  });
  await writeClicks(db, clicks, onStep);
  await inSteps(
    messages,
    async (step) => {
      const received = step.map((message) => toInboxMessage(message, programId, from, now));
      await settleToTheEnd(deps, { eventIds: await storeMessages(db, received, now), resettlementIds: [] });
    },
    onStep,
    MESSAGES_PER_STEP,
  );
  if (switchedOn.length > 0) {
    await changeProgram({ ...deps, queues: noQueues }, programId, { browserLeads: true }, actor);
  }
  return report;
}

const scope = { livemode: true };

/** What is left to workers is rows, which their sweep finds. */
const noQueues = { enqueue: () => Promise.resolve(true) };

/** The messages that are new to the ledger; the others are counted as there already. */
async function withoutKnown(
  { db }: Pick<SettleDeps, 'db'>,
  programId: string,
  { messages, counts }: ImportPlan,
): Promise<ImportedMessage[]> {
  const named = messages.map((message) => {
    const [fact] = normalizeImported(message, scope).facts;
    return { message, id: fact?.id ?? '', refs: fact?.refs ?? [] };
  });
  const known = await readKnownFacts(
    db,
    { programId, ...scope },
    named.map(({ id }) => id),
    named.flatMap(({ refs }) => refs),
  );
  const [fresh, there] = [[] as ImportedMessage[], [] as ImportedMessage[]];
  for (const { message, id, refs } of named) {
    const isKnown = known.ids.has(id) || refs.some((ref) => known.refs.has(ref));
    (isKnown ? there : fresh).push(message);
  }
  for (const { kind } of there) {
    counts[kind].added -= 1;
    counts[kind].there += 1;
  }
  return fresh;
}

function toInboxMessage(message: ImportedMessage, programId: string, from: string, now: Date): InboxMessage {
  return {
    programId,
    sourceId: null,
    kind: 'import',
    raw: Buffer.from(JSON.stringify(message)),
    headers: { from },
    normalized: normalizeImported(message, scope),
    receivedAt: now,
  };
}
