import type { DeliveryJob } from '../../queue/jobs.ts';

/** A delivery has no id of its own: its message and its endpoint are its key in the table. */
export interface DeliveryKey {
  messageId: string;
  endpointId: string;
}

/**
 * What a job names: `message:endpoint`, so that the sender knows the lane without a query. What a person asked for (a
 * resend, a test) is marked as urgent and does not wait its turn.
 */
export function deliveryIdOf({ messageId, endpointId }: DeliveryKey, options: { urgent?: boolean } = {}): string {
  return `${messageId}:${endpointId}${options.urgent ? ':urgent' : ''}`;
}

export function parseDeliveryId(deliveryId: string): DeliveryKey & { urgent: boolean } {
  const [messageId = '', endpointId = '', mark] = deliveryId.split(':');
  return { messageId, endpointId, urgent: mark === 'urgent' };
}

const IDS_PER_JOB = 1_000;

/**
 * The jobs that wake the senders for these deliveries. As few as possible: a job costs the queue a millisecond however
 * much it names, and the jobs of all endpoints wait in one queue (measured: in jobs of 100, 10 000 deliveries to one
 * endpoint delayed the others by 120 ms). `origin` is the span that they are a consequence of.
 */
export function deliveryJobs(deliveryIds: readonly string[], origin: string | null = null): DeliveryJob[] {
  const jobs: DeliveryJob[] = [];
  for (let start = 0; start < deliveryIds.length; start += IDS_PER_JOB) {
    const ids = deliveryIds.slice(start, start + IDS_PER_JOB);
    jobs.push(origin === null ? { deliveryIds: ids } : { deliveryIds: ids, origin });
  }
  return jobs;
}
