import type { Located, Problem, RecordKind } from './records.ts';

export interface Counts {
  added: number;
  /** Already in the program: left as it is there. */
  there: number;
  /** The same object once more in the files. */
  repeated: number;
}

/** Counts the objects of an import by kind, and collects what is wrong with the files. */
export class Tally {
  readonly counts: Record<RecordKind, Counts> = {
    offer: noCounts(),
    affiliate: noCounts(),
    link: noCounts(),
    click: noCounts(),
    customer: noCounts(),
    order: noCounts(),
  };
  readonly problems: Problem[] = [];
  /** What is no mistake, and may not be what was meant. */
  readonly notes: Problem[] = [];
  readonly #seen = new Set<string>();

  /** Counts an object; true where there is nothing to write. */
  count(kind: RecordKind, key: string, there: boolean): boolean {
    const name = `${kind} ${key}`;
    const counts = this.counts[kind];
    if (this.#seen.has(name)) {
      counts.repeated += 1;
      return true;
    }
    this.#seen.add(name);
    counts[there ? 'there' : 'added'] += 1;
    return there;
  }

  refuse({ at, names }: Pick<Located, 'at' | 'names'>, field: string, message: string): void {
    this.problems.push({ at, field: names[field] ?? field, message });
  }

  note({ at, names }: Pick<Located, 'at' | 'names'>, field: string, message: string): void {
    this.notes.push({ at, field: names[field] ?? field, message });
  }
}

function noCounts(): Counts {
  return { added: 0, there: 0, repeated: 0 };
}
