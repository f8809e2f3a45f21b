import { Agent, request } from 'undici';
import { createKey } from '../../src/program/api-keys.ts';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { startChild } from './child.ts';
import { dialectPairs, type Call, type DialectPair } from './dialect-pairs.ts';
import { medianOf, round, type BenchResult } from './result.ts';
import { startBenchServices } from './services.ts';
import { makeCatalog } from './world.ts';

const CONCURRENCY = 8;
/** The native side is warm from the pairs before; a dialect's own code has to be compiled first, as it is on a hub that runs. */
const WARM_UP = 480;
const CALLS = 960;
/** Quick calls go on for so long: over half a second one hiccup of the machine decided. */
const SECONDS = 6;
/** Calls of one side before it is the other's turn. */
const ROUND = 32;

/**
 * What a dialect's call costs next to the native call under it, against one web process and one worker, eight callers at
 * a time: the ratio of the median times of the two.
 */
export async function runDialectsBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const port = await findFreePort();
  // A machine that is busy with other things may take its time: an answer that does not wait would measure nothing.
  const env = { ...services.env, RESULT_TIMEOUT_MS: '60000' };
  const web = startChild('src/server.ts', { ...env, PORT: String(port), HOST: '127.0.0.1' });
  const worker = startChild('workers/main.ts', env);
  const agent = new Agent({ connections: CONCURRENCY, pipelining: 1 });
  try {
    const { db } = services;
    const { programId, clickIds } = await makeCatalog(db, 5_000);
    const { plaintext: key } = await createKey(db, programId, { name: 'bench', mode: 'live', access: 'write' });
    const affiliateIds = await readIds(db, 'affiliates', programId);
    const [offerId = ''] = await readIds(db, 'offers', programId);
    const origin = `http://127.0.0.1:${port}`;
    await waitUntil('the web process is ready', async () => (await fetch(`${origin}/readyz`)).ok);

    const figures: Record<string, number> = {};
    const marks: BenchResult['marks'] = [];
    const call = (which: Call) => timeCall(agent, origin, key, which);
    const pairs = dialectPairs({ affiliateIds, clickIds, offerId });
    await waitUntil('the worker settles', () => pairs[0] && call(pairs[0].native(0)));
    for (const pair of pairs) {
      // As autovacuum has done on a hub that is older than a minute.
      await db.raw('analyze');
      await measure(pair, { calls: WARM_UP, seconds: 0 }, call);
      const { nativeMs, dialectMs } = await measure(pair, { calls: CALLS, seconds: SECONDS }, call);
      const ratio = dialectMs / nativeMs;
      figures[`${pair.name}Ratio`] = round(ratio);
      figures[`${pair.name}NativeMs`] = round(nativeMs);
      marks.push({ name: `${pair.name}Ratio`, value: ratio, atMost: 1.1 });
    }
    return { name: 'dialects', backend, figures, marks };
  } finally {
    await agent.close();
    await Promise.all([web.stop(), worker.stop()]);
    await services.stop();
  }
}

/**
 * The median milliseconds of each side. The sides take rounds by turns, a fraction of a second each: what made one of them
 * slower for a while meets both. Within a round all make the same call, as clients of one surface do: side by side, the
 * calls that reach the inbox a little later would wait for the gathering that the earlier ones began.
 */
async function measure(
  { native, dialect }: DialectPair,
  atLeast: { calls: number; seconds: number },
  call: (which: Call) => Promise<number>,
): Promise<{ nativeMs: number; dialectMs: number }> {
  const times = { native: [] as number[], dialect: [] as number[] };
  const sideOf = { native, dialect };
  const until = performance.now() + atLeast.seconds * 1_000;
  for (let first = 0; first < atLeast.calls || performance.now() < until; first += ROUND) {
    // Each side goes first as often as the other.
    const sides = (first / ROUND) % 2 === 0 ? (['native', 'dialect'] as const) : (['dialect', 'native'] as const);
    for (const side of sides) {
      let next = first;
      const work = async (): Promise<void> => {
        for (let n = next++; n < first + ROUND; n = next++) times[side].push(await call(sideOf[side](n)));
      };
      await Promise.all(Array.from({ length: CONCURRENCY }, work));
    }
  }
  return { nativeMs: medianOf(times.native), dialectMs: medianOf(times.dialect) };
}

async function timeCall(agent: Agent, origin: string, key: string, { path, body }: Call): Promise<number> {
  const started = performance.now();
  const answer = await request(origin + path, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    dispatcher: agent,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 202) throw new Error(`${path} answered ${answer.statusCode} ${text}`);
  return performance.now() - started;
}

async function readIds(db: Parameters<typeof runSql>[0], table: 'affiliates' | 'offers', programId: string) {
  const rows = await runSql<{ id: string }>(db, `select id from ${table} where program_id = ? order by id`, [
    programId,
  ]);
  return rows.map(({ id }) => id);
}
