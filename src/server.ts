import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createApp } from './app.ts';
import { loadConfigOrExit } from './config.ts';
import type { Deps } from './deps.ts';
import { stopGracefully, tellReady } from './graceful-stop.ts';
import { openDeps } from './open-deps.ts';

// Longer than the idle timeout of the usual load balancers (60 s), which else send into a connection just closed.
const KEEP_ALIVE_MS = 65_000;

const STOP_TIMEOUT_MS = 15_000;

export interface WebServer {
  server: Server;
  /** Takes no new connection, answers what is under way, then resolves. */
  stop: () => Promise<void>;
}

/** Serves the app on a server that listens already or is told to listen afterwards. */
export function serve(deps: Deps, server: Server = createServer()): WebServer {
  const state = { stopping: false };
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = KEEP_ALIVE_MS + 1_000;
  server.on('request', createApp(deps, state));
  return {
    server,
    async stop() {
      state.stopping = true;
      const closed = once(server, 'close');
      server.close();
      // A kept-alive connection becomes idle only when its last answer is out.
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
  deps.log.info({ port: config.port, publicUrl: config.publicUrl, queue: deps.queues.backend }, 'web listens');
  stopGracefully(deps.log, STOP_TIMEOUT_MS, async () => {
    await web.stop();
    await deps.close();
  });
  tellReady();
}

/** Rejects with the words to show where the port or the address cannot be had. */
export async function listen(server: Server, port: number, host: string | null): Promise<void> {
  server.listen({ port, ...(host === null ? {} : { host }) });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(explainListenError(error as NodeJS.ErrnoException, port, host), { cause: error });
  }
}

/** For a process's start: says why it cannot listen and ends. */
export async function listenOrExit(server: Server, port: number, host: string | null): Promise<void> {
  try {
    await listen(server, port, host);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(1);
  }
}

function explainListenError({ code, message }: NodeJS.ErrnoException, port: number, host: string | null): string {
  if (code === 'EADDRINUSE') return `Port ${port} is in use by another program. Stop that one, or set PORT to another.`;
  if (code === 'EACCES') return `Port ${port} is not allowed for this user. Set PORT to 1024 or above.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `HOST ${host} is no address of this machine.`;
  return `Cannot listen on port ${port}: ${message}`;
}

if (import.meta.main) await main();
