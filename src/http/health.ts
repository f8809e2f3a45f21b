import { createServer, type Server } from 'node:http';
import express, { Router, type Request } from 'express';
import { runSql } from '../db/sql.ts';
import type { Clock } from '../domain/clock.ts';
import type { Db } from '../db/db.ts';
import type { Config } from '../process/config.ts';
import type { Metrics } from '../process/metrics.ts';
import { isSameText, readCredential } from './authenticate.ts';
import type { Readiness } from './readiness.ts';

interface HealthDeps {
  db: Db;
  metrics: Metrics;
  readiness: Readiness;
  clock: Clock;
  config: Pick<Config, 'adminToken' | 'metricsToken'>;
}

const SCRAPE_TIMEOUT_MS = 2_500;

/**
 * For those who run the hub: `/livez` (the process answers), `/readyz` (whether it is to be sent anything, and what is in
 * order and what is not: readiness.ts), `/health` (for people and uptime checks), `/metrics` (Prometheus; for whoever has a token,
 * but on a port of its own, which is not for the world).
 */
export function healthRouter(
  deps: HealthDeps,
  state: { stopping: boolean } = { stopping: false },
  { openMetrics = false }: { openMetrics?: boolean } = {},
): Router {
  const router = Router({ caseSensitive: true });
  // Anybody may ask, as often as they like: whoever asks meanwhile gets the same answer.
  const scrape = shared(() => renderMetrics(deps));
  router.get('/livez', (_req, res) => {
    res.json({ status: 'ok' });
  });
  router.get('/health', (_req, res) => {
    res.json({ status: 'ok', timestamp: deps.clock.now().getTime() });
  });
  router.get('/readyz', async (_req, res) => {
    const { status, checks } = await deps.readiness.read(state.stopping ? 0 : undefined);
    const shown = state.stopping ? 'stopping' : status;
    res.status(shown === 'ok' || shown === 'degraded' ? 200 : 503).json({ status: shown, checks });
  });
  router.get('/metrics', async (req, res) => {
    if (!openMetrics && !maySeeMetrics(deps.config, req)) {
      res.status(401).setHeader('WWW-Authenticate', 'Bearer');
      res.type('text/plain').send('Send METRICS_TOKEN or the admin token as Authorization: Bearer\n');
      return;
    }
    res.type(deps.metrics.registry.contentType).send(await scrape());
  });
  return router;
}

/** The metrics, and the checks, on a port of their own (METRICS_PORT, WORKER_PORT), which needs no token. */
export function healthServer(deps: HealthDeps, state: { stopping: boolean }): Server {
  return createServer(
    express()
      .disable('x-powered-by')
      .use(healthRouter(deps, state, { openMetrics: true })),
  );
}

function maySeeMetrics({ adminToken, metricsToken }: HealthDeps['config'], req: Request): boolean {
  const given = readCredential(req, ['bearer']);
  if (given === null) return false;
  return isSameText(given, adminToken) || (metricsToken !== null && isSameText(given, metricsToken));
}

async function renderMetrics(deps: HealthDeps): Promise<string> {
  await measureWaitingRows(deps);
  return await deps.metrics.registry.metrics();
}

/** Work that runs once at a time: whoever asks while it is under way gets what comes of it. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => {
    underWay ??= work().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}

/** In bounded time. */
async function inTime(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, SCRAPE_TIMEOUT_MS);
  });
  await Promise.race([work.catch(() => undefined), timeout]).finally(() => clearTimeout(timer));
}

/** While the database is away the gauge keeps its last value, and the other metrics are served. */
async function measureWaitingRows({ db, metrics }: HealthDeps): Promise<void> {
  const count = runSql<{ count: bigint }>(
    db,
    'countWaitingEvents',
    `select count(distinct e.id) from inbox_watches cross join unnest(event_ids) as listed (id)
       join inbox_events e on e.id = listed.id where (e.status = 'received') is true`,
  );
  await inTime(count.then(([row]) => metrics.inboxWaitingRows.set(Number(row?.count ?? 0))));
}
