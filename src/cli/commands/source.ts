import { Command, InvalidArgumentError, Option } from 'commander';
import { dropAbsent } from '../../api/drop-absent.ts';
import { sourceInput } from '../../api/source-schemas.ts';
import { detailView, sourceView, toSourceInput } from '../../api/sources.ts';
import { commandLine } from '../../domain/actor.ts';
import { systemClock } from '../../domain/clock.ts';
import { everythingOf } from '../../domain/scope.ts';
import { presets } from '../../inbound/postback/presets.ts';
import { getProgram } from '../../program/programs.ts';
import { createSourceAs } from '../../operations/source-changes.ts';
import { listSources } from '../../program/sources.ts';
import { withHub } from '../hub/access.ts';
import { readAllPages } from './all-pages.ts';
import { validateOptions } from './options.ts';
import { readSecret, readSecrets, secretFileHint } from './secret-options.ts';
import { chooseProgram, programOption } from './program-option.ts';
import { formatTable } from '../table.ts';
import { print } from '../terminal.ts';

interface SecretOptions {
  signingSecrets?: string[];
  signingSecretsFile?: string;
  authorization?: string;
  authorizationFile?: string;
  hmacSecret?: string;
  hmacSecretFile?: string;
}

interface CreateOptions extends SecretOptions {
  program?: string;
  kind: string;
  json?: true;
  /** Every other option has the name of a field of `POST /api/v1/sources`. */
  [field: string]: unknown;
}

/** `tributary source`: ways in. */
export function sourceCommand(): Command {
  return new Command('source')
    .description('open ways in, and list them')
    .addCommand(createCommand())
    .addCommand(
      new Command('list')
        .description('list the sources of a program, newest first')
        .option(...programOption)
        .option('--json', 'print JSON')
        .action(list),
    );
}

function createCommand(): Command {
  return new Command('create')
    .description('open a way in: Stripe, RevenueCat, or a tracker')
    .option(...programOption)
    .addOption(new Option('--kind <kind>').choices(['stripe', 'revenuecat', 'postback']).makeOptionMandatory())
    .option('--name <name>', 'what people call it')
    .addOption(
      new Option(
        '--order-scope <scope>',
        'whether its order ids meet those of other sources (default: program)',
      ).choices(['program', 'source']),
    )
    .optionsGroup('Stripe:')
    .option('--signing-secrets <whsec...>', "the endpoint's signing secret; several while one is rotated")
    .option('--signing-secrets-file <path>', `the same, one a line, ${secretFileHint}`)
    .option('--test', 'whatever comes by it is test')
    .optionsGroup('RevenueCat:')
    .option('--authorization <value>', 'the exact value of the Authorization header')
    .option('--authorization-file <path>', `the same, ${secretFileHint}`)
    .option('--hmac-secret <secret>', 'the secret of X-RevenueCat-Webhook-Signature')
    .option('--hmac-secret-file <path>', `the same, ${secretFileHint}`)
    .addOption(
      new Option('--amount-basis <basis>', 'what commission is computed on (default: net_of_tax)').choices([
        'gross',
        'net_of_tax',
        'proceeds',
      ]),
    )
    .option('--campaign-as-coupon', 'the attribute $campaign is a coupon code')
    .addOption(
      new Option('--stripe-stores <rule>', 'purchases that Stripe bills (default: auto)').choices([
        'auto',
        'count',
        'ignore',
      ]),
    )
    .optionsGroup('Postback:')
    .addOption(new Option('--preset <tracker>', 'how that tracker speaks').choices(presets.map(({ id }) => id)))
    .addOption(
      new Option('--purpose <purpose>', 'conversions or funnel events (default: primary)').choices([
        'primary',
        'secondary',
      ]),
    )
    .option('--fields <theirs=ours...>', 'rename parameters', collectPair)
    .option('--statuses <theirs=ours...>', 'what status words mean: lead, hold, sale, rejected', collectPair)
    .addOption(
      new Option('--response <mode>', "what is answered (default: the preset's, else json)").choices([
        'json',
        'ok',
        'gif',
      ]),
    )
    .option('--no-require-key', 'take postbacks without an API key')
    .option('--allowed-cidrs <cidr...>', 'only from these addresses')
    .option('--event-type <type>', 'of a secondary source: pageview, registration, lead')
    .optionsGroup('Output:')
    .option('--json', 'print JSON')
    .action(create);
}

async function create({ program, json, test, requireKey, ...given }: CreateOptions): Promise<void> {
  const fields = withSecretsOfFiles(given);
  const input = validateOptions(sourceInput, {
    ...fields,
    ...(test ? { livemode: false } : {}),
    // Commander presets what `--no-…` switches off.
    ...(fields.kind === 'postback' ? { requireKey } : {}),
  });
  const source = await withHub(async ({ config, db, secrets }) =>
    detailView(
      { config, db, clock: systemClock },
      await createSourceAs(db, secrets, commandLine, await chooseProgram(db, program), toSourceInput(input)),
      true,
    ),
  );
  if (json) {
    print(JSON.stringify(source));
    return;
  }
  print(`Source ${source.id} (${source.kind}) created. In logs, and to keys that may not know the id: ${source.ref}`);
  print(source.postbackUrl ? `Paste into the tracker: ${source.postbackUrl}` : `Have it send to: ${source.url}`);
  if (source.requiredEvents.length > 0) print(`Switch on there: ${source.requiredEvents.join(', ')}`);
}

/** The fields with what the options `--…-file` name in place of those options; absent ones are left out. */
function withSecretsOfFiles({
  signingSecrets,
  signingSecretsFile,
  authorization,
  authorizationFile,
  hmacSecret,
  hmacSecretFile,
  ...fields
}: SecretOptions & Record<string, unknown>): Record<string, unknown> {
  return {
    ...fields,
    ...dropAbsent({
      signingSecrets: readSecrets('--signing-secrets', signingSecrets, signingSecretsFile),
      authorization: readSecret('--authorization', authorization, authorizationFile),
      hmacSecret: readSecret('--hmac-secret', hmacSecret, hmacSecretFile),
    }),
  };
}

async function list({ program, json }: { program?: string; json?: true }): Promise<void> {
  const { programId, sources } = await withHub(async ({ config, db }) => {
    const { id: programId } = await getProgram(db, await chooseProgram(db, program));
    const all = await readAllPages(
      (page) => listSources(db, everythingOf(programId), {}, page),
      ({ ref }) => ref,
    );
    return { programId, sources: all.map((source) => sourceView({ config }, source, true)) };
  });
  if (json) print(JSON.stringify(sources));
  else if (sources.length === 0) print(`No sources yet. Open one: tributary source create --program ${programId}`);
  else {
    const rows = sources.map(({ name, kind, preset, ref, url }) => [kind, preset ?? '', name ?? '', ref, url ?? '']);
    print(formatTable(columns, rows));
  }
}

const columns = ['Kind', 'Preset', 'Name', 'Ref', 'URL'].map((title) => ({ title }));

function collectPair(text: string, pairs: Record<string, string> = {}): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('It must be theirs=ours.');
  return { ...pairs, [text.slice(0, equals)]: text.slice(equals + 1) };
}
