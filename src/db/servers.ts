import { Client, type ClientConfig } from 'pg';
import { readDatabaseAddress, type DatabaseAddress, type DatabaseHost } from '../process/database-address.ts';
import { isOutage, lost } from './outage.ts';

/** How long one server may take to be connected to, before another one is tried or the caller is told. */
export const CONNECT_TIMEOUT_MS = 2_000;

/** So long a server may take to say who it is, or what its sessions do. */
const ASK_TIMEOUT_MS = 1_500;

/**
 * The servers that may hold one database, as the sessions of one pool know them: which of them is the right one now, and when
 * it may have ceased to be.
 */
export class DatabaseServers {
  readonly address: DatabaseAddress;
  #generation = 0;
  #chosen: Promise<DatabaseHost> | null = null;
  readonly #asked = new Map<DatabaseHost, Promise<ReadonlySet<number> | null>>();

  constructor(url: string) {
    this.address = readDatabaseAddress(url);
  }

  /** Sessions of an older one are not used again. */
  get generation(): number {
    return this.#generation;
  }

  /** One session saw that its server is gone, or no longer takes writes: the others of its time would see the same, one by one. */
  suspect(): void {
    this.#generation += 1;
    this.chooseAgain();
  }

  /** The one that was chosen could not be connected to. */
  chooseAgain(): void {
    this.#chosen = null;
  }

  /** The server to connect to: of several the one that is wanted. Throws where none answers or fits. */
  choose(): Promise<DatabaseHost> {
    const { hosts } = this.address;
    if (hosts.length === 1) return Promise.resolve(hosts[0]);
    if (!this.#chosen) {
      const choosing = this.#find();
      this.#chosen = choosing;
      choosing.catch(() => {
        if (this.#chosen === choosing) this.#chosen = null;
      });
    }
    return this.#chosen;
  }

  /** Whether a server in this state is the one that is wanted. */
  isWanted({ isStandby, isReadOnly }: ServerState): boolean {
    switch (this.address.target) {
      case 'read-write':
        return !isReadOnly;
      case 'read-only':
        return isReadOnly;
      case 'primary':
        return !isStandby;
      case 'standby':
        return isStandby;
      default:
        return true;
    }
  }

  /** What the driver needs to connect to one of them. */
  configFor({ host, port }: DatabaseHost): ClientConfig {
    const { user, password, database, tls, parameters } = this.address;
    return {
      ...parameters,
      ...(host !== undefined && { host }),
      ...(port !== undefined && { port }),
      ...(user !== undefined && { user }),
      ...(password !== undefined && { password }),
      ...(database !== undefined && { database }),
      ...(tls !== undefined && { ssl: tls }),
    };
  }

  /**
   * The process ids of our sessions that run a statement there at the moment; empty where the server is away; null where it
   * answers and does not say. All who ask at once share one question.
   */
  busySessions(host: DatabaseHost): Promise<ReadonlySet<number> | null> {
    const asked = this.#asked.get(host) ?? this.#askForBusy(host).finally(() => this.#asked.delete(host));
    this.#asked.set(host, asked);
    return asked;
  }

  async #askForBusy(host: DatabaseHost): Promise<ReadonlySet<number> | null> {
    try {
      const rows = await this.#ask<{ pid: number }>(
        host,
        `select pid from pg_stat_activity where usename = current_user and state = 'active'`,
      );
      return new Set(rows.map(({ pid }) => pid));
    } catch (error) {
      return isAnswer(error) ? null : new Set();
    }
  }

  async #find(): Promise<DatabaseHost> {
    const { hosts, target } = this.address;
    // All at once: one of them may be a host that is lost. The first in the list goes before the others.
    const asked = hosts.map(async (host) => {
      const [state] = await this.#ask<ServerState>(host, SERVER_STATE);
      if (!state) throw new Error('the server does not say what it is');
      return { host, state };
    });
    const failures: unknown[] = [];
    let reachable: DatabaseHost | null = null;
    for (const one of asked) one.catch(() => undefined);
    for (const one of asked) {
      try {
        const { host, state } = await one;
        if (target === 'prefer-standby' ? state.isStandby : this.isWanted(state)) return host;
        reachable ??= host;
      } catch (error) {
        failures.push(error);
      }
    }
    if (target === 'prefer-standby' && reachable) return reachable;
    if (reachable) throw noneFits(target);
    throw new AggregateError(failures, `none of the ${hosts.length} hosts of the database can be reached`);
  }

  async #ask<Row extends object>(host: DatabaseHost, question: string): Promise<Row[]> {
    const client = new Client({
      application_name: 'tributary-probe',
      ...this.configFor(host),
      connectionTimeoutMillis: ASK_TIMEOUT_MS,
    });
    client.on('error', () => undefined);
    const late = setTimeout(() => client.connection.stream.destroy(lost('gave no answer in time')), ASK_TIMEOUT_MS);
    try {
      await client.connect();
      return (await client.query<Row>(question)).rows;
    } catch (error) {
      const { bytesRead } = client.connection.stream as { bytesRead?: number };
      throw bytesRead ? Object.assign(error as Error, { isSlow: true }) : error;
    } finally {
      clearTimeout(late);
      // Its goodbye is not waited for.
      client.end().catch(() => undefined);
      setTimeout(() => client.connection.stream.destroy(), ASK_TIMEOUT_MS).unref();
    }
  }
}

export interface ServerState {
  isStandby: boolean;
  isReadOnly: boolean;
}

export const SERVER_STATE = `select pg_is_in_recovery() as "isStandby", current_setting('transaction_read_only') = 'on' as "isReadOnly"`;

/** As PostgreSQL says it of a statement: read_only_sql_transaction. */
export function noneFits(target: string): Error {
  return Object.assign(new Error(`no host of the database is ${target}`), { code: '25006' });
}

/** It is there: it has no room for one more, refuses us, or is too busy to say more in time. */
function isAnswer(error: unknown): boolean {
  const { code, isSlow } = error as { code?: string; isSlow?: boolean };
  return code === '53300' || !isOutage(error) || (isSlow === true && !code?.startsWith('57P'));
}
