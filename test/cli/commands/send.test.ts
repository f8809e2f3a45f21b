import assert from 'node:assert/strict';
import { inTransaction } from '../../../src/db/db.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createAffiliate } from '../../../src/program/affiliates.ts';
import { createKey } from '../../../src/program/api-keys.ts';
import { createOffer } from '../../../src/program/offers.ts';
import { createProgram } from '../../../src/program/programs.ts';
import {
  createSource,
  postbackSettingsSchema,
  revenuecatSettingsSchema,
  type SourceInput,
} from '../../../src/program/sources.ts';
import { startHub, type TestHub } from '../../support/hub.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { cliEnvironment, runCli, type CliResult } from '../run-cli.ts';

interface Conversion {
  id: string;
  orderId: string;
  kind: string;
  status: string;
  amountMinor: number;
  affiliateId: string | null;
  commission: { amountMinor: number };
}

let hub: TestHub;
let key: string;
let affiliateId: string;
let programId: string;
before(async () => {
  hub = await startHub();
  programId = (await createProgram(hub.db, { name: 'Acme' })).id;
  key = (await createKey(hub.db, programId, { name: 'k', mode: 'live', access: 'write' })).plaintext;
  await createOffer(
    hub.db,
    { programId, livemode: true },
    {
      name: 'Pro',
      url: 'https://shop.example.com',
      commission: { type: 'cps', rateBps: 2000 },
    },
  );
  const partner = { displayName: 'Partner', email: 'p@example.org', referralCode: 'partner-one' };
  affiliateId = (await inTransaction(hub.db, (trx) => createAffiliate(trx, { programId, livemode: true }, partner))).id;
});
after(() => hub.stop());

const send = (...args: string[]): Promise<CliResult> =>
  runCli(['send', ...args], { ...cliEnvironment(hub), TRIBUTARY_KEY: key });

