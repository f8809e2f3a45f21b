import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { listMessages } from '../../outbound/messages/message-rows.ts';
import { resendMessages } from '../../outbound/recovery/redelivery.ts';
import { deliveryIdOf } from '../../outbound/wire/delivery-id.ts';
import { JobRefusal, type JobPage } from './job-page.ts';
import type { JobOf } from './job-rows.ts';

type ResendsJob = JobOf<'message_resends'>;

const PAGE_SIZE = 500;

/** Makes the next messages due for the endpoint, as a resend of one does; they take their turns there. */
export async function resendPage(trx: Trx, job: ResendsJob, now: Date): Promise<JobPage> {
  const { programId, livemode, input } = job;
  const endpoint = await readEndpoint(trx, programId, input.endpointId);
  const { messageIds, cursor, isLast } = await nextMessages(trx, job);
  const sent = new Set(await resendMessages(trx, { programId, livemode }, messageIds, endpoint, now));
  const skipped = messageIds.filter((id) => !sent.has(id));
  return {
    cursor,
    isLast,
    succeeded: sent.size,
    errors: skipped.map((id) => ({ id, result: 'skipped', reason: reasonOf(endpoint) })),
    inFlight: [],
    deliveryIds: [...sent].map((messageId) => deliveryIdOf({ messageId, endpointId: endpoint.id })),
  };
}

interface ResendEndpoint {
  id: string;
  kind: 'webhook' | 'rest_hook' | 'postback';
  disabled: boolean;
}

/** Throws a JobRefusal where nothing can be sent to it any more. */
async function readEndpoint(trx: Trx, programId: string, endpointId: string): Promise<ResendEndpoint> {
  const [endpoint] = await runSql<ResendEndpoint>(
    trx,
    'readResendEndpoint',
    `select id, kind, disabled_at is not null as disabled from webhook_endpoints
     where program_id = :programId and id = :endpointId and deleted_at is null`,
    { programId, endpointId },
  );
  if (!endpoint) throw new JobRefusal('The webhook endpoint was deleted');
  if (endpoint.disabled) throw new JobRefusal('The webhook endpoint is disabled: enable it, then resend what is left');
  return endpoint;
}

function reasonOf({ kind }: ResendEndpoint): string {
  return kind === 'postback' ? 'This message fired no postback to this endpoint' : 'There is no such message';
}

async function nextMessages(
  trx: Trx,
  { programId, livemode, input, cursor }: ResendsJob,
): Promise<{ messageIds: string[]; cursor: string; isLast: boolean }> {
  const { ids, filter } = input;
  if (ids) {
    const end = Number(cursor) + PAGE_SIZE;
    return { messageIds: ids.slice(Number(cursor), end), cursor: String(end), isLast: end >= ids.length };
  }
  if (!filter) throw new Error('a job of resends has ids or a filter');
  const page = await listMessages(trx, programId, livemode, filter, { limit: PAGE_SIZE, beforeId: cursor || null });
  const messageIds = page.items.map(({ id }) => id);
  return { messageIds, cursor: messageIds.at(-1) ?? cursor, isLast: !page.hasMore };
}
