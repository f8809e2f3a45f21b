import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Destination } from '../../../src/outbound/delivery/destinations.ts';
import { Lane } from '../../../src/outbound/delivery/lane.ts';
import type { AttemptRecord } from '../../../src/outbound/delivery/records.ts';
import type { Slot } from '../../../src/outbound/delivery/throttle.ts';
import { LEASE_MS, type Lease } from '../../../src/outbound/wire/lease.ts';

const now = new Date('2026-11-20T10:00:00.000Z');
const later = (ms: number): Date => new Date(now.getTime() + ms);

/** A lane of this endpoint that has more due, and what it told of by its events. */
function openLane(options: Partial<Destination> = {}) {
  const told: string[] = [];
  const lane = new Lane('whe_1', { onSlot: () => told.push('slot'), onRetryDue: () => told.push('retry') });
  const destination = { programId: 'prg_1', rateLimitPerSecond: null, failing: false, halfOpen: false, ...options };
  const add = (...slots: Slot[]): void => lane.add(destination as Destination, slots);
  add();
  lane.hasMoreDue = true;
  return { lane, add, told };
}

function slot(messageId: string, notBefore = 0, lockedUntil = later(LEASE_MS)): Slot {
  return { lease: { messageId, endpointId: 'whe_1', lockedUntil } as Lease, notBefore };
}

const slots = (count: number): Slot[] => Array.from({ length: count }, (_, n) => slot(`evt_${n}`));

function record(outcome: Partial<AttemptRecord> = {}): AttemptRecord {
  return { succeeded: true, responseStatus: 200, durationMs: 1, nextAttemptAt: null, ...outcome } as AttemptRecord;
}

const failure = record({ succeeded: false, responseStatus: 500 });
const silence = record({ succeeded: false, responseStatus: null });

/** Starts all that may start now and names it. */
function startAll(lane: Lane, at = now): string[] {
  const started: string[] = [];
  for (let sending = lane.next(at); sending; sending = lane.next(at)) started.push(sending.lease.messageId);
  return started;
}

/** Sends `count` deliveries one after the other. */
function send({ lane, add }: ReturnType<typeof openLane>, count: number, outcome: AttemptRecord): void {
  for (let n = 0; n < count; n += 1) {
    add(slot('evt'));
    assert.ok(lane.next(now));
    lane.finish(outcome);
    lane.noteRecorded(outcome);
  }
}

describe('how much a lane wants', () => {
  test('one that answers fast is fed more and more; one that is silent holds one', () => {
    const open = openLane();
    const first = open.lane.wants(10_000);
    send(open, 2_000, record());
    assert.ok(open.lane.wants(10_000) > first * 10);
    send(open, 10, silence);
    assert.equal(open.lane.wants(10_000), 1);
  });

  test('one that is slow holds no more than it can answer in two seconds', () => {
    const open = openLane();
    send(open, 5_000, record({ durationMs: 1_000 }));
    assert.ok(open.lane.wants(10_000) <= 128);
  });

  test('one that is throttled holds no more than a second’s worth, and nobody more than their share', () => {
    assert.equal(openLane({ rateLimitPerSecond: 5 }).lane.wants(10_000), 5);
    assert.equal(openLane().lane.wants(3), 3);
  });

  test('half open holds one, and full wants nothing', () => {
    const { lane, add } = openLane({ halfOpen: true });
    assert.equal(lane.wants(10_000), 1);
    add(slot('evt_1'));
    assert.equal(lane.wants(10_000), 0);
  });

  test('a success closes the breaker once it is recorded', () => {
    const { lane, add } = openLane({ halfOpen: true });
    add(slot('evt_1'));
    startAll(lane);
    lane.finish(record());
    assert.equal(lane.wants(10_000), 0);
    lane.noteRecorded(record());
    assert.ok(lane.wants(10_000) > 1);
  });

  test('it is refilled when half of what it may hold is free, and only while there may be more', () => {
    const { lane, add } = openLane();
    const limit = lane.wants(10_000);
    add(...slots(limit / 2 + 1));
    assert.equal(lane.wants(10_000), 0);
    startAll(lane);
    lane.finish(null);
    assert.equal(lane.wants(10_000), limit / 2);
    lane.hasMoreDue = false;
    assert.equal(lane.wants(10_000), 0);
  });

  test('as many as it may have leave more to look for, fewer do not', () => {
    const { lane } = openLane({ rateLimitPerSecond: 5 });
    for (const [count, room, more] of [
      [3, 4, false],
      [4, 4, true],
      [5, 20, true],
      [0, 1, false],
    ] as const) {
      lane.hasMoreDue = false;
      lane.noteLeased(count, room);
      assert.equal(lane.hasMoreDue, more, `${count} of ${room}`);
    }
  });
});

