import type { HubProcess } from './hub.ts';

/** What /readyz said: `ok`, `degraded`, 503 as `unavailable`; nothing in time as `silent`, nobody there as `away`. */
export type Health = 'ok' | 'degraded' | 'unavailable' | 'silent' | 'away';

/** Asks /readyz of every process all the time. */
export interface HealthWatch {
  /** Seconds from `since` until it first was something else than ok; null: not until `until`. */
  noticedAfter(process: string, since: number, until: number): number | null;
  /** Seconds from `since` until it was ok and stayed so until now; null: it is not. */
  okAfter(process: string, since: number): number | null;
  /** What it said at the first notice, with the failed checks where it told them. */
  saidAfter(process: string, since: number): string;
  stop(): void;
}

const EVERY_MS = 250;
const TIMEOUT_MS = 2_500;

interface Observed {
  at: number;
  health: Health;
  detail: string;
}

export function watchHealth(processes: readonly HubProcess[]): HealthWatch {
  const seen = new Map<string, Observed[]>(processes.map(({ name }) => [name, []]));
  let stopped = false;
  const timers = processes.map(({ name, healthUrl }) => {
    let underWay = 0;
    return setInterval(() => {
      // One that hangs is asked on, so that its first answer is seen.
      if (stopped || underWay >= 4) return;
      underWay += 1;
      const note = async (): Promise<void> => {
        seen.get(name)?.push(await ask(healthUrl));
        underWay -= 1;
      };
      void note();
    }, EVERY_MS);
  });
  const after = (process: string, since: number): Observed[] =>
    (seen.get(process) ?? []).filter(({ at }) => at >= since).toSorted((a, b) => a.at - b.at);
  const seconds = (ms: number): number => Math.round(ms / 100) / 10;
  return {
    noticedAfter(process, since, until) {
      const first = after(process, since).find(({ health, at }) => told(health) && at <= until);
      return first ? seconds(first.at - since) : null;
    },
    okAfter(process, since) {
      const all = after(process, since);
      const lastBad = all.findLastIndex(({ health }) => health !== 'ok');
      const first = all[lastBad + 1];
      return first ? seconds(Math.max(0, first.at - since)) : null;
    },
    saidAfter(process, since) {
      const first = after(process, since).find(({ health }) => told(health));
      return first ? `${first.health} ${first.detail}`.trim() : '';
    },
    stop() {
      stopped = true;
      for (const timer of timers) clearInterval(timer);
    },
  };
}

/** An answer that says that something is wrong; silence is none. */
const told = (health: Health): boolean => health === 'degraded' || health === 'unavailable';

async function ask(url: string): Promise<Observed> {
  const at = (health: Health, detail = ''): Observed => ({ at: performance.now(), health, detail });
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const body = (await answer.json()) as { status?: string; checks?: Record<string, { ok?: boolean }> };
    if (answer.status !== 200) return at('unavailable', failedChecks(body.checks));
    return body.status === 'degraded' ? at('degraded', failedChecks(body.checks)) : at('ok');
  } catch (error) {
    return at(/Timeout|Abort/.test((error as Error).name) ? 'silent' : 'away');
  }
}

function failedChecks(checks: Record<string, { ok?: boolean }> = {}): string {
  return Object.entries(checks)
    .filter(([, { ok }]) => ok !== true)
    .map(([name]) => name)
    .join(', ');
}
