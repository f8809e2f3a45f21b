import type { Db } from '../../db/db.ts';
import type { Logger } from 'pino';
import type { SecretBox } from '../../db/secret-box.ts';
import type { Config } from '../../process/config.ts';
import type { Metrics } from '../../process/metrics.ts';
import type { Clock } from '../../domain/clock.ts';
import { openAddressGuard, type AddressGuard } from '../guard/address-guard.ts';
import { attemptDelivery } from './attempt.ts';
import { claimDue, claimUrgent, findDueEndpoints, releaseClaims, stopPending } from './leases.ts';
import type { Lease } from '../wire/lease.ts';
import { parseDeliveryId } from '../wire/delivery-id.ts';
import { DestinationLoader, type Destination } from './destinations.ts';
import { Lane, shareRoom } from './lanes.ts';
import { Recorder } from './recorder.ts';
import type { AttemptRecord } from './records.ts';
import { assignSlots, replaceSlots, SLOT_TOLERANCE_MS } from './throttle.ts';
import { createHttpSender, TOTAL_TIMEOUT_MS, type HttpSender } from './send.ts';

export interface SenderDeps {
  db: Db;
  secrets: SecretBox;
  guard: AddressGuard;
  clock: Clock;
  log: Logger;
  /** Delays after each failure, in seconds. */
  retryScheduleS: readonly number[];
  /** Told of each attempt, for the metrics. */
  onAttempt?: (record: AttemptRecord) => void;
  random?: () => number;
  totalTimeoutMs?: number;
}

