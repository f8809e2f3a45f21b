import { createServer, type Server } from 'node:http';
import express, { Router, type Request } from 'express';
import type { Clock } from '../domain/clock.ts';
import type { Db } from '../db/db.ts';
import type { Config } from '../process/config.ts';
import type { Metrics } from '../process/metrics.ts';
import { isSameText, readCredential } from './authenticate.ts';
import type { Readiness } from './readiness.ts';
import { openScrape, type ScrapeDeps } from './scrape.ts';

interface HealthDeps extends ScrapeDeps {
  db: Db;
  metrics: Metrics;
  readiness: Readiness;
  clock: Clock;
  config: Pick<Config, 'adminToken' | 'metricsToken'>;
}

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
  const scrape = shared(openScrape(deps));
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
