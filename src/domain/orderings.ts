// What comes first is decided by when it happened, then by its id or reference, never by when it was processed. So the same
// facts give the same ledger in whatever order they arrive.

/** Code-unit order, the same as PostgreSQL's "C" collation for the ASCII that ids and references are made of. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Times are ISO 8601 UTC, which sort as text. */
export function compareInstants(a: { occurredAt: string; id: string }, b: { occurredAt: string; id: string }): number {
  return compareText(a.occurredAt, b.occurredAt) || compareText(a.id, b.id);
}

/** What is known by references rather than an id of its own. */
interface Referenced {
  occurredAt: string;
  reference: string;
}

export function isEarlier(a: Referenced, b: Referenced): boolean {
  return a.occurredAt < b.occurredAt || (a.occurredAt === b.occurredAt && a.reference < b.reference);
}
