import { setTimeout as wait } from 'node:timers/promises';
import { addTracker, makeBenchProgram } from './bench-program.ts';
import { addEndpoint, startBenchReceiver, type BenchReceiver } from './delivery-setup.ts';
import { startHub } from './hub.ts';
import { medianOf, round, type BenchResult } from './result.ts';
import { startBenchServices } from './services.ts';
import { getRequest, loadBySockets, type SocketLoad } from './socket-loader.ts';

const CALLERS = 64;
const CLICKS = 20_000;
const TURNS = 3;
const WARM_UP = 3_000;
const ALONE_MS = 3_000;
const BESIDE_MS = 6_000;

interface Turn {
  acceptedAlone: number;
  deliveredAlone: number;
  acceptedBeside: number;
  deliveredBeside: number;
  drainSeconds: number;
}

/**
 * Whether a full load of intake leaves delivery its half of the machine, and delivery intake: postbacks accepted a second
 * while the worker is stopped, what the worker then settles and delivers a second of them by itself, and both while both go
 * on; and how long the backlog that is left takes. Loader and subscriber share the machine with the hub.
 */
export async function runSharingBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const receiver = await startBenchReceiver();
  const hub = await startHub(services);
  const worker = hub.workers[0]?.pid ?? 0;
  try {
    const { programId, clickIds } = await makeBenchProgram(services.db, CLICKS);
    await addEndpoint({ services, receiver, programId }, '/fast', 'conversion.created');
    const { pathOf } = await addTracker(services.db, programId);
    let serial = 0;
    const load = (limits: { count: number } | { until: () => boolean }): Promise<SocketLoad> =>
      loadBySockets({
        port: hub.port,
        callers: CALLERS,
        ...limits,
        request: () => getRequest(pathOf(clickIds[serial % CLICKS] ?? '', `S-${(serial += 1)}`)),
        expect: 'HTTP/1.1 200',
      });
    const loadFor = (ms: number): Promise<SocketLoad> => {
      const endsAt = performance.now() + ms;
      return load({ until: () => performance.now() > endsAt });
    };
    await load({ count: WARM_UP });
    await arrived(receiver, () => serial);
    const turns: Turn[] = [];
    for (let turn = 0; turn < TURNS; turn += 1) {
      process.kill(worker, 'SIGSTOP');
      const alone = await loadFor(ALONE_MS);
      process.kill(worker, 'SIGCONT');
      const drainedAlone = await arrived(receiver, () => serial);
      const before = await countOf(receiver);
      const loading = loadFor(BESIDE_MS);
      const started = performance.now();
      await wait(BESIDE_MS);
      const delivered = (await countOf(receiver)) - before;
      const deliveredBeside = delivered / ((performance.now() - started) / 1_000);
      const beside = await loading;
      turns.push({
        acceptedAlone: alone.answered / alone.seconds,
        deliveredAlone: alone.answered / drainedAlone,
        acceptedBeside: beside.answered / beside.seconds,
        deliveredBeside,
        drainSeconds: await arrived(receiver, () => serial),
      });
    }
    const intakeShare = medianOf(turns.map((turn) => turn.acceptedBeside / turn.acceptedAlone));
    const deliveryShare = medianOf(turns.map((turn) => turn.deliveredBeside / turn.deliveredAlone));
    return {
      name: 'sharing',
      backend,
      figures: {
        acceptedAlonePerSecond: round(medianOf(turns.map((turn) => turn.acceptedAlone))),
        acceptedBesidePerSecond: round(medianOf(turns.map((turn) => turn.acceptedBeside))),
        intakeShare: round(intakeShare),
        deliveredAlonePerSecond: round(medianOf(turns.map((turn) => turn.deliveredAlone))),
        deliveredBesidePerSecond: round(medianOf(turns.map((turn) => turn.deliveredBeside))),
        deliveryShare: round(deliveryShare),
        drainSeconds: round(medianOf(turns.map((turn) => turn.drainSeconds))),
      },
      marks: [
        { name: 'intakeShare', value: intakeShare, atLeast: 0.35 },
        { name: 'deliveryShare', value: deliveryShare, atLeast: 0.5 },
      ],
    };
  } finally {
    // One that is stopped hears no SIGTERM.
    process.kill(worker, 'SIGCONT');
    await hub.stop();
    receiver.stop();
    await services.stop();
  }
}

async function countOf(receiver: BenchReceiver): Promise<number> {
  return (await receiver.report()).count;
}

/** Seconds until as many events as there are orders have arrived. */
async function arrived(receiver: BenchReceiver, orders: () => number): Promise<number> {
  const started = performance.now();
  const deadline = started + 120_000;
  while ((await countOf(receiver)) < orders()) {
    if (performance.now() > deadline) throw new Error('not all has arrived after two minutes');
    await wait(20);
  }
  return (performance.now() - started) / 1_000;
}
