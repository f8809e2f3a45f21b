import * as fc from 'fast-check';
import type { History } from './arbitrary-histories.ts';

/** One way in which a history may reach the pipeline. */
export interface Delivery {
  /** Batches of indexes into the history's events, some of them twice: before, between and after what people decide. */
  phases: number[][][];
  workers: number;
  /** Each message is received again in this order; else all were received in the order of the history, and only worked on so. */
  receivedAnew: boolean;
  /** What people decided is settled only together with what arrives next, unless they pay at the same time. */
  decisionsWait: boolean;
}

/** Any order, any repeats, any batches, any number of workers; but nothing overtakes what people decide. */
export function arbitraryDelivery(history: History): fc.Arbitrary<Delivery> {
  const phases = phasesOf(history);
  return fc.record({
    phases: fc.tuple(...phases.map((indexes, phase) => arbitraryBatches(indexes, phases.slice(0, phase).flat()))),
    workers: fc.integer({ min: 1, max: 4 }),
    receivedAnew: history.contradictions ? fc.constant(false) : fc.boolean(),
    decisionsWait: fc.boolean(),
  });
}

/** The plainest way: every event by itself, in the order of the history. */
export function plainDelivery(history: History): Delivery {
  const phases = phasesOf(history).map((indexes) => indexes.map((index) => [index]));
  return { phases, workers: 1, receivedAnew: false, decisionsWait: false };
}

/** The indexes of the events before, between and after what people decide. */
export function phasesOf({ events, breaks }: History): number[][] {
  const indexes = events.map((_, index) => index);
  const ends = breaks.map(({ after }) => after);
  return [0, ...ends].map((start, phase) => indexes.slice(start, ends[phase]));
}

/** Each of the events once, and any of them and of the earlier ones again. */
function arbitraryBatches(indexes: number[], earlier: number[]): fc.Arbitrary<number[][]> {
  return fc
    .tuple(
      fc.shuffledSubarray(indexes, { minLength: indexes.length }),
      fc.shuffledSubarray(indexes),
      fc.shuffledSubarray(earlier, { maxLength: Math.min(2, earlier.length) }),
    )
    .chain(([all, again, late]) => {
      const sequence = [...all, ...again, ...late];
      return fc
        .tuple(
          fc.shuffledSubarray(sequence, { minLength: sequence.length }),
          fc.array(fc.integer({ min: 1, max: 6 }), { minLength: sequence.length, maxLength: sequence.length }),
        )
        .map(([order, sizes]) => cut(order, sizes));
    });
}

function cut(order: number[], sizes: number[]): number[][] {
  const batches: number[][] = [];
  let start = 0;
  for (const size of sizes) {
    if (start >= order.length) break;
    batches.push(order.slice(start, start + size));
    start += size;
  }
  return batches;
}
