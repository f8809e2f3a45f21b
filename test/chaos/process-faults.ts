import { waitUntil } from '../support/wait-until.ts';
import { waitUntilReady, type HubProcess } from './hub.ts';
import type { Fault, Stage } from './faults.ts';

/** Within which a process has to end after SIGTERM. */
const STOPS_WITHIN_MS = 5_000;

/** How far a clock is stepped: less than the five minutes for which a signature counts. */
const STEP_S = 90;

/** What happens to the processes of the hub itself. */
export const processFaults: Fault[] = [
  killed('kill-web', ({ hub }) => hub.webs),
  killed('kill-worker', ({ hub }) => hub.workers),
  frozen('stop-web', ({ hub }) => hub.webs),
  frozen('stop-worker', ({ hub }) => hub.workers),
  {
    name: 'kill-all',
    seconds: [1, 2],
    async begin({ hub }) {
      await Promise.all(hub.all.map((each) => each.kill()));
      return async () => void (await Promise.all(hub.all.map(startAgain)));
    },
  },
  {
    name: 'rolling-restart',
    seconds: [0, 0],
    async begin({ hub, complain }) {
      for (const each of hub.all) {
        const { code, ms } = await each.stop(STOPS_WITHIN_MS + 15_000);
        if (code !== 0) complain(`${each.name} ended with ${code} after SIGTERM (${ms} ms)`);
        else if (ms > STOPS_WITHIN_MS) complain(`${each.name} took ${ms} ms to end after SIGTERM`);
        await each.start();
        await waitUntilReady(each, 30_000).catch((error: Error) => complain(error.message));
      }
      return async () => undefined;
    },
  },
  {
    name: 'step-clock',
    seconds: [4, 8],
    missing: ({ clocks }) => (clocks.kind === 'none' ? 'libfaketime is not there' : null),
    async begin({ hub, clocks, random }) {
      const { name } = random.pick(hub.all);
      await clocks.step(name, random.pick([-STEP_S, STEP_S]));
      return () => clocks.step(name, 0);
    },
  },
];

/** A fault ends when what was killed answers: how long a process takes to load is not what is looked at. */
async function startAgain(one: HubProcess): Promise<void> {
  await one.start();
  await waitUntil(`${one.name} answers`, async () => (await fetch(`${one.healthUrl}/livez`)).ok, { timeoutMs: 30_000 });
}

function killed(name: string, of: (stage: Stage) => readonly HubProcess[]): Fault {
  return {
    name,
    seconds: [0, 2],
    async begin(stage) {
      const one = stage.random.pick(of(stage));
      await one.kill();
      return () => startAgain(one);
    },
  };
}

function frozen(name: string, of: (stage: Stage) => readonly HubProcess[]): Fault {
  return {
    name,
    seconds: [3, 9],
    async begin(stage) {
      const one = stage.random.pick(of(stage));
      one.freeze();
      return async () => one.thaw();
    },
  };
}
