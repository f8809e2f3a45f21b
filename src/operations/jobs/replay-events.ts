import type { Trx } from '../../db/db.ts';
import { replayEvents } from '../../audit/replay.ts';
import { listInboxEvents, readEventSizes } from '../../inbound/inbox/inbox-events.ts';
import type { JobPage } from './job-page.ts';
import type { JobError, JobOf } from './job-rows.ts';

const PAGE_SIZE = 200;
/** Messages may be large; a page of them is held in memory. */
const PAGE_BYTES = 8 * 1024 * 1024;

/** Reads the next inbox events again, as a replay of one does. */
export async function replayPage(trx: Trx, job: JobOf<'inbox_replays'>, _now: Date): Promise<JobPage> {
  const { programId, input, cursor } = job;
  const request = { limit: PAGE_SIZE, beforeId: cursor || null };
  const { items, hasMore } = await listInboxEvents(trx, programId, input.filter, request);
  const listed = items.map(({ id }) => id);
  const eventIds = takeBytes(listed, await readEventSizes(trx, job, listed));
  const replayed = await replayEvents(trx, job, eventIds);
  const unreadable = replayed.flatMap(({ id, status, error }): JobError[] =>
    status === 'unprocessable' ? [{ id, result: 'failed', reason: error ?? 'It cannot be read' }] : [],
  );
  return {
    cursor: eventIds.at(-1) ?? cursor,
    isLast: !hasMore && eventIds.length === listed.length,
    succeeded: replayed.filter(({ status }) => status === 'ignored').length,
    errors: unreadable,
    inFlight: replayed.flatMap(({ id, status }): JobPage['inFlight'] => (status === 'received' ? [[id, id]] : [])),
    deliveryIds: [],
  };
}

/** The first of them, up to so many bytes; one at least. */
function takeBytes(ids: readonly string[], sizes: ReadonlyMap<string, number>): string[] {
  let bytes = 0;
  return ids.filter((id, index) => {
    bytes += sizes.get(id) ?? 0;
    return index === 0 || bytes <= PAGE_BYTES;
  });
}
