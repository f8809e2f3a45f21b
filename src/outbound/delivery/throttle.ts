import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { Lease } from '../wire/lease.ts';
import type { Destination } from './destinations.ts';

/** A leased delivery and the moment from which it may be sent, in Unix milliseconds; 0: at once. */
export interface Slot {
  lease: Lease;
  notBefore: number;
}

/** How late a throttled delivery may start and still use its slot. */
export const SLOT_TOLERANCE_MS = 40;

/** Gives each lease its slot. Throttled endpoints share their rate with the senders of all processes. */
export async function assignSlots(
  db: Db,
  byEndpoint: ReadonlyMap<string, readonly Lease[]>,
  destinations: ReadonlyMap<string, Destination>,
  now: Date,
): Promise<Map<string, Slot[]>> {
  const demands = [...byEndpoint].flatMap(([endpointId, leases]): SlotDemand[] => {
    const rate = destinations.get(endpointId)?.rateLimitPerSecond ?? null;
    return rate === null ? [] : [{ endpointId, count: leases.length, spacingMs: slotSpacingMs(rate) }];
  });
  const firsts = demands.length === 0 ? new Map<string, Date>() : await reserveSlots(db, demands, now);
  const slots = new Map<string, Slot[]>();
  for (const [endpointId, leases] of byEndpoint) {
    const first = firsts.get(endpointId)?.getTime();
    const spacingMs = slotSpacingMs(destinations.get(endpointId)?.rateLimitPerSecond ?? 1);
    slots.set(endpointId, first === undefined ? leases.map(sendAtOnce) : spaceOut(leases, first, spacingMs));
  }
  return slots;
}

/** Slots of one endpoint that passed before their deliveries were started. */
export interface MissedSlots {
  endpointId: string;
  /** Deliveries a second. */
  rate: number;
  slots: readonly Slot[];
  /** How late the first of them is. */
  lateMs: number;
}

/** Later slots for deliveries that missed theirs: to send them at once would be a burst. */
export async function reserveLaterSlots(
  db: Db,
  { endpointId, rate, slots, lateMs }: MissedSlots,
  now: Date,
): Promise<Slot[]> {
  const spacingMs = slotSpacingMs(rate);
  // A process that is slow now will still be slow in a moment: without some margin it would miss these slots, too.
  const earliest = new Date(now.getTime() + Math.min(2 * lateMs, 1_000));
  const firsts = await reserveSlots(db, [{ endpointId, count: slots.length, spacingMs }], earliest);
  const first = (firsts.get(endpointId) ?? earliest).getTime();
  return spaceOut(
    slots.map(({ lease }) => lease),
    first,
    spacingMs,
  );
}

function sendAtOnce(lease: Lease): Slot {
  return { lease, notBefore: 0 };
}

function spaceOut(leases: readonly Lease[], first: number, spacingMs: number): Slot[] {
  return leases.map((lease, index) => ({ lease, notBefore: first + index * spacingMs }));
}

/** A little wider than the rate says, so that what starts late or travels slowly still fits into any second. */
function slotSpacingMs(rate: number): number {
  return 1_100 / rate;
}

interface SlotDemand {
  endpointId: string;
  count: number;
  spacingMs: number;
}

/**
 * Reserves slots of throttled endpoints and returns when the first of each begins. Slots are spaced evenly and reserved
 * by an update of the endpoint's row, so the rate holds across processes and no second sees a burst.
 */
async function reserveSlots(db: Db, demands: readonly SlotDemand[], now: Date): Promise<Map<string, Date>> {
  const rows = await runSql<{ id: string; first: Date }>(
    db,
    'reserveSlots',
    `with reserved as (
       select d.id, greatest(coalesce(e.next_slot_at, :now), :now) as first, d.count * d.spacing_ms as span_ms
         from unnest(:endpointIds::text[], :counts::int[], :spacingsMs::float8[]) as d (id, count, spacing_ms)
         join webhook_endpoints e on e.id = d.id
        order by d.id
          for update of e
     )
     update webhook_endpoints e set next_slot_at = r.first + r.span_ms * interval '1 millisecond'
       from reserved r where e.id = r.id
     returning e.id, r.first`,
    {
      now,
      endpointIds: demands.map((demand) => demand.endpointId),
      counts: demands.map((demand) => demand.count),
      spacingsMs: demands.map((demand) => demand.spacingMs),
    },
  );
  return new Map(rows.map((row) => [row.id, row.first]));
}
