import { once } from 'node:events';
import { basename, extname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Command } from 'commander';
import { verifyLedger } from '../../audit/verify-ledger.ts';
import { startDemoHub, type DemoHub } from './demo-hub.ts';
import { describeLedger, findDifferences, money, readLedger, type Conversion } from './demo-report.ts';
import { clickLink, setUpStage, type DemoStage } from './demo-setup.ts';
import { chapters, fixturesFolder, type Chapter } from './demo-story.ts';
import { fillFixture, readFixtures, type Fixture } from '../fixtures/fixtures.ts';
import { withHub } from '../hub/access.ts';
import { signFixture } from '../fixtures/sign.ts';
import { sendRequest } from '../hub/send-request.ts';
import { startSubscriber, type Receipt } from '../subscriber.ts';
import { describeDifferences, describeProof } from '../commands/verify.ts';
import { print, printError } from '../terminal.ts';

interface DemoOptions {
  fast?: true;
  dataDir?: string;
  redis?: string;
}

const PAUSE_MS = 550;
const SETTLE_TIMEOUT_MS = 30_000;
const DELIVERY_TIMEOUT_MS = 30_000;

/** `tributary demo`: a hub of its own, a subscriber, the fixtures; the ledger that comes of it is checked and printed. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('play the fixtures through all four inputs of a hub of its own, and print the ledger')
    .option('--fast', 'without pauses')
    .option('--data-dir <folder>', 'keep the data there; a temporary folder, removed afterwards, unless said')
    .option('--redis <url>', 'put the queue into this Redis')
    .action(playDemo);
}

async function playDemo({ fast, dataDir, redis }: DemoOptions): Promise<void> {
  const stop = watchForStop();
  print('Starting a hub with a PostgreSQL of its own …');
  const hub = await startDemoHub({ dataDir: dataDir ?? null, redisUrl: redis ?? null });
  const receipts: Receipt[] = [];
  const subscriber = await startSubscriber({ onReceipt: (receipt) => receipts.push(receipt) });
  try {
    await Promise.race([play(fast ? 0 : PAUSE_MS), untilAborted(stop)]);
  } finally {
    await subscriber.close();
    await hub.stop();
  }

  async function play(pauseMs: number): Promise<void> {
    print(`Hub on ${hub.url}, subscriber on ${subscriber.url}`);
    const stage = await setUpStage(hub, subscriber);
    for (const chapter of chapters) await playChapter(stage, chapter, receipts, pauseMs, stop);
    await finish(stage, receipts, stop);
    await prove(hub, stop);
  }
}

async function playChapter(
  stage: DemoStage,
  chapter: Chapter,
  receipts: readonly Receipt[],
  pauseMs: number,
  stop: AbortSignal,
): Promise<void> {
  stop.throwIfAborted();
  print(`\n${inputNames[chapter.input]}: ${chapter.title}`);
  const clickId = chapter.clickOf === undefined ? undefined : await clickLink(stage, chapter.clickOf);
  const affiliate = chapter.affiliate === undefined ? undefined : stage.affiliates.get(chapter.affiliate);
  const fixtures = await readFixtures(chapter.fixtures.map((path) => join(fixturesFolder, path)));
  for (const fixture of fixtures) {
    const told = receipts.length;
    const result = await playFixture(stage, chapter, fillFixture(fixture, { affiliate, clickId }));
    await wait(pauseMs);
    stop.throwIfAborted();
    const types = receipts
      .slice(told)
      .map(({ type, verified }) => `${type ?? 'webhook'}${verified ? '' : ' NOT VERIFIED'}`);
    print(`  ${result}${types.length > 0 ? `\n      told: ${types.join(', ')}` : ''}`);
  }
}

const inputNames: Record<Chapter['input'], string> = {
  stripe: 'Stripe',
  revenuecat: 'RevenueCat',
  keitaro: 'Postback',
  postback: 'Postback',
  conversion: 'JSON',
};

/** Sends one message and waits for what becomes of it, in one line. */
async function playFixture(stage: DemoStage, { input }: Chapter, fixture: Fixture): Promise<string> {
  const before = await readNewestEvent(stage);
  const answer = await sendRequest(signFixture(fixture, stage.targets[input], new Date()));
  if (answer.status >= 300) throw new Error(`${fixture.file} was refused: ${answer.status} ${answer.body}`);
  const event = await waitForOutcome(stage, before?.id ?? null, fixture);
  const name = basename(fixture.file, extname(fixture.file)).replace(/^\d+-/, '');
  const outcome = [event.outcome, event.reason].filter((word) => word !== null).join(': ');
  return `${name.padEnd(34)} ${answer.status} ${outcome}${await describeConversion(stage, event.conversionId)}`;
}

