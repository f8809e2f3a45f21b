import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createApp } from './app.ts';
import { loadConfigOrExit } from './process/config.ts';
import type { Deps } from './deps.ts';
import { stopGracefully, tellReady } from './process/graceful-stop.ts';
import { healthServer } from './http/health.ts';
import { answerRefusedRequests } from './http/refused-requests.ts';
import { listenOrExit } from './process/listen.ts';
import { openDeps } from './open-deps.ts';

// Who has not sent all of a request by then is cut off, so that slow senders cannot hold connections.
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 15_000;

// Each costs memory before it has sent a byte. Load balancers keep some tens open.
const MAX_CONNECTIONS = 4_000;

// Longer than the idle timeout of the usual load balancers (60 s), which otherwise send into a connection just closed.
const KEEP_ALIVE_MS = 65_000;

const STOP_TIMEOUT_MS = 15_000;

export interface WebServer {
  server: Server;
  /** What /readyz tells of it. */
  state: { stopping: boolean };
  /** Takes no new connection, answers what is under way, then resolves. */
  stop: () => Promise<void>;
}

/** Serves the app on a server, which may listen already or be told to afterwards. */
export function serve(deps: Deps, server: Server = createServer({ connectionsCheckingInterval: 5_000 })): WebServer {
  const state = { stopping: false };
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  server.on('request', createApp(deps, state));
  answerRefusedRequests(server, deps.log);
  return {
    server,
    state,
    async stop() {
      state.stopping = true;
      const closed = once(server, 'close');
      server.close();
      // A kept-alive connection becomes idle only once its last answer is sent.
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      await closed;
      clearInterval(sweep);
    },
  };
}

/** The web process: config -> deps -> app -> listen -> graceful stop. */
async function main(): Promise<void> {
  const config = loadConfigOrExit(process.env);
  const deps = openDeps(config, { role: 'web', processMetrics: true });
  const web = serve(deps);
  await listenOrExit(web.server, config.port, config.host);
  const metrics = config.metricsPort === null ? null : healthServer(deps, web.state);
  if (metrics && config.metricsPort !== null) await listenOrExit(metrics, config.metricsPort, config.host);
  deps.log.info({ port: config.port, publicUrl: config.publicUrl, queue: deps.queues.backend }, 'web listens');
  stopGracefully(deps.log, STOP_TIMEOUT_MS, async () => {
    await web.stop();
    metrics?.close();
    await deps.close();
  });
  // `tributary start` has a worker beside us: one address tells of both.
  deps.readiness.watch({ needsSettling: process.connected });
  tellReady();
}

if (import.meta.main) await main();
