/** Something that is not as its facts say. */
export interface Difference {
  what: 'message' | 'fact' | 'lead' | 'order' | 'customer' | 'payout';
  id: string;
  field: string;
  stored: unknown;
  expected: unknown;
}

// More are counted and not kept: a proof of a million orders must not end in their list.
const KEPT = 200;

/** What a proof has compared so far, and what it found. */
export class Findings {
  readonly counts = new Map<string, number>();
  readonly differences: Difference[] = [];
  total = 0;

  count(what: string, number = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + number);
  }

  differ(what: Difference['what'], id: string, field: string, stored: unknown, expected: unknown): void {
    this.total += 1;
    if (this.differences.length < KEPT) this.differences.push({ what, id, field, stored, expected });
  }
}