describe('a lane', () => {
  test('starts in order, as many at once as it is wide, and one more for each that ends', () => {
    const { lane, add } = openLane();
    add(...slots(20));
    const started = startAll(lane);
    assert.deepEqual(
      started,
      slots(16).map(({ lease }) => lease.messageId),
    );
    lane.finish(record());
    assert.deepEqual(startAll(lane), ['evt_16']);
  });

  test('counts a lease until its attempt is recorded, or until it is known that there is nothing to record', () => {
    const { lane, add } = openLane();
    add(...slots(2));
    startAll(lane);
    lane.finish(record());
    assert.equal(lane.leased, 2);
    lane.noteRecorded(record());
    assert.equal(lane.leased, 1);
    lane.finish(null);
    assert.equal(lane.leased, 0);
  });

  test('does not start what another sender could lease before there is an answer, and looks for it again', () => {
    const { lane, add } = openLane();
    lane.hasMoreDue = false;
    add(slot('evt_old', 0, later(14_999)), slot('evt_young', 0, later(15_000)));
    assert.deepEqual(startAll(lane), ['evt_young']);
    assert.equal(lane.leased, 1);
    assert.ok(lane.hasMoreDue);
  });

  test('is failing from the first failure to a success that is recorded', () => {
    const { lane, add } = openLane();
    add(...slots(2));
    startAll(lane);
    lane.finish(failure);
    assert.ok(lane.isFailing);
    lane.noteRecorded(failure);
    lane.finish(record());
    assert.ok(lane.isFailing);
    lane.noteRecorded(record());
    assert.ok(!lane.isFailing);
    assert.ok(openLane({ failing: true }).lane.isFailing);
  });

  test('gives back what it has not started', () => {
    const { lane, add } = openLane();
    add(...slots(18));
    startAll(lane);
    assert.deepEqual(
      lane.release().map(({ messageId }) => messageId),
      ['evt_16', 'evt_17'],
    );
    assert.equal(lane.leased, 16);
    assert.deepEqual(lane.release(), []);
  });

  test('is idle when it has no lease, nothing to look for and no retry to wait for', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { lane, add } = openLane();
    assert.ok(!lane.isIdle);
    lane.hasMoreDue = false;
    assert.ok(lane.isIdle);
    lane.retryLater(later(1_000), now);
    assert.ok(!lane.isIdle);
    lane.close();
    assert.ok(lane.isIdle);
    add(slot('evt_1'));
    assert.ok(!lane.isIdle);
  });
});

describe('a throttled lane', () => {
  test('waits for its slot, and says when it begins', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { lane, add, told } = openLane({ rateLimitPerSecond: 10 });
    add(slot('evt_1', now.getTime()), slot('evt_2', later(110).getTime()));
    assert.deepEqual(startAll(lane), ['evt_1']);
    assert.deepEqual(startAll(lane, later(109)), []);
    t.mock.timers.tick(109);
    assert.deepEqual(told, []);
    t.mock.timers.tick(1);
    assert.deepEqual(told, ['slot']);
    assert.deepEqual(startAll(lane, later(110)), ['evt_2']);
  });

  test('gives slots that it missed for later ones, and starts nothing until it has them', () => {
    const { lane, add } = openLane({ rateLimitPerSecond: 10 });
    add(slot('evt_1', now.getTime()), slot('evt_2', later(110).getTime()));
    assert.equal(lane.takeMissedSlots(later(40)), null, 'that is not late');
    const missed = lane.takeMissedSlots(later(41));
    assert.ok(missed);
    const { lateMs, rate, endpointId } = missed;
    assert.deepEqual({ lateMs, rate, endpointId }, { lateMs: 41, rate: 10, endpointId: 'whe_1' });
    add(slot('evt_3', later(450).getTime()));
    assert.deepEqual(startAll(lane, later(460)), []);
    assert.equal(lane.takeMissedSlots(later(900)), null, 'one at a time');
    assert.equal(lane.leased, 3);
    lane.putBack(missed, [slot('evt_1', later(440).getTime()), slot('evt_2', later(460).getTime())]);
    assert.deepEqual(startAll(lane, later(460)), ['evt_1', 'evt_3', 'evt_2']);
    assert.equal(lane.leased, 3);
  });

  test('lets go of what it got no later slots for', () => {
    const { lane, add } = openLane({ rateLimitPerSecond: 10 });
    add(slot('evt_1', now.getTime()), slot('evt_2', later(110).getTime()));
    const missed = lane.takeMissedSlots(later(1_000));
    assert.ok(missed);
    lane.putBack(missed, []);
    assert.equal(lane.leased, 0);
    add(slot('evt_3', later(1_000).getTime()));
    assert.deepEqual(startAll(lane, later(1_000)), ['evt_3']);
  });

  test('alone has slots to miss', () => {
    const { lane, add } = openLane();
    add(slot('evt_1'));
    assert.equal(lane.takeMissedSlots(now), null);
  });
});

describe('retries', () => {
  test('the first that is due soon is looked for when it is due', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { lane, told } = openLane();
    lane.hasMoreDue = false;
    lane.retryLater(later(500), now);
    lane.retryLater(later(800), now);
    t.mock.timers.tick(500);
    assert.ok(!lane.hasMoreDue);
    t.mock.timers.tick(1);
    assert.ok(lane.hasMoreDue);
    t.mock.timers.tick(60_000);
    assert.deepEqual(told, ['retry']);
  });

  test('one that is due late is left to the sweep', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { lane, told } = openLane();
    lane.retryLater(later(10_001), now);
    t.mock.timers.tick(60_000);
    assert.deepEqual(told, []);
  });

  test('a closed lane waits for nothing', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { lane, add, told } = openLane({ rateLimitPerSecond: 10 });
    add(slot('evt_1', later(110).getTime()));
    assert.deepEqual(startAll(lane), []);
    lane.retryLater(later(500), now);
    lane.close();
    t.mock.timers.tick(60_000);
    assert.deepEqual(told, []);
    assert.ok(!lane.hasMoreDue);
  });
});
