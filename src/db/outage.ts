/**
 * Whether an error says that the database is away or has no room for us now, and not that it refuses what we sent. Covers
 * the socket (ECONN…), knex's and pg's pools, PostgreSQL classes 08 (connection), 53 (resources: too many connections,
 * disk full), 57P (shutting down, starting up), read-only failover (25006) and a database that takes no connections for
 * now (55000, as while it is restored or moved).
 */
export function isOutage(error: unknown): boolean {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    const code = 'code' in current ? String(current.code) : '';
    if (
      /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)/.test(code) ||
      isMissingSocket(code, current)
    )
      return true;
    if (/^(08|53|57P)/.test(code) || code === '25006' || isClosedDatabase(code, current)) return true;
    if (current.name === 'KnexTimeoutError') return true;
    if (
      /Connection (terminated|ended)|connection timeout|timeout exceeded when trying to connect|aborted/i.test(
        current.message,
      ) ||
      // The name of the statement may stand before it (sql.ts).
      /^(\w+: )?(Client (was closed|has encountered a connection error)|Unable to acquire a connection|timeout expired$)/.test(
        current.message,
      )
    ) {
      return true;
    }
    if (current instanceof AggregateError && current.errors.some(isOutage)) return true;
  }
  return false;
}

/** A Unix socket that is not there, rather than a file. */
function isMissingSocket(code: string, error: Error): boolean {
  return code === 'ENOENT' && 'syscall' in error && error.syscall === 'connect';
}

/** 55000 has other causes, which are faults of ours; these routines raise it before the connection can do anything. */
function isClosedDatabase(code: string, error: Error): boolean {
  return code === '55000' && 'routine' in error && /^(CheckMyDatabase|InitPostgres)$/.test(String(error.routine));
}

/** An error for what was not heard of in time, an outage as `isOutage` has it. */
export function lost(what: string): Error {
  return Object.assign(new Error(`the database ${what}`), { code: 'ETIMEDOUT' });
}
