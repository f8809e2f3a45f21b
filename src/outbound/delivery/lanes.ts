import { Lane, type LaneEvents } from './lane.ts';

/** Deliveries that one process has in memory at most, waiting or under way. */
export const MAX_LEASED = 2_048;

/** The lanes of a sender, and how they share its memory. */
export class Lanes {
  readonly #events: LaneEvents;
  readonly #byEndpoint = new Map<string, Lane>();

  constructor(events: LaneEvents) {
    this.#events = events;
  }

  /** The endpoint's lane, made where it has none. */
  of(endpointId: string): Lane {
    let lane = this.#byEndpoint.get(endpointId);
    if (!lane) {
      lane = new Lane(endpointId, this.#events);
      this.#byEndpoint.set(endpointId, lane);
    }
    return lane;
  }

  find(endpointId: string): Lane | undefined {
    return this.#byEndpoint.get(endpointId);
  }

  all(): Lane[] {
    return [...this.#byEndpoint.values()];
  }

  /** What all lanes have leased. */
  get leased(): number {
    return this.all().reduce((sum, lane) => sum + lane.leased, 0);
  }

  deleteIdle(): void {
    for (const [endpointId, lane] of this.#byEndpoint) if (lane.isIdle) this.#byEndpoint.delete(endpointId);
  }

  /** How many more deliveries each lane may lease now. One lane alone leaves room for another. */
  rooms(): Map<Lane, number> {
    const lanes = this.all();
    return shareRoom(lanes, MAX_LEASED - this.leased, Math.max(1, Math.floor(MAX_LEASED / (lanes.length + 1))));
  }
}

/**
 * How many more each lane may lease, out of `total`: first the programs share evenly, then the lanes of each program
 * (those whose program is not known yet count as one program); what one does not want goes to the others. `share` bounds
 * what one lane may hold in all.
 */
export function shareRoom(lanes: readonly Lane[], total: number, share: number): Map<Lane, number> {
  const programs = [...Map.groupBy(lanes, (lane) => lane.programId).values()];
  const wants = programs.map((ofProgram) => ofProgram.map((lane) => lane.wants(share)));
  const portions = divideFairly(
    wants.map((each) => each.reduce((sum, want) => sum + want, 0)),
    total,
  );
  const rooms = new Map<Lane, number>();
  for (const [index, ofProgram] of programs.entries()) {
    const given = divideFairly(wants[index] ?? [], portions[index] ?? 0);
    for (const [position, lane] of ofProgram.entries()) {
      const room = given[position] ?? 0;
      if (room > 0) rooms.set(lane, room);
    }
  }
  return rooms;
}

/** Max-min fair: nobody gets more than they want, and whoever gets less than they want gets no less than the others. */
export function divideFairly(wants: readonly number[], total: number): number[] {
  const given = wants.map(() => 0);
  let left = total;
  const order = wants.map((_, index) => index).sort((a, b) => (wants[a] ?? 0) - (wants[b] ?? 0));
  for (const [position, index] of order.entries()) {
    const fair = Math.floor(left / (order.length - position));
    given[index] = Math.min(wants[index] ?? 0, fair);
    left -= given[index];
  }
  return given;
}
