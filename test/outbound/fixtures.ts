import { inTransaction, type Db } from '../../src/db/db.ts';
import pino, { type Logger } from 'pino';
import { createSecretBox } from '../../src/db/secret-box.ts';
import { placeOf } from '../../src/outbound/endpoints/endpoint-rows.ts';
import { runSql } from '../support/sql.ts';
import { newId } from '../../src/domain/ids.ts';
import { createAddressGuard } from '../../src/outbound/guard/address-guard.ts';
import { writeMessages, type MessageDraft } from '../../src/outbound/messages/write-messages.ts';
import { Sender, type SenderDeps } from '../../src/outbound/delivery/sender.ts';

export const secrets = createSecretBox({ key: new Uint8Array(32).fill(7) });
export const secret = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
export const silent: Logger = pino({ level: 'silent' });

/** A clock that stands until it is moved. */
export class FakeClock {
  #now = new Date();

  now(): Date {
    return new Date(this.#now);
  }

  advance(seconds: number): void {
    this.#now = new Date(this.#now.getTime() + seconds * 1000);
  }
}

export const guard = createAddressGuard({
  allowCidrs: ['127.0.0.0/8'],
  allowHttp: false,
  publicUrl: 'https://hub.test',
});

export function createSender(db: Db, options: Partial<SenderDeps> = {}): Sender {
  return new Sender({
    db,
    secrets,
    guard,
    clock: { now: () => new Date() },
    log: silent,
    retryScheduleS: [5, 300, 1800],
    random: () => 0.5,
    ...options,
  });
}

export async function createProgram(db: Db): Promise<string> {
  const id = newId('prg');
  await db('programs').insert({ id, name: 'Program' });
  return id;
}

export interface EndpointOptions {
  kind?: 'webhook' | 'rest_hook';
  eventTypes?: string[];
  disabled?: boolean;
  rateLimitPerSecond?: number;
  livemode?: boolean;
}

export async function createEndpoint(
  db: Db,
  programId: string,
  url: string,
  options: EndpointOptions = {},
): Promise<string> {
  const id = newId('whe');
  await db('webhook_endpoints').insert({
    id,
    program_id: programId,
    livemode: options.livemode ?? true,
    kind: options.kind ?? 'webhook',
    url,
    secret: await secrets.seal(secret, placeOf('secret', id)),
    event_types: options.eventTypes ?? [],
    disabled_at: options.disabled ? new Date() : null,
    disabled_reason: options.disabled ? 'manual' : null,
    rate_limit_per_second: options.rateLimitPerSecond ?? null,
  });
  return id;
}

export function draftMessage(programId: string, options: Partial<MessageDraft> = {}): MessageDraft {
  return { programId, livemode: true, type: 'conversion.created', data: { id: newId('cnv') }, ...options };
}

/** Writes messages as the pipeline does and returns the due deliveries. */
export function writeDrafts(db: Db, drafts: MessageDraft[], now?: Date): Promise<string[]> {
  return inTransaction(db, (trx) => writeMessages(trx, drafts, now));
}

export interface DeliveryRow {
  messageId: string;
  endpointId: string;
  status: string;
  attempts: number;
  step: number;
  trigger: string;
  nextAttemptAt: Date | null;
  lockedUntil: Date | null;
}

export function readDeliveries(db: Db): Promise<DeliveryRow[]> {
  return runSql(
    db,
    `select message_id as "messageId", endpoint_id as "endpointId", status, attempts, step, trigger,
            next_attempt_at as "nextAttemptAt", locked_until as "lockedUntil" from deliveries order by message_id, endpoint_id`,
  );
}

export interface AttemptRow {
  messageId: string;
  endpointId: string;
  status: string;
  trigger: string;
  responseStatus: number | null;
  responseBody: string | null;
  error: string | null;
  attemptedAt: Date;
  nextAttemptAt: Date | null;
}

export function readAttempts(db: Db): Promise<AttemptRow[]> {
  return runSql(
    db,
    `select message_id as "messageId", endpoint_id as "endpointId", status, trigger,
            response_status as "responseStatus", response_body as "responseBody", error,
            attempted_at as "attemptedAt", next_attempt_at as "nextAttemptAt"
       from every_attempt order by attempted_at, id`,
  );
}
