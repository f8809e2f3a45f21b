import { z } from 'zod';

/** What to settle in one batch. The rows decide what is to be done: a job that comes twice finds nothing. */
const intakeJobSchema = z.strictObject({
  /** Inbox events of one committed group. */
  eventIds: z.array(z.string()),
  /** Orders and customers to be settled again, because something beside them changed. */
  resettlementIds: z.array(z.string()),
});
export type IntakeJob = z.infer<typeof intakeJobSchema>;

/** Deliveries to attempt now. */
const deliveryJobSchema = z.strictObject({
  deliveryIds: z.array(z.string()).min(1),
  /** The span that they are a consequence of, as a `traceparent`; only where traces are made. */
  origin: z.string().max(55).optional(),
});
export type DeliveryJob = z.infer<typeof deliveryJobSchema>;

export const jobSchemas = { intake: intakeJobSchema, delivery: deliveryJobSchema } as const;
export type QueueName = keyof typeof jobSchemas;
export type JobOf<N extends QueueName> = z.infer<(typeof jobSchemas)[N]>;

/** If no worker has settled a message by then, its job was probably lost; the sweep enqueues it again. */
export const FIRST_SWEEP_AFTER_MS = 10_000;

/**
 * How many seconds after its last try a message that failed by itself is tried again, in SQL: 5, 10, 20, 20. `tries` is the
 * expression that counts them, that one included.
 */
export const retryAfterS = (tries: string): string => `least(5 * 2 ^ (${tries} - 1), 20)`;
