export type Trigger = 'schedule' | 'resend' | 'recover' | 'test';

/** The request of a postback, rendered when it was fired. */
export interface StoredRequest {
  method: 'GET' | 'POST';
  url: string;
  body: string | null;
}

/** A delivery that one sender has to itself until `lockedUntil`. */
export interface Lease {
  programId: string;
  messageId: string;
  endpointId: string;
  trigger: Trigger;
  /** Failures in this round of the schedule. */
  step: number;
  /** Attempts so far, of all rounds. */
  attempts: number;
  body: string;
  /** A test message to a live endpoint: what comes of it says nothing about the endpoint, on which live messages depend. */
  aside: boolean;
  request: StoredRequest | null;
  lockedUntil: Date;
}

/** How long a lease lasts: an attempt takes 15 s at most, after a short wait. The leases of a dead sender run out. */
export const LEASE_MS = 30_000;
