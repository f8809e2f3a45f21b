import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { Lease } from '../wire/lease.ts';
import type { Destination } from './destinations.ts';

/** A claimed delivery and the moment from which it may be sent, in Unix milliseconds; 0: at once. */
export interface Slot {
  claim: Lease;
  notBefore: number;
}

/** So late may a throttled delivery be sent and still be in its place. */
export const SLOT_TOLERANCE_MS = 40;

/** Gives each claim its place: those of throttled endpoints share their rate with the senders of all processes. */
export async function assignSlots(
  db: Db,
  byEndpoint: ReadonlyMap<string, readonly Lease[]>,
  destinations: ReadonlyMap<string, Destination>,
  now: Date,
): Promise<Map<string, Slot[]>> {
  const wishes = [...byEndpoint].flatMap(([endpointId, claims]) => {
    const rate = destinations.get(endpointId)?.rateLimitPerSecond ?? null;
    return rate === null ? [] : [{ endpointId, count: claims.length, spacingMs: slotSpacingMs(rate) }];
  });
  const firsts = wishes.length === 0 ? new Map<string, Date>() : await reserveSlots(db, wishes, now);
  const slots = new Map<string, Slot[]>();
  for (const [endpointId, claims] of byEndpoint) {
    const first = firsts.get(endpointId)?.getTime();
    const spacingMs = slotSpacingMs(destinations.get(endpointId)?.rateLimitPerSecond ?? 1);
    slots.set(
      endpointId,
      claims.map((claim, place) => ({ claim, notBefore: first === undefined ? 0 : first + place * spacingMs })),
    );
  }
  return slots;
}

/** Later places for deliveries whose places were missed by `lateMs`: making up for the lost time would be a burst. */
export async function replaceSlots(
  db: Db,
  endpointId: string,
  rate: number,
  late: readonly Slot[],
  lateMs: number,
  now: Date,
): Promise<Slot[]> {
  const spacingMs = slotSpacingMs(rate);
  // A process that is slow now will be so in a moment: with nothing to spare it would miss these places, too.
  const earliest = new Date(now.getTime() + Math.min(2 * lateMs, 1_000));
  const firsts = await reserveSlots(db, [{ endpointId, count: late.length, spacingMs }], earliest);
  const first = (firsts.get(endpointId) ?? earliest).getTime();
  return late.map(({ claim }, place) => ({ claim, notBefore: first + place * spacingMs }));
}

/** A little wider than the rate says, so that what starts late or travels slowly still fits into any second. */
function slotSpacingMs(rate: number): number {
  return 1_100 / rate;
}

/**
 * Reserves places for deliveries of throttled endpoints and returns when the first of each is free. Places are spaced
 * evenly and taken by an update of the row, so the rate holds across processes and no second sees a burst.
 */
async function reserveSlots(
  db: Db,
  wishes: readonly { endpointId: string; count: number; spacingMs: number }[],
  now: Date,
): Promise<Map<string, Date>> {
  const rows = await runSql<{ id: string; first: Date }>(
    db,
    'reserveSlots',
    `with w as (
       select w.id, greatest(coalesce(e.next_slot_at, :now), :now) as first, w.count * w.spacing_ms as span_ms
         from unnest(:endpointIds::text[], :counts::int[], :spacingsMs::float8[]) as w (id, count, spacing_ms)
         join webhook_endpoints e on e.id = w.id
        order by w.id
          for update of e
     )
     update webhook_endpoints e set next_slot_at = w.first + w.span_ms * interval '1 millisecond'
       from w where e.id = w.id
     returning e.id, w.first`,
    {
      now,
      endpointIds: wishes.map((wish) => wish.endpointId),
      counts: wishes.map((wish) => wish.count),
      spacingsMs: wishes.map((wish) => wish.spacingMs),
    },
  );
  return new Map(rows.map((row) => [row.id, row.first]));
}
