import type { Logger } from 'pino';

/** What of a dependency's absence is logged: that it went, once a minute that it is away, and that it is back. */
export interface OutageLog {
  /** Whoever notices that the dependency fails says so, as often as that happens. */
  failed(error: unknown): void;
  /** Whoever sees that it works again says so; costs nothing while it works. */
  succeeded(): void;
  /** When the first failure of this outage was noticed; null while the dependency works. */
  readonly since: Date | null;
  /** What the last failure said, on one line; null while the dependency works. */
  readonly lastError: string | null;
}

const EVERY_MS = 60_000;

/** `dependency` is what the lines call it, such as `database` or `queue`. */
export function createOutageLog(log: Logger, dependency: string, now: () => number = Date.now): OutageLog {
  let since: number | null = null;
  let lastError: string | null = null;
  let toldAt = 0;
  let failures = 0;
  return {
    failed(error) {
      lastError = describeFailure(error);
      failures += 1;
      if (since === null) {
        since = toldAt = now();
        log.warn({ dependency, problem: lastError }, `${dependency} is away; a line a minute tells while it is`);
      } else if (now() - toldAt >= EVERY_MS) {
        toldAt = now();
        log.warn({ dependency, problem: lastError, awayS: awayS(since), failures }, `${dependency} is still away`);
      }
    },
    succeeded() {
      if (since === null) return;
      log.warn({ dependency, awayS: awayS(since), failures }, `${dependency} is back`);
      since = lastError = null;
      failures = 0;
    },
    get since() {
      return since === null ? null : new Date(since);
    },
    get lastError() {
      return lastError;
    },
  };

  function awayS(from: number): number {
    return Math.round((now() - from) / 100) / 10;
  }
}

/**
 * A logger for whoever uses a dependency and logs what fails: warnings and errors whose `err` is an outage go to `tell`
 * instead, and are lines only at the level debug. An outage fails hundreds of things a second, each with the same stack.
 */
export function withoutOutages(
  log: Logger,
  isOutage: (error: unknown) => boolean,
  tell: (error: unknown) => void,
): Logger {
  // As pino makes its own children: what is not replaced is the original's.
  const quiet = Object.create(log) as Logger;
  for (const level of ['warn', 'error'] as const) {
    quiet[level] = (...args: unknown[]) => {
      const [first] = args as [{ err?: unknown } | string | undefined];
      const error = typeof first === 'object' && first !== null ? first.err : undefined;
      if (error === undefined || !isOutage(error)) {
        log[level](...(args as [object, string]));
        return;
      }
      tell(error);
      log.debug(...(args as [object, string]));
    };
  }
  return quiet;
}

/** The innermost cause on one line; where several addresses were tried, what the first one said. */
export function describeFailure(error: unknown): string {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
    if (current instanceof AggregateError && current.errors.length > 0) current = current.errors[0];
    else if (current.cause instanceof Error) current = current.cause;
    else break;
  }
  if (!(current instanceof Error)) return String(current);
  const code = 'code' in current && typeof current.code === 'string' ? current.code : '';
  const message = current.message.replace(/\s+/g, ' ').trim();
  // knex puts the whole statement before what the database said.
  const said = message.slice(message.lastIndexOf(' - ') + 1).replace(/^- /, '');
  return said.includes(code) ? said || current.name : `${said} (${code})`;
}
