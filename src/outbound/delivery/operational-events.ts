import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { reserveExhaustedNotices, type StoppedEndpoint } from './endpoint-health.ts';
import { presentEndpoint, readEndpoints } from '../endpoints/endpoint-rows.ts';
import { operationalTypes } from '../events/event-types.ts';
import { writeMessages, type MessageDraft } from '../messages/write-messages.ts';
import type { AttemptRecord } from './records.ts';

/**
 * Writes `endpoint.disabled`, live or test as the endpoint is, for endpoints that the hub stopped by itself. Returns the ids
 * of the deliveries that are due.
 */
export async function announceStopped(trx: Trx, stopped: readonly StoppedEndpoint[], now: Date): Promise<string[]> {
  if (stopped.length === 0) return [];
  const rows = await readEndpoints(
    trx,
    stopped.map((endpoint) => endpoint.id),
  );
  const drafts = rows.map((row): MessageDraft => {
    const reason = stopped.find((endpoint) => endpoint.id === row.id)?.reason ?? null;
    const data = { ...presentEndpoint(row), disabled: true, reason };
    const { programId, livemode } = row;
    return { programId, livemode, type: 'endpoint.disabled', data };
  });
  return writeMessages(trx, drafts, now);
}

/** Writes `message.exhausted`, at most once an hour for an endpoint. Returns the ids of the deliveries that are due. */
export async function announceExhausted(trx: Trx, records: readonly AttemptRecord[], now: Date): Promise<string[]> {
  if (records.length === 0) return [];
  const messages = await readMessageKinds(
    trx,
    records.map(({ lease }) => lease.messageId),
  );
  const reportable = records.filter(({ lease }) => {
    const message = messages.get(lease.messageId);
    return message !== undefined && !operationalTypes.includes(message.type);
  });
  const byEndpoint = new Map(reportable.map((record) => [record.lease.endpointId, record]));
  const endpoints = await reserveExhaustedNotices(trx, [...byEndpoint.keys()].sort(), now);
  const drafts = endpoints.flatMap(({ id, programId }): MessageDraft[] => {
    const record = byEndpoint.get(id);
    const message = messages.get(record?.lease.messageId ?? '');
    if (!record || !message) return [];
    const { lease, error } = record;
    const data = { messageId: lease.messageId, endpointId: id, attempts: lease.attempts + 1, lastError: error };
    return [{ programId, livemode: message.livemode, type: 'message.exhausted', data }];
  });
  return writeMessages(trx, drafts, now);
}

async function readMessageKinds(
  trx: Trx,
  messageIds: readonly string[],
): Promise<Map<string, { type: string; livemode: boolean }>> {
  const rows = await runSql<{ id: string; type: string; livemode: boolean }>(
    trx,
    'readMessageKinds',
    'select id, type, livemode from messages where id = any (:messageIds::text[])',
    { messageIds },
  );
  return new Map(rows.map((row) => [row.id, row]));
}
