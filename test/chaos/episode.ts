import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { waitUntil } from '../support/wait-until.ts';
import type { Fault, Stage } from './faults.ts';
import type { HealthWatch } from './health-watch.ts';
import type { Loader } from './loader.ts';

/** One fault as it went. All times in seconds; null: it did not happen in time. */
export interface Episode {
  fault: string;
  lastedS: number;
  /** After its end: until a new postback to each web process was acknowledged and settled. */
  recoveredS: number | null;
  /** The longest time without any 2xx, from its beginning until all was well. */
  withoutServiceS: number;
  /** Requests in that time that were not answered with 2xx. */
  failedRequests: number;
  /** The slowest process; null where the fault need not be noticed. */
  noticedS: number | null;
  /** What the processes said. */
  said: string[];
  /** After its end: until /readyz of every process says ok. */
  readyS: number | null;
  problems: string[];
}

const NOTICED_WITHIN_S = 5;
const READY_WITHIN_S = 10;
const RECOVERED_WITHIN_S = 30;

/** Plays one fault, and says how the hub came through it. */
export async function play(
  fault: Fault,
  stage: Stage,
  { loader, health }: { loader: Loader; health: HealthWatch },
): Promise<Episode> {
  const { hub, postgres, random } = stage;
  const problems: string[] = [];
  const begun = performance.now();
  const end = await fault.begin(stage);
  await wait(random.between(fault.seconds[0] * 1_000, fault.seconds[1] * 1_000));
  const endsAt = performance.now();
  await end();
  const ended = performance.now();
  const seconds = (ms: number): number => Math.round(ms / 100) / 10;

  let recoveredS: number | null = null;
  try {
    await Promise.all(
      hub.webs.map(async (_, web) => {
        const message = await loader.probe(web, RECOVERED_WITHIN_S * 1_000);
        await waitUntilSettled(postgres.directUrl(), message, RECOVERED_WITHIN_S * 1_000);
      }),
    );
    recoveredS = seconds(performance.now() - ended);
  } catch (error) {
    problems.push(`not recovered: ${(error as Error).message}`);
  }
  const readyS = await waitUntilOk(
    hub.all.map(({ name }) => name),
    ended,
    health,
  );
  if (readyS === null || readyS > READY_WITHIN_S) {
    const late = hub.all.filter(({ name }) => (health.okAfter(name, ended) ?? Infinity) > READY_WITHIN_S);
    problems.push(
      `/readyz not ok within ${READY_WITHIN_S} s: ${late.map(({ name }) => `${name} ${health.saidAfter(name, ended)}`).join(', ')}`,
    );
  }
  let noticedS: number | null = null;
  if (fault.noticed) {
    const noticed = (fault.noticed === 'by all' ? hub.all : hub.webs).map(({ name }) => ({
      name,
      after: health.noticedAfter(name, begun, endsAt + 500),
    }));
    const unaware = noticed.filter(({ after }) => after === null || after > NOTICED_WITHIN_S);
    if (unaware.length > 0) {
      problems.push(`/readyz says nothing within ${NOTICED_WITHIN_S} s: ${unaware.map(({ name }) => name).join(', ')}`);
    }
    noticedS = noticed.every(({ after }) => after !== null)
      ? Math.max(...noticed.map(({ after }) => after ?? 0))
      : null;
  }
  const during = loader.answers.filter(({ at }) => at >= begun);
  loader.answers.splice(0);
  const isServed = (answer: unknown): boolean => typeof answer === 'number' && answer >= 200 && answer < 300;
  const served = during.filter(({ answer }) => isServed(answer)).map(({ at }) => at);
  const gaps = [begun, ...served.toSorted((a, b) => a - b), performance.now()];
  return {
    fault: fault.name,
    lastedS: seconds(ended - begun),
    recoveredS,
    withoutServiceS: seconds(Math.max(...gaps.slice(1).map((at, index) => at - (gaps[index] ?? 0)))),
    failedRequests: during.length - served.length,
    noticedS,
    said: [...new Set(hub.all.map(({ name }) => health.saidAfter(name, begun)).filter(Boolean))],
    readyS,
    problems,
  };
}

/** Half-open connections are found out only when they are used: so it is looked at for a while. */
const OBSERVED_MS = 2_000;

/** Seconds after `since` at which the last of them was ok; null: not all of them within twice the time. */
async function waitUntilOk(names: readonly string[], since: number, health: HealthWatch): Promise<number | null> {
  for (;;) {
    const after = names.map((name) => health.okAfter(name, since));
    const isOver = performance.now() - since > OBSERVED_MS;
    if (isOver && after.every((each) => each !== null)) return Math.max(...after.map((each) => each ?? 0));
    if (performance.now() - since > 2 * READY_WITHIN_S * 1_000 + RECOVERED_WITHIN_S * 1_000) return null;
    await wait(100);
  }
}

async function waitUntilSettled(url: string, message: string, timeoutMs: number): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await waitUntil(
      `${message} is settled`,
      async () =>
        (await client.query('select 1 from orders where order_id = $1 and commission_minor > 0', [message])).rowCount,
      { timeoutMs, everyMs: 50 },
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

export function describeEpisode(episode: Episode): string {
  const { fault, lastedS, recoveredS, withoutServiceS, failedRequests, noticedS, readyS, problems } = episode;
  const figures = `lasted ${lastedS} s, recovered ${recoveredS ?? 'never'}, without service ${withoutServiceS} s, ${failedRequests} failed, noticed ${noticedS ?? '-'}, ready ${readyS ?? 'never'}`;
  return [`${fault.padEnd(22)} ${figures}`, ...problems.map((problem) => `    ${problem}`)].join('\n');
}
