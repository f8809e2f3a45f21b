import { Agent, request } from 'undici';
import { runSql } from '../support/sql.ts';
import { addTracker, makeBenchProgram, type BenchProgram, type PathOf } from './bench-program.ts';
import { addEndpoint, runSteadily, startBenchReceiver, type BenchReceiver } from './delivery-setup.ts';
import { startHub, type BenchHub } from './hub.ts';
import { nothingWaits } from './inbox-backlog.ts';
import { costsOf } from './process-costs.ts';
import { round, type BenchOptions, type BenchResult } from './result.ts';
import { startBenchServices, type BenchServices } from './services.ts';
import { waitUntil } from '../support/wait-until.ts';

const RATE = 500;
const SECONDS = 3_600;
const CLICKS = 20_000;
/** One in so many is a conversion by JSON whose caller waits; the others are postbacks. */
const WAITS_EVERY = 5;
const COLLECT_EVERY_MS = 1_000;
/** How much more a process may hold at the end than after a twelfth of the time (of an hour: five minutes). */
const MAY_GROW = 1.1;

/**
 * A steady load for long (`--seconds`, an hour unless given, at `--rate` 500 events a second), each event told to a subscriber:
 * what memory web process and worker hold after a twelfth of it, at half and at the end, and whether all was settled and
 * delivered once. PSS.
 */
export async function runSoakBench(
  backend: 'postgres' | 'redis',
  { rate = RATE, seconds = SECONDS }: BenchOptions,
): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const receiver = await startBenchReceiver();
  const agent = new Agent({ connections: 64 });
  const hub = await startHub(services);
  try {
    const load = await openLoad(services, hub, receiver, agent);
    const slice = Math.max(1, Math.round(seconds / 12));
    const held: Record<string, Held> = {};
    for (let spent = 0; spent < seconds; spent += slice) {
      await load.send(rate, Math.min(slice, seconds - spent));
      const now = await weigh(hub);
      const at = Math.min(spent + slice, seconds);
      console.error(`${at} s: web ${round(now.webMb)} MB, worker ${round(now.workerMb)} MB, arrived ${load.arrived()}`);
      if (spent === 0) held.early = now;
      if (spent < seconds / 2 && at >= seconds / 2) held.half = now;
      held.end = now;
    }
    const found = await load.finish();
    const figures = Object.entries(held).flatMap(([when, { webMb, workerMb }]) => [
      [`${when}WebMb`, round(webMb)],
      [`${when}WorkerMb`, round(workerMb)],
    ]);
    const { early, end } = held;
    if (!early || !end) throw new Error('nothing was measured');
    return {
      name: 'soak',
      backend,
      figures: { perSecond: rate, seconds, ...Object.fromEntries(figures), ...found },
      marks: [
        { name: 'web process at the end ÷ early', value: end.webMb / early.webMb, atMost: MAY_GROW },
        { name: 'worker at the end ÷ early', value: end.workerMb / early.workerMb, atMost: MAY_GROW },
        { name: 'orders that are not settled once', value: Math.abs(found.sent - found.settled), atMost: 0 },
        { name: 'events that did not arrive', value: Math.max(0, found.sent - found.arrived), atMost: 0 },
      ],
    };
  } finally {
    await hub.stop();
    await agent.close();
    receiver.stop();
    await services.stop();
  }
}

interface Held {
  webMb: number;
  workerMb: number;
}

async function weigh(hub: BenchHub): Promise<Held> {
  const [web, ...workers] = await Promise.all(hub.pids.map(costsOf));
  const sum = workers.reduce((all, { memoryMb }) => all + memoryMb, 0);
  return { webMb: web?.memoryMb ?? 0, workerMb: sum };
}

interface Load {
  send(rate: number, seconds: number): Promise<void>;
  arrived(): number;
  /** Waits until all is settled and has arrived. */
  finish(): Promise<{ sent: number; settled: number; arrived: number }>;
}

async function openLoad(services: BenchServices, hub: BenchHub, receiver: BenchReceiver, agent: Agent): Promise<Load> {
  const program = await makeBenchProgram(services.db, CLICKS);
  const { programId } = program;
  await addEndpoint({ services, receiver, programId }, '/fast', 'conversion.created');
  const { key, pathOf } = await addTracker(services.db, programId);
  let sent = 0;
  let arrived = 0;
  const collect = async (): Promise<void> => {
    ({ count: arrived } = await receiver.report());
  };
  return {
    arrived: () => arrived,
    async send(rate, seconds) {
      // The receiver keeps what arrived until it is asked.
      const collecting = setInterval(() => void collect(), COLLECT_EVERY_MS);
      try {
        await runSteadily(rate, seconds, async () => {
          const n = (sent += 1);
          await (n % WAITS_EVERY === 0 ? convert(hub, agent, program, key, n) : fire(hub, agent, program, pathOf, n));
        });
      } finally {
        clearInterval(collecting);
      }
      await collect();
    },
    async finish() {
      await waitUntil('all is settled', () => nothingWaits(services), { timeoutMs: 120_000 });
      await waitUntil('all has arrived', async () => collect().then(() => arrived >= sent), { timeoutMs: 120_000 });
      const [row] = await runSql<{ settled: number; unpaid: string }>(
        services.db,
        `select count(*)::integer as settled,
           (sum(commission_minor) - (select sum(amount_minor) from ledger_entries where program_id = ?))::text as unpaid
         from orders where program_id = ? and kind = 'sale'`,
        [programId, programId],
      );
      if (row?.unpaid !== '0') throw new Error(`the ledger owes ${row?.unpaid} less than its conversions say`);
      return { sent, settled: row.settled, arrived };
    },
  };
}

async function fire({ origin }: BenchHub, agent: Agent, { clickIds }: BenchProgram, pathOf: PathOf, n: number) {
  const answer = await request(origin + pathOf(clickIds[n % clickIds.length] ?? '', `P-${n}`), { dispatcher: agent });
  await expectStatus(answer, 200);
}

async function convert({ origin }: BenchHub, agent: Agent, { clickIds }: BenchProgram, key: string, n: number) {
  const answer = await request(`${origin}/api/v1/conversions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      clickId: clickIds[n % clickIds.length],
      orderId: `C-${n}`,
      customerId: `customer ${n}`,
      amount: 49.9,
      currency: 'USD',
    }),
    dispatcher: agent,
  });
  await expectStatus(answer, 201);
}

async function expectStatus(answer: Awaited<ReturnType<typeof request>>, status: number): Promise<void> {
  const text = await answer.body.text();
  if (answer.statusCode !== status) throw new Error(`answered ${answer.statusCode}: ${text}`);
}
