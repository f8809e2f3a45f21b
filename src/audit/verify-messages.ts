import { isDeepStrictEqual } from 'node:util';
import type { Trx } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { READING, type Fact } from '../domain/facts.ts';
import type { Findings } from './verify-findings.ts';
import { listSourcesOfAnyTime, type SourceOfAnyTime } from '../program/sources.ts';
import { normalizeStored } from './renormalize.ts';

/**
 * Reads a page of raw messages again and compares: with how they were read, and with the facts of the ledger.
 * Decisions, refunds, the bodies of dialects and what came before its source's settings were changed stand as they were
 * recorded. Gives the id of the last one; null at the end.
 */
export async function verifyMessages(
  trx: Trx,
  afterId: string,
  limit: number,
  programId: string | null,
  findings: Findings,
): Promise<string | null> {
  const rows = await runSql<MessageRow>(
    trx,
    'readMessagePage',
    `select id, program_id, livemode, source_id, kind, raw, headers, facts, status, outcome, reading, received_at
     from inbox_events where id > :afterId and (:programId::text is null or program_id = :programId) order by id limit :limit`,
    { afterId, programId, limit },
  );
  const sources = await readSources(trx, rows);
  const known = await readKnownFacts(trx, rows);
  for (const row of rows) {
    findings.count('messages');
    verifyMeaning(row, sources.get(row.source_id ?? '') ?? null, findings);
    if (row.status === 'received') findings.count('waiting');
    if (row.status !== 'processed' || row.outcome === 'rejected') continue;
    for (const { id } of row.facts) {
      if (!known.has(keyOf(row, id))) findings.differ('message', row.id, `fact ${id}`, 'not in the ledger', 'there');
    }
  }
  return rows.length === limit ? (rows.at(-1)?.id ?? null) : null;
}

// Processes remember a source for up to 5 s after it was changed.
const CHANGE_IS_KNOWN_AFTER_MS = 10_000;

function verifyMeaning(row: MessageRow, source: SourceOfAnyTime | null, findings: Findings): void {
  if (row.reading < READING) {
    findings.count('standingMessages');
    return;
  }
  const changedAt = source?.settingsChangedAt?.getTime() ?? -Infinity;
  if (row.received_at.getTime() < changedAt + CHANGE_IS_KNOWN_AFTER_MS) {
    findings.count('standingMessages');
    return;
  }
  const { kind, livemode, raw, headers, facts, received_at: receivedAt } = row;
  const understood = normalizeStored({ kind, livemode, raw, headers, facts, receivedAt }, source);
  if (understood === null) {
    findings.count('standingMessages');
    return;
  }
  const isFacts = understood.kind === 'facts';
  const expected: Fact[] = isFacts ? understood.facts : [];
  if (!isDeepStrictEqual(facts, JSON.parse(JSON.stringify(expected)))) {
    findings.differ('message', row.id, 'facts', facts, expected);
  }
  const status = isFacts ? ['received', 'processed', 'failed'] : [understood.kind];
  if (!status.includes(row.status)) findings.differ('message', row.id, 'status', row.status, understood.kind);
}

async function readSources(trx: Trx, rows: MessageRow[]): Promise<Map<string, SourceOfAnyTime>> {
  const ids = [...new Set(rows.flatMap(({ source_id: id }) => id ?? []))];
  const sources = await listSourcesOfAnyTime(trx, ids);
  return new Map(sources.map((source) => [source.id, source]));
}

/** Which of the facts that the messages brought the ledger has. */
async function readKnownFacts(trx: Trx, rows: MessageRow[]): Promise<Set<string>> {
  const wanted = rows.flatMap((row) =>
    row.facts.map(({ id }) => ({ programId: row.program_id, livemode: row.livemode, id })),
  );
  if (wanted.length === 0) return new Set();
  const found = await runSql<{ program_id: string; livemode: boolean; id: string }>(
    trx,
    'findFacts',
    `select f.program_id, f.livemode, f.id
     from (select distinct * from unnest(:programIds::text[], :livemodes::boolean[], :ids::text[]) as w (program_id, livemode, id)) w
     join facts f using (program_id, livemode, id)`,
    {
      programIds: wanted.map(({ programId }) => programId),
      livemodes: wanted.map(({ livemode }) => livemode),
      ids: wanted.map(({ id }) => id),
    },
  );
  return new Set(found.map((row) => keyOf(row, row.id)));
}

function keyOf({ program_id: programId, livemode }: { program_id: string; livemode: boolean }, id: string): string {
  return `${programId} ${livemode} ${id}`;
}

interface MessageRow {
  id: string;
  program_id: string;
  livemode: boolean;
  source_id: string | null;
  kind: string;
  raw: Buffer;
  headers: Record<string, string>;
  facts: Fact[];
  status: string;
  outcome: string | null;
  reading: number;
  received_at: Date;
}