/** The sender of a process, as its configuration says. */
export function openSender(deps: {
  config: Config;
  db: Db;
  secrets: SecretBox;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
}): Sender {
  const { config, db, secrets, clock, log, metrics } = deps;
  return new Sender({
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

/** Deliveries that one process has in memory at most, waiting or under way. */
const MAX_CLAIMED = 2_048;

/** Retries that are due later than this are left to the sweep. */
const MAX_RETRY_TIMER_MS = 10_000;

/** Pending deliveries of a stopped endpoint that one sweep puts aside. */
const STOP_STEP = 1_000;

/**
 * Sends what is due. The rows are the truth: waking it up is a hint, and what it does not get to stays due for it, for
 * another process or for the sweep. Each endpoint has a lane of its own (lanes.ts), so a dead or slow one holds up no
 * other; a process that dies leaves claims that run out after half a minute.
 */
export class Sender {
  readonly #deps: SenderDeps;
  readonly #http: HttpSender;
  readonly #destinations: DestinationLoader;
  readonly #recorder: Recorder;
  readonly #lanes = new Map<string, Lane>();
  #claimed = 0;
  #pumping: Promise<void> | null = null;
  #pumpAgain = false;
  #closing = false;
  #idleWaiters: (() => void)[] = [];

  constructor(deps: SenderDeps) {
    this.#deps = deps;
    this.#http = createHttpSender({
      guard: deps.guard,
      ...(deps.totalTimeoutMs === undefined ? {} : { totalTimeoutMs: deps.totalTimeoutMs }),
    });
    this.#destinations = new DestinationLoader(deps.db, deps.secrets, deps.guard);
    this.#recorder = new Recorder(deps, {
      isFailing: (endpointId) => this.#lanes.get(endpointId)?.failing ?? false,
      onRecorded: (records, written) => this.#finish(records, written),
    });
  }

  /** These are due: begins to send what there is room for, and returns once that is claimed. */
  async wake(deliveryIds: readonly string[]): Promise<void> {
    if (this.#closing || deliveryIds.length === 0) return;
    const keys = deliveryIds.map(parseDeliveryId);
    for (const { endpointId } of keys) this.#laneOf(endpointId).hungry = true;
    const urgent = keys.filter((key) => key.urgent);
    if (urgent.length > 0) await this.#take(await claimUrgent(this.#deps.db, urgent, this.#deps.clock.now()));
    await this.#pump();
  }

  /** Finds all that is due, whatever became of its wake-up, and puts aside what stopped endpoints left. */
  async sweep(): Promise<void> {
    if (this.#closing) return;
    const now = this.#deps.clock.now();
    for (const [endpointId, lane] of this.#lanes) if (lane.isIdle) this.#lanes.delete(endpointId);
    for (const endpoint of await findDueEndpoints(this.#deps.db, now)) {
      if (endpoint.stopped !== null) {
        await stopPending(this.#deps.db, endpoint, now, STOP_STEP);
      } else {
        this.#laneOf(endpoint.endpointId).hungry = true;
      }
    }
    await this.#pump();
  }

  /** Resolves when nothing is under way and nothing due is left to claim. */
  async idle(): Promise<void> {
    if (this.#isIdle()) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Takes nothing new, gives back what was not begun, finishes and records the attempts under way. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#pumping;
    for (const lane of this.#lanes.values()) {
      lane.stopTimers();
      lane.hungry = false;
      await this.#giveBack(lane);
    }
    await this.idle();
    await this.#http.close();
  }

  /** What is claimed and not begun may be taken by others at once. */
  async #giveBack(lane: Lane): Promise<void> {
    const claims = lane.queue.splice(0).map(({ claim }) => claim);
    this.#drop(claims);
    await releaseClaims(this.#deps.db, claims).catch((error: unknown) => {
      this.#deps.log.warn({ err: error }, 'claims not given back; they run out by themselves');
    });
  }

  #laneOf(endpointId: string): Lane {
    let lane = this.#lanes.get(endpointId);
    if (!lane) {
      lane = new Lane(endpointId);
      this.#lanes.set(endpointId, lane);
    }
    return lane;
  }

  /** One claiming loop at a time, so that claims come in batches; it ends when no lane wants more. */
  #pump(): Promise<void> {
    if (this.#closing) return Promise.resolve();
    this.#pumpAgain = true;
    this.#pumping ??= this.#runPump();
    return this.#pumping;
  }

  async #runPump(): Promise<void> {
    while (this.#pumpAgain) {
      this.#pumpAgain = false;
      await this.#claimAll();
    }
    this.#pumping = null;
    this.#noteIdle();
  }

  async #claimAll(): Promise<void> {
    const { db, clock, log } = this.#deps;
    while (!this.#closing) {
      const share = Math.max(1, Math.floor(MAX_CLAIMED / (this.#lanes.size + 1)));
      const rooms = shareRoom([...this.#lanes.values()], MAX_CLAIMED - this.#claimed, share);
      if (rooms.size === 0) return;
      for (const lane of rooms.keys()) lane.hungry = false;
      try {
        const asked = [...rooms].map(([lane, room]) => ({ endpointId: lane.endpointId, room }));
        const claims = await claimDue(db, asked, clock.now());
        await this.#take(claims);
        const taken = Map.groupBy(claims, (claim) => claim.endpointId);
        for (const [lane, room] of rooms) {
          const most = Math.min(room, lane.destination?.rateLimitPerSecond ?? room);
          if (taken.get(lane.endpointId)?.length === most) lane.hungry = true;
        }
      } catch (error) {
        // What was claimed runs out, what was not is still due: the sweep comes back to both.
        log.warn({ err: error }, 'deliveries could not be claimed');
        return;
      }
    }
  }

  async #take(claims: readonly Lease[]): Promise<void> {
    if (claims.length === 0) return;
    const byEndpoint = Map.groupBy(claims, (claim) => claim.endpointId);
    const destinations = await this.#destinations.load([...byEndpoint.keys()]);
    const slots = await assignSlots(this.#deps.db, byEndpoint, destinations, this.#deps.clock.now());
    for (const [endpointId, taken] of slots) {
      const destination = destinations.get(endpointId);
      if (!destination) continue;
      const lane = this.#laneOf(endpointId);
      lane.destination = destination;
      lane.failing ||= destination.failing;
      lane.halfOpen = destination.halfOpen;
      lane.queue.push(...taken);
      lane.claimed += taken.length;
      this.#claimed += taken.length;
      if (this.#closing) await this.#giveBack(lane);
      else this.#advance(lane);
    }
  }

  /** Begins what the lane has waiting, as far as its width and its throttle allow. */
  #advance(lane: Lane): void {
    const { destination } = lane;
    while (lane.active < lane.width && !lane.replacing && !this.#closing) {
      const head = lane.queue[0];
      if (!head || !destination) return;
      const nowMs = this.#deps.clock.now().getTime();
      const lateMs = nowMs - head.notBefore;
      const rate = destination.rateLimitPerSecond;
      if (rate !== null && lateMs > SLOT_TOLERANCE_MS) {
        void this.#replaceSlots(lane, rate, lateMs);
        return;
      }
      if (head.notBefore > nowMs) {
        lane.slotTimer ??= setTimeout(() => {
          lane.slotTimer = null;
          this.#advance(lane);
        }, head.notBefore - nowMs);
        return;
      }
      lane.queue.shift();
      if (nowMs + TOTAL_TIMEOUT_MS > head.claim.lockedUntil.getTime()) {
        // It waited so long that another sender could take it before we had an answer.
        this.#drop([head.claim]);
        lane.hungry = true;
        continue;
      }
      lane.active += 1;
      void this.#attempt(lane, head.claim, destination);
    }
  }

  /** This process was held up, and the lane's places in the throttle have passed. */
  async #replaceSlots(lane: Lane, rate: number, lateMs: number): Promise<void> {
    const { db, clock, log } = this.#deps;
    const late = lane.queue.splice(0);
    lane.replacing = true;
    try {
      lane.queue.push(...(await replaceSlots(db, lane.endpointId, rate, late, lateMs, clock.now())));
      lane.queue.sort((a, b) => a.notBefore - b.notBefore);
    } catch (error) {
      log.warn({ err: error }, 'no places for throttled deliveries; their claims run out');
      this.#drop(late.map(({ claim }) => claim));
    }
    lane.replacing = false;
    if (this.#closing) await this.#giveBack(lane);
    this.#advance(lane);
  }

  async #attempt(lane: Lane, claim: Lease, destination: Destination): Promise<void> {
    const record = await attemptDelivery(this.#deps, this.#http, claim, destination).catch((error: unknown) => {
      this.#deps.log.error({ err: error, messageId: claim.messageId }, 'an attempt broke down; its claim runs out');
      return null;
    });
    lane.active -= 1;
    if (record === null) {
      this.#drop([claim]);
    } else {
      if (record.responseStatus === null) lane.noteSilence();
      else lane.noteAnswer(record.durationMs, record.succeeded);
      if (!record.succeeded) lane.failing = true;
      this.#recorder.add(record);
    }
    this.#advance(lane);
  }

  /** Attempts are recorded: their places are free. A retry that is due soon is not left to the sweep. */
  #finish(records: readonly AttemptRecord[], deliveryIds: readonly string[]): void {
    this.#drop(records.map((record) => record.claim));
    if (this.#closing) return;
    for (const record of records) {
      const lane = this.#lanes.get(record.claim.endpointId);
      if (!lane) continue;
      if (record.succeeded) {
        lane.failing = false;
        lane.halfOpen = false;
      } else if (record.nextAttemptAt) {
        this.#comeBack(lane, record.nextAttemptAt);
      }
    }
    void this.wake(deliveryIds).catch((error: unknown) => this.#deps.log.warn({ err: error }, 'wake failed'));
    void this.#pump();
  }

  #comeBack(lane: Lane, at: Date): void {
    const delayMs = at.getTime() - this.#deps.clock.now().getTime();
    if (lane.retryTimer || delayMs > MAX_RETRY_TIMER_MS) return;
    lane.retryTimer = setTimeout(
      () => {
        lane.retryTimer = null;
        lane.hungry = true;
        void this.#pump();
      },
      Math.max(delayMs, 0) + 1,
    );
  }

  #drop(claims: readonly Lease[]): void {
    for (const { endpointId } of claims) {
      const lane = this.#lanes.get(endpointId);
      if (lane) lane.claimed -= 1;
    }
    this.#claimed -= claims.length;
    this.#noteIdle();
  }

  #isIdle(): boolean {
    if (this.#claimed > 0 || this.#pumping !== null) return false;
    return this.#closing || ![...this.#lanes.values()].some((lane) => lane.hungry);
  }

  #noteIdle(): void {
    if (!this.#isIdle()) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}
