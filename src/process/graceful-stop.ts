import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import { releaseMemoryOfLoading } from './release-memory.ts';

/**
 * A process has ended so long after SIGTERM, whatever it was doing: each part of a stop has less. What orchestrators give
 * before they kill is more (systemd 90 s, Docker 10 s, Kubernetes 30 s).
 */
const STOP_WITHIN_MS = 4_900;

/**
 * Ends this process in order: on a signal, on an error that nobody caught, and when `tributary start`, which started it,
 * is gone. `stop` finishes what was accepted; a process that takes longer than it may exits anyway, with code 1.
 */
export function stopGracefully(log: Logger, stop: () => Promise<void>): void {
  let stopping = false;
  // Ctrl-C reaches all processes of a terminal at once; `tributary start` wants to end its own one after the other.
  const supervised = process.connected;
  const grace = closeWithGrace(
    {
      delay: STOP_WITHIN_MS,
      logger: false,
      // The library ends at once at a second signal. SIGTERM may come twice: from systemd, which tells all processes of a
      // service, and from `tributary start`.
      skip: supervised ? ['SIGINT', 'SIGTERM'] : ['SIGTERM'],
      onTimeout: () => log.error({ timeoutMs: STOP_WITHIN_MS }, 'not stopped in time: ending'),
    },
    async ({ err, signal }) => {
      stopping = true;
      if (err) log.fatal({ err }, 'an error that nobody caught: stopping');
      else log.info({ signal }, 'stopping');
      await stop();
      log.info('stopped');
    },
  );
  const stopOnce = (): void => {
    if (!stopping) grace.close();
    stopping = true;
  };
  process.on('SIGTERM', stopOnce);
  if (!supervised) return;
  process.on('SIGINT', () => undefined);
  process.once('disconnect', stopOnce);
}

/** The end of a start. Tells `tributary start`, where it is our parent, that this process is ready. */
export function tellReady(): void {
  releaseMemoryOfLoading();
  process.send?.('ready');
}
