import { setTimeout as wait } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { oneLine } from '../../domain/printable.ts';
import { restoreSourceIds } from '../../program/source-refs.ts';
import { findSource, openRevenuecatSecrets, openStripeSecrets } from '../../program/sources.ts';
import { fillFixture, freshenFixtures, readFixtures } from '../fixtures/fixtures.ts';
import { findHubUrl, withHub } from '../hub/access.ts';
import { signFixture, type Target } from '../fixtures/sign.ts';
import { sendRequest } from '../hub/send-request.ts';
import { readSecret, secretFileHint } from './secret-options.ts';
import { print, printError } from '../terminal.ts';

interface SendOptions {
  source?: string;
  to?: 'conversions' | 'events';
  key?: string;
  keyFile?: string;
  hub?: string;
  affiliate?: string;
  click?: string;
  fresh?: true;
  dryRun?: true;
  every: number;
  json?: true;
}

/** `tributary send`: what Stripe, RevenueCat, a tracker or a backend would send, signed as they sign it. */
export function sendCommand(): Command {
  return new Command('send')
    .description('sign fixtures as their sender would, and send them to a running hub')
    .argument('<path...>', 'files (.json, .form, .query) or folders of them, such as fixtures/stripe/endive/renewal')
    .option('--source <id>', 'the source to send to; its secrets are taken from the database')
    .addOption(new Option('--to <input>', 'or a way in that needs no source').choices(['conversions', 'events']))
    .addOption(keyOption('the API key, for --to and for postback sources that ask for one'))
    .addOption(keyFileOption())
    .addOption(hubOption())
    .option('--click <id>', 'the click that the messages are to name')
    .option('--affiliate <id>', 'the affiliate that they are to name, by id or referral code')
    .option('--fresh', 'as if it happened now for the first time: new ids, new times')
    .option(
      '--dry-run',
      'only tell what the hub would answer: nothing is booked (conversions and postbacks; needs a key)',
    )
    .option('--every <ms>', 'pause between two messages', readPause, 0)
    .option('--json', 'print one JSON object a message')
    .action(send);
}

/** Shared by the commands that call the API. */
export function keyOption(description: string): Option {
  return new Option('--key <key>', description).env('TRIBUTARY_KEY');
}

export function keyFileOption(): Option {
  return new Option('--key-file <path>', `the same, ${secretFileHint}`);
}

/** The file is asked for by name, so it is stronger than TRIBUTARY_KEY. */
export function readKey({ key, keyFile }: { key?: string; keyFile?: string }): string | undefined {
  return readSecret('--key', keyFile !== undefined && key === process.env.TRIBUTARY_KEY ? undefined : key, keyFile);
}

export function hubOption(): Option {
  return new Option('--hub <url>', 'where the hub listens; PUBLIC_URL unless said');
}

async function send(paths: string[], options: SendOptions): Promise<void> {
  if ((options.source === undefined) === (options.to === undefined)) {
    throw new Error('Say where to send to: either --source ID or --to conversions|events');
  }
  const read = await readFixtures(paths);
  const fixtures = (options.fresh ? freshenFixtures(read, new Date()) : read).map((fixture) =>
    fillFixture(fixture, { affiliate: options.affiliate, clickId: options.click }),
  );
  const target = await findTarget(options);
  let refused = 0;
  for (const [index, fixture] of fixtures.entries()) {
    if (index > 0) await wait(options.every);
    const { status, body } = await sendRequest(signFixture(fixture, target, new Date()));
    if (status < 200 || status >= 300) refused += 1;
    if (options.json) print(JSON.stringify({ file: fixture.file, status, body: readJson(body) }));
    else print(`${status} ${fixture.file}  ${oneLine(body.trim())}`);
  }
  if (refused === 0) return;
  process.exitCode = 1;
  printError(`${refused} of ${fixtures.length} refused`);
}

async function findTarget(options: SendOptions): Promise<Target> {
  const givenKey = readKey(options);
  const hub = findHubUrl(options.hub);
  const { dryRun = false } = options;
  if (options.to !== undefined) {
    if (dryRun && options.to !== 'conversions') throw new Error(ONLY_DRY);
    const url = `${hub}/api/v1/${options.to}${dryRun ? '?dryRun=true' : ''}`;
    return { kind: 'conversion', url, key: demandKey(givenKey, 'This way in') };
  }
  return withHub(async ({ db, secrets }): Promise<Target> => {
    const source = await findSource(db, await restoreSourceIds(db, null, options.source ?? ''));
    if (!source) throw new Error('There is no such source. `tributary source list` lists them.');
    if (dryRun && source.kind !== 'postback') throw new Error(ONLY_DRY);
    if (source.kind === 'stripe') {
      const { signingSecrets } = await openStripeSecrets(secrets, source);
      return { kind: 'stripe', url: `${hub}/in/stripe/${source.id}`, signingSecret: signingSecrets[0] ?? '' };
    }
    if (source.kind === 'revenuecat') {
      const opened = await openRevenuecatSecrets(secrets, source);
      return { kind: 'revenuecat', url: `${hub}/in/revenuecat/${source.id}`, ...opened };
    }
    const url = `${hub}/pb/${source.id}`;
    if (dryRun) return { kind: 'postback', url, key: demandKey(givenKey, 'A dry run'), dryRun };
    const key = source.settings.requireKey ? demandKey(givenKey, 'This source') : (givenKey ?? null);
    return { kind: 'postback', url, key };
  });
}

const ONLY_DRY = 'A dry run is for conversions and postbacks: --to conversions, or a --source of kind postback';

function demandKey(key: string | undefined, what: string): string {
  if (key !== undefined) return key;
  throw new Error(`${what} asks for an API key: --key KEY, or TRIBUTARY_KEY in the environment`);
}

function readPause(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be milliseconds.');
  return Number(text);
}

function readJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
