import assert from 'node:assert/strict';
import { inTransaction } from '../../../src/db/db.ts';
import { after, before, test } from 'node:test';
import { Webhook } from 'svix';
import { createAffiliate } from '../../../src/program/affiliates.ts';
import { createKey } from '../../../src/program/api-keys.ts';
import { createOffer } from '../../../src/program/offers.ts';
import { createProgram } from '../../../src/program/programs.ts';
import { startProcess } from '../../support/child-process.ts';
import { forEachBackend } from '../../support/both-backends.ts';
import { startHub, type TestHub } from '../../support/hub.ts';
import { cliEnvironment, runCli } from '../run-cli.ts';

forEachBackend((backend) => {
  let hub: TestHub;
  let key: string;
  before(async () => {
    hub = await startHub({ backend });
    const program = await createProgram(hub.db, { name: 'Acme' });
    key = (await createKey(hub.db, program.id, { name: 'k', mode: 'live', access: 'write' })).plaintext;
    const terms = { type: 'cps', rateBps: 2000 } as const;
    await createOffer(
      hub.db,
      { programId: program.id, livemode: true },
      { name: 'Pro', url: 'https://shop.example.com', commission: terms },
    );
    const partner = { displayName: 'Partner', email: 'p@example.org', referralCode: 'partner' };
    await inTransaction(hub.db, (trx) => createAffiliate(trx, { programId: program.id, livemode: true }, partner));
  });
  after(() => hub.stop());

  function call(method: string, path: string, body?: object): Promise<Response> {
    return fetch(`${hub.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  }

  const readEndpoints = async () =>
    ((await (await call('GET', '/webhook-endpoints')).json()) as { data: { url: string; eventTypes: string[] }[] })
      .data;

  test('--register hears what it asked for, verifies it with both libraries, and leaves no endpoint behind', async () => {
    const listener = startProcess(
      ['src/cli/tributary.ts', 'listen', '--register', '--events', 'conversion.created', '--json'],
      { ...cliEnvironment(hub), TRIBUTARY_KEY: key },
    );
    const [, url] = await listener.waitFor(/Listening on (\S+) as whe_/);
    assert.deepEqual(
      (await readEndpoints()).map((endpoint) => [endpoint.url, endpoint.eventTypes]),
      [[url, ['conversion.created']]],
    );
    await call('POST', '/conversions', { orderId: 'o-1', amount: '10', currency: 'USD', referralCode: 'partner' });
    const [line] = await listener.waitFor(/^\{.*\}$/m);
    const receipt = JSON.parse(line) as { type: string; verified: boolean; problems: object; body: string };
    assert.equal(receipt.type, 'conversion.created');
    assert.equal(receipt.verified, true);
    assert.deepEqual(receipt.problems, { svix: null, standardwebhooks: null });
    assert.equal((JSON.parse(receipt.body) as { data: { orderId: string } }).data.orderId, 'o-1');
    listener.kill('SIGTERM');
    assert.equal(await listener.exited, 0, listener.output());
    assert.match(listener.output(), /1 received, all verified by both libraries/);
    assert.deepEqual(await readEndpoints(), []);
  });
});

test('with --secret it takes what is signed, refuses what is not, and then exits 1', async () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const listener = startProcess(['src/cli/tributary.ts', 'listen', '--secret', secret, '--count', '2'], {});
  const [, url = ''] = await listener.waitFor(/Listening on (\S+)/);
  const body = '{"id":"evt_1","type":"conversion.created"}';
  const at = new Date();
  const signature = new Webhook(secret).sign('evt_1', at, body);
  const seconds = String(Math.floor(at.getTime() / 1000));
  const headers = {
    'webhook-id': 'evt_1',
    'webhook-timestamp': seconds,
    'webhook-signature': signature,
    'svix-id': 'evt_1',
    'svix-timestamp': seconds,
    'svix-signature': signature,
  };
  assert.equal((await fetch(url, { method: 'GET' })).status, 405);
  assert.equal((await fetch(url, { method: 'POST', body, headers })).status, 204);
  // Signed under one family of headers only: a receiver that reads the other would refuse it.
  const half = await fetch(url, { method: 'POST', body, headers: { ...headers, 'svix-signature': 'v1,AAAA' } });
  assert.equal(half.status, 400);
  assert.equal(await listener.exited, 1);
  assert.match(listener.output(), /conversion\.created evt_1 {2}\[svix ok, standardwebhooks ok\]/);
  assert.match(listener.output(), /\[svix No matching signature found, standardwebhooks ok\]/);
  assert.match(listener.output(), /2 received, 1 NOT verified/);
});

test('what cannot listen exits 1 and says why', async () => {
  const secret = ['--secret', `whsec_${Buffer.alloc(32).toString('base64')}`];
  const cases: [string[], RegExp][] = [
    [[], /either --register --key KEY, or --secret whsec_/],
    [['--register'], /--register asks for a write key/],
    [['--register', '--key', 'k', '--hub', 'http://127.0.0.1:1'], /No hub answers at http:\/\/127\.0\.0\.1:1/],
    [[...secret, '--port', '99999'], /It must be a number from 0 to 65535/],
    [[...secret, '--host', '203.0.113.1'], /203\.0\.113\.1/],
  ];
  for (const [args, words] of cases) {
    const result = await runCli(['listen', ...args], {});
    assert.equal(result.code, 1, args.join(' '));
    assert.match(result.stderr, words);
    assert.doesNotMatch(result.stderr, /^ +at /m);
  }
});

test('a hub that may not send to this machine says what opens it', async () => {
  const hub = await startHub({ env: { OUTBOUND_ALLOW_CIDRS: '' }, worker: false });
  try {
    const program = await createProgram(hub.db, { name: 'Acme' });
    const { plaintext } = await createKey(hub.db, program.id, { name: 'k', mode: 'live', access: 'write' });
    const result = await runCli(['listen', '--register', '--key', plaintext], cliEnvironment(hub));
    assert.equal(result.code, 1);
    assert.match(result.stderr, /start it with OUTBOUND_ALLOW_CIDRS=127\.0\.0\.0\/8/);
  } finally {
    await hub.stop();
  }
});
