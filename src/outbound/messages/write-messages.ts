import { later, type Trx } from '../../db/db.ts';
import { newId } from '../../domain/ids.ts';
import { appendRows } from '../../db/copy.ts';
import { rowSource, type Column } from '../../db/rows.ts';
import { FEW, runSql, type Bindings } from '../../db/sql.ts';
import type { EndpointRow } from '../endpoints/destination-rows.ts';
import { deliveryIdOf } from '../wire/delivery-id.ts';
import { LEASE_MS, type Lease } from '../wire/lease.ts';
import type { Leased, SenderAtHand } from './leased.ts';
import type { MessageDraft } from '../events/message-draft.ts';
import { affiliateOfConversion, firePostbacks, type PostbackEndpoint } from '../postbacks/fire-postbacks.ts';
import { streamNumber } from '../wire/streams.ts';
import { findSubscribers, SubscriberIndex } from '../endpoints/subscribers.ts';
import { carrierId, commissionMessageId, storedCommission, tellsItsCommission } from './commission-messages.ts';

export type { MessageDraft } from '../events/message-draft.ts';

/** What a transaction that writes messages leaves to be done after its commit. */
export interface WrittenMessages {
  /** Deliveries that are due, for a sender to be told of. */
  deliveryIds: string[];
  /** Deliveries that the sender at hand has already, to send. */
  leased: Leased;
}

export function nothingWritten(): WrittenMessages {
  return { deliveryIds: [], leased: { leases: [], endpoints: [] } };
}

/** What is known where messages are written, and spares statements. */
export interface WritingContext {
  /** Of the programs' configuration, as the transaction sees it (versioned-cache.ts). */
  versions?: ReadonlyMap<string, string>;
  /** What it sends at once is leased to it as it is written. */
  sender?: SenderAtHand | undefined;
}

/** `writeMessagesFor` where nothing is known; gives the ids of the deliveries that are due. */
export async function writeMessages(
  trx: Trx,
  drafts: readonly MessageDraft[],
  now: Date = new Date(),
): Promise<string[]> {
  return (await writeMessagesFor(trx, drafts, now, {})).deliveryIds;
}

/**
 * Writes messages, and a delivery to each endpoint that subscribed to them, in the caller's transaction; the number of
 * statements does not depend on the number of drafts. Deliveries to disabled endpoints are `held`: not due, but kept for a
 * recovery.
 */
export async function writeMessagesFor(
  trx: Trx,
  drafts: readonly MessageDraft[],
  now: Date,
  { versions = new Map(), sender }: WritingContext,
): Promise<WrittenMessages> {
  if (drafts.length === 0) return nothingWritten();
  const messages = createMessages(drafts, now);
  const { webhooks, postbacks } = await findSubscribers(trx, affiliatesOf(drafts), versions);
  const lease = sender && { sender, holder: sender.holder(), lockedUntil: new Date(now.getTime() + LEASE_MS) };
  const deliveries = addressMessages(messages, new SubscriberIndex(webhooks), lease);
  later(trx, insertMessages(trx, storeTogether(drafts, messages, deliveries, postbacks), deliveries, now, lease));
  const deliveryIds = listDue(deliveries);
  const leased = leasedOf(deliveries);
  if (postbacks.length === 0) return { deliveryIds, leased };
  return { deliveryIds: [...deliveryIds, ...(await writePostbacks(trx, drafts, messages, postbacks, now))], leased };
}

/** The programs of the drafts, each with the affiliates whose postbacks they may fire. */
function affiliatesOf(drafts: readonly MessageDraft[]): Map<string, Set<string>> {
  const programs = new Map<string, Set<string>>();
  for (const draft of drafts) {
    const affiliates = programs.get(draft.programId) ?? new Set();
    programs.set(draft.programId, affiliates);
    const affiliateId = affiliateOfConversion(draft);
    if (affiliateId !== undefined) affiliates.add(affiliateId);
  }
  return programs;
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
  programId: string;
  messageId: string;
  endpointId: string;
  status: 'pending' | 'held';
  /** Set: the sender at hand has it. */
  leased?: { lease: Lease; endpoint: EndpointRow };
}