async function openSource(input: SourceInput): Promise<string> {
  return (await createSource(hub.db, hub.deps.secrets, programId, input)).id;
}

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await fetch(`${hub.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return (await answer.json()) as T;
}

const clickId = async () => (await call<{ data: { id: string } }>('POST', '/clicks', { affiliateId })).data.id;

/** Polls until the program has a conversion of this order that `fits`. */
function waitForConversion(orderId: string, fits: (one: Conversion) => boolean = () => true): Promise<Conversion> {
  return waitUntil(`a conversion of ${orderId}`, async () => {
    const { data } = await call<{ data: Conversion[] }>('GET', '/conversions?limit=100');
    return data.find((one) => one.orderId === orderId && fits(one));
  });
}

test('the four events of a Stripe checkout, signed as Stripe signs, become one conversion', async () => {
  const source = await openSource({
    kind: 'stripe',
    settings: {},
    secrets: { signingSecrets: ['whsec_1', 'whsec_0'] },
  });
  const sent = await send('fixtures/stripe/endive/one-off-checkout', '--source', source);
  assert.equal(sent.code, 0, sent.stderr);
  assert.match(
    sent.stdout,
    /^(200 fixtures\/stripe\/endive\/one-off-checkout\/0\d-[\w.]+\.json {2}\{"received":true\}\n){4}$/,
  );
  const order = 'pi_3SbEfwTr1bFx7HubA0sRCvbO';
  const conversion = await waitForConversion(order, (one) => one.affiliateId === affiliateId);
  assert.equal(conversion.commission.amountMinor, 2000);

  const again = await send('fixtures/stripe/endive/one-off-checkout', '--source', source, '--json');
  for (const line of again.stdout.trim().split('\n')) {
    const { status, body } = JSON.parse(line) as { status: number; body: unknown };
    assert.deepEqual([status, body], [200, { received: true }]);
  }
  await waitUntil('all are settled', async () => {
    const { data } = await call<{ data: object[] }>('GET', '/inbox-events?status=received');
    return data.length === 0;
  });
  const { data } = await call<{ data: Conversion[] }>('GET', '/conversions?limit=100');
  assert.equal(data.length, 1);
});

test('--fresh makes the same journey a new order of now, still one', async () => {
  const source = await openSource({ kind: 'stripe', settings: {}, secrets: { signingSecrets: ['whsec_1'] } });
  const list = () => call<{ data: Conversion[] }>('GET', '/conversions?limit=100');
  const before = new Set((await list()).data.map(({ id }) => id));
  const sent = await send('fixtures/stripe/endive/subscription-first-invoice', '--source', source, '--fresh');
  assert.equal(sent.code, 0, sent.stderr);
  await waitUntil('all are settled', async () => {
    const { data } = await call<{ data: object[] }>('GET', '/inbox-events?status=received');
    return data.length === 0;
  });
  const made = (await list()).data.filter(({ id }) => !before.has(id));
  assert.equal(made.length, 1);
  const [conversion] = made as [Conversion & { occurredAt: string }];
  assert.match(conversion.orderId, /^(pi|in)_/);
  assert.notEqual(conversion.orderId, 'pi_3S2z9TTr1bFx7Hublj8uLCNE');
  assert.equal(conversion.commission.amountMinor, 980);
  assert.ok(Math.abs(Date.parse(conversion.occurredAt) - Date.now()) < 600_000, conversion.occurredAt);
});

test('RevenueCat is sent both proofs that the source asks for', async () => {
  const source = await openSource({
    kind: 'revenuecat',
    settings: revenuecatSettingsSchema.parse({}),
    secrets: { authorization: 'Basic x', hmacSecret: 'h' },
  });
  const file = 'fixtures/revenuecat/subscription/01-initial-purchase.json';
  const sent = await send(file, '--source', source, '--affiliate', 'partner-one');
  assert.equal(sent.code, 0, sent.stderr);
  assert.equal((await waitForConversion('2000000810000001')).affiliateId, affiliateId);
});

test('postbacks go by GET with the key, and forms by POST', async () => {
  const source = await openSource({
    kind: 'postback',
    settings: postbackSettingsSchema.parse({ preset: 'keitaro', response: 'ok' }),
    secrets: null,
  });
  const keitaro = await send('fixtures/postback/keitaro', '--source', source, '--click', await clickId());
  assert.deepEqual([keitaro.code, keitaro.stderr], [0, '']);
  assert.match(keitaro.stdout, /^200 .*01-lead\.query {2}OK$/m);
  assert.equal((await waitForConversion('KT-1', (one) => one.kind === 'sale')).amountMinor, 4000);

  const plain = await openSource({ kind: 'postback', settings: postbackSettingsSchema.parse({}), secrets: null });
  const files = ['02-purchase.form', '03-purchase.json'].map((name) => `fixtures/postback/plain/${name}`);
  const form = await send(...files, '--source', plain, '--click', await clickId(), '--fresh');
  assert.equal(form.code, 0, form.stdout + form.stderr);
  assert.match(form.stdout, /^200 .*\.form /m);
});

test('a backend says one sale in three spellings: one conversion', async () => {
  const files = ['01-sale', '02-same-sale-other-words', '03-same-sale-in-cents'].map(
    (name) => `fixtures/conversion/${name}.json`,
  );
  const click = await clickId();
  const dry = await send(...files.slice(0, 1), '--to', 'conversions', '--click', click, '--dry-run');
  assert.match(dry.stdout, /^201 .*"tracked":true,"conversionId":null/);
  const sent = await send(...files, '--to', 'conversions', '--click', click);
  assert.equal(sent.code, 0, sent.stderr);
  const lines = sent.stdout.trim().split('\n');
  assert.match(lines[0] ?? '', /^201 .*"tracked":true/);
  assert.match(lines[1] ?? '', /^200 .*"reason":"duplicate_order"/);
  assert.match(lines[2] ?? '', /^200 .*"reason":"duplicate_order"/);
});

test('what the hub refuses is printed, counted, and exits 1', async () => {
  const plain = await openSource({ kind: 'postback', settings: postbackSettingsSchema.parse({}), secrets: null });
  const broken = 'fixtures/postback/broken';
  const files = [`${broken}/grouped-amount.query`, 'fixtures/postback/plain/04-without-order.query'];
  const sent = await send(...files, '--source', plain, '--click', await clickId());
  assert.equal(sent.code, 1);
  assert.match(sent.stdout, /^400 .*grouped-amount\.query .*VALIDATION_ERROR/m);
  assert.match(sent.stdout, /^200 .*04-without-order\.query /m);
  assert.equal(sent.stderr, '1 of 2 refused\n');
});

test('what cannot be sent exits 1 and says why, and nothing is sent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-send-'));
  const [broken, text] = [join(folder, 'broken.json'), join(folder, 'note.txt')];
  await writeFile(broken, '{');
  await writeFile(text, 'hello');
  const sale = 'fixtures/conversion/01-sale.json';
  const cases: [string[], RegExp][] = [
    [[sale], /either --source ID or --to conversions\|events/],
    [[sale, '--to', 'conversions'], /has the placeholder __CLICK_ID__: say what stands there with --click/],
    [[sale, '--source', 'src_none', '--click', 'x'], /There is no such source/],
    [['nowhere.json', '--to', 'conversions'], /There is no file or folder nowhere\.json/],
    [[text, '--to', 'conversions'], /note\.txt is neither \.json nor \.form nor \.query/],
    [[broken, '--to', 'conversions', '--fresh'], /broken\.json is not valid JSON/],
    [
      [sale, '--to', 'conversions', '--click', 'x', '--hub', 'http://127.0.0.1:1'],
      /No hub answers at http:\/\/127\.0\.0\.1:1/,
    ],
    [[sale, '--to', 'conversions', '--click', 'x', '--hub', 'nonsense'], /'nonsense' is not the URL of a hub/],
    [[sale, '--to', 'events', '--click', 'x', '--dry-run'], /A dry run is for conversions and postbacks/],
    [[sale, '--to', 'letters'], /Allowed choices are conversions, events/],
    [['fixtures/postback/plain/05-action.query', '--to', 'conversions', '--click', 'x'], /this way in takes JSON/],
  ];
  try {
    for (const [args, words] of cases) {
      const sent = await send(...args);
      assert.equal(sent.code, 1, args.join(' '));
      assert.equal(sent.stdout, '');
      assert.match(sent.stderr, words);
      assert.doesNotMatch(sent.stderr, /^ +at /m);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a way in that asks for a key says how to give it', async () => {
  const sent = await runCli(
    ['send', 'fixtures/conversion/06-by-coupon.json', '--to', 'conversions'],
    cliEnvironment(hub),
  );
  assert.equal(sent.code, 1);
  assert.match(sent.stderr, /asks for an API key: --key KEY, or TRIBUTARY_KEY in the environment/);
});
