import autocannon from 'autocannon';
import { setTimeout as wait } from 'node:timers/promises';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { createTrackingLink } from '../../src/program/tracking-links.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { addTracker, makeBenchProgram } from './bench-program.ts';
import { startChild } from './child.ts';
import { startHub } from './hub.ts';
import { nothingWaits } from './inbox-backlog.ts';
import { medianOf, round, type BenchResult } from './result.ts';
import { startBenchServices, type BenchServices } from './services.ts';
import { getRequest, loadBySockets } from './socket-loader.ts';

const CONNECTIONS = 64;
const SECONDS = 2;
const ROUNDS = 5;
const BESIDE_ROUNDS = 3;
const BROWSER = { 'user-agent': 'Mozilla/5.0 (X11; Linux x64; rv:145.0) Gecko/20100101 Firefox/145.0' };

/**
 * What one web process takes a second, next to what bare Express answers in the same run with the same client, by turns, so that
 * what slows the machine for a while meets both: postbacks acknowledged (`GET /pb/:id` answered OK once durable), visitors led
 * on (`GET /r/:code`), and postbacks again while a worker settles them. Medians; a ratio is that of the turns' ratios.
 */
export async function runIngestBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const barePort = await findFreePort();
  const bare = startChild('test/bench/bare-express.ts', { PORT: String(barePort) });
  const hub = await startHub(services, { workers: 0 });
  try {
    const { programId, clickIds } = await makeBenchProgram(services.db, 20_000);
    const { pathOf } = await addTracker(services.db, programId);
    const linkPath = await addLink(services, programId);
    await waitUntil('bare Express is ready', async () => (await fetch(`http://127.0.0.1:${barePort}/pb/x`)).ok);
    const paths = clickIds.slice(0, 500).map((clickId, n) => pathOf(clickId, `B${n}`));
    await load(hub.port, paths, 2);
    const alone = await byTurns(ROUNDS, (port) => load(port, paths, SECONDS), barePort, hub.port);
    await load(hub.port, [linkPath], 1);
    const redirects = await byTurns(ROUNDS, (port) => load(port, [linkPath], SECONDS), barePort, hub.port);
    const clicks = await runSql(services.db, 'select from clicks where link_id is not null limit 1', []);
    if (clicks.length === 0) throw new Error('no visit became a click');
    hub.addWorker();
    const beside = await measureBeside(services, hub.port, barePort, (n) =>
      pathOf(clickIds[n % clickIds.length] ?? '', `N${n}`),
    );
    return {
      name: 'ingest',
      backend,
      figures: {
        acknowledgedPerSecond: round(alone.perSecond),
        bareExpressPerSecond: round(alone.barePerSecond),
        ratio: round(alone.ratio),
        p50Ms: medianOf(alone.loads.map((one) => one.p50Ms)),
        p99Ms: medianOf(alone.loads.map((one) => one.p99Ms)),
        redirectsPerSecond: round(redirects.perSecond),
        bareRedirectsPerSecond: round(redirects.barePerSecond),
        redirectsRatio: round(redirects.ratio),
        besideWorkerPerSecond: round(beside.perSecond),
        besideWorkerRatio: round(beside.ratio),
        webPeakMb: round(hub.web.peakMb()),
      },
      marks: [
        { name: 'ratio', value: alone.ratio, atLeast: 0.22 },
        { name: 'redirectsRatio', value: redirects.ratio, atLeast: 0.15 },
        { name: 'webPeakMb', value: hub.web.peakMb(), atMost: 300 },
      ],
    };
  } finally {
    await Promise.all([hub.stop(), bare.stop()]);
    await services.stop();
  }
}

interface Load {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

interface Turns {
  perSecond: number;
  barePerSecond: number;
  ratio: number;
  loads: Load[];
}

async function byTurns(
  rounds: number,
  measure: (port: number) => Promise<Load>,
  barePort: number,
  webPort: number,
): Promise<Turns> {
  const turns: { bare: Load; web: Load }[] = [];
  for (let turn = 0; turn < rounds; turn += 1) {
    turns.push({ bare: await measure(barePort), web: await measure(webPort) });
  }
  return {
    perSecond: medianOf(turns.map(({ web }) => web.perSecond)),
    barePerSecond: medianOf(turns.map(({ bare }) => bare.perSecond)),
    ratio: medianOf(turns.map(({ bare, web }) => web.perSecond / bare.perSecond)),
    loads: turns.map(({ web }) => web),
  };
}

/** While the worker settles: each postback of another order, and no backlog of one turn in the next. */
async function measureBeside(
  services: BenchServices,
  webPort: number,
  barePort: number,
  path: (n: number) => string,
): Promise<Turns> {
  let sent = 0;
  const measure = async (port: number): Promise<Load> => {
    await settled(services);
    const endsAt = performance.now() + SECONDS * 1_000;
    const { answered, seconds } = await loadBySockets({
      port,
      callers: CONNECTIONS,
      until: () => performance.now() > endsAt,
      request: () => getRequest(path((sent += 1))),
      expect: 'HTTP/1.1 200',
    });
    return { perSecond: answered / seconds, p50Ms: 0, p99Ms: 0 };
  };
  await measure(webPort);
  const turns = await byTurns(BESIDE_ROUNDS, measure, barePort, webPort);
  await settled(services);
  return turns;
}

async function settled(services: BenchServices): Promise<void> {
  await waitUntil('nothing waits', () => nothingWaits(services), { timeoutMs: 180_000, everyMs: 200 });
  await wait(500);
}

async function addLink({ db }: BenchServices, programId: string): Promise<string> {
  await db('offers').where({ program_id: programId }).update({ url: 'https://shop.example/' });
  const affiliate = await db('affiliates').where({ program_id: programId }).first<{ id: string }>('id');
  const offer = await db('offers').where({ program_id: programId }).first<{ id: string }>('id');
  const scope = { programId, livemode: true };
  const { code } = await createTrackingLink(db, scope, { affiliateId: affiliate.id, offerId: offer.id });
  return `/r/${code}`;
}

async function load(port: number, paths: string[], seconds: number): Promise<Load> {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}`,
    connections: CONNECTIONS,
    duration: seconds,
    headers: BROWSER,
    requests: paths.map((path) => ({ method: 'GET', path })),
  });
  const answered = result['2xx'] + result['3xx'];
  const failed = result['1xx'] + result['4xx'] + result['5xx'] + result.errors;
  if (failed > 0) throw new Error(`${failed} requests were not answered as they should`);
  return { perSecond: answered / result.duration, p50Ms: result.latency.p50, p99Ms: result.latency.p99 };
}
