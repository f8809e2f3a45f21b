import type { Logger } from 'pino';

/**
 * Ends the parts of a process beside each other and resolves once all have ended, or when `withinMs` is over: a part that
 * hangs, because what it waits for is away, holds up no stop. Never throws; the log names what was late or failed.
 */
export async function endInTime(
  log: Logger,
  withinMs: number,
  parts: Readonly<Record<string, () => Promise<unknown>>>,
): Promise<void> {
  const open = new Set(Object.keys(parts));
  const ends = Object.entries(parts).map(async ([part, end]) => {
    try {
      await end();
    } catch (error) {
      log.warn({ err: error, part }, 'could not be ended in order');
    }
    open.delete(part);
  });
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, withinMs);
  await Promise.race([Promise.all(ends), late.promise]);
  clearTimeout(timer);
  if (open.size > 0) log.warn({ parts: [...open], withinMs }, 'not ended in time; it is left as it is');
}
