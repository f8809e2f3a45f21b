import { Command, Option } from 'commander';
import { z } from 'zod';
import { commandLine } from '../../domain/actor.ts';
import { oneLine } from '../../domain/printable.ts';
import { everythingOf, namedBy } from '../../domain/scope.ts';
import { formatMajorAmount } from '../../domain/money.ts';
import { currency } from '../../http/fields.ts';
import { listPayouts, payoutView } from '../../ledger/payouts.ts';
import { createPayoutAndAnnounce, finishPayoutAndAnnounce } from '../../operations/payout-changes.ts';
import { findAffiliate } from '../../program/affiliates.ts';
import { getProgram } from '../../program/programs.ts';
import { withHub } from '../hub/access.ts';
import { operationDeps } from '../hub/operation-deps.ts';
import { formatTable } from '../table.ts';
import { print } from '../terminal.ts';
import { unknownAffiliate } from './affiliate.ts';
import { readAllPages } from './all-pages.ts';
import { validateOptions } from './options.ts';
import { chooseProgram, programOption } from './program-option.ts';

const statuses = ['pending', 'paid', 'failed'] as const;

interface PayoutOptions {
  program?: string;
  json?: true;
}

/** `tributary payout`: what affiliates are paid. */
export function payoutCommand(): Command {
  return new Command('payout')
    .description('create and list payouts, and say what became of them')
    .addCommand(
      new Command('create')
        .description('pay out all that is payable to an affiliate')
        .option(...programOption)
        .requiredOption('--affiliate <id>', 'id or referral code')
        .option('--currency <code>', "ISO 4217 (default: the program's)")
        .option('--json', 'print JSON')
        .action(create),
    )
    .addCommand(
      new Command('list')
        .description('list the payouts of a program, newest first')
        .option(...programOption)
        .option('--affiliate <id>', 'of this one: id or referral code')
        .addOption(new Option('--status <status>', 'in this state').choices(statuses))
        .option('--json', 'print JSON')
        .action(list),
    )
    .addCommand(finishCommand('paid', 'the money was sent: final'))
    .addCommand(finishCommand('failed', 'the money was not sent: it can be paid out again'));
}

function finishCommand(status: 'paid' | 'failed', description: string): Command {
  return new Command(status)
    .description(description)
    .argument('<payouts...>', 'ids of payouts')
    .option(...programOption)
    .option('--json', 'print JSON')
    .action((ids: string[], options: PayoutOptions) => finish(ids, status, options));
}

async function create(options: PayoutOptions & { affiliate: string; currency?: string }): Promise<void> {
  const { program, affiliate: named, json } = options;
  const said = validateOptions(z.object({ currency: currency.optional() }), { currency: options.currency });
  const payout = await withHub(async (hub) => {
    const deps = operationDeps(hub);
    const programId = await chooseProgram(hub.db, program);
    const affiliate = await findAffiliate(hub.db, namedBy({ programId, livemode: true }), named);
    if (!affiliate) throw unknownAffiliate(named);
    const input = {
      affiliateId: affiliate.id,
      currency: said.currency ?? (await getProgram(hub.db, programId)).currency,
      createdBy: commandLine.name ?? '',
    };
    return payoutView(await createPayoutAndAnnounce(deps, programId, input, commandLine));
  });
  if (json) print(JSON.stringify(payout));
  else print(`Payout ${payout.id}: ${amountOf(payout)}. When it is sent: tributary payout paid ${payout.id}`);
}

async function list(
  options: PayoutOptions & { affiliate?: string; status?: (typeof statuses)[number] },
): Promise<void> {
  const { program, affiliate: named, status, json } = options;
  const payouts = await withHub(async ({ db }) => {
    const programId = await chooseProgram(db, program);
    const affiliate = named === undefined ? null : await findAffiliate(db, everythingOf(programId), named);
    if (named !== undefined && !affiliate) throw unknownAffiliate(named);
    const filter = { affiliateId: affiliate?.id, statuses: status && [status] };
    return (await readAllPages((page) => listPayouts(db, programId, filter, page))).map(payoutView);
  });
  if (json) print(JSON.stringify(payouts));
  else if (payouts.length === 0) print('No payouts.');
  else {
    const rows = payouts.map((payout) => [
      payout.id,
      payout.affiliateId,
      amountOf(payout),
      payout.status,
      payout.createdAt,
    ]);
    print(formatTable(columns, rows));
  }
}

const columns = [
  { title: 'ID' },
  { title: 'Affiliate' },
  { title: 'Amount', align: 'right' as const },
  { title: 'Status' },
  { title: 'Created' },
];

/** One after the other; the first that is unknown, or has the other state already, ends it. */
async function finish(ids: string[], status: 'paid' | 'failed', { program, json }: PayoutOptions): Promise<void> {
  const payouts = await withHub(async (hub) => {
    const deps = operationDeps(hub);
    const programId = await chooseProgram(hub.db, program);
    const finished: ReturnType<typeof payoutView>[] = [];
    for (const id of ids) {
      const payout = await finishPayoutAndAnnounce(deps, programId, id, status, commandLine);
      if (!payout)
        throw new Error(`The program has no payout ${oneLine(id)} (${describeDone(finished.length, status)})`);
      finished.push(payoutView(payout));
    }
    return finished;
  });
  if (json) print(JSON.stringify(payouts));
  else for (const payout of payouts) print(`Payout ${payout.id}: ${amountOf(payout)} is ${payout.status}.`);
}

function describeDone(count: number, status: string): string {
  return count === 0 ? 'nothing was changed' : `the ${count} before it are ${status}`;
}

function amountOf({ amountMinor, currency: code }: { amountMinor: number; currency: string }): string {
  return `${formatMajorAmount(BigInt(amountMinor), code)} ${code}`;
}
