import { Pool, type PoolClient, type QueryResult } from 'pg';
import { DatabaseServers } from './servers.ts';
import { Session, type Pooler, type SessionConfig } from './session.ts';

export interface SessionPoolOptions {
  url: string;
  pooler: Pooler;
  application_name: string;
  max: number;
  /** For each session, or each statement where a transaction pooler stands in between. */
  settings: Readonly<Record<string, string>>;
  onError: (error: Error) => void;
}

/** A library's statements are short; PostgreSQL itself ends what takes longer. */
const STATEMENT_TIMEOUT_S = 30;

/** So long an attempt to connect may take, or the wait for a free session. */
const CONNECT_TIMEOUT_MS = 5_000;

/** The pool that a library is given which brings its own statements: with the deadlines of our own sessions. */
export class SessionPool extends Pool {
  readonly #settings: Readonly<Record<string, string>>;
  readonly #idle = new Set<Session>();

  constructor({ url, pooler, application_name, max, settings, onError }: SessionPoolOptions) {
    const config: SessionConfig = {
      servers: new DatabaseServers(url),
      application_name,
      pooler,
      settings: { ...settings, statement_timeout: `${STATEMENT_TIMEOUT_S}s` },
      giveUpAfterMs: (STATEMENT_TIMEOUT_S + 5) * 1_000,
    };
    super({
      max,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      ...config,
      Client: Session as never,
    });
    this.#settings = settings;
    this.on('error', onError);
    // The pool listens for errors of its idle clients only: if the server ended one that is used, that would end us too.
    this.on('connect', (client) => client.on('error', onError));
    this.on('acquire', (client) => this.#idle.delete(client as unknown as Session));
    this.on('release', (_error, client) => this.#idle.add(client as unknown as Session));
    this.on('remove', (client) => this.#idle.delete(client as unknown as Session));
  }

  /** One statement. Behind a transaction pooler it takes its settings with it, in a transaction that is sent as one. */
  async run(text: string, values: unknown[] = []): Promise<QueryResult> {
    const client = await this.connect();
    const session = client as unknown as Session;
    try {
      const result = session.isPooled
        ? await this.#runWithSettings(client, text, values)
        : await client.query(text, values);
      client.release(!session.isCurrent);
      return result;
    } catch (error) {
      client.release(error as Error);
      this.#endOutdated();
      throw error;
    }
  }

  async #runWithSettings(client: PoolClient, text: string, values: unknown[]): Promise<QueryResult> {
    const settings = Object.entries(this.#settings).map(([name, value]) => `set local ${name} = ${value}`);
    const sent = [
      client.query(['begin', ...settings].join('; ')),
      client.query(text, values),
      client.query('commit'),
    ] as const;
    const [, answer, committed] = await Promise.allSettled(sent);
    if (answer.status === 'rejected') throw answer.reason;
    if (committed.status === 'rejected') throw committed.reason;
    if (committed.value.command !== 'COMMIT') throw new Error('the statement was not committed');
    return answer.value;
  }

  /** What else is idle was connected to the server that was lost. */
  #endOutdated(): void {
    for (const session of this.#idle) if (!session.isCurrent) session.abandon(new Error('its server was lost'));
  }
}
