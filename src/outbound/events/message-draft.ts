import type { EventTypeName } from './event-types.ts';

/** An event, before it is written as a message to its subscribers. */
export interface MessageDraft {
  programId: string;
  livemode: boolean;
  type: EventTypeName;
  /** The whole object, in the field names of the API; JSON-safe (no bigint). */
  data: object;
  /** The changed fields with their old values. */
  previous?: object;
}

/** What `previous` is made of: the fields of `before` that have another value in `after`. */
export function changedFields(before: object, after: object): Record<string, unknown> {
  const later = new Map(Object.entries(after));
  return Object.fromEntries(
    Object.entries(before).filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(later.get(field))),
  );
}
