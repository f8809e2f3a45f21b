import { later, type Trx } from '../../db/db.ts';
import { newId } from '../../domain/ids.ts';
import { copyRows } from '../../db/copy.ts';
import { rowSource } from '../../db/rows.ts';
import { runSql } from '../../db/sql.ts';
import { deliveryIdOf } from '../wire/delivery-id.ts';
import type { MessageDraft } from '../events/message-draft.ts';
import { affiliateOfConversion, firePostbacks, type PostbackEndpoint } from '../postbacks/fire-postbacks.ts';
import { streamNumber } from '../wire/streams.ts';
import { findSubscribers, SubscriberIndex } from '../endpoints/subscribers.ts';
import { carrierId, commissionMessageId, storedCommission, tellsItsCommission } from './commission-messages.ts';

export type { MessageDraft } from '../events/message-draft.ts';

/**
 * Writes messages, and a delivery to each endpoint that subscribed to them, in the caller's transaction; the number of
 * statements does not depend on the number of drafts. Returns the ids of the deliveries that are due, for the caller to
 * enqueue after the commit. Deliveries to disabled endpoints are `held`: not due, but kept for a recovery.
 */
export async function writeMessages(
  trx: Trx,
  drafts: readonly MessageDraft[],
  now: Date = new Date(),
): Promise<string[]> {
  if (drafts.length === 0) return [];
  const messages = createMessages(drafts, now);
  const affiliateIds = drafts.map(affiliateOfConversion).filter((id) => id !== undefined);
  const programIds = [...new Set(drafts.map((draft) => draft.programId))];
  const { webhooks, postbacks } = await findSubscribers(trx, programIds, [...new Set(affiliateIds)]);
  const deliveries = addressMessages(messages, new SubscriberIndex(webhooks));
  later(trx, insertMessages(trx, storeTogether(drafts, messages, deliveries, postbacks), now));
  later(trx, insertDeliveries(trx, deliveries, now));
  const due = listDue(deliveries);
  return postbacks.length === 0 ? due : [...due, ...(await writePostbacks(trx, drafts, messages, postbacks, now))];
}

interface Message {
  id: string;
  programId: string;
  livemode: boolean;
  type: string;
  body: string;
  /** The data of its commission.created, where nobody wants that. */
  commission: string | null;
}

interface Delivery {
  messageId: string;
  endpointId: string;
  status: 'pending' | 'held';
}

function createMessages(drafts: readonly MessageDraft[], now: Date): Message[] {
  let id = '';
  return drafts.map((draft, index) => {
    id = tellsItsCommission(drafts[index - 1], draft) ? commissionMessageId(id) : carrierId(newId('evt'));
    return {
      id,
      programId: draft.programId,
      livemode: draft.livemode,
      type: draft.type,
      body: renderBody(id, draft, now),
      commission: null,
    };
  });
}

/** The rows: a commission.created that is delivered to nobody is stored with the message of its conversion. */
function storeTogether(
  drafts: readonly MessageDraft[],
  messages: readonly Message[],
  deliveries: readonly Delivery[],
  postbacks: readonly PostbackEndpoint[],
): Message[] {
  const wanted = new Set(deliveries.map(({ messageId }) => messageId));
  const withPostbacks = new Set(postbacks.map(({ programId }) => programId));
  const rows: Message[] = [];
  for (const [index, message] of messages.entries()) {
    const draft = drafts[index] as MessageDraft;
    const told = drafts[index - 1];
    const before = rows.at(-1);
    const isTold = wanted.has(message.id) || withPostbacks.has(message.programId);
    if (before && told && !isTold && tellsItsCommission(told, draft)) {
      rows[rows.length - 1] = { ...before, commission: storedCommission(told, before.body, draft) };
    } else rows.push(message);
  }
  return rows;
}

