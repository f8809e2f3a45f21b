import type { Db } from '../../db/db.ts';
import type { SecretBox } from '../../db/secret-box.ts';
import { runSql } from '../../db/sql.ts';
import { placeOf } from '../endpoints/endpoint-rows.ts';
import type { Attempt } from '../messages/message-rows.ts';
import type { StoredRequest } from '../wire/lease.ts';
import { postbackHeaders, webhookHeaders } from './request-headers.ts';

/** What an attempt sent. */
export interface SentRequest {
  /** Of a postback: with its macros filled. */
  url: string | null;
  request: {
    method: 'GET' | 'POST';
    /** A value is null where it is secret: signatures, and the endpoint's own headers, which may be credentials. */
    headers: Record<string, string | null>;
    /** The very bytes, as text: a webhook's are what its signature is about. */
    body: string | null;
  };
}

interface Row {
  messageId: string;
  endpointId: string;
  kind: 'webhook' | 'rest_hook' | 'postback';
  url: string;
  sealedHeaders: string | null;
  request: StoredRequest | null;
  body: string;
}

/**
 * What these attempts sent, by id of the attempt. It is made again of the message and the endpoint: attempts are written by
 * the thousand a second, and their requests hardly differ. The URL of a webhook is the one that the endpoint had then, as
 * far as the audit log knows of changes; the names of its own headers are those of today.
 */
export async function describeSentRequests(
  { db, secrets }: { db: Db; secrets: SecretBox },
  programId: string,
  attempts: readonly Attempt[],
): Promise<Map<string, SentRequest>> {
  const [rows, formerUrls] = await Promise.all([
    readDelivered(db, programId, attempts),
    readFormerUrls(db, programId, attempts),
  ]);
  const headers = new Map(
    await Promise.all(rows.map(async (row) => [row.endpointId, await nameHeaders(secrets, row)] as const)),
  );
  const byDelivery = new Map(rows.map((row) => [keyOf(row), row]));
  return new Map(
    attempts.flatMap((attempt) => {
      const row = byDelivery.get(keyOf(attempt));
      if (!row) return [];
      const own = headers.get(row.endpointId) ?? {};
      const sent = row.kind === 'postback' ? postbackOf(row, own) : webhookOf(row, own, attempt, formerUrls);
      return [[attempt.id, sent] as const];
    }),
  );
}

function webhookOf(
  { endpointId, url, body }: Row,
  own: Record<string, null>,
  { messageId, attemptedAt }: Attempt,
  formerUrls: readonly FormerUrl[],
): SentRequest {
  const former = formerUrls.find((each) => each.endpointId === endpointId && each.until > attemptedAt);
  const timestamp = String(Math.floor(attemptedAt.getTime() / 1_000));
  const signed = { 'webhook-id': messageId, 'webhook-timestamp': timestamp, 'webhook-signature': null };
  const headers = {
    ...own,
    ...webhookHeaders,
    ...signed,
    'svix-id': messageId,
    'svix-timestamp': timestamp,
    'svix-signature': null,
  };
  return { url: former?.url ?? url, request: { method: 'POST', headers, body } };
}

function postbackOf({ request }: Row, own: Record<string, null>): SentRequest {
  const { url = null, method = 'GET', body = null } = request ?? {};
  return { url, request: { method, headers: { ...postbackHeaders(body), ...own }, body } };
}

async function nameHeaders(secrets: SecretBox, { endpointId, sealedHeaders }: Row): Promise<Record<string, null>> {
  if (sealedHeaders === null) return {};
  const opened = await secrets.open(sealedHeaders, placeOf('headers', endpointId));
  return Object.fromEntries(Object.keys(JSON.parse(opened) as object).map((name) => [name.toLowerCase(), null]));
}

function keyOf({ messageId, endpointId }: Pick<Row, 'messageId' | 'endpointId'>): string {
  return `${messageId} ${endpointId}`;
}

function readDelivered(db: Db, programId: string, attempts: readonly Attempt[]): Promise<Row[]> {
  const pairs = [...new Map(attempts.map((attempt) => [keyOf(attempt), attempt])).values()];
  return runSql<Row>(
    db,
    'readDelivered',
    `select d.message_id as "messageId", d.endpoint_id as "endpointId", e.kind, e.url, e.headers as "sealedHeaders",
       d.request, m.body
     from unnest(:messageIds::text[], :endpointIds::text[]) as a (message_id, endpoint_id)
     join deliveries d on d.message_id = a.message_id and d.endpoint_id = a.endpoint_id and d.program_id = :programId
     join messages m on m.id = d.message_id and m.program_id = d.program_id
     join webhook_endpoints e on e.id = d.endpoint_id and e.program_id = d.program_id`,
    {
      programId,
      messageIds: pairs.map(({ messageId }) => messageId),
      endpointIds: pairs.map(({ endpointId }) => endpointId),
    },
  );
}

interface FormerUrl {
  endpointId: string;
  url: string;
  until: Date;
}

/** Oldest first. */
function readFormerUrls(db: Db, programId: string, attempts: readonly Attempt[]): Promise<FormerUrl[]> {
  return runSql<FormerUrl>(
    db,
    'readFormerUrls',
    `select object_id as "endpointId", before ->> 'url' as url, created_at as until from audit_events
     where program_id = :programId and object_id = any(:endpointIds::text[]) and before ->> 'url' is not null
       and after ->> 'url' is not null
     order by id`,
    { programId, endpointIds: [...new Set(attempts.map(({ endpointId }) => endpointId))] },
  );
}
