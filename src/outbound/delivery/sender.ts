import type { Db } from '../../db/db.ts';
import type { Logger } from 'pino';
import type { SecretBox } from '../../db/secret-box.ts';
import type { Config } from '../../process/config.ts';
import type { Metrics } from '../../process/metrics.ts';
import type { Tracing } from '../../process/tracing/tracing.ts';
import type { Clock } from '../../domain/clock.ts';
import { openAddressGuard, type AddressGuard } from '../guard/address-guard.ts';
import { attemptDelivery } from './attempt.ts';
import {
  findDueEndpoints,
  leaseDue,
  leaseUrgent,
  releaseLeases,
  releaseLeasesOfTheDead,
  stopPending,
} from './leases.ts';
import type { Leased, SenderAtHand } from '../messages/leased.ts';
import { parseDeliveryId } from '../wire/delivery-id.ts';
import type { Lease } from '../wire/lease.ts';
import { DestinationLoader } from './destinations.ts';
import type { Lane, Sending } from './lane.ts';
import { Lanes, MAX_LEASED } from './lanes.ts';
import { Recorder } from './recorder.ts';
import type { AttemptRecord } from './records.ts';
import { assignSlots, reserveLaterSlots, type MissedSlots } from './throttle.ts';
import { createHttpSender, type HttpSender } from './send.ts';

export interface SenderDeps {
  db: Db;
  secrets: SecretBox;
  guard: AddressGuard;
  clock: Clock;
  log: Logger;
  /** By which the worker's leases are known, while others can tell that it lives. */
  holder?: () => number | null;
  /** Delays after each failure, in seconds. */
  retryScheduleS: readonly number[];
  tracing?: Tracing | null;
  /** Called with each attempt, for the metrics. */
  onAttempt?: (record: AttemptRecord) => void;
  random?: () => number;
  totalTimeoutMs?: number;
  /** `CLOSE_GRACE_MS` unless set. */
  closeGraceMs?: number;
}

/** The sender of a process, as its configuration says. */
export function openSender(deps: {
  config: Config;
  db: Db;
  secrets: SecretBox;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  tracing: Tracing | null;
  holder: () => number | null;
}): Sender {
  const { config, db, secrets, clock, log, metrics, tracing, holder } = deps;
  return new Sender({
    holder,
    tracing,
    db,
    secrets,
    clock,
    log,
    guard: openAddressGuard(config),
    retryScheduleS: config.retryScheduleS,
    onAttempt({ succeeded, durationMs }) {
      metrics.deliveries.inc({ result: succeeded ? 'succeeded' : 'failed' });
      metrics.deliveryDuration.observe(durationMs / 1_000);
    },
  });
}

/** How long attempts may take once the process stops. Most receivers answer sooner; a process has five seconds in all. */
const CLOSE_GRACE_MS = 1_000;

/** Pending deliveries of a stopped endpoint that one sweep takes out of its queue. */
const STOP_STEP = 1_000;

/**
 * Sends what is due. The rows are the truth: a wake-up only makes the sender look, and what it does not reach stays
 * due, for its own sweep or for another process. Each endpoint has a lane of its own (lane.ts), so a dead or slow one
 * holds up no other. When a process dies, another one takes over its leases (`takeOver`), or they run out.
 *
 * A delivery goes through `#fill` (leases it), `#distribute` (puts it into its lane), `#start` and `#attempt` (send
 * it), the recorder (stores the result) and `#onRecorded` (makes room for the next).
 */
export class Sender implements SenderAtHand {
  readonly #deps: SenderDeps;
  readonly #http: HttpSender;
  readonly #destinations: DestinationLoader;
  readonly #recorder: Recorder;
  readonly #lanes: Lanes;
  #filling: Promise<void> | null = null;
  #fillAgain = false;
  #closing = false;
  /** What is under way was ended, because the process stops; these had no answer. */
  #aborted = false;
  readonly #unanswered: Lease[] = [];
  #idleWaiters: (() => void)[] = [];