/** Rendered once and stored, so that every attempt sends the same bytes. */
export function renderBody(id: string, draft: MessageDraft, createdAt: Date): string {
  const { type, livemode, programId, data, previous } = draft;
  return JSON.stringify({ id, type, createdAt: createdAt.toISOString(), livemode, programId, data, previous });
}

function addressMessages(messages: readonly Message[], subscribers: SubscriberIndex): Delivery[] {
  const deliveries: Delivery[] = [];
  for (const message of messages) {
    for (const subscriber of subscribers.find(message, message.type)) {
      deliveries.push({
        messageId: message.id,
        endpointId: subscriber.id,
        status: subscriber.disabled ? 'held' : 'pending',
      });
    }
  }
  return deliveries;
}

async function insertMessages(trx: Trx, messages: readonly Message[], now: Date): Promise<void> {
  const createdAt = now.toISOString();
  await copyRows(trx, 'messages', [
    { name: 'id', type: 'text', values: messages.map(({ id }) => id) },
    { name: 'program_id', type: 'text', values: messages.map(({ programId }) => programId) },
    { name: 'livemode', type: 'boolean', values: messages.map(({ livemode }) => livemode) },
    { name: 'type', type: 'text', values: messages.map(({ type }) => type) },
    { name: 'stream', type: 'integer', values: messages.map(streamNumber) },
    { name: 'body', type: 'text', values: messages.map(({ body }) => body) },
    { name: 'commission', type: 'text', values: messages.map(({ commission }) => commission) },
    { name: 'created_at', type: 'timestamptz', values: messages.map(() => createdAt) },
  ]);
}

async function insertDeliveries(trx: Trx, deliveries: readonly Delivery[], now: Date): Promise<void> {
  if (deliveries.length === 0) return;
  const addressed = rowSource('d', [
    { name: 'message_id', type: 'text', values: deliveries.map(({ messageId }) => messageId) },
    { name: 'endpoint_id', type: 'text', values: deliveries.map(({ endpointId }) => endpointId) },
    { name: 'status', type: 'text', values: deliveries.map(({ status }) => status) },
  ]);
  await runSql(
    trx,
    'insertDeliveries',
    `insert into deliveries (message_id, endpoint_id, status, next_attempt_at, created_at)
     select message_id, endpoint_id, status, case when status = 'pending' then :now::timestamptz end, :now::timestamptz
     from ${addressed.sql}`,
    { now, ...addressed.bindings },
  );
}

/** Returns the ids of those that are due. Its statements run only for the few programs that have postbacks. */
async function writePostbacks(
  trx: Trx,
  drafts: readonly MessageDraft[],
  messages: readonly Message[],
  endpoints: readonly PostbackEndpoint[],
  now: Date,
): Promise<string[]> {
  const written = drafts.map((draft, index) => ({ ...draft, messageId: (messages[index] as Message).id }));
  const deliveries = await firePostbacks(trx, written, endpoints);
  if (deliveries.length === 0) return [];
  const { sql, bindings } = rowSource('d', [
    { name: 'message_id', type: 'text', values: deliveries.map(({ messageId }) => messageId) },
    { name: 'endpoint_id', type: 'text', values: deliveries.map(({ endpointId }) => endpointId) },
    { name: 'status', type: 'text', values: deliveries.map(({ status }) => status) },
    { name: 'request', type: 'jsonb', values: deliveries.map(({ request }) => JSON.stringify(request)) },
  ]);
  await runSql(
    trx,
    'insertPostbackDeliveries',
    `insert into deliveries (message_id, endpoint_id, status, next_attempt_at, request, created_at)
     select message_id, endpoint_id, status, case when status = 'pending' then :now::timestamptz end, request,
       :now::timestamptz
     from ${sql}`,
    { now, ...bindings },
  );
  return listDue(deliveries);
}

function listDue(deliveries: readonly Delivery[]): string[] {
  return deliveries.filter((delivery) => delivery.status === 'pending').map((delivery) => deliveryIdOf(delivery));
}
