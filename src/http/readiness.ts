import type { Logger } from 'pino';
import type { Db } from '../db/db.ts';
import { isOutage } from '../db/outage.ts';
import { isUndefinedTable } from '../db/pg-errors.ts';
import { openProbe } from '../db/probe.ts';
import { explainSchema, listKnownMigrations, migrationName } from '../db/schema-state.ts';
import { inTime } from '../process/in-time.ts';
import type { OutageLog } from '../process/outage-log.ts';
import type { Queues } from '../queue/queues.ts';
import { countWorkers, findOldestWaiting, findProgress, type WaitingMessage } from '../queue/settling-facts.ts';
import { CheckState, explainDatabase, READ_ONLY, type Check } from './readiness-checks.ts';
import { SettlingWatch } from './settling-watch.ts';

/** What /readyz answers with. */
export interface ReadinessReport {
  /** `degraded`: messages are stored, and something that follows is not in order. `unavailable`: it is not to be used. */
  status: 'ok' | 'degraded' | 'unavailable';
  checks: {
    database: Check;
    queue: Check;
    /** `oldestUnsettled`: seconds; null: none waits for longer than is usual. `workers`: null where it cannot be known. */
    settling: Check & { oldestUnsettled: number | null; workers: number | null };
    migrations: Check;
  };
}

export interface Readiness {
  /** What was last seen, looked at anew where that is older than a second; within `ANSWER_WITHIN_MS` in any case. */
  read(withinMs?: number): Promise<ReadinessReport>;
  /** Looks every second from now on. `needsSettling`: the process is of no use where settling stands still. */
  watch(options: { needsSettling: boolean }): void;
  /** Something failed for want of the database: looks until it is there again. */
  suspect(): void;
  /** Whoever stores messages says whether that works: null, or why not. */
  noteStore(error: unknown): void;
  close(): void;
}

interface ReadinessDeps {
  db: Db;
  queues: Pick<Queues, 'backend' | 'ping'>;
  log: Logger;
  /** Where database or queue is away or back this says so. */
  outage: OutageLog;
  boundMs?: number;
}

const LOOK_EVERY_MS = 1_000;
const BOUND_MS = 1_000;
const ANSWER_WITHIN_MS = 500;

/** One connection that is slow to answer, or is just broken, is no outage yet. */
const PATIENCE_MS = 2_500;

/** An outage is over once nothing failed for so long. */
const QUIET_MS = 2_000;

/** A process that could not store a message is tried again by then: it may be sent none any more. */
const STORE_FAILED_FOR_MS = 5_000;

const QUEUE_TABLES_MISSING =
  'its tables are missing in the database: run `tributary migrate` (with the environment of the hub)';

interface DatabaseState {
  readOnly: boolean;
  queueTables: boolean;
}

const databaseState = `
         select pg_is_in_recovery() or current_setting('transaction_read_only')::boolean as "readOnly",
                to_regclass('bullmq.migration') is not null as "queueTables"`;

