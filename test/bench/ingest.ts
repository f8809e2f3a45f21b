import autocannon from 'autocannon';
import { randomBytes } from 'node:crypto';
import { createSecretBox } from '../../src/db/secret-box.ts';
import { createKey } from '../../src/program/api-keys.ts';
import { createSource, postbackSettingsSchema } from '../../src/program/sources.ts';
import { startChild } from './child.ts';
import { medianOf, round, type BenchResult } from './result.ts';
import { startBenchServices } from './services.ts';
import { makeCatalog } from './world.ts';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { waitUntil } from '../support/wait-until.ts';

const CONNECTIONS = 64;
const SECONDS = 2;
const ROUNDS = 5;

/**
 * Postbacks acknowledged a second by one web process (`GET /pb/:id` answered OK once durable), next to what bare Express
 * answers in the same run with the same client, by turns: what slows the machine for a while meets both. Medians;
 * the ratio is that of the turns' ratios.
 */
export async function runIngestBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const [webPort, barePort] = [await findFreePort(), await findFreePort()];
  const web = startChild('src/server.ts', { ...services.env, PORT: String(webPort), HOST: '127.0.0.1' });
  const bare = startChild('test/bench/bare-express.ts', { PORT: String(barePort) });
  try {
    const { programId, clickIds } = await makeCatalog(services.db, 20_000);
    const source = await createSource(services.db, createSecretBox({ key: randomBytes(32) }), programId, {
      kind: 'postback',
      settings: postbackSettingsSchema.parse({ purpose: 'primary', response: 'ok' }),
      secrets: null,
    });
    const { plaintext: key } = await createKey(services.db, programId, {
      name: 'bench',
      mode: 'live',
      access: 'write',
    });
    await waitUntil('the web process is ready', async () => (await fetch(`http://127.0.0.1:${webPort}/readyz`)).ok);
    await waitUntil('bare Express is ready', async () => (await fetch(`http://127.0.0.1:${barePort}/pb/x`)).ok);
    const paths = clickIds.map(
      (clickId, n) => `/pb/${source.id}?cid=${clickId}&txid=B${n}&sum=49.90&currency=USD&secure=${key}`,
    );
    await load(webPort, paths, 2);
    const turns: { bare: Load; web: Load }[] = [];
    for (let turn = 0; turn < ROUNDS; turn += 1) {
      turns.push({ bare: await load(barePort, paths, SECONDS), web: await load(webPort, paths, SECONDS) });
    }
    const loads = turns.map(({ web }) => web);
    const failed = loads.reduce((sum, one) => sum + one.failed, 0);
    if (failed > 0) throw new Error(`${failed} postbacks were not acknowledged`);
    const perSecond = medianOf(loads.map((one) => one.perSecond));
    const barePerSecond = medianOf(turns.map(({ bare }) => bare.perSecond));
    const ratio = medianOf(turns.map(({ bare, web }) => web.perSecond / bare.perSecond));
    return {
      name: 'ingest',
      backend,
      figures: {
        acknowledgedPerSecond: round(perSecond),
        bareExpressPerSecond: round(barePerSecond),
        ratio: round(ratio),
        p50Ms: medianOf(loads.map((one) => one.p50Ms)),
        p99Ms: medianOf(loads.map((one) => one.p99Ms)),
        webPeakMb: round(web.peakMb()),
      },
      marks: [
        { name: 'ratio', value: ratio, atLeast: 0.4 },
        { name: 'webPeakMb', value: web.peakMb(), atMost: 300 },
      ],
    };
  } finally {
    await Promise.all([web.stop(), bare.stop()]);
    await services.stop();
  }
}

interface Load {
  perSecond: number;
  failed: number;
  p50Ms: number;
  p99Ms: number;
}

async function load(port: number, paths: string[], seconds: number): Promise<Load> {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}`,
    connections: CONNECTIONS,
    duration: seconds,
    requests: paths.slice(0, 500).map((path) => ({ method: 'GET', path })),
  });
  return {
    perSecond: result['2xx'] / result.duration,
    failed: result.non2xx + result.errors,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
  };
}
