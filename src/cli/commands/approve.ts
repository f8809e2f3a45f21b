import { Command } from 'commander';
import { commandLine } from '../../domain/actor.ts';
import { AppError } from '../../domain/errors.ts';
import { commissionIdOf } from '../../domain/ids.ts';
import { oneLine } from '../../domain/printable.ts';
import { everythingOf } from '../../domain/scope.ts';
import type { Db } from '../../db/db.ts';
import { findCommission, listCommissions } from '../../ledger/commissions.ts';
import type { Conversion, ConversionFilter } from '../../ledger/conversions.ts';
import { decideCommission } from '../../operations/commission-decision.ts';
import { findAffiliate } from '../../program/affiliates.ts';
import { findOffer } from '../../program/offers.ts';
import { resolvePeriod } from '../../program/period.ts';
import { getProgram } from '../../program/programs.ts';
import { withHub } from '../hub/access.ts';
import { operationDeps, type OperationDeps } from '../hub/operation-deps.ts';
import { formatCount, lineEveryTwoSeconds } from '../progress.ts';
import { print, printError } from '../terminal.ts';
import { unknownAffiliate } from './affiliate.ts';
import { chooseProgram, programOption } from './program-option.ts';

interface ApproveOptions {
  program?: string;
  due?: true;
  affiliate?: string;
  offer?: string;
  until?: string;
  reason?: string;
  dryRun?: true;
  json?: true;
}

/** `tributary approve`: commissions become payable. */
export function approveCommand(): Command {
  return new Command('approve')
    .description('approve commissions: those that are named, or with --due all whose hold is over')
    .argument('[commissions...]', 'ids of commissions or conversions')
    .option(...programOption)
    .option('--due', "all pending ones whose sale is as old as the program's hold, and that are in no review")
    .option('--affiliate <id>', 'with --due: of this one, by id or referral code')
    .option('--offer <id>', 'with --due: of this one, by id or code')
    .option('--until <date>', 'with --due: of sales up to this day of the program, or this instant')
    .option('--reason <text>', 'is kept with each decision')
    .option('--dry-run', 'tell how many, and decide nothing')
    .option('--json', 'print JSON')
    .action(approve);
}

interface Approved {
  /** Of commissions. */
  approved: string[];
  /** What cannot be approved as it is, and why. */
  skipped: { id: string; reason: string }[];
}

async function approve(ids: string[], options: ApproveOptions): Promise<void> {
  const { due, affiliate, offer, until, dryRun, json } = options;
  if (ids.length > 0 === (due === true)) throw new Error('Name commissions by their ids, or say --due');
  if (!due && [affiliate, offer, until].some((each) => each !== undefined)) {
    throw new Error('--affiliate, --offer and --until go with --due');
  }
  const tell = lineEveryTwoSeconds(({ approved }: Approved) =>
    formatCount(approved.length, 'commission', 'commissions'),
  );
  const result = await withHub(async (hub) => {
    const deps = operationDeps(hub);
    const programId = await chooseProgram(hub.db, options.program);
    const wanted = due ? dueCommissions(deps, programId, options) : namedCommissions(hub.db, programId, ids);
    return await decideEach(deps, programId, wanted, options, json ? () => undefined : tell);
  });
  if (result.skipped.length > 0 && !due) process.exitCode = 1;
  if (json) {
    print(JSON.stringify({ dryRun: dryRun === true, ...result }));
    return;
  }
  print(
    `${dryRun ? 'Would approve' : 'Approved'} ${formatCount(result.approved.length, 'commission', 'commissions')}.`,
  );
  for (const { id, reason } of result.skipped.slice(0, SHOWN)) printError(oneLine(`${id}: ${reason}`));
  if (result.skipped.length > SHOWN) printError(`… and ${result.skipped.length - SHOWN} more (--json has all)`);
}

const SHOWN = 20;

/** One after the other: each is a decision of its own, and what was decided before a mistake stays so. */
async function decideEach(
  deps: OperationDeps,
  programId: string,
  conversions: AsyncIterable<Conversion>,
  { reason = null, dryRun }: { reason?: string | null; dryRun?: true },
  onProgress: (approved: Approved) => void,
): Promise<Approved> {
  const result: Approved = { approved: [], skipped: [] };
  for await (const conversion of conversions) {
    const id = commissionIdOf(conversion.id);
    try {
      if (!dryRun) await decide(deps, programId, conversion, reason);
      result.approved.push(id);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'CONFLICT') throw error;
      result.skipped.push({ id, reason: error.message });
    }
    onProgress(result);
  }
  return result;
}

async function decide(
  deps: OperationDeps,
  programId: string,
  conversion: Conversion,
  reason: string | null,
): Promise<void> {
  const receivedAt = deps.clock.now();
  const decision = { status: 'approved' as const, reason, by: commandLine.name ?? '' };
  await decideCommission(deps, conversion, decision, {
    programId,
    livemode: conversion.livemode,
    raw: Buffer.from(JSON.stringify({ status: 'approved', reason })),
    headers: {},
    receivedAt,
    actor: commandLine,
  });
}

/** Looked up before any is decided: a mistyped id must not leave half of them done. */
async function* namedCommissions(db: Db, programId: string, ids: readonly string[]): AsyncGenerator<Conversion> {
  const found: Conversion[] = [];
  const unknown: string[] = [];
  for (const named of ids) {
    const id = named.replace(/^cnv_/, 'com_');
    const conversion =
      (await findCommission(db, programId, true, id)) ?? (await findCommission(db, programId, false, id));
    if (conversion) found.push(conversion);
    else unknown.push(oneLine(named));
  }
  if (unknown.length > 0) throw new Error(`The program has no commission ${unknown.join(', ')}. Nothing was decided`);
  yield* found;
}

const PAGE_SIZE = 200;

async function* dueCommissions(
  { db, clock }: OperationDeps,
  programId: string,
  { affiliate, offer, until }: ApproveOptions,
): AsyncGenerator<Conversion> {
  const { holdDays } = await getProgram(db, programId);
  const reach = everythingOf(programId);
  const named = affiliate === undefined ? null : await findAffiliate(db, reach, affiliate);
  if (affiliate !== undefined && !named) throw unknownAffiliate(affiliate);
  const offered = offer === undefined ? null : await findOffer(db, reach, offer);
  if (offer !== undefined && !offered) throw new Error(`The program has no offer ${oneLine(offer)}`);
  const heldUntil = new Date(clock.now().getTime() - holdDays * DAY_MS);
  const said = until === undefined ? null : (await resolvePeriod(db, programId, { endDate: until })).until;
  const filter: ConversionFilter = {
    livemode: true,
    statuses: ['pending'],
    earning: true,
    affiliateId: named?.id,
    offerId: offered?.id,
    until: said !== null && said < heldUntil ? said : heldUntil,
  };
  for (let beforeId: string | null = null; ;) {
    const { items, hasMore } = await listCommissions(db, programId, filter, { limit: PAGE_SIZE, beforeId });
    yield* items.filter(({ review }) => review === null);
    beforeId = items.at(-1)?.id ?? null;
    if (!hasMore || beforeId === null) return;
  }
}

const DAY_MS = 86_400_000;