  constructor(deps: SenderDeps) {
    this.#deps = deps;
    this.#http = createHttpSender({
      guard: deps.guard,
      ...(deps.totalTimeoutMs === undefined ? {} : { totalTimeoutMs: deps.totalTimeoutMs }),
    });
    this.#destinations = new DestinationLoader(deps.secrets, deps.guard);
    this.#lanes = new Lanes({ onSlot: (lane) => this.#start(lane), onRetryDue: () => void this.#fill() });
    this.#recorder = new Recorder(deps, {
      isFailing: (endpointId) => this.#lanes.find(endpointId)?.isFailing ?? false,
      onRecorded: (records, written) => this.#onRecorded(records, written),
    });
  }

  /** Called when these are due. Resolves once as many as there is room for are leased; sending goes on. */
  async wake(deliveryIds: readonly string[]): Promise<void> {
    if (this.#closing || deliveryIds.length === 0) return;
    const keys = deliveryIds.map(parseDeliveryId);
    for (const { endpointId } of keys) this.#lanes.of(endpointId).hasMoreDue = true;
    const urgent = keys.filter((key) => key.urgent);
    if (urgent.length > 0)
      await this.#distribute(await leaseUrgent(this.#deps.db, urgent, this.#deps.clock.now(), this.holder()));
    await this.#fill();
  }

  /** Sends what was leased to this process as it was written. */
  async send(leased: Leased): Promise<void> {
    await this.#distribute(leased);
  }

  holder(): number | null {
    return this.#deps.holder?.() ?? null;
  }

  /** Less than half of what it may lease is under way: so many more are sent soon. */
  room(): number {
    return this.#closing ? 0 : Math.max(0, MAX_LEASED / 2 - this.#lanes.leased);
  }

  sendsAtOnce(endpointId: string, count: number): boolean {
    if (this.#closing) return false;
    return this.#lanes.find(endpointId)?.isFreeFor(count) ?? count <= MAX_LEASED / 4;
  }

  /** Takes over what a dead worker had leased. */
  async takeOver(): Promise<void> {
    const { db, clock, log } = this.#deps;
    const released = await releaseLeasesOfTheDead(db, clock.now());
    if (released === 0) return;
    log.info({ deliveries: released }, 'a dead worker had leased these; they are sent now');
    await this.sweep();
  }

  /** Finds all that is due, even if its wake-up was lost, and empties the queues of stopped endpoints. */
  async sweep(): Promise<void> {
    if (this.#closing) return;
    const { db, clock } = this.#deps;
    const now = clock.now();
    this.#lanes.deleteIdle();
    for (const endpoint of await findDueEndpoints(db, now)) {
      if (endpoint.stopped === null) this.#lanes.of(endpoint.endpointId).hasMoreDue = true;
      else await stopPending(db, endpoint, now, STOP_STEP);
    }
    await this.#fill();
  }

  /** Resolves when nothing is under way and nothing due is left to lease. */
  async idle(): Promise<void> {
    if (this.#isIdle()) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /**
   * Leases nothing more, releases what was not started, finishes and records the attempts under way. Those without an answer
   * after `CLOSE_GRACE_MS` are ended and left due: they may arrive a second time.
   */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#filling;
    for (const lane of this.#lanes.all()) {
      lane.close();
      await this.#release(lane);
    }
    const grace = setTimeout(() => {
      this.#aborted = true;
      this.#http.abort();
    }, this.#deps.closeGraceMs ?? CLOSE_GRACE_MS);
    await this.idle();
    clearTimeout(grace);
    await releaseLeases(this.#deps.db, this.#unanswered);
    await this.#http.close();
  }

  async #release(lane: Lane): Promise<void> {
    const leases = lane.release();
    this.#noteIdle();
    await releaseLeases(this.#deps.db, leases).catch((error: unknown) => {
      this.#deps.log.warn({ err: error }, 'leases not released; they run out by themselves');
    });
  }

  /** One loop at a time, so that leases come in batches; it ends when no lane wants more. */
  #fill(): Promise<void> {
    if (this.#closing) return Promise.resolve();
    this.#fillAgain = true;
    this.#filling ??= this.#runFill();
    return this.#filling;
  }

  async #runFill(): Promise<void> {
    while (this.#fillAgain) {
      this.#fillAgain = false;
      await this.#fillLanes();
    }
    this.#filling = null;
    this.#noteIdle();
  }

  async #fillLanes(): Promise<void> {
    const { db, clock, log } = this.#deps;
    while (!this.#closing) {
      const rooms = this.#lanes.rooms();
      if (rooms.size === 0) return;
      for (const lane of rooms.keys()) lane.hasMoreDue = false;
      try {
        const asked = [...rooms].map(([{ endpointId }, room]) => ({ endpointId, room }));
        const leased = await leaseDue(db, asked, clock.now(), this.holder());
        await this.#distribute(leased);
        const byEndpoint = Map.groupBy(leased.leases, (lease) => lease.endpointId);
        for (const [lane, room] of rooms) lane.noteLeased(byEndpoint.get(lane.endpointId)?.length ?? 0, room);
      } catch (error) {
        // Leases that were made run out, all else is still due: the sweep finds both.
        log.warn({ err: error }, 'deliveries could not be leased');
        return;
      }
    }
  }

  async #distribute({ leases, endpoints }: Leased): Promise<void> {
    if (leases.length === 0) return;
    const byEndpoint = Map.groupBy(leases, (lease) => lease.endpointId);
    const destinations = await this.#destinations.load(endpoints);
    const slots = await assignSlots(this.#deps.db, byEndpoint, destinations, this.#deps.clock.now());
    for (const [endpointId, ofEndpoint] of slots) {
      const destination = destinations.get(endpointId);
      if (!destination) continue;
      const lane = this.#lanes.of(endpointId);
      lane.add(destination, ofEndpoint);
      if (this.#closing) await this.#release(lane);
      else this.#start(lane);
    }
  }

  /** Starts what waits in the lane, as far as its width and its throttle allow. */
  #start(lane: Lane): void {
    while (!this.#closing) {
      const now = this.#deps.clock.now();
      const missed = lane.takeMissedSlots(now);
      if (missed) {
        void this.#reserveLaterSlots(lane, missed);
        return;
      }
      const sending = lane.next(now);
      if (!sending) return;
      void this.#attempt(lane, sending);
    }
  }

  async #reserveLaterSlots(lane: Lane, missed: MissedSlots): Promise<void> {
    const { db, clock, log } = this.#deps;
    const later = await reserveLaterSlots(db, missed, clock.now()).catch((error: unknown) => {
      log.warn({ err: error }, 'no slots for throttled deliveries; their leases run out');
      return [];
    });
    lane.putBack(missed, later);
    this.#noteIdle();
    if (this.#closing) await this.#release(lane);
    this.#start(lane);
  }

  async #attempt(lane: Lane, { lease, destination }: Sending): Promise<void> {
    const record = await attemptDelivery(this.#deps, this.#http, lease, destination).catch((error: unknown) => {
      this.#deps.log.error({ err: error, messageId: lease.messageId }, 'an attempt broke down; its lease runs out');
      return null;
    });
    const ended = this.#aborted && record !== null && record.responseStatus === null;
    if (ended) this.#unanswered.push(lease);
    lane.finish(ended ? null : record);
    if (record && !ended) this.#recorder.add(record);
    else this.#noteIdle();
    this.#start(lane);
  }

  #onRecorded(records: readonly AttemptRecord[], deliveryIds: readonly string[]): void {
    for (const record of records) this.#lanes.find(record.lease.endpointId)?.noteRecorded(record);
    this.#noteIdle();
    if (this.#closing) return;
    for (const { lease, nextAttemptAt } of records) {
      if (nextAttemptAt) this.#lanes.find(lease.endpointId)?.retryLater(nextAttemptAt, this.#deps.clock.now());
    }
    void this.wake(deliveryIds).catch((error: unknown) => this.#deps.log.warn({ err: error }, 'wake failed'));
    void this.#fill();
  }

  #isIdle(): boolean {
    if (this.#filling !== null) return false;
    return !this.#lanes.all().some((lane) => lane.leased > 0 || (lane.hasMoreDue && !this.#closing));
  }

  #noteIdle(): void {
    if (this.#idleWaiters.length === 0 || !this.#isIdle()) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}
