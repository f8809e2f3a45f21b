import { callbackify } from 'node:util';
import { Client, types, type ClientConfig } from 'pg';
import type { DatabaseHost } from '../process/database-address.ts';
import { CONNECT_TIMEOUT_MS, noneFits, SERVER_STATE, type DatabaseServers, type ServerState } from './servers.ts';
import { lost } from './outage.ts';
import { SilenceWatch } from './silence.ts';

/** What stands between us and PostgreSQL. `auto`: each session finds out by itself. */
export type Pooler = 'auto' | 'none' | 'transaction';

export interface SessionConfig {
  servers: DatabaseServers;
  /** What operators see in `pg_stat_activity`. */
  application_name: string;
  pooler: Pooler;
  /** PostgreSQL's settings for each session that is ours alone; behind a pooler there is none. */
  settings: Readonly<Record<string, string>>;
  /** A statement that takes longer than `settings.statement_timeout` says is ended there; here soon after that. Infinity: never. */
  giveUpAfterMs: number;
  types?: ClientConfig['types'];
}

/** TCP asks after so much silence whether the other side is still there; what it learns comes late, but at no cost. */
const KEEP_ALIVE_AFTER_MS = 10_000;

/** So long a goodbye may take. Whoever waits for the end of a session waits no longer, whatever the server does. */
const END_WITHIN_MS = 1_000;

/** How often a session that only listens says something, so that it hears when nobody answers. */
const HEARTBEAT_MS = 5_000;

/**
 * A connection to PostgreSQL with deadlines: to connect, to answer and to end. Knows whether it reaches a server that takes
 * writes, and whether a transaction pooler stands in between. Ends with the server that it had, and tells the others of its
 * pool. All of ours are made here: those of pools, listeners, queues and migrations.
 */
export class Session extends Client {
  /** knex asks for this mark before it gives a connection out again. */
  __knex__disposed?: unknown;
  readonly #config: SessionConfig;
  readonly #watch: SilenceWatch;
  #generation = 0;
  #reached: DatabaseHost | null = null;
  #isPooled = false;
  #heartbeat: NodeJS.Timeout | null = null;

  constructor(config: SessionConfig) {
    super({
      application_name: config.application_name,
      ...config.servers.configFor(config.servers.address.hosts[0]),
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
      types: config.types ?? types,
      // Statements of a transaction that wait for nothing of each other are sent without waiting for the answers.
      pipeline: true,
    });
    this.#config = config;
    this.#watch = new SilenceWatch({
      received: () => (this.connection.stream as { bytesRead?: number }).bytesRead ?? 0,
      isAtWork: () => this.#isAtWork(),
      giveUpAfterMs: config.giveUpAfterMs,
      onLost: (silentMs) => this.#end(lost(`has not answered for ${silentMs / 1_000} s`)),
    });
    const send = this.query.bind(this) as (...statement: unknown[]) => unknown;
    this.query = ((...statement: unknown[]) => {
      this.#watch.sent();
      return send(...statement);
    }) as Client['query'];
    this.on('drain', () => this.#watch.answered());
    this.on('error', (error) => this.#suspect(error));
    this.on('end', () => this.#forget());
    this.connection.on('errorMessage', (message: { code?: string }) => {
      if (endsSessions.test(message.code ?? '')) this.#suspect(message);
    });
  }

  /** Whether it may be used for another piece of work. */
  get isCurrent(): boolean {
    return this.__knex__disposed === undefined && this.#generation === this.#config.servers.generation;
  }

  /** A transaction pooler gives each transaction another connection to PostgreSQL: nothing is kept on one. */
  get isPooled(): boolean {
    return this.#isPooled;
  }

  override connect(): Promise<this>;
  override connect(callback: (error: Error | null, session?: this) => void): void;
  override connect(callback?: (error: Error | null, session?: this) => void): Promise<this> | void {
    const open = (): Promise<this> => this.#open();
    if (!callback) return open();
    callbackify(open)(callback);
  }

  async #open(): Promise<this> {
    const { servers } = this.#config;
    this.#generation = servers.generation;
    const host = await servers.choose();
    const { host: name, port } = servers.configFor(host);
    if (name !== undefined) this.host = name;
    if (port !== undefined) this.port = port;
    try {
      await super.connect();
      this.#reached = host;
      await this.#settle();
    } catch (error) {
      this.connection.stream.destroy();
      servers.chooseAgain();
      throw error;
    }
    return this;
  }

  /** One round trip: who is there, and how we want it to be. */
  async #settle(): Promise<void> {
    const { settings, pooler, servers } = this.#config;
    // A pooler makes up the key by which statements are cancelled, and the process id in it: it is none of PostgreSQL's.
    const { processID } = this as unknown as { processID: number };
    const own = pooler === 'none' ? 'pg_backend_pid()' : pooler === 'transaction' ? 'null' : String(processID);
    const { rows } = await this.query<ServerState & { pid: number }>(
      `${SERVER_STATE}, pg_backend_pid() as pid,
         (select count(set_config(name, value, false)) from unnest($1::text[], $2::text[]) as wanted (name, value)
          where pg_backend_pid() = ${own})`,
      [Object.keys(settings), Object.values(settings)],
    );
    const [state] = rows;
    if (!state || !servers.isWanted(state)) throw noneFits(servers.address.target);
    this.#isPooled = pooler === 'transaction' || (pooler === 'auto' && state.pid !== processID);
  }

  /**
   * For a session that waits for notifications: it would not notice that nobody is there, nor that its server is a standby
   * now, where nobody announces anything.
   */
  keepAsking(): void {
    const ask = async (): Promise<void> => {
      const [state] = (await this.query<ServerState>(SERVER_STATE)).rows;
      if (state?.isReadOnly) this.#end(noneFits('read-write'));
    };
    this.#heartbeat ??= setInterval(() => void ask().catch(() => undefined), HEARTBEAT_MS).unref();
  }

  /** Ends at once, without a goodbye: what is under way fails by `why`. */
  abandon(why: Error): void {
    this.__knex__disposed ??= why;
    this.connection.stream.destroy(why);
  }

  override end(): Promise<void>;
  override end(callback: (error: Error) => void): void;
  override end(callback?: (error: Error) => void): Promise<void> | void {
    const late = setTimeout(() => this.connection.stream.destroy(), END_WITHIN_MS);
    this.once('end', () => clearTimeout(late));
    return callback ? super.end(callback) : super.end();
  }

  /** Whether the server that does not answer works on what it was sent. */
  async #isAtWork(): Promise<boolean> {
    if (!this.#reached) return true;
    const busy = await this.#config.servers.busySessions(this.#reached);
    if (busy === null) return true;
    const { processID } = this as unknown as { processID: number };
    // Behind a pooler nobody knows our session's number there: while anything answers it may be at work.
    return this.#isPooled ? busy.size > 0 : busy.has(processID);
  }

  #suspect(why: unknown): void {
    if (this.__knex__disposed !== undefined) return;
    // One that was thrown out with the others says nothing of their successors.
    if (this.isCurrent) this.#config.servers.suspect();
    this.__knex__disposed = why;
  }

  #end(why: Error): void {
    this.#suspect(why);
    this.abandon(why);
  }

  #forget(): void {
    this.__knex__disposed ??= 'it ended';
    this.#watch.stop();
    if (this.#heartbeat) clearInterval(this.#heartbeat);
  }
}

/** The server became a standby (25006), or ends or has not yet begun its work (57P01 to 57P03). */
const endsSessions = /^(25006|57P0[123])$/;
