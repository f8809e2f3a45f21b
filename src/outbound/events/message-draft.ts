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
