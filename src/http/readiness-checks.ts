import { describeFailure } from '../process/outage-log.ts';

/** One line of /readyz. */
export interface Check {
  ok: boolean;
  /** Seconds: where it is ok since that was last seen, else since it is not. */
  age: number;
  /** What is wrong and what to do; no host and no name of a role is in it, since anybody may read it. Null: nothing. */
  error: string | null;
}

/** Since when something is as it is, by a monotonic clock. Fails at once where it is told so, and where it is silent for long. */
export class CheckState {
  readonly #now: () => number;
  #goodAt: number | null = null;
  #badSince: number;
  #error: string | null = 'not looked at yet';

  constructor(now: () => number) {
    this.#now = now;
    this.#badSince = now();
  }

  note(error: string | null): void {
    if (error === null) this.#goodAt = this.#now();
    else if (this.#error === null) this.#badSince = this.#now();
    this.#error = error;
  }

  /** One late answer is no outage: it counts once none was good for `patienceMs`. */
  noteLate(error: string, patienceMs: number): void {
    if (this.#goodAt === null || this.#now() - this.#goodAt >= patienceMs) this.note(error);
  }

  read(): Check {
    const ok = this.#error === null;
    const since = ok ? (this.#goodAt ?? this.#badSince) : this.#badSince;
    return { ok, age: Math.round((this.#now() - since) / 100) / 10, error: this.#error };
  }
}

/** What a failed look at the database means to whoever runs the hub. */
export function explainDatabase(error: unknown): string {
  const code = codeOf(error);
  const known = byCode.find(([pattern]) => pattern.test(code));
  if (known) return `${known[1]} (${code})`;
  return code === '' ? `it cannot be reached: ${describeFailure(error)}` : `it cannot be used (${code})`;
}

export const READ_ONLY =
  'it takes no writes: it is a standby, or was made read-only. Set DATABASE_URL to the primary, or promote this one';

const byCode: readonly [RegExp, string][] = [
  [/^ETIMEDOUT$/, 'it does not answer in time: it hangs, is overloaded, or the network loses what is sent'],
  [/^(ECONN|EPIPE|EHOST|ENET|ENOENT)/, 'it cannot be connected to: see whether it runs and DATABASE_URL is right'],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'the host in DATABASE_URL has no address'],
  [/^28/, 'it refuses our user or password: see DATABASE_URL'],
  [/^3D000$/, 'there is no such database: see DATABASE_URL'],
  [/^42501$/, 'our user lacks rights: see Operations for the grants'],
  [/^53100$/, 'its disk is full: make room'],
  [/^53300$/, 'it has no connection left: raise max_connections, or run fewer processes'],
  [/^57P0[123]$/, 'it is stopping or starting'],
  [/^25006$/, READ_ONLY],
];

/** The code of the innermost cause that has one; empty: none has. */
function codeOf(error: unknown): string {
  let code = '';
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
    if ('code' in current && typeof current.code === 'string') code = current.code;
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return code === 'UNAVAILABLE' ? '' : code;
}
