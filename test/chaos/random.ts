import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Choices that are the same again for the same seed; each part of a run draws from one of its own. */
export interface Random {
  /** From 0 to below `below`. */
  integer(below: number): number;
  between(least: number, most: number): number;
  chance(share: number): boolean;
  pick<T>(from: readonly T[]): T;
  shuffle<T>(all: readonly T[]): T[];
}

export function createRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  const integer = (below: number): number => uniformInt(generator, 0, below - 1);
  const random: Random = {
    integer,
    between: (least, most) => uniformInt(generator, least, most),
    chance: (share) => integer(1_000_000) < share * 1_000_000,
    pick<T>(from: readonly T[]): T {
      if (from.length === 0) throw new Error('There is nothing to pick from');
      return from[integer(from.length)] as T;
    },
    shuffle<T>(all: readonly T[]): T[] {
      const rest = [...all];
      for (let last = rest.length - 1; last > 0; last -= 1) {
        const other = integer(last + 1);
        [rest[last], rest[other]] = [rest[other] as T, rest[last] as T];
      }
      return rest;
    },
  };
  return random;
}
