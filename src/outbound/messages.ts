import type { Knex } from 'knex';
import { newId } from '../domain/ids.ts';
import { runSql, toArray } from '../db/sql.ts';
import { deliveryIdOf } from './delivery-id.ts';
import type { MessageDraft } from './message-draft.ts';
import { affiliateOfConversion, firePostbacks, type PostbackEndpoint } from './postbacks.ts';
import { findSubscribers, SubscriberIndex } from './subscribers.ts';

export type { MessageDraft } from './message-draft.ts';

/**
 * Writes messages and a delivery to each endpoint that wants one, in the caller's transaction, in a fixed number of
 * statements however many the drafts. Returns the ids of the deliveries that are due, to be enqueued after the commit.
 * Deliveries to disabled endpoints are `held`: kept, not due, recoverable.
 *
 * The body is made here, once: every attempt sends the same bytes.
 */
export async function writeMessages(
  trx: Knex,
  drafts: readonly MessageDraft[],
  now: Date = new Date(),
): Promise<string[]> {
  if (drafts.length === 0) return [];
  const messages = createMessages(drafts, now);
  const affiliateIds = drafts.map(affiliateOfConversion).filter((id) => id !== undefined);
  const programIds = [...new Set(drafts.map((draft) => draft.programId))];
  const { webhooks, postbacks } = await findSubscribers(trx, programIds, [...new Set(affiliateIds)]);
  const deliveries = addressMessages(messages, new SubscriberIndex(webhooks));
  await insertMessages(trx, messages, deliveries, now);
  const due = listDue(deliveries);
  return postbacks.length === 0 ? due : [...due, ...(await writePostbacks(trx, drafts, messages, postbacks, now))];
}

interface Message {
  id: string;
  programId: string;
  livemode: boolean;
  type: string;
  body: string;
}

interface Delivery {
  messageId: string;
  endpointId: string;
  status: 'pending' | 'held';
}

/** Ids are random within a millisecond: sorted, the messages of one batch list in the order they were written. */
function createMessages(drafts: readonly MessageDraft[], now: Date): Message[] {
  const ids = drafts.map(() => newId('evt')).sort();
  return drafts.map((draft, index) => {
    const id = ids[index] as string;
    return {
      id,
      programId: draft.programId,
      livemode: draft.livemode,
      type: draft.type,
      body: renderBody(id, draft, now),
    };
  });
}

/** The bytes that every attempt sends. */
export function renderBody(id: string, draft: MessageDraft, createdAt: Date): string {
  const { type, livemode, programId, data, previous } = draft;
  return JSON.stringify({ id, type, createdAt: createdAt.toISOString(), livemode, programId, data, previous });
}

function addressMessages(messages: readonly Message[], subscribers: SubscriberIndex): Delivery[] {
  const deliveries: Delivery[] = [];
  for (const message of messages) {
    for (const subscriber of subscribers.find(message.programId, message.type)) {
      deliveries.push({
        messageId: message.id,
        endpointId: subscriber.id,
        status: subscriber.disabled ? 'held' : 'pending',
      });
    }
  }
  return deliveries;
}

/** JSON text has no raw line feed, so all bodies travel as one text and need no quoting as array elements. */
async function insertMessages(
  trx: Knex,
  messages: readonly Message[],
  deliveries: readonly Delivery[],
  now: Date,
): Promise<void> {
  await runSql(
    trx,
    `with written as (
       insert into messages (id, program_id, livemode, type, body, created_at)
       select id, program_id, livemode, type, body, ?
         from unnest(?::text[], ?::text[], ?::boolean[], ?::text[], string_to_array(?, chr(10)))
           as m (id, program_id, livemode, type, body)
     )
     insert into deliveries (message_id, endpoint_id, status, next_attempt_at, created_at)
     select message_id, endpoint_id, status, case when status = 'pending' then ?::timestamptz end, ?
       from unnest(?::text[], ?::text[], ?::text[]) as d (message_id, endpoint_id, status)`,
    [
      now,
      toArray(messages.map((message) => message.id)),
      toArray(messages.map((message) => message.programId)),
      toArray(messages.map((message) => message.livemode)),
      toArray(messages.map((message) => message.type)),
      messages.map((message) => message.body).join('\n'),
      now,
      now,
      toArray(deliveries.map((delivery) => delivery.messageId)),
      toArray(deliveries.map((delivery) => delivery.endpointId)),
      toArray(deliveries.map((delivery) => delivery.status)),
    ],
  );
}

/** Returns those that are due. Few programs have postbacks, so these statements are run for those only. */
async function writePostbacks(
  trx: Knex,
  drafts: readonly MessageDraft[],
  messages: readonly Message[],
  endpoints: readonly PostbackEndpoint[],
  now: Date,
): Promise<string[]> {
  const written = drafts.map((draft, index) => ({ ...draft, messageId: (messages[index] as Message).id }));
  const deliveries = await firePostbacks(trx, written, endpoints);
  if (deliveries.length === 0) return [];
  await runSql(
    trx,
    `insert into deliveries (message_id, endpoint_id, status, next_attempt_at, request, created_at)
     select message_id, endpoint_id, status, case when status = 'pending' then ?::timestamptz end, request, ?
       from unnest(?::text[], ?::text[], ?::text[], ?::jsonb[])
         as d (message_id, endpoint_id, status, request)`,
    [
      now,
      now,
      toArray(deliveries.map((delivery) => delivery.messageId)),
      toArray(deliveries.map((delivery) => delivery.endpointId)),
      toArray(deliveries.map((delivery) => delivery.status)),
      toArray(deliveries.map((delivery) => JSON.stringify(delivery.request))),
    ],
  );
  return listDue(deliveries);
}

function listDue(deliveries: readonly Delivery[]): string[] {
  return deliveries.filter((delivery) => delivery.status === 'pending').map((delivery) => deliveryIdOf(delivery));
}
