import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createSecretBox } from '../../../src/db/secret-box.ts';
import { createProgram } from '../../../src/program/programs.ts';
import {
  findSource,
  openRevenuecatSecrets,
  openStripeSecrets,
  type RevenuecatSource,
  type StripeSource,
} from '../../../src/program/sources.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { cliEnvironment, runCli, type CliResult } from '../run-cli.ts';

let database: TestDatabase;
let programId: string;
const secrets = createSecretBox({
  key: new Uint8Array(Buffer.from('0123456789abcdef'.repeat(4), 'hex')),
  previousKeys: [],
});
before(async () => {
  database = await openTestDatabase();
  programId = (await createProgram(database.db, { name: 'Acme' })).id;
});
after(() => database.close());

function create(...given: (string | { input: string })[]): Promise<CliResult> {
  const env = cliEnvironment({ databaseUrl: database.url, url: 'https://hub.example.com' });
  const args = given.filter((each) => typeof each === 'string');
  const input = given.find((each) => typeof each === 'object')?.input;
  return runCli(['source', 'create', '--program', programId, ...args], env, { input });
}

function words(text: string): string[] {
  return text.split(' ');
}

function readSource({ code, stdout, stderr }: CliResult): Record<string, unknown> & { id: string; url: string } {
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Record<string, unknown> & { id: string; url: string };
}

test('a Stripe source keeps all signing secrets sealed, and tells its URL and the events to switch on', async () => {
  const made = await create('--kind', 'stripe', '--signing-secrets', 'whsec_new', 'whsec_old', '--test', '--json');
  const source = readSource(made);
  assert.equal(source.url, `https://hub.example.com/in/stripe/${source.id}`);
  assert.equal(source['livemode'], false);
  assert.ok((source['requiredEvents'] as string[]).includes('invoice.paid'));
  assert.doesNotMatch(made.stdout, /whsec_/);
  const stored = (await findSource(database.db, source.id)) as StripeSource;
  assert.deepEqual(await openStripeSecrets(secrets, stored), { signingSecrets: ['whsec_new', 'whsec_old'] });
});

test('secrets come from a file or standard input, so that they stand in no list of processes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-secrets-'));
  const file = join(folder, 'signing');
  await writeFile(file, 'whsec_new \nwhsec_old\n\n');
  const args = ['--kind', 'stripe', '--json', '--signing-secrets-file'];
  for (const [path, input] of [
    [file, ''],
    ['-', 'whsec_new \r\nwhsec_old'],
  ] as const) {
    const { id } = readSource(await create({ input }, ...args, path));
    const stored = (await findSource(database.db, id)) as StripeSource;
    assert.deepEqual(await openStripeSecrets(secrets, stored), { signingSecrets: ['whsec_new ', 'whsec_old'] });
  }
  const revenuecat = ['--kind', 'revenuecat', '--json', '--authorization-file', '-'];
  const { id } = readSource(await create({ input: 'Bearer  two spaces\n' }, ...revenuecat));
  const stored = (await findSource(database.db, id)) as RevenuecatSource;
  assert.equal((await openRevenuecatSecrets(secrets, stored)).authorization, 'Bearer  two spaces');
  for (const [given, problem] of [
    [[...args, join(folder, 'none')], /^--signing-secrets-file: ENOENT/],
    [[...args, file, '--signing-secrets', 'whsec_x'], /^Give either --signing-secrets or --signing-secrets-file/],
    [[...args, '-'], /there is no secret in standard input/],
    [[...revenuecat.slice(0, 4), file], /there is more than one line/],
  ] as const) {
    const refused = await create({ input: '' }, ...given);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, problem);
  }
  await rm(folder, { recursive: true });
});

test("Stripe's API key is not taken for its signing secret", async () => {
  const refused = await create('--kind', 'stripe', '--signing-secrets', 'sk_live_51Hx');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^--signing-secrets is an API key\. .*whsec_/);
});

