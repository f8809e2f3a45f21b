import { Command, InvalidArgumentError, Option } from 'commander';
import { affiliateChanges, affiliateInput } from '../../api/affiliates.ts';
import { commandLine } from '../../domain/actor.ts';
import { oneLine } from '../../domain/printable.ts';
import { everythingOf } from '../../domain/scope.ts';
import { createAffiliateAndAnnounce, updateAffiliateAndAnnounce } from '../../operations/affiliate-changes.ts';
import { assertPostbackUrl } from '../../outbound/postbacks/postback-check.ts';
import { affiliateView } from '../../program/affiliate-view.ts';
import { findAffiliate, listAffiliates } from '../../program/affiliates.ts';
import { withHub } from '../hub/access.ts';
import { operationDeps } from '../hub/operation-deps.ts';
import { formatTable } from '../table.ts';
import { print } from '../terminal.ts';
import { readAllPages } from './all-pages.ts';
import { validateOptions } from './options.ts';
import { chooseProgram, programOption } from './program-option.ts';

const statuses = ['pending', 'active', 'paused', 'banned'] as const;

interface AffiliateOptions {
  program?: string;
  test?: true;
  json?: true;
  rateBps?: number;
  amountMinor?: number;
  /** Every other option has the name of a field of `POST /api/v1/affiliates`. */
  [field: string]: unknown;
}

/** `tributary affiliate`: who refers. */
export function affiliateCommand(): Command {
  return new Command('affiliate')
    .description('create, list and change affiliates')
    .addCommand(
      withFields(new Command('create').description('create an affiliate'))
        .option('--test', 'for test traffic only')
        .option('--json', 'print JSON')
        .action(create),
    )
    .addCommand(
      new Command('list')
        .description('list the affiliates of a program, newest first')
        .option(...programOption)
        .addOption(new Option('--status <status>', 'in this state').choices(statuses))
        .option('--json', 'print JSON')
        .action(list),
    )
    .addCommand(
      withFields(new Command('update').description('change what is given of an affiliate'))
        .argument('<affiliate>', 'its id or referral code')
        .option('--json', 'print JSON')
        .action(update),
    );
}

function withFields(command: Command): Command {
  return command
    .option(...programOption)
    .option('--display-name <name>', 'what people call them')
    .option('--email <address>', 'their e-mail')
    .addOption(new Option('--status <status>', 'their state').choices(statuses))
    .option('--referral-code <code>', 'their own code (made when absent)')
    .option('--coupon-codes <code...>', 'all of their coupon codes')
    .option('--rate-bps <n>', "their own rate in hundredths of a percent, instead of the offer's", readWhole)
    .option('--amount-minor <n>', "their own fixed amount in minor units, instead of the offer's", readWhole)
    .option('--postback-url <url>', 'the URL of their tracker, with macros')
    .option('--company-name <name>')
    .option('--website <url>')
    .option('--payment-email <address>')
    .option('--payment-method <method>')
    .option('--payment-details <text>');
}

async function create({ program, test, json, ...given }: AffiliateOptions): Promise<void> {
  const input = validateOptions(affiliateInput, withOverride(given));
  const shown = await withHub(async (hub) => {
    const deps = operationDeps(hub);
    const scope = { programId: await chooseProgram(hub.db, program), livemode: !test };
    await assertPostbackUrl(deps.config, input.postbackUrl);
    return affiliateView(await createAffiliateAndAnnounce(deps, scope, input, commandLine), deps.config.publicUrl);
  });
  if (json) print(JSON.stringify(shown));
  else print(`Affiliate ${shown.id} (${oneLine(shown.displayName)}) created. Their link: ${shown.trackingUrl}`);
}

async function update(named: string, { program, json, ...given }: AffiliateOptions): Promise<void> {
  const changes = validateOptions(affiliateChanges, withOverride(given));
  const shown = await withHub(async (hub) => {
    const deps = operationDeps(hub);
    const reach = everythingOf(await chooseProgram(hub.db, program));
    const affiliate = await findAffiliate(hub.db, reach, named);
    if (!affiliate) throw unknownAffiliate(named);
    await assertPostbackUrl(deps.config, changes.postbackUrl);
    const changed = await updateAffiliateAndAnnounce(deps, reach, affiliate.id, changes, commandLine);
    return affiliateView(changed ?? affiliate, deps.config.publicUrl);
  });
  if (json) print(JSON.stringify(shown));
  else print(`Affiliate ${shown.id} (${oneLine(shown.displayName)}) is ${shown.status}, code ${shown.referralCode}.`);
}

async function list({ program, status, json }: { program?: string; status?: (typeof statuses)[number]; json?: true }) {
  const affiliates = await withHub(async ({ config, db }) => {
    const reach = everythingOf(await chooseProgram(db, program));
    const filter = { statuses: status && [status] };
    const all = await readAllPages((page) => listAffiliates(db, reach, filter, page));
    return all.map((affiliate) => affiliateView(affiliate, config.publicUrl));
  });
  if (json) print(JSON.stringify(affiliates));
  else if (affiliates.length === 0)
    print('No affiliates. Make one: tributary affiliate create --display-name NAME --email ADDRESS');
  else {
    const rows = affiliates.map((one) => [
      one.id,
      one.displayName,
      one.email,
      one.status,
      one.referralCode,
      one.livemode ? 'live' : 'test',
    ]);
    print(formatTable(columns, rows));
  }
}

const columns = ['ID', 'Name', 'E-mail', 'Status', 'Code', 'Mode'].map((title) => ({ title }));

/** The mistake of a command that names an affiliate which the program does not have. */
export function unknownAffiliate(named: string): Error {
  return new Error(`The program has no affiliate ${oneLine(named)} (tributary affiliate list has all)`);
}

function withOverride({ rateBps, amountMinor, ...fields }: AffiliateOptions): object {
  if (rateBps !== undefined && amountMinor !== undefined) throw new Error('Give either --rate-bps or --amount-minor');
  const override = rateBps === undefined ? (amountMinor === undefined ? null : { amountMinor }) : { rateBps };
  return override === null ? fields : { ...fields, commissionOverride: override };
}

function readWhole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
