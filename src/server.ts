import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { createApp } from './app.ts';
import { loadConfigOrExit } from './process/config.ts';
import type { Deps } from './deps.ts';
import { stopGracefully, tellReady } from './process/graceful-stop.ts';
import { healthServer } from './http/health.ts';
import { answerRefusedRequests } from './http/refused-requests.ts';
import { loadTracing } from './process/tracing/load-tracing.ts';
import { createLogger } from './process/logging.ts';
import { listenOrExit } from './process/listen.ts';
import { openDeps } from './open-deps.ts';
import { exitIfUnfit } from './db/refuse-unfit.ts';

// Who has not sent all of a request by then is cut off, so that slow senders cannot hold connections.
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 15_000;

// Each costs memory before it has sent a byte. Load balancers keep some tens open.
const MAX_CONNECTIONS = 4_000;

// Longer than the idle timeout of the usual load balancers (60 s), which otherwise send into a connection just closed.
const KEEP_ALIVE_MS = 65_000;

/**
 * A stop in steps, all together less than a process has (graceful-stop.ts). First a load balancer has a moment to see that
 * /readyz says 503, and callers to end their connections with an answer; under `tributary start` nobody stands in between.
 */
const DRAIN_MS = process.connected ? 200 : 1_000;

/** Then what is under way is answered. Who waits for an outcome is told after half of it that the message is stored. */
const ANSWER_WITHIN_MS = 1_500;

/** Then what was accepted is written, and all is closed. */
const CLOSE_WITHIN_MS = 1_200;

export interface StopOptions {
  /** Requests are still taken for so long, on connections that end with the answer. */
  drainMs?: number;
  /** Then those that are not answered are cut off. Not given: they are waited for. */
  answerWithinMs?: number;
}

export interface WebServer {
  server: Server;
  /** What /readyz tells of it. */
  state: { stopping: boolean };
  /** Takes no new connection, answers what is under way, then resolves. Answers say that their connection ends. */
  stop: (options?: StopOptions) => Promise<void>;
}

/** Serves the app on a server, which may listen already or be told to afterwards. */
export function serve(deps: Deps, server: Server = createServer({ connectionsCheckingInterval: 5_000 })): WebServer {
  const state = { stopping: false };
  const stopping = new AbortController();
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  const unanswered = new Set<ServerResponse>();
  server.on('request', (_req, res: ServerResponse) => {
    if (state.stopping) res.setHeader('Connection', 'close');
    unanswered.add(res);
    res.once('close', () => unanswered.delete(res));
  });
  server.on('request', createApp(deps, state, stopping.signal));
  answerRefusedRequests(server, deps);
  return {
    server,
    state,
    async stop({ drainMs = 0, answerWithinMs } = {}) {
      state.stopping = true;
      stopping.abort();
      for (const res of unanswered) if (!res.headersSent) res.setHeader('Connection', 'close');
      if (drainMs > 0) await wait(drainMs);
      const closed = once(server, 'close');
      server.close();
      // A kept-alive connection becomes idle only once its last answer is sent.
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      const timers =
        answerWithinMs === undefined
          ? []
          : [
              setTimeout(() => deps.inbox.endWaits(), answerWithinMs / 2),
              setTimeout(() => {
                deps.log.warn({ requests: unanswered.size }, 'cut off: not answered in time');
                server.closeAllConnections();
              }, answerWithinMs),
            ];
      await closed;
      clearInterval(sweep);
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** The web process: config -> deps -> app -> listen -> graceful stop. */
async function main(): Promise<void> {
  const config = loadConfigOrExit(process.env);
  const log = createLogger({ level: config.logLevel, role: 'web' });
  const tracing = await loadTracing(config.tracing, 'web', log);
  const deps = openDeps(config, { role: 'web', log, processMetrics: true, tracing });
  await exitIfUnfit(deps);
  const web = serve(deps);
  await listenOrExit(web.server, config.port, config.host);
  const metrics = config.metricsPort === null ? null : healthServer(deps, web.state);
  if (metrics && config.metricsPort !== null) await listenOrExit(metrics, config.metricsPort, config.host);
  deps.log.info({ port: config.port, publicUrl: config.publicUrl, queue: deps.queues.backend }, 'web listens');
  stopGracefully(deps.log, async () => {
    await web.stop({ drainMs: DRAIN_MS, answerWithinMs: ANSWER_WITHIN_MS });
    metrics?.close();
    await deps.close(CLOSE_WITHIN_MS);
  });
  // `tributary start` has a worker beside us: one address tells of both.
  deps.readiness.watch({ needsSettling: process.connected });
  tellReady();
}

if (import.meta.main) await main();
