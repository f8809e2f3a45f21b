import { Router } from 'express';
import { listPendingMigrations } from '../db/migrate.ts';
import { runSql } from '../db/sql.ts';
import type { Clock } from '../domain/clock.ts';
import type { Db } from '../db/db.ts';
import type { Metrics } from '../process/metrics.ts';
import type { Queues } from '../queue/queues.ts';

interface HealthDeps {
  db: Db;
  queues: Queues;
  metrics: Metrics;
  clock: Clock;
}

const CHECK_TIMEOUT_MS = 2_500;

/**
 * For those who run the hub: `/livez` (the process answers), `/readyz` (database, queue and migrations are in order, else
 * 503 and which of them is not), `/health` (for people and uptime checks), `/metrics` (Prometheus).
 */
export function healthRouter(deps: HealthDeps, state: { stopping: boolean } = { stopping: false }): Router {
  const router = Router();
  router.get('/livez', (_req, res) => {
    res.json({ status: 'ok' });
  });
  router.get('/health', (_req, res) => {
    res.json({ status: 'ok', timestamp: deps.clock.now().getTime() });
  });
  router.get('/readyz', async (_req, res) => {
    const checks = await runChecks(deps);
    const ready = !state.stopping && Object.values(checks).every((result) => result === 'ok');
    res.status(ready ? 200 : 503).json({ status: ready ? 'ok' : state.stopping ? 'stopping' : 'unavailable', checks });
  });
  router.get('/metrics', async (_req, res) => {
    await measureWaitingRows(deps);
    res.type(deps.metrics.registry.contentType).send(await deps.metrics.registry.metrics());
  });
  return router;
}

async function runChecks(deps: HealthDeps): Promise<Record<'database' | 'queue' | 'migrations', string>> {
  const [database, queue, migrations] = await Promise.all([
    check(runSql(deps.db, 'checkDatabase', 'select 1').then(() => 'ok')),
    check(deps.queues.ping().then(() => 'ok')),
    check(listPendingMigrations(deps.db).then((names) => (names.length === 0 ? 'ok' : `pending: ${names.join(', ')}`))),
  ]);
  return { database, queue, migrations };
}

/**
 * In bounded time, since a probe that hangs tells less than one that fails. The reason is not told: hosts and roles are in
 * it.
 */
async function check(result: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('no answer'), CHECK_TIMEOUT_MS);
  });
  return Promise.race([result.catch(() => 'unreachable'), timeout]).finally(() => clearTimeout(timer));
}

/** While the database is away the gauge keeps its last value, and the other metrics are served. */
async function measureWaitingRows({ db, metrics }: HealthDeps): Promise<void> {
  const count = runSql<{ count: bigint }>(
    db,
    'countWaitingEvents',
    `select count(distinct e.id) from inbox_watches cross join unnest(event_ids) as listed (id)
       join inbox_events e on e.id = listed.id where (e.status = 'received') is true`,
  );
  await check(
    count.then(([row]) => {
      metrics.inboxWaitingRows.set(Number(row?.count ?? 0));
      return 'ok';
    }),
  );
}