test('a RevenueCat source takes a header, an HMAC secret and its settings', async () => {
  const made = await create(
    ...words('--kind revenuecat --hmac-secret h --amount-basis proceeds --campaign-as-coupon --stripe-stores ignore'),
    '--authorization',
    'Bearer  two spaces',
    '--json',
  );
  const source = readSource(made);
  const stored = (await findSource(database.db, source.id)) as RevenuecatSource;
  assert.deepEqual(await openRevenuecatSecrets(secrets, stored), {
    authorization: 'Bearer  two spaces',
    hmacSecret: 'h',
  });
  assert.deepEqual(stored.settings, { amountBasis: 'proceeds', campaignAsCoupon: true, stripeStores: 'ignore' });
});

test('a postback source takes a preset, a map of its own and limits', async () => {
  const made = await create(
    ...words(
      '--kind postback --preset keitaro --fields who=click_id what=goal --statuses won=sale --order-scope source',
    ),
    ...words('--no-require-key --allowed-cidrs 203.0.113.0/24 2001:db8::1 --json'),
  );
  const source = readSource(made);
  assert.equal(source['preset'], 'keitaro');
  assert.equal(source['response'], 'ok');
  assert.equal(source['requireKey'], false);
  assert.equal(source['orderScope'], 'source');
  assert.deepEqual(source['fields'], { who: 'click_id', what: 'goal' });
  assert.deepEqual(source['statuses'], { won: 'sale' });
  assert.deepEqual(source['allowedCidrs'], ['203.0.113.0/24', '2001:db8::1']);
  assert.match(String(source['postbackUrl']), /\/pb\/src_\w+\?subid=\{external_id\}/);
});

test('without --json the next step is printed: the URL to enter at the sender', async () => {
  const tracker = await create('--kind', 'postback');
  assert.match(tracker.stdout, /Paste into the tracker: https:\/\/hub\.example\.com\/pb\/src_\w+\?.*&secure=API_KEY\n/);
  const stripe = await create('--kind', 'stripe', '--signing-secrets', 'whsec_1');
  assert.match(stripe.stdout, /Have it send to: https:\/\/hub\.example\.com\/in\/stripe\/src_\w+\nSwitch on there: /);
});

test('what makes no source exits 1 and names the option', async () => {
  for (const [args, words] of [
    [['--kind', 'stripe'], /^--signing-secrets is required$/m],
    [['--kind', 'revenuecat'], /^--authorization is required, or hmacSecret$|authorization or hmacSecret is required/m],
    [['--kind', 'postback', '--signing-secrets', 'x'], /^--signing-secrets does not go with the other options$/m],
    [['--kind', 'postback', '--statuses', 'won=gold'], /^--statuses must be one of lead, hold, sale, rejected$/m],
    [['--kind', 'postback', '--fields', 'who'], /theirs=ours/],
    [['--kind', 'postback', '--fields', 'who=nonsense'], /'nonsense' is no field of a conversion/],
    [['--kind', 'postback', '--allowed-cidrs', 'here'], /^--allowed-cidrs must be an address or a CIDR/m],
    [['--kind', 'fax'], /Allowed choices are stripe, revenuecat, postback/],
  ] as const) {
    const result = await create(...args);
    assert.equal(result.code, 1, result.stdout);
    assert.match(result.stderr, words);
    assert.doesNotMatch(result.stderr, /^ +at /m);
  }
});

test('sources of a program are listed, newest first; an unknown program is told', async () => {
  const newest = readSource(await create('--kind', 'postback', '--name', 'Newest', '--json'));
  const env = cliEnvironment({ databaseUrl: database.url });
  const list = await runCli(['source', 'list', '--program', programId, '--json'], env);
  const sources = JSON.parse(list.stdout) as { id: string }[];
  assert.equal(sources[0]?.id, newest.id);
  assert.ok(sources.length > 3);
  const table = await runCli(['source', 'list', '--program', programId], env);
  assert.match(table.stdout, /^postback +Newest +srr_[0-9a-f]{32} +http:\/\/localhost:3000\/pb\/src_/m);
  assert.match(String((sources[0] as { ref?: unknown }).ref), /^srr_[0-9a-f]{32}$/);
  const unknown = await runCli(['source', 'list', '--program', 'prg_none'], env);
  assert.deepEqual(
    [unknown.code, unknown.stderr],
    [1, 'There is no program prg_none (tributary program list has all)\n'],
  );
});
