import { setTimeout as wait } from 'node:timers/promises';
import { inTransaction, type Db, type Trx } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import { runSql } from '../../db/sql.ts';
import type { Queues } from '../../queue/queues.ts';
import { deliveryIdOf } from '../wire/delivery-id.ts';
import { recordChange } from '../../program/audited-changes.ts';
import { eventTypes, type EventTypeName } from '../events/event-types.ts';
import type { EndpointRow } from '../endpoints/endpoint-rows.ts';
import { readLastAttempt, type Attempt } from '../messages/message-rows.ts';
import { bringOut } from '../messages/commission-messages.ts';
import { renderBody } from '../messages/write-messages.ts';
import { compileTarget, renderRequest, sampleSubject } from '../postbacks/postback-request.ts';
import { streamNumber } from '../wire/streams.ts';

export interface RedeliveryDeps {
  db: Db;
  queues: Queues;
  clock: Clock;
}

/**
 * Sends a message to an endpoint at once, whether it was delivered, failed, held or never addressed to it. Where
 * retries are still to come it replaces the next one, and a success ends them. Throws CONFLICT for a disabled endpoint.
 */
export async function resendMessage(
  { db, queues, clock }: RedeliveryDeps,
  messageId: string,
  endpoint: EndpointRow,
  actor: Actor,
): Promise<void> {
  assertEnabled(endpoint);
  const scope = { programId: endpoint.programId, livemode: null };
  await inTransaction(db, async (trx) => {
    const [sent] = await resendMessages(trx, scope, [messageId], endpoint, clock.now());
    if (sent === undefined) throw new AppError('CONFLICT', 'This message fired no postback to this endpoint');
    const object = { type: 'message', id: messageId };
    await recordChange(trx, endpoint, actor, object, null, { endpointId: endpoint.id }, { action: 'resent' });
  });
  await wakeSender(queues, messageId, endpoint.id);
}

/**
 * The same for many, in the caller's transaction: gives those whose deliveries are due, for senders to be told of. Left out is
 * what is no message of the program (and, where it is given, the mode), and what fired no postback to the endpoint.
 */
export async function resendMessages(
  trx: Trx,
  { programId, livemode }: { programId: string; livemode: boolean | null },
  messageIds: readonly string[],
  endpoint: Pick<EndpointRow, 'id' | 'kind'>,
  now: Date,
): Promise<string[]> {
  await bringOut(trx, programId, messageIds);
  const rows = await runSql<{ id: string }>(
    trx,
    'resendMessages',
    // Sorted, so that two resends never wait for each other in a circle.
    `insert into deliveries as d (program_id, message_id, endpoint_id, status, trigger, next_attempt_at, created_at)
     select m.program_id, m.id, :endpointId, 'pending', 'resend', :now::timestamptz, m.created_at from messages m
      where m.id = any(:messageIds) and m.program_id = :programId and m.livemode = coalesce(:livemode::boolean, m.livemode)
        and (:toWebhook or exists (select 1 from deliveries where message_id = m.id and endpoint_id = :endpointId))
      order by m.id
     on conflict (message_id, endpoint_id, program_id) do update
       set status = 'pending', trigger = 'resend', next_attempt_at = excluded.next_attempt_at,
           step = case when d.status = 'pending' then d.step else 0 end
     returning message_id as id`,
    { endpointId: endpoint.id, programId, livemode, now, messageIds, toWebhook: endpoint.kind !== 'postback' },
  );
  return rows.map(({ id }) => id);
}

/**
 * Sends the example of an event type, marked livemode false, and waits up to `timeoutMs` for its attempt. There is only
 * one, whatever the answer. Throws CONFLICT for a disabled endpoint.
 */
export async function sendTest(
  { db, queues, clock }: RedeliveryDeps,
  endpoint: EndpointRow,
  type: EventTypeName,
  timeoutMs: number,
): Promise<{ messageId: string; attempt: Attempt | null }> {
  assertEnabled(endpoint);
  const now = clock.now();
  const messageId = newId('evt');
  const { example } = eventTypes[type];
  const data = 'livemode' in example ? { ...example, livemode: false } : example;
  const body = renderBody(messageId, { programId: endpoint.programId, livemode: false, type, data }, now);
  const target = endpoint.kind === 'postback' ? compileTarget(endpoint) : null;
  await runSql(
    db,
    'writeTestMessage',
    `with message as (
       insert into messages (id, program_id, livemode, type, stream, body, created_at)
       values (:messageId, :programId, false, :type, :stream, :body, :now)
     )
     insert into deliveries (program_id, message_id, endpoint_id, status, trigger, next_attempt_at, request, created_at)
     values (:programId, :messageId, :endpointId, 'pending', 'test', :now, :request, :now)`,
    {
      messageId,
      programId: endpoint.programId,
      type,
      stream: streamNumber({ programId: endpoint.programId, livemode: false, type }),
      body,
      now,
      endpointId: endpoint.id,
      request: target && JSON.stringify(renderRequest(target, sampleSubject)),
    },
  );
  await wakeSender(queues, messageId, endpoint.id);
  return { messageId, attempt: await awaitAttempt(db, messageId, timeoutMs) };
}

async function wakeSender(queues: Queues, messageId: string, endpointId: string): Promise<void> {
  await queues.enqueue('delivery', [{ deliveryIds: [deliveryIdOf({ messageId, endpointId }, { urgent: true })] }]);
}

async function awaitAttempt(db: Db, messageId: string, timeoutMs: number): Promise<Attempt | null> {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 250)) {
    const attempt = await readLastAttempt(db, messageId);
    if (attempt || performance.now() + pauseMs > deadline) return attempt;
    await wait(pauseMs);
  }
}

export function assertEnabled({ disabledAt }: EndpointRow): void {
  if (disabledAt) throw new AppError('CONFLICT', 'The webhook endpoint is disabled: enable it first');
}
