import type { InboxMessage } from './inbox.ts';
import type { ReadOutcome } from './read-outcomes.ts';

/** What would become of a message, were it stored now. */
export interface DryOutcome {
  settled: ReadOutcome;
  /** Ids that the message would make; nobody can look them up. */
  newIds: ReadonlySet<string>;
}

/** Settles a message as it would be settled, and keeps nothing of it. */
export type DryRun = (message: InboxMessage) => Promise<DryOutcome>;

/** An answer with null in place of each id that is new. */
export function withoutNewIds(value: unknown, newIds: ReadonlySet<string>): unknown {
  if (typeof value === 'string') return newIds.has(value) ? null : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => withoutNewIds(item, newIds));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutNewIds(item, newIds)]));
}