/** By whom, and until when, deliveries are leased as they are written. */
interface LeaseAtOnce {
  sender: SenderAtHand;
  holder: number | null;
  lockedUntil: Date;
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

function addressMessages(
  messages: readonly Message[],
  subscribers: SubscriberIndex,
  lease: LeaseAtOnce | undefined,
): Delivery[] {
  const deliveries: Delivery[] = [];
  const leased = new Map<string, number>();
  let room = lease?.sender.room() ?? 0;
  for (const message of messages) {
    for (const { id: endpointId, disabled, endpoint, livemode } of subscribers.find(message, message.type)) {
      const { id: messageId, programId } = message;
      const delivery: Delivery = { programId, messageId, endpointId, status: disabled ? 'held' : 'pending' };
      const count = (leased.get(endpointId) ?? 0) + 1;
      if (lease && room > 0 && isReady(endpoint, disabled) && lease.sender.sendsAtOnce(endpointId, count)) {
        room -= 1;
        leased.set(endpointId, count);
        delivery.leased = { lease: leaseOf(delivery, message, livemode, lease.lockedUntil), endpoint };
      }
      deliveries.push(delivery);
    }
  }
  return deliveries;
}

/** Nothing but its own row decides when something is sent to it: neither a throttle nor a breaker. */
function isReady({ failing, rateLimitPerSecond }: EndpointRow, disabled: boolean): boolean {
  return !disabled && !failing && rateLimitPerSecond === null;
}

function leaseOf(
  { programId, messageId, endpointId }: Delivery,
  { body, livemode }: Message,
  toLive: boolean,
  lockedUntil: Date,
): Lease {
  const aside = toLive && !livemode;
  return {
    programId,
    messageId,
    endpointId,
    trigger: 'schedule',
    step: 0,
    attempts: 0,
    body,
    request: null,
    aside,
    lockedUntil,
  };
}

function leasedOf(deliveries: readonly Delivery[]): Leased {
  const leased = deliveries.flatMap((delivery) => delivery.leased ?? []);
  const endpoints = new Map(leased.map(({ endpoint }) => [endpoint.id, endpoint]));
  return { leases: leased.map(({ lease }) => lease), endpoints: [...endpoints.values()] };
}

/** Few are stored by one statement instead of two. */
async function insertMessages(
  trx: Trx,
  messages: readonly Message[],
  deliveries: readonly Delivery[],
  now: Date,
  lease: LeaseAtOnce | undefined,
): Promise<void> {
  const rows = messageColumns(messages, now);
  const addressed = deliveryRows(deliveries, now, lease);
  if (messages.length > FEW) {
    await Promise.all([
      appendRows(trx, 'messages', rows),
      ...(addressed ? [runSql(trx, 'insertDeliveries', addressed.insert, addressed.bindings)] : []),
    ]);
    return;
  }
  const { sql, bindings } = rowSource('m', rows);
  const names = rows.map(({ name }) => name).join(', ');
  const insert = `insert into messages (${names}) select ${names} from ${sql}`;
  await runSql(
    trx,
    'insertMessages',
    addressed ? `with stored as (${insert}) ${addressed.insert}` : insert,
    addressed ? { ...bindings, ...addressed.bindings } : bindings,
  );
}

function messageColumns(messages: readonly Message[], now: Date): Column[] {
  const createdAt = now.toISOString();
  return [
    { name: 'id', type: 'text', values: messages.map(({ id }) => id) },
    { name: 'program_id', type: 'text', values: messages.map(({ programId }) => programId) },
    { name: 'livemode', type: 'boolean', values: messages.map(({ livemode }) => livemode) },
    { name: 'type', type: 'text', values: messages.map(({ type }) => type) },
    { name: 'stream', type: 'integer', values: messages.map(streamNumber) },
    { name: 'body', type: 'text', values: messages.map(({ body }) => body) },
    { name: 'commission', type: 'text', values: messages.map(({ commission }) => commission) },
    { name: 'created_at', type: 'timestamptz', values: messages.map(() => createdAt) },
  ];
}

function deliveryRows(
  deliveries: readonly Delivery[],
  now: Date,
  lease: LeaseAtOnce | undefined,
): { insert: string; bindings: Bindings } | null {
  if (deliveries.length === 0) return null;
  const { sql, bindings } = rowSource('d', [
    { name: 'message_id', type: 'text', values: deliveries.map(({ messageId }) => messageId) },
    { name: 'program_id', type: 'text', values: deliveries.map(({ programId }) => programId) },
    { name: 'endpoint_id', type: 'text', values: deliveries.map(({ endpointId }) => endpointId) },
    { name: 'status', type: 'text', values: deliveries.map(({ status }) => status) },
    { name: 'leased', type: 'boolean', values: deliveries.map(({ leased }) => leased !== undefined) },
  ]);
  return {
    insert: `insert into deliveries
        (program_id, message_id, endpoint_id, status, next_attempt_at, locked_until, locked_by, created_at)
      select program_id, message_id, endpoint_id, status, case when status = 'pending' then :now::timestamptz end,
        case when leased then :lockedUntil::timestamptz end, case when leased then :holder::integer end, :now::timestamptz
      from ${sql}`,
    bindings: { ...bindings, now, lockedUntil: lease?.lockedUntil ?? null, holder: lease?.holder ?? null },
  };
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
    { name: 'program_id', type: 'text', values: deliveries.map(({ programId }) => programId) },
    { name: 'message_id', type: 'text', values: deliveries.map(({ messageId }) => messageId) },
    { name: 'endpoint_id', type: 'text', values: deliveries.map(({ endpointId }) => endpointId) },
    { name: 'status', type: 'text', values: deliveries.map(({ status }) => status) },
    { name: 'request', type: 'jsonb', values: deliveries.map(({ request }) => JSON.stringify(request)) },
  ]);
  await runSql(
    trx,
    'insertPostbackDeliveries',
    `insert into deliveries (program_id, message_id, endpoint_id, status, next_attempt_at, request, created_at)
     select program_id, message_id, endpoint_id, status, case when status = 'pending' then :now::timestamptz end, request,
       :now::timestamptz
     from ${sql}`,
    { now, ...bindings },
  );
  return listDue(deliveries);
}

function listDue(deliveries: readonly Delivery[]): string[] {
  return deliveries
    .filter(({ status, leased }) => status === 'pending' && !leased)
    .map((delivery) => deliveryIdOf(delivery));
}
