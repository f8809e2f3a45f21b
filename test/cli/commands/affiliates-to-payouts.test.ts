import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createKey } from '../../../src/program/api-keys.ts';
import { createOffer } from '../../../src/program/offers.ts';
import { createProgram } from '../../../src/program/programs.ts';
import { startHub, type TestHub } from '../../support/hub.ts';
import { runSql } from '../../support/sql.ts';
import { cliEnvironment, runCli } from '../run-cli.ts';

let hub: TestHub;
let programId: string;
let key: string;
before(async () => {
  hub = await startHub();
  programId = (await createProgram(hub.db, { name: 'Acme' })).id;
  key = (await createKey(hub.db, programId, { name: 'k', mode: 'live', access: 'write' })).plaintext;
  await createOffer(
    hub.db,
    { programId, livemode: true },
    { name: 'O', url: 'https://shop.example/', commission: { type: 'cps', rateBps: 1000 } },
  );
});
after(() => hub.stop());

const run = (...args: string[]) => runCli(args, cliEnvironment(hub));

async function runJson<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await run(...args, '--json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as T;
}

async function sell(affiliateId: string, orderId: string): Promise<string> {
  const answer = await fetch(`${hub.url}/api/v1/conversions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ affiliateId, amount: 100, orderId }),
  });
  const { data } = (await answer.json()) as { data: { conversionId: string } };
  return data.conversionId.replace('cnv_', 'com_');
}

test('from an affiliate and a link to a paid payout, with unknown ids as mistakes', async () => {
  const made = await run(
    'affiliate',
    'create',
    '--display-name',
    'Ann',
    '--email',
    'ann@example.com',
    '--referral-code',
    'ann',
    '--coupon-codes',
    'ANN10',
    'ANN20',
    '--rate-bps',
    '2000',
  );
  assert.equal(made.code, 0, made.stderr);
  const [, id = ''] =
    /^Affiliate (aff_[0-9a-f]{32}) \(Ann\) created\. Their link: http\S+\/r\/ann\n$/.exec(made.stdout) ?? [];
  assert.notEqual(id, '', made.stdout);
  const [first, second] = [await sell(id, 'cli-1'), await sell(id, 'cli-2')];

  const [changed, link, unknown, approved] = await Promise.all([
    runJson<Record<string, unknown>>('affiliate', 'update', 'ann', '--company-name', 'Ann Ltd'),
    runJson<{ trackingUrl: string }>('link', 'create', '--affiliate', 'ann', '--code', 'ann-link'),
    run('approve', first, 'com_0'),
    runJson<{ approved: string[] }>('approve', '--due', '--affiliate', 'ann'),
  ]);
  assert.deepEqual([changed['companyName'], changed['couponCodes']], ['Ann Ltd', ['ANN10', 'ANN20']]);
  assert.match(link.trackingUrl, /\/r\/ann-link$/);
  assert.deepEqual([unknown.code, unknown.stdout], [1, '']);
  assert.match(unknown.stderr, /^The program has no commission com_0\. Nothing was decided/);
  assert.deepEqual(approved.approved.toSorted(), [first, second].toSorted());

  const payout = await runJson<{ id: string; amountMinor: number }>('payout', 'create', '--affiliate', 'ann');
  assert.equal(payout.amountMinor, 4000);
  const [paid, nothing, affiliates] = await Promise.all([
    run('payout', 'paid', payout.id, 'pay_0'),
    run('payout', 'create', '--affiliate', 'nobody'),
    run('affiliate', 'list'),
  ]);
  assert.equal(paid.code, 1);
  assert.match(paid.stderr, /^The program has no payout pay_0 \(the 1 before it are paid\)/);
  assert.deepEqual([nothing.code, nothing.stdout], [1, '']);
  assert.match(nothing.stderr, /^The program has no affiliate nobody/);
  assert.match(affiliates.stdout, new RegExp(`${id} +Ann +ann@example.com +active +ann +live`));
  const payouts = await run('payout', 'list', '--status', 'paid');
  assert.match(payouts.stdout, new RegExp(`${payout.id} +${id} +40.00 USD +paid`));

  const rows = await runSql<{ action: string; kind: string }>(
    hub.db,
    `select action, actor_kind as kind from audit_events where program_id = ? order by id`,
    [programId],
  );
  assert.deepEqual([...new Set(rows.map(({ kind }) => kind))], ['command']);
  assert.deepEqual(rows.map(({ action }) => action).toSorted(), [
    'affiliate.created',
    'affiliate.updated',
    'commission.approved',
    'commission.approved',
    'payout.created',
    'payout.paid',
    'tracking_link.created',
  ]);
});

test('keys with scopes are made, listed and revoked', async () => {
  const made = await runJson<{ id: string; scopes: string[] }>(
    'key',
    'create',
    '--name',
    'reports',
    '--mode',
    'live',
    '--expires-at',
    '2099-01-01T00:00:00Z',
    '--scopes',
    'stats:read',
    'affiliates:read',
  );
  assert.deepEqual(made.scopes, ['affiliates:read', 'stats:read']);
  const listed = await run('key', 'list');
  assert.match(listed.stdout, new RegExp(`${made.id} +reports +live +affiliates:read stats:read .* 2099-01-01 00:00`));
  const revoked = await run('key', 'revoke', made.id, made.id);
  assert.equal(revoked.code, 1);
  assert.match(revoked.stderr, /has no key key_[0-9a-f]+ that works \(1 before it revoked\)/);
});

test('a lost admin token is replaced where the hub keeps it, else the environment is named', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'tributary-token-'));
  try {
    const file = join(dataDir, 'secrets.env');
    await writeFile(file, '# kept\nADMIN_TOKEN=lost\nENCRYPTION_KEY=stays\n');
    const [rotated, byEnvironment] = await Promise.all([
      runCli(['admin-token', 'rotate'], { DATA_DIR: dataDir }),
      run('admin-token', 'rotate'),
    ]);
    assert.equal(rotated.code, 0, rotated.stderr);
    const token = rotated.stdout.trim();
    assert.match(token, /^[\w-]{32}$/);
    assert.equal(await readFile(file, 'utf8'), `# kept\nADMIN_TOKEN=${token}\nENCRYPTION_KEY=stays\n`);
    assert.equal(byEnvironment.code, 1);
    assert.match(byEnvironment.stderr, /set ADMIN_TOKEN to another text/);
  } finally {
    await rm(dataDir, { recursive: true });
  }
});
