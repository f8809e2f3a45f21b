import { z } from 'zod';
import { inTransaction, type Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { commandLine } from '../domain/actor.ts';
import { foldCode } from '../domain/codes.ts';
import { validationError } from '../domain/errors.ts';
import { MAX_AMOUNT_MINOR, parseMajorAmount, parseMinorAmount } from '../domain/money.ts';
import { validate } from '../http/validate.ts';
import { listAdjustmentsByRefs } from '../ledger/adjustments.ts';
import { adjustmentView } from '../ledger/adjustment-view.ts';
import { adjustmentMessage, nameActor } from '../operations/adjustments.ts';
import type { SettleDeps } from '../pipeline/settle-safely.ts';
import { recordAuditEvents } from '../program/audit-events.ts';
import { getProgram } from '../program/programs.ts';
import { maybeCurrency, maybeTime, word } from './fields.ts';
import type { Progress } from './import.ts';
import { readTables } from './read-table.ts';
import type { RowByColumns } from './rows-by-columns.ts';
import type { Problem } from './records.ts';
import {
  factOf,
  readRow,
  sendRows,
  type RowImportReport,
  type RowImportRequest,
  type RowMessage,
} from './row-import.ts';

const columns = ['affiliate', 'amount', 'amount_minor', 'currency', 'reason', 'reference', 'occurred_at'] as const;

const row = z.object({
  affiliate: word,
  amount: z.string().optional(),
  amount_minor: z.string().optional(),
  currency: maybeCurrency,
  reason: z.string().trim().min(1).max(1000),
  reference: word.pipe(z.string().max(200)),
  occurred_at: maybeTime,
});

/**
 * Imports adjustments: each row is what a call of `POST /adjustments` would say, with a reference of its own. All rows are read
 * before any is sent, and with one mistake none is; the same files again add nothing.
 */
export async function importAdjustments(
  deps: SettleDeps,
  request: RowImportRequest,
  onProgress: (progress: Progress) => void,
): Promise<RowImportReport> {
  const { programId, livemode, paths } = request;
  const scope = { programId, livemode };
  const { currency } = await getProgram(deps.db, programId);
  const isColumn = (name: string): boolean => (columns as readonly string[]).includes(name);
  const known = columns.join(', ');
  const { rows, problems, notes } = await readTables(paths, { isColumn, known, isMistake: () => true });
  const affiliates = await findAffiliates(deps.db, scope, rows);
  const receivedAt = deps.clock.now();
  const messages = rows.flatMap(({ at, cells }): RowMessage[] => {
    const message = readRow(at, problems, () => {
      const { affiliate, reason, reference, ...said } = validate(row, cells, 'The row');
      const affiliateId = affiliates.get(affiliate);
      if (affiliateId === undefined) throw refuse('affiliate', `'${affiliate}' is no affiliate of this program`);
      const paidIn = said.currency ?? currency;
      const input = {
        affiliateId,
        amountMinor: readAmount(said, paidIn),
        currency: paidIn,
        reason,
        reference,
        occurredAt: said.occurred_at ?? receivedAt,
      };
      const call = { by: nameActor(commandLine), call: reference, headers: { from: 'csv' }, receivedAt };
      return adjustmentMessage(scope, input, call);
    });
    return message ? [{ at, message }] : [];
  });
  await refuseOthers(deps.db, scope, messages, problems);
  const report = await sendRows(deps, request, messages, { rows: rows.length, problems, notes }, onProgress);
  if (!report.dryRun && problems.length === 0 && report.sent > 0) {
    await audit(deps.db, scope, messages, receivedAt);
  }
  return report;
}

function readAmount(
  said: { amount?: string | undefined; amount_minor?: string | undefined },
  currency: string,
): number {
  const [field, text] = said.amount === undefined ? ['amount_minor', said.amount_minor] : ['amount', said.amount];
  if (text === undefined) throw refuse('amount', 'is required, or amount_minor');
  if (said.amount !== undefined && said.amount_minor !== undefined) {
    throw refuse('amount_minor', 'comes beside amount: give one of them');
  }
  const parsed = field === 'amount' ? parseMajorAmount(text, currency) : parseMinorAmount(text);
  if (!parsed.ok) throw refuse(field, parsed.problem);
  if (parsed.amountMinor === 0n) throw refuse(field, 'must not be 0');
  if (parsed.amountMinor > MAX_AMOUNT_MINOR) throw refuse(field, 'is larger than any amount the hub takes');
  return Number(parsed.amountMinor);
}

function refuse(field: string, message: string): Error {
  return validationError(`${field} ${message}`, { [field]: message });
}

/** Whom the rows name, by id or referral code: live rows live affiliates, test rows test ones before live ones. */
async function findAffiliates(
  db: Db,
  { programId, livemode }: { programId: string; livemode: boolean },
  rows: readonly RowByColumns[],
): Promise<Map<string, string>> {
  const named = [...new Set(rows.flatMap(({ cells }) => cells['affiliate'] ?? []))];
  const found = await runSql<{ name: string; id: string }>(
    db,
    'findAffiliatesOfRows',
    `select distinct on (n.name) n.name, a.id
     from unnest(:names::text[], :codes::text[]) as n (name, code)
     join affiliates a on a.program_id = :programId and (a.livemode or not :livemode) and (a.id = n.name or a.id in (
       select affiliate_id from affiliate_codes c
       where c.program_id = :programId and c.kind = 'referral' and c.code = n.code and (c.livemode or not :livemode)))
     order by n.name, a.livemode`,
    { programId, livemode, names: named, codes: named.map(foldCode) },
  );
  return new Map(found.map(({ name, id }) => [name, id]));
}

/** A reference is one adjustment: what the rows say otherwise than the ledger, or than each other, is a mistake. */
async function refuseOthers(
  db: Db,
  scope: { programId: string; livemode: boolean },
  messages: readonly RowMessage[],
  problems: Problem[],
): Promise<void> {
  const stands = new Map<string, string>();
  const refs = messages.map(({ message }) => factOf(message.normalized).id);
  for (const known of await listAdjustmentsByRefs(db, scope, refs)) {
    stands.set(known.reference ?? '', meaning(known.affiliateId, known.commissionMinor, known.commissionCurrency));
  }
  for (const { at, message } of messages) {
    const fact = factOf(message.normalized);
    if (fact.type !== 'adjustment') continue;
    const says = meaning(fact.affiliateId, BigInt(fact.amount.minor), fact.amount.currency);
    const known = stands.get(fact.id);
    if (known === undefined) stands.set(fact.id, says);
    else if (known !== says) {
      problems.push({ at, field: 'reference', message: `stands for another adjustment already: ${known}` });
    }
  }
}

function meaning(affiliateId: string | null, amountMinor: bigint, currency: string | null): string {
  return `${amountMinor} ${currency} (minor units) for ${affiliateId}`;
}

const AUDITED_AT_ONCE = 1_000;

/** The audit log tells of each that was made just now. */
async function audit(
  db: Db,
  scope: { programId: string; livemode: boolean },
  messages: readonly RowMessage[],
  since: Date,
): Promise<void> {
  for (let start = 0; start < messages.length; start += AUDITED_AT_ONCE) {
    const refs = messages.slice(start, start + AUDITED_AT_ONCE).map(({ message }) => factOf(message.normalized).id);
    const made = (await listAdjustmentsByRefs(db, scope, refs)).filter(({ createdAt }) => new Date(createdAt) >= since);
    const changes = made.map((adjustment) => ({
      action: 'adjustment.created',
      objectType: 'adjustment',
      objectId: adjustment.id,
      before: null,
      after: { ...adjustmentView(adjustment) },
    }));
    await inTransaction(db, (trx) => recordAuditEvents(trx, scope, commandLine, changes));
  }
}