export function openReadiness(deps: ReadinessDeps): Readiness {
  const now = (): number => performance.now();
  const boundMs = deps.boundMs ?? BOUND_MS;
  const probe = openProbe(deps.db, boundMs);
  const database = new CheckState(now);
  const queue = new CheckState(now);
  const migrations = new CheckState(now);
  const settling = new CheckState(now);
  const settlingWatch = new SettlingWatch(now);
  let needsSettling = false;
  let lookedAt = -Infinity;
  let looking: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let recovery: NodeJS.Timeout | null = null;
  let storeFailure: { error: unknown; at: number } | null = null;
  let toldQueueTables = 0;
  let suspectedAt = -Infinity;
  let closed = false;

  async function lookAtDatabase(): Promise<void> {
    try {
      const state = await askTwice();
      if (state.readOnly) throw Object.assign(new Error(READ_ONLY), { code: '25006' });
      database.note(null);
      // A pool that fails beside a connection that works is no end of an outage.
      if (now() - suspectedAt >= QUIET_MS) deps.outage.succeeded();
      noteQueueTables(state.queueTables);
    } catch (error) {
      if (closed) return;
      const problem = explainDatabase(error);
      if ((error as { code?: unknown }).code === 'ETIMEDOUT') database.noteLate(problem, PATIENCE_MS);
      else database.note(problem);
      if (!database.read().ok) deps.outage.failed(error);
      return;
    }
    await lookAtTables();
  }

  /**
   * The server may have ended the connection that was kept since it was last asked; or it takes no writes any more, lives on, and
   * another one has its place.
   */
  async function askTwice(): Promise<DatabaseState> {
    try {
      const state = await askForState();
      if (!state.readOnly) return state;
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ETIMEDOUT') throw error;
    }
    return await askForState();
  }

  async function askForState(): Promise<DatabaseState> {
    const [[state]] = (await probe.run([databaseState])) as unknown as [[DatabaseState]];
    if (state.readOnly) probe.leave();
    return state;
  }

  /** A database that answers and lacks a table is in need of a migration, and tells nothing of settling. */
  async function lookAtTables(): Promise<void> {
    try {
      const [applied, oldest, [locks]] = (await probe.run([
        'select name from schema_migrations',
        findOldestWaiting(settlingWatch.known),
        countWorkers,
      ])) as [{ name: string }[], WaitingMessage[], [{ workers: number }]];
      migrations.note(
        explainSchema(
          await listKnownMigrations(),
          applied.map(({ name }) => migrationName(name)),
        ),
      );
      // Behind a transaction pooler only those with a direct connection hold their lock.
      const workers = probe.isPooled && locks.workers === 0 ? null : locks.workers;
      settling.note((await settlingWatch.note(oldest, workers, hasProgress)).error);
    } catch (error) {
      if (isUndefinedTable(error)) migrations.note('the tables are missing: run `tributary migrate`');
      else if (!isOutage(error) && !isTimedOut(error) && !closed)
        deps.log.error({ err: error }, 'readiness cannot be looked at');
    }
  }

  async function hasProgress(): Promise<boolean> {
    const [[found]] = (await probe.run([findProgress])) as [[{ progress: boolean }]];
    return found.progress;
  }

  async function lookAtQueue(): Promise<void> {
    try {
      await inTime(boundMs, deps.queues.ping());
      if (!toldQueueTables) queue.note(null);
    } catch {
      queue.noteLate(
        'it takes no jobs: see whether it runs and can be reached. Messages are settled without it',
        PATIENCE_MS,
      );
    }
  }

  /** The log says it once a minute: the process works on, by the sweep alone. */
  function noteQueueTables(areThere: boolean): void {
    if (deps.queues.backend !== 'postgres') return;
    if (areThere) {
      toldQueueTables = 0;
      return;
    }
    queue.note(QUEUE_TABLES_MISSING);
    if (toldQueueTables > 0 && now() - toldQueueTables < 60_000) return;
    toldQueueTables = now();
    deps.log.error(`the queue is kept in PostgreSQL; ${QUEUE_TABLES_MISSING}`);
  }

  /** One look at a time, and one a second, however many ask. */
  function look(): Promise<void> {
    if (looking) return looking;
    if (closed || now() - lookedAt < LOOK_EVERY_MS * 0.9) return Promise.resolve();
    lookedAt = now();
    looking = lookAtBoth();
    return looking;
  }

  async function lookAtBoth(): Promise<void> {
    await Promise.all([lookAtDatabase(), lookAtQueue()]);
    looking = null;
  }

  async function lookForRecovery(): Promise<void> {
    await look();
    if (deps.outage.since !== null || !recovery) return;
    clearInterval(recovery);
    recovery = null;
  }

  function report(): ReadinessReport {
    const checks = {
      database: database.read(),
      queue: queue.read(),
      settling: {
        ...settling.read(),
        oldestUnsettled: settlingWatch.state.oldestS,
        workers: settlingWatch.state.workers,
      },
      migrations: migrations.read(),
    };
    if (checks.database.ok && storeFailure && now() - storeFailure.at < STORE_FAILED_FOR_MS) {
      const age = Math.round((now() - storeFailure.at) / 100) / 10;
      checks.database = { ok: false, age, error: `messages cannot be stored: ${explainDatabase(storeFailure.error)}` };
    }
    const usable = checks.database.ok && checks.migrations.ok && !(needsSettling && settlingWatch.state.standsStill);
    const inOrder = Object.values(checks).every(({ ok }) => ok);
    return { status: !usable ? 'unavailable' : inOrder ? 'ok' : 'degraded', checks };
  }

  return {
    async read(withinMs = ANSWER_WITHIN_MS) {
      if (withinMs > 0) await inTime(withinMs, look()).catch(() => undefined);
      return report();
    },
    watch(options) {
      ({ needsSettling } = options);
      void look();
      timer ??= setInterval(() => void look(), LOOK_EVERY_MS);
    },
    suspect() {
      suspectedAt = now();
      if (timer || recovery || closed) return;
      recovery = setInterval(() => void lookForRecovery(), LOOK_EVERY_MS);
    },
    noteStore(error) {
      if (error === null) storeFailure = null;
      else storeFailure = { error, at: now() };
    },
    close() {
      closed = true;
      if (timer) clearInterval(timer);
      if (recovery) clearInterval(recovery);
      probe.close();
    },
  };
}

/** A table is locked, as while it is migrated. */
function isTimedOut(error: unknown): boolean {
  return (error as { code?: unknown }).code === '57014';
}
