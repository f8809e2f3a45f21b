import type { EndpointRow } from '../endpoints/destination-rows.ts';
import type { Lease } from '../wire/lease.ts';

/** What was leased, and the endpoints that it goes to as they are now, each once. */
export interface Leased {
  leases: Lease[];
  endpoints: EndpointRow[];
}

/** A sender in this process, to which deliveries may be leased as they are written: it sends them after the commit. */
export interface SenderAtHand {
  /** By which the worker's leases are known, while others can tell that it lives. */
  holder(): number | null;
  /** How many more it takes in all. */
  room(): number;
  /** Whether so many for this endpoint would be sent at once: nothing waits for it, and nothing holds it up. */
  sendsAtOnce(endpointId: string, count: number): boolean;
}
