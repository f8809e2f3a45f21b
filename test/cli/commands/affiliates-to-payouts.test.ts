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
    ...['affiliate', 'create', '--display-name', 'Ann', '--email', 'ann@example.com', '--referral-code', 'ann'],
    ...['--coupon-codes', 'ANN10', 'ANN20', '--rate-bps', '2000'],
  );
  assert.equal(made.code, 0, made.stderr);
  const [, id = ''] =
    /^Affiliate (aff_[0-9a-f]{32}) \(Ann\) created\. Their link: http\S+\/r\/ann\n$/.exec(made.stdout) ?? [];
  assert.notEqual(id, '', made.stdout);

  const [changed, links, unknownAffiliate, mistakes] = await Promise.all([
    runJson<Record<string, unknown>>('affiliate', 'update', 'ann', '--company-name', 'Ann Ltd'),
    runJson<{ trackingUrl: string }>('link', 'create', '--affiliate', 'ann', '--code', 'ann-link'),
    run('affiliate', 'update', 'nobody', '--status', 'banned'),
    run('affiliate', 'create', '--display-name', ' ', '--email', 'nothing'),
  ]);
  assert.deepEqual([changed['companyName'], changed['couponCodes']], ['Ann Ltd', ['ANN10', 'ANN20']]);
  assert.match(links.trackingUrl, /\/r\/ann-link$/);
  assert.equal(unknownAffiliate.code, 1);
  assert.match(unknownAffiliate.stderr, /^The program has no affiliate nobody/);
  assert.equal(mistakes.code, 1);
  assert.match(mistakes.stderr, /^--display-name must not be empty\n--email must be an e-mail address/);

  const [first, second] = [await sell(id, 'cli-1'), await sell(id, 'cli-2')];
  const unknown = await run('approve', first, 'com_0');
  assert.deepEqual([unknown.code, unknown.stdout], [1, '']);
  assert.match(unknown.stderr, /^The program has no commission com_0\. Nothing was decided/);
  assert.deepEqual(await runJson('approve', first), { dryRun: false, approved: [first], skipped: [] });
  const due = await runJson<{ approved: string[] }>('approve', '--due', '--affiliate', 'ann');
  assert.deepEqual(due.approved, [second]);

  const payout = await runJson<{ id: string; amountMinor: number }>('payout', 'create', '--affiliate', 'ann');
  assert.equal(payout.amountMinor, 4000);
  const paid = await run('payout', 'paid', payout.id);
  assert.equal(paid.stdout, `Payout ${payout.id}: 40.00 USD is paid.\n`);
  const [payouts, nothing, failed, affiliates] = await Promise.all([
    runJson<{ id: string; status: string }[]>('payout', 'list', '--affiliate', 'ann', '--status', 'paid'),
    run('payout', 'create', '--affiliate', 'ann'),
    run('payout', 'failed', 'pay_0'),
    run('affiliate', 'list'),
  ]);
  assert.deepEqual(
    payouts.map(({ id: one, status }) => [one, status]),
    [[payout.id, 'paid']],
  );
  assert.deepEqual([nothing.code, nothing.stderr], [1, 'Nothing is payable to this affiliate in this currency\n']);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /^The program has no payout pay_0/);
  assert.match(affiliates.stdout, new RegExp(`${id}  Ann   ann@example.com  active  ann   live`));

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
  const made = await runJson<{ id: string; scopes: string[]; expiresAt: string }>(
    ...['key', 'create', '--name', 'reports', '--mode', 'live', '--expires-at', '2099-01-01T00:00:00Z'],
    ...['--scopes', 'stats:read', 'affiliates:read'],
  );
  assert.deepEqual(made.scopes, ['affiliates:read', 'stats:read']);
  const [listed, neither] = await Promise.all([
    run('key', 'list'),
    run('key', 'create', '--name', 'x', '--mode', 'live'),
  ]);
  assert.match(listed.stdout, new RegExp(`${made.id}  reports  live  affiliates:read stats:read .* 2099-01-01 00:00`));
  assert.deepEqual([neither.code, neither.stderr], [1, '--access or --scopes is required\n']);
  assert.deepEqual(await runJson('key', 'revoke', made.id), { revoked: [made.id] });
  const again = await run('key', 'revoke', made.id);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /has no key key_[0-9a-f]+ that works/);
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
