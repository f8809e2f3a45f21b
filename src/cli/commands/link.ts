import { Command, Option } from 'commander';
import { toLinkInput, trackingLinkInput } from '../../api/tracking-links.ts';
import { commandLine } from '../../domain/actor.ts';
import { everythingOf } from '../../domain/scope.ts';
import { createTrackingLinkAs } from '../../operations/link-changes.ts';
import { findAffiliate } from '../../program/affiliates.ts';
import { countLinkResults, listTrackingLinks } from '../../program/tracking-links.ts';
import { withHub } from '../hub/access.ts';
import { formatTable } from '../table.ts';
import { print } from '../terminal.ts';
import { unknownAffiliate } from './affiliate.ts';
import { readAllPages } from './all-pages.ts';
import { validateOptions } from './options.ts';
import { chooseProgram, programOption } from './program-option.ts';

interface CreateOptions {
  program?: string;
  test?: true;
  json?: true;
  affiliate: string;
  offer?: string;
  [field: string]: unknown;
}

/** `tributary link`: tracking links. */
export function linkCommand(): Command {
  return new Command('link')
    .description('create and list tracking links')
    .addCommand(
      new Command('create')
        .description('create a tracking link')
        .option(...programOption)
        .requiredOption('--affiliate <id>', 'whose it is: id or referral code')
        .option('--offer <id>', "where it leads: id or code (default: the program's default offer)")
        .option('--code <code>', 'what stands behind /r/ (made when absent)')
        .option('--custom-url <url>', "leads here instead of the offer's URL")
        .addOption(
          new Option('--status <status>', 'a paused link leads on without a click').choices(['active', 'paused']),
        )
        .option('--test', 'for test traffic only')
        .option('--json', 'print JSON')
        .action(create),
    )
    .addCommand(
      new Command('list')
        .description('list the tracking links of a program with what came of them, newest first')
        .option(...programOption)
        .option('--affiliate <id>', 'of this one: id or referral code')
        .option('--json', 'print JSON')
        .action(list),
    );
}

async function create({ program, test, json, affiliate, offer, ...fields }: CreateOptions): Promise<void> {
  const given = { ...fields, affiliateId: affiliate, ...(offer === undefined ? {} : { offerId: offer }) };
  const body = validateOptions(trackingLinkInput, given);
  const link = await withHub(async ({ config, db }) => {
    const scope = { programId: await chooseProgram(db, program), livemode: !test };
    const made = await createTrackingLinkAs(db, commandLine, scope, await toLinkInput(db, scope, body));
    return { ...made, trackingUrl: `${config.publicUrl}/r/${made.code}` };
  });
  if (json) print(JSON.stringify(link));
  else print(`${link.trackingUrl}\nLink ${link.id} leads to ${link.destinationUrl}`);
}

async function list({ program, affiliate: named, json }: { program?: string; affiliate?: string; json?: true }) {
  const links = await withHub(async ({ config, db }) => {
    const reach = everythingOf(await chooseProgram(db, program));
    const affiliate = named === undefined ? null : await findAffiliate(db, reach, named);
    if (named !== undefined && !affiliate) throw unknownAffiliate(named);
    const filter = { affiliateId: affiliate?.id };
    const all = await readAllPages((page) => listTrackingLinks(db, reach, filter, page));
    const counts = await countLinkResults(
      db,
      reach.programId,
      true,
      all.map(({ id }) => id),
    );
    return all.map((link) => ({ ...link, ...counts.get(link.id), trackingUrl: `${config.publicUrl}/r/${link.code}` }));
  });
  if (json) print(JSON.stringify(links));
  else if (links.length === 0) print('No tracking links. Make one: tributary link create --affiliate CODE');
  else {
    const rows = links.map(({ trackingUrl, affiliateId, status, clicks = 0, conversions = 0 }) => [
      trackingUrl,
      affiliateId,
      status,
      clicks.toLocaleString('en'),
      conversions.toLocaleString('en'),
    ]);
    print(formatTable(columns, rows));
  }
}

const columns = [
  { title: 'Link' },
  { title: 'Affiliate' },
  { title: 'Status' },
  { title: 'Clicks', align: 'right' as const },
  { title: 'Conversions', align: 'right' as const },
];
