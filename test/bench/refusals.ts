import { runSql } from '../support/sql.ts';
import { addTracker, makeBenchProgram } from './bench-program.ts';
import { startHub } from './hub.ts';
import { medianOf, round, type BenchOptions, type BenchResult } from './result.ts';
import { startBenchServices } from './services.ts';
import { getRequest, loadBySockets } from './socket-loader.ts';

const CALLERS = 64;
const ROUNDS = 5;

/**
 * What refused postbacks cost those that are taken: half of all postbacks have a wrong key, each another one and of another order,
 * which is the worst for whoever keeps them. `--messages` says how many are refused in all, a million unless said. With `--against`
 * a checkout that keeps none it tells what keeping them costs; what it leaves in the database is told here.
 */
export async function runRefusalsBench(
  backend: 'postgres' | 'redis',
  { messages = 1_000_000 }: BenchOptions,
): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const hub = await startHub(services, { workers: 0 });
  try {
    const { programId, clickIds } = await makeBenchProgram(services.db, 20_000);
    const { pathOf } = await addTracker(services.db, programId);
    let sent = 0;
    const path = (isTaken: boolean): string => {
      const n = (sent += 1);
      const taken = pathOf(clickIds[n % 500] ?? '', isTaken ? `B${n % 500}` : `R${n}`);
      return isTaken ? taken : taken.replace(/secure=.*/, `secure=sk_live_${String(n).padStart(32, '0')}`);
    };
    const load = async (count: number, shareTaken: number): Promise<number> => {
      const { answered, seconds } = await loadBySockets({
        port: hub.port,
        callers: CALLERS,
        count,
        request: (n) => getRequest(path(n % 100 < shareTaken)),
        expect: 'HTTP/1.1 ',
      });
      return answered / seconds;
    };
    await load(20_000, 50);
    const perRound = Math.ceil(messages / ROUNDS);
    const mixed: number[] = [];
    const alone: number[] = [];
    for (let turn = 0; turn < ROUNDS; turn += 1) {
      mixed.push((await load(perRound * 2 * 0.8, 50)) / 2);
      alone.push(await load(perRound * 0.2, 0));
    }
    const [kept] = await runSql<{ rows: number; bytes: number }>(
      services.db,
      `select coalesce(sum(n_live_tup), 0)::int as rows, coalesce(sum(pg_total_relation_size(relid)), 0)::float8 as bytes
       from pg_stat_user_tables where relname in ('refused_requests', 'refused_counts')`,
    );
    return {
      name: 'refusals',
      backend,
      figures: {
        refused: sent,
        takenBesidePerSecond: round(medianOf(mixed)),
        refusedAlonePerSecond: round(medianOf(alone)),
        keptRows: kept?.rows ?? 0,
        keptKb: round((kept?.bytes ?? 0) / 1_000),
        webPeakMb: round(hub.web.peakMb()),
      },
      marks: [
        { name: 'keptRows', value: kept?.rows ?? 0, atMost: 250 },
        { name: 'keptKb', value: (kept?.bytes ?? 0) / 1_000, atMost: 4_000 },
        { name: 'webPeakMb', value: hub.web.peakMb(), atMost: 300 },
      ],
    };
  } finally {
    await hub.stop();
    await services.stop();
  }
}
