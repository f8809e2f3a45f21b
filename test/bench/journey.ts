import { setTimeout as wait } from 'node:timers/promises';
import { runSql } from '../support/sql.ts';
import { addTracker, makeBenchProgram, type BenchProgram, type PathOf } from './bench-program.ts';
import { addEndpoint, quantile, startBenchReceiver, type BenchReceiver } from './delivery-setup.ts';
import { addAndRunEmptyJobs } from './empty-jobs.ts';
import { startHub, type BenchHub } from './hub.ts';
import { nothingWaits } from './inbox-backlog.ts';
import { medianOf, round, type BenchResult } from './result.ts';
import { startBenchServices, type BenchServices } from './services.ts';
import { getRequest, loadBySockets, postRequest } from './socket-loader.ts';

const CALLERS = 64;
const CLICKS = 20_000;
const TURNS = 3;
const WARM_UP = 3_000;
const POSTBACKS = 12_000;
const CONVERSIONS = 5_000;
const EMPTY_JOBS = 10_000;

/**
 * The whole way, by one web process and one worker, from the first request to the end of the last: postbacks to an exact
 * ledger, postbacks until each is delivered to a subscriber too, and conversions whose 64 callers wait for the outcome, each
 * delivered. Beside the first, in the same run, BullMQ adding and running as many empty jobs as it can. Loader and subscriber
 * share the machine with the hub.
 */
export async function runJourneyBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const receiver = await startBenchReceiver();
  const hub = await startHub(services);
  try {
    // One program has a subscriber, the other none.
    const quiet = await openJourney(services, hub, null);
    const told = await openJourney(services, hub, receiver);
    for (const journey of [quiet, told]) await travel(journey, journey.postbacks(WARM_UP), WARM_UP);
    await travel(told, told.conversions(WARM_UP), WARM_UP);
    await addAndRunEmptyJobs(services, WARM_UP);
    const turns = [];
    for (let turn = 0; turn < TURNS; turn += 1) {
      const emptyJobs = await addAndRunEmptyJobs(services, EMPTY_JOBS);
      const ledger = await travel(quiet, quiet.postbacks(POSTBACKS), POSTBACKS);
      const delivered = await travel(told, told.postbacks(POSTBACKS), POSTBACKS);
      const waited = await travel(told, told.conversions(CONVERSIONS), CONVERSIONS);
      turns.push({ emptyJobs, ledger, delivered, waited });
    }
    await assertExact(services, quiet.programId, WARM_UP + TURNS * POSTBACKS);
    await assertExact(services, told.programId, 2 * WARM_UP + TURNS * (POSTBACKS + CONVERSIONS));
    const ratio = medianOf(turns.map(({ ledger, emptyJobs }) => ledger.perSecond / emptyJobs));
    return {
      name: 'journey',
      backend,
      figures: {
        toLedgerPerSecond: round(medianOf(turns.map(({ ledger }) => ledger.perSecond))),
        emptyJobsPerSecond: round(medianOf(turns.map(({ emptyJobs }) => emptyJobs))),
        ratio: round(ratio),
        deliveredPerSecond: round(medianOf(turns.map(({ delivered }) => delivered.perSecond))),
        acceptedPerSecond: round(medianOf(turns.map(({ delivered }) => delivered.answeredPerSecond))),
        waitedForPerSecond: round(medianOf(turns.map(({ waited }) => waited.perSecond))),
        waitedForP50Ms: round(medianOf(turns.map(({ waited }) => quantile(waited.answerMs, 0.5)))),
        waitedForP99Ms: round(medianOf(turns.map(({ waited }) => quantile(waited.answerMs, 0.99)))),
      },
      marks: [{ name: 'ratio', value: ratio, atLeast: 0.3 }],
    };
  } finally {
    await hub.stop();
    receiver.stop();
    await services.stop();
  }
}

interface Journey {
  services: BenchServices;
  hub: BenchHub;
  programId: string;
  receiver: BenchReceiver | null;
  /** Each gives the requests of a run, of which no order was there before. */
  postbacks(count: number): Requests;
  conversions(count: number): Requests;
}

interface Requests {
  request: (n: number) => string;
  expect: string;
}

async function openJourney(services: BenchServices, hub: BenchHub, receiver: BenchReceiver | null): Promise<Journey> {
  const program = await makeBenchProgram(services.db, CLICKS);
  const { programId } = program;
  if (receiver) await addEndpoint({ services, receiver, programId }, '/fast', 'conversion.created');
  const { key, pathOf } = await addTracker(services.db, programId);
  let first = 0;
  const numbered = (count: number, make: (serial: number) => string): ((n: number) => string) => {
    const before = first;
    first += count;
    return (n) => make(before + n);
  };
  return {
    services,
    hub,
    programId,
    receiver,
    postbacks: (count) => ({ request: numbered(count, (n) => postback(program, pathOf, n)), expect: 'HTTP/1.1 200' }),
    conversions: (count) => ({ request: numbered(count, (n) => conversion(program, key, n)), expect: 'HTTP/1.1 201' }),
  };
}

function postback({ clickIds }: BenchProgram, pathOf: PathOf, n: number): string {
  return getRequest(pathOf(clickIds[n % clickIds.length] ?? '', `P-${n}`));
}

function conversion({ clickIds }: BenchProgram, key: string, n: number): string {
  return postRequest(
    '/api/v1/conversions',
    { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    `{"clickId":"${clickIds[n % clickIds.length]}","orderId":"C-${n}","customerId":"customer ${n}","amount":49.9,"currency":"USD"}`,
  );
}

interface Travelled {
  /** From the first request until the last is settled and, where there is a subscriber, has arrived. */
  perSecond: number;
  answeredPerSecond: number;
  answerMs: number[];
}

async function travel({ services, hub, receiver }: Journey, requests: Requests, count: number): Promise<Travelled> {
  const before = (await receiver?.report())?.count ?? 0;
  const started = performance.now();
  const load = await loadBySockets({ port: hub.port, callers: CALLERS, count, ...requests });
  const deadline = performance.now() + 120_000;
  const isThere = async (): Promise<boolean> =>
    receiver ? (await receiver.report()).count - before >= count : nothingWaits(services);
  while (!(await isThere())) {
    if (performance.now() > deadline) throw new Error('not all has arrived after two minutes');
    await wait(20);
  }
  return {
    perSecond: count / ((performance.now() - started) / 1_000),
    answeredPerSecond: load.answered / load.seconds,
    answerMs: load.answerMs,
  };
}

/** Every order is there once, and the ledger owes what its conversions say. */
async function assertExact({ db }: BenchServices, programId: string, orders: number): Promise<void> {
  const [found] = await runSql<{ orders: bigint; earned: bigint; owed: bigint }>(
    db,
    `select count(*) as orders, sum(commission_minor)::bigint as earned,
       (select sum(amount_minor)::bigint from ledger_entries where program_id = ?) as owed
     from orders where program_id = ?`,
    [programId, programId],
  );
  if (Number(found?.orders) === orders && found?.earned === found?.owed && Number(found?.owed) > 0) return;
  throw new Error(`of ${orders} orders ${found?.orders} are there; earned ${found?.earned}, owed ${found?.owed}`);
}
