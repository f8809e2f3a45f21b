import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import { releaseMemoryOfLoading } from './release-memory.ts';

/**
 * Ends this process in order: on a signal, on an error that nobody caught, and when `tributary start`, which started it,
 * is gone. `stop` finishes what was accepted; after `timeoutMs` the process exits anyway, with code 1.
 */
export function stopGracefully(log: Logger, timeoutMs: number, stop: () => Promise<void>): void {
  // Ctrl-C reaches all processes of a terminal at once; `tributary start` wants to end its own one after the other.
  const supervised = process.connected;
  const grace = closeWithGrace(
    {
      delay: timeoutMs,
      logger: false,
      skip: supervised ? ['SIGINT'] : [],
      onTimeout: () => log.error({ timeoutMs }, 'not stopped in time: ending'),
    },
    async ({ err, signal }) => {
      if (err) log.fatal({ err }, 'an error that nobody caught: stopping');
      else log.info({ signal }, 'stopping');
      await stop();
      log.info('stopped');
    },
  );
  if (!supervised) return;
  process.on('SIGINT', () => undefined);
  process.once('disconnect', () => grace.close());
}

/** The end of a start. Tells `tributary start`, where it is our parent, that this process is ready. */
export function tellReady(): void {
  releaseMemoryOfLoading();
  process.send?.('ready');
}
