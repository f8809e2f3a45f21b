import { randomBytes } from 'node:crypto';
import type { SecretBox } from '../db/secret-box.ts';
import { openRevenuecatSecrets, openStripeSecrets, type Source } from '../program/sources.ts';
import type { Inbox, InboxMessage } from './inbox/inbox.ts';
import type { ReadOutcome } from './inbox/read-outcomes.ts';
import { toPostbackTest } from './postback/test-message.ts';
import { toRevenueCatTest } from './revenuecat/test-message.ts';
import { toStripeTest } from './stripe/test-message.ts';
import type { TestSubject } from './test-subject.ts';

export interface SentTest {
  inboxEventId: string;
  message: InboxMessage;
  /** Null: it was not settled in time, or made no facts: then `message.normalized` says why. */
  settled: ReadOutcome | null;
}

/**
 * Sends a source a test message of an order of 10.00, as its sender would: made and signed as bytes, verified with the source's own
 * secrets, read by its settings, stored, settled, and never live. What stands between the sender and the hub is not tested.
 */
export async function sendTestMessage(
  deps: { inbox: Inbox; secrets: SecretBox },
  source: Source,
  clickId: string | null,
  at: Date,
): Promise<SentTest> {
  const id = randomBytes(12).toString('hex');
  const message = await toMessage(deps.secrets, source, { id, clickId, email: `test-${id}@example.com`, at });
  if (message.normalized.livemode) throw new Error('a test message is never live');
  if (message.normalized.kind !== 'facts') {
    return { inboxEventId: (await deps.inbox.append(message)).id, message, settled: null };
  }
  const { id: inboxEventId, settled } = await deps.inbox.appendAndWait(message);
  return { inboxEventId, message, settled };
}

async function toMessage(secrets: SecretBox, source: Source, subject: TestSubject): Promise<InboxMessage> {
  switch (source.kind) {
    case 'stripe':
      return toStripeTest(source, await openStripeSecrets(secrets, source), subject);
    case 'revenuecat':
      return toRevenueCatTest(source, await openRevenuecatSecrets(secrets, source), subject);
    default:
      return toPostbackTest(source, subject);
  }
}
