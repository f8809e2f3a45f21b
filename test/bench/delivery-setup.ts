import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import { inTransaction, type Db } from '../../src/db/db.ts';
import { createSecretBox } from '../../src/db/secret-box.ts';
import { runSql } from '../support/sql.ts';
import { newId } from '../../src/domain/ids.ts';
import { placeOf } from '../../src/outbound/endpoints/endpoint-rows.ts';
import { deliveryJobs } from '../../src/outbound/wire/delivery-id.ts';
import { exampleData } from '../../src/outbound/events/event-examples.ts';
import type { EventTypeName } from '../../src/outbound/events/event-types.ts';
import { writeMessages, type MessageDraft } from '../../src/outbound/messages/write-messages.ts';
import type { Queues } from '../../src/queue/queues.ts';
import type { ReceiverReport } from './receiver.ts';
import type { BenchServices } from './services.ts';

/** What the parts of the delivery benchmark share. */
export interface DeliveryBench {
  services: BenchServices;
  queues: Queues;
  receiver: BenchReceiver;
  programId: string;
  clickIds: string[];
}

export interface BenchReceiver {
  origin: string;
  /** Asks for what arrived since the last time. */
  report(): Promise<ReceiverReport>;
  stop(): void;
}

export async function startBenchReceiver(): Promise<BenchReceiver> {
  const child = fork(fileURLToPath(new URL('receiver.ts', import.meta.url)));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    origin: `http://127.0.0.1:${port}`,
    async report() {
      child.send('report');
      const [report] = (await once(child, 'message')) as [ReceiverReport];
      return report;
    },
    stop: () => child.disconnect(),
  };
}

export const benchSecret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;

/** An endpoint of the receiver that wants one type of event. */
export async function addEndpoint(
  bench: Pick<DeliveryBench, 'services' | 'receiver' | 'programId'>,
  path: string,
  eventType: EventTypeName,
): Promise<void> {
  const secrets = createSecretBox({ key: Buffer.from(bench.services.env.ENCRYPTION_KEY ?? '', 'hex') });
  const id = newId('whe');
  await bench.services.db('webhook_endpoints').insert({
    id,
    program_id: bench.programId,
    kind: 'webhook',
    url: bench.receiver.origin + path,
    secret: await secrets.seal(benchSecret, placeOf('secret', id)),
    event_types: [eventType],
  });
}

/** Deletes the endpoints at this path and whatever waits for them. */
export async function removeEndpoints({ services }: DeliveryBench, path: string): Promise<void> {
  await runSql(
    services.db,
    `with removed as (update webhook_endpoints set deleted_at = now() where url like ? returning id)
     delete from deliveries where endpoint_id in (select id from removed)`,
    [`%${path}`],
  );
}

/** Writes messages as the pipeline does; returns the due deliveries, `messageId:endpointId` each. */
export function writeEvents(
  { services, programId }: DeliveryBench,
  type: EventTypeName,
  count: number,
  dueAt: Date = new Date(),
): Promise<string[]> {
  const draft: MessageDraft = { programId, livemode: true, type, data: exampleData.conversion };
  return inTransaction(services.db, (trx) =>
    writeMessages(
      trx,
      Array.from({ length: count }, () => draft),
      dueAt,
    ),
  );
}

export function enqueueDeliveries({ queues }: DeliveryBench, deliveryIds: readonly string[]): Promise<boolean> {
  return queues.enqueue('delivery', deliveryJobs(deliveryIds));
}

/** Writes many messages before they are due; returns their deliveries, to be enqueued then. */
export async function writeAhead(
  bench: DeliveryBench,
  type: EventTypeName,
  count: number,
  dueAt: Date,
): Promise<string[]> {
  const ids: string[] = [];
  for (let start = 0; start < count; start += 1_000) {
    ids.push(...(await writeEvents(bench, type, Math.min(1_000, count - start), dueAt)));
  }
  if (Date.now() > dueAt.getTime()) throw new Error('the messages took too long to write');
  return ids;
}

/** Waits, two minutes at most, until nothing is pending for endpoints at this path. */
export async function drained(db: Db, path: string): Promise<void> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    const rows = await runSql(
      db,
      `select 1 from webhook_endpoints e
        where e.url like ? and exists (select 1 from deliveries where endpoint_id = e.id and status = 'pending')`,
      [`%${path}`],
    );
    if (rows.length === 0) return;
    if (performance.now() > deadline) throw new Error('deliveries are still pending after two minutes');
    await wait(20);
  }
}

/**
 * Calls `tick` with 1 to n, so many times a second, evenly, and with how many milliseconds later than it should; returns when
 * all of them are done.
 */
export async function runSteadily(
  perSecond: number,
  seconds: number,
  tick: (n: number, lateMs: number) => Promise<void>,
): Promise<void> {
  const started = performance.now();
  const ticks: Promise<void>[] = [];
  for (let n = 1; n <= perSecond * seconds; n += 1) {
    const dueMs = (n * 1_000) / perSecond;
    const aheadMs = dueMs - (performance.now() - started);
    if (aheadMs > 1) await wait(aheadMs);
    ticks.push(tick(n, Math.max(0, performance.now() - started - dueMs)));
  }
  await Promise.all(ticks);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Unix milliseconds with fractions: comparable between the processes of one machine. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
