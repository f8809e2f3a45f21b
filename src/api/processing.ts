import { z } from 'zod';
import { one } from './pagination.ts';
import { Reply } from './route.ts';

/** Where the outcome of a stored message will be found. */
export function locationOf(inboxEventId: string): string {
  return `/api/v1/inbox-events/${inboxEventId}`;
}

/** The answer of a call whose message is stored, and not settled in time; `id` names the schema. */
export function processingAnswer(id: string) {
  const fields = { status: z.literal('processing'), inboxEventId: z.string(), location: z.string() };
  return one(z.strictObject(fields).meta({ id }));
}

export function replyProcessing(inboxEventId: string): Reply {
  return new Reply(202, { data: { status: 'processing', inboxEventId, location: locationOf(inboxEventId) } });
}
