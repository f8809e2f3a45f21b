import { databaseFaults } from './database-faults.ts';
import { networkFaults } from './network-faults.ts';
import { processFaults } from './process-faults.ts';
import { queueFaults } from './queue-faults.ts';
import type { Clocks } from './clock.ts';
import type { Hub } from './hub.ts';
import type { PostgresPair } from './postgres-pair.ts';
import type { Random } from './random.ts';
import type { RedisPair } from './redis-pair.ts';

/** Everything that faults happen to. */
export interface Stage {
  hub: Hub;
  postgres: PostgresPair;
  redis: RedisPair;
  /** Whether hubs reach Redis by its proxy. */
  proxiedRedis: boolean;
  clocks: Clocks;
  random: Random;
  /** What a fault finds wrong by itself, such as an exit code. */
  complain: (problem: string) => void;
}

export interface Fault {
  name: string;
  /** Begins; resolves with what ends it. Both take as long as they take. */
  begin(stage: Stage): Promise<() => Promise<void>>;
  /** How long it lasts between the two, in seconds: least and most. */
  seconds: [least: number, most: number];
  /** Lasts so long that /readyz has to say so: of every process, or of those that store messages. */
  noticed?: 'by all' | 'by webs';
  /** Why it cannot be done here; null: it can. */
  missing?(stage: Stage): string | null;
  /** Before it, in calm: waits until what it needs is there. */
  prepare?(stage: Stage): Promise<void>;
  /** Once the hub is well again, before the next fault: makes good what is broken for good. */
  repair?(stage: Stage): Promise<void>;
}

export const faults: readonly Fault[] = [...processFaults, ...databaseFaults, ...queueFaults, ...networkFaults];

export function findFaults(names: readonly string[] | null): readonly Fault[] {
  if (names === null) return faults;
  return names.map((name) => {
    const fault = faults.find((each) => each.name === name);
    if (!fault)
      throw new Error(`There is no fault '${name}'. There are: ${faults.map((each) => each.name).join(', ')}`);
    return fault;
  });
}