interface InboxEvent {
  id: string;
  status: string;
  outcome: string | null;
  reason: string | null;
  error: string | null;
  conversionId: string | null;
}

async function waitForOutcome(stage: DemoStage, before: string | null, fixture: Fixture): Promise<InboxEvent> {
  const deadline = Date.now() + SETTLE_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const event = await readNewestEvent(stage);
    if (event && event.id !== before && event.status !== 'received') {
      if (event.status !== 'failed' && event.status !== 'unprocessable') return event;
      throw new Error(`${fixture.file} became ${event.status}: ${event.error ?? ''}`);
    }
    await wait(20);
  }
  throw new Error(`${fixture.file} was accepted but not settled in ${SETTLE_TIMEOUT_MS / 1000} s`);
}

async function readNewestEvent({ api }: DemoStage): Promise<InboxEvent | null> {
  const { data } = await api.call<{ data: InboxEvent[] }>('GET', '/inbox-events?limit=1');
  return data[0] ?? null;
}

async function describeConversion({ api, names }: DemoStage, conversionId: string | null): Promise<string> {
  if (conversionId === null) return '';
  const { data } = await api
    .call<{ data: Conversion | null }>('GET', `/conversions/${conversionId}`)
    .catch(() => ({ data: null }));
  if (!data?.kind) return '';
  const sale = `${data.kind}${data.grossMinor > 0 ? ` of ${money(data.grossMinor, data.currency)}` : ''}`;
  if (!data.affiliateId || !data.commission) return ` → ${sale}, ${data.status}`;
  const earned = money(data.commission.amountMinor, data.commission.currency);
  return ` → ${sale}: ${names.get(data.affiliateId) ?? ''} ${earned} (${data.status})`;
}

async function finish(stage: DemoStage, receipts: readonly Receipt[], stop: AbortSignal): Promise<void> {
  const deadline = Date.now() + DELIVERY_TIMEOUT_MS;
  let ledger = await readLedger(stage.api);
  while (new Set(receipts.map(({ id }) => id)).size < ledger.messageIds.length && Date.now() < deadline) {
    await wait(100);
    ledger = await readLedger(stage.api);
  }
  stop.throwIfAborted();
  print(`\n${describeLedger(ledger, receipts, stage)}\n`);
  const differences = findDifferences(ledger, receipts, stage);
  if (differences.length === 0) {
    print('All as expected: every sale once, every delivery verified by both libraries.');
    return;
  }
  process.exitCode = 1;
  printError(`NOT as expected:\n${differences.map((difference) => `  ${difference}`).join('\n')}`);
}

/** What `tributary verify` finds. */
async function prove({ env }: DemoHub, stop: AbortSignal): Promise<void> {
  const findings = await withHub(({ db }) => verifyLedger(db), env);
  stop.throwIfAborted();
  print(describeProof(findings));
  if (findings.total === 0) return;
  process.exitCode = 1;
  printError(describeDifferences(findings));
}

/**
 * Aborted when the demo is to end early. What it started is then stopped, and what is under way prints nothing more.
 */
function watchForStop(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => stop.abort(new Error(`Stopped by ${signal}`)));
  }
  return stop.signal;
}

async function untilAborted(stop: AbortSignal): Promise<never> {
  if (!stop.aborted) await once(stop, 'abort');
  throw stop.reason;
}
