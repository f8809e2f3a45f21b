import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { importAdjustments } from '../../src/import/adjustment-rows.ts';
import { importConversions } from '../../src/import/conversion-rows.ts';
import type { RowImportReport } from '../../src/import/row-import.ts';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { cliEnvironment, runCli } from '../cli/run-cli.ts';
import { openHttpProgram, type HttpProgram } from '../journeys/http-program.ts';
import { startHub, type TestHub } from '../support/hub.ts';

let hub: TestHub;
let program: HttpProgram;
let folder: string;
before(async () => {
  hub = await startHub();
  program = await openHttpProgram(hub);
  folder = await mkdtemp(join(tmpdir(), 'rows-'));
});
after(async () => {
  await rm(folder, { recursive: true });
  await hub.stop();
});

async function importRows(
  what: typeof importConversions,
  text: string,
  options: { dryRun?: boolean } = {},
): Promise<RowImportReport & { progress: number[] }> {
  const path = join(folder, 'rows.csv');
  await writeFile(path, text);
  const progress: number[] = [];
  const request = { programId: program.id, livemode: true, paths: [path], dryRun: options.dryRun ?? false };
  const report = await what(hub.deps, request, ({ done }) => progress.push(done));
  return { ...report, progress };
}

const sum = async (): Promise<number> => (await program.postings()).reduce((total, each) => total + each, 0);

async function assertProven(): Promise<void> {
  await program.settled();
  assert.deepEqual((await verifyLedger(hub.db, { programId: program.id })).differences, []);
}

const sold = [
  'order_id;amount;currency;affiliate_id;note',
  'A-1;149.90;USD;partner-one;x',
  'A-2;10;USD;;x',
  'A-3;10;USD;nobody;x',
  'A-1;149.90;USD;partner-one;x',
].join('\r\n');

test('rows of conversions, by semicolons, are what calls would be; the same again add nothing', async () => {
  const dry = await importRows(importConversions, sold, { dryRun: true });
  assert.deepEqual([dry.rows, dry.sent, dry.repeated, dry.problems], [4, 3, 1, []]);
  assert.deepEqual(await program.conversions(), []);
  const report = await importRows(importConversions, sold);
  assert.deepEqual(report.outcomes, { recorded: 1, parked: 1, rejected: 1 });
  assert.deepEqual([report.there, report.progress], [0, [3]]);
  assert.deepEqual(
    report.refused.map(({ at, message }) => [at.row, message.includes('nobody')]),
    [[4, true]],
  );
  assert.deepEqual(
    report.notes.map(({ field }) => field),
    ['note'],
  );
  assert.equal(await sum(), 2_998);
  const again = await importRows(importConversions, sold);
  assert.deepEqual([again.there, again.outcomes], [3, { rejected: 1 }]);
  assert.equal(await sum(), 2_998);
  await assertProven();
});

test('with one mistake no row of conversions is sent', async () => {
  const report = await importRows(
    importConversions,
    'order_id,amount,curency\nA-7,"1,234",USD\n,10,USD\nA-8,5,USD,more\n',
  );
  assert.deepEqual(
    report.problems.map(({ at, field }) => [at.row, field]),
    [
      [1, 'curency'],
      [4, null],
      [2, 'amount'],
      [3, 'order_id'],
    ],
  );
  assert.deepEqual([report.sent, report.outcomes], [0, {}]);
});

test('rows of adjustments move balances once, and a reference stands for one of them', async () => {
  const before = await sum();
  const rows = [
    'affiliate,amount,amount_minor,currency,reason,reference,occurred_at',
    'partner-one,25.00,,USD,bonus,b-1,2026-05-01',
    `${program.affiliateId},,-1000,,a mistake,b-2,`,
  ].join('\n');
  const report = await importRows(importAdjustments, rows);
  assert.deepEqual(report.problems, []);
  assert.deepEqual([report.sent, report.outcomes], [2, { recorded: 2 }]);
  assert.equal(await sum(), before + 1_500);
  const again = await importRows(importAdjustments, rows);
  assert.deepEqual([again.sent, again.there], [0, 2]);
  const [first] = (await program.api.get('/adjustments?reference=b-1')).body.data;
  assert.deepEqual([first.createdBy, first.occurredAt], ['command', '2026-05-01T00:00:00.000Z']);
  const wrong = await importRows(
    importAdjustments,
    ['affiliate,amount,reason,reference', 'partner-one,26,bonus,b-1', 'nobody,1,x,b-3', 'partner-one,0,x,b-4'].join(
      '\n',
    ),
  );
  assert.deepEqual(
    wrong.problems.map(({ at, field }) => [at.row, field]),
    [
      [3, 'affiliate'],
      [4, 'amount'],
      [2, 'reference'],
    ],
  );
  assert.equal(await sum(), before + 1_500);
  await assertProven();
});

test('the command imports rows and tells what became of them', async () => {
  const path = join(folder, 'more.csv');
  await writeFile(path, 'order_id\tamount\taffiliate_id\nC-1\t10\tpartner-one\nC-2\t10\tnobody\n');
  const args = ['import', 'conversions', path, '--program', program.id];
  const told = await runCli(args, cliEnvironment(hub));
  assert.equal(told.code, 1, told.stderr);
  assert.match(told.stdout, /2 conversions: 2 sent, 0 there already\nbecame: 1 recorded, 1 rejected\nrefused \(1\):/);
});
