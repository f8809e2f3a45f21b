/** A figure that has to hold. Exactly one of the bounds is given. */
export interface Mark {
  name: string;
  value: number;
  atLeast?: number;
  atMost?: number;
}

export interface BenchResult {
  name: string;
  backend: 'postgres' | 'redis';
  figures: Record<string, number>;
  marks: Mark[];
}

/** What the command line says beside the names: for benchmarks that look at it. */
export interface BenchOptions {
  /** How many orders there are before. */
  orders?: number | undefined;
  /** How many messages wait. */
  messages?: number | undefined;
  /** How long is measured. */
  seconds?: number | undefined;
  /** Events a second. */
  rate?: number | undefined;
}

export function holds(mark: Mark): boolean {
  return (
    (mark.atLeast === undefined || mark.value >= mark.atLeast) &&
    (mark.atMost === undefined || mark.value <= mark.atMost)
  );
}

/** Three digits are as many as such figures have. */
export function round(value: number): number {
  return Number(value.toPrecision(value >= 1_000 ? 5 : 3));
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) + (sorted[Math.ceil((sorted.length - 1) / 2)] ?? 0)) / 2;
}
