import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { Destination } from '../../../src/outbound/delivery/destinations.ts';
import { Lane } from '../../../src/outbound/delivery/lane.ts';
import { divideFairly, Lanes, shareRoom } from '../../../src/outbound/delivery/lanes.ts';
import type { Lease } from '../../../src/outbound/wire/lease.ts';

describe('dividing', () => {
  test('gives nobody more than they want, and never more than there is', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(500)), fc.nat(2_000), (wants, total) => {
        const given = divideFairly(wants, total);
        assert.ok(given.every((share, index) => share >= 0 && share <= (wants[index] ?? 0)));
        assert.ok(given.reduce((sum, share) => sum + share, 0) <= total);
      }),
    );
  });

  test('leaves nothing over while somebody wants it, but for a remainder', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(500), { minLength: 1 }), fc.nat(2_000), (wants, total) => {
        const given = divideFairly(wants, total).reduce((sum, share) => sum + share, 0);
        const wanted = wants.reduce((sum, want) => sum + want, 0);
        assert.ok(given >= Math.min(total, wanted) - wants.length);
      }),
    );
  });

  test('whoever wants more than a fair part gets as much as the others who do', () => {
    assert.deepEqual(divideFairly([1_000, 10, 1_000], 210), [100, 10, 100]);
  });
});

const noEvents = { onSlot: () => undefined, onRetryDue: () => undefined };

function laneWithMoreDue(endpointId: string, programId: string): Lane {
  const lane = new Lane(endpointId, noEvents);
  lane.add({ programId, rateLimitPerSecond: null, failing: false, halfOpen: false } as Destination, []);
  lane.hasMoreDue = true;
  return lane;
}

describe('lanes', () => {
  test('a program with a hundred endpoints leaves one with a single endpoint its half', () => {
    const crowd = Array.from({ length: 100 }, (_, n) => laneWithMoreDue(`whe_${n}`, 'prg_crowd'));
    const single = laneWithMoreDue('whe_single', 'prg_single');
    const rooms = shareRoom([...crowd, single], 20, 1_000);
    assert.equal(rooms.get(single), 10);
  });

  test('together hold no more than the sender may, however many there are', () => {
    const lanes = new Lanes(noEvents);
    const sum = (rooms: Map<Lane, number>) => [...rooms.values()].reduce((total, room) => total + room, 0);
    for (let n = 0; n < 1_000; n += 1) lanes.of(`whe_${n}`).hasMoreDue = true;
    const room = sum(lanes.rooms());
    assert.ok(room > 1_000 && room <= 2_048, `${room}`);
    for (const [lane, count] of lanes.rooms()) {
      const slots = Array.from({ length: count }, () => ({ lease: {} as Lease, notBefore: 0 }));
      lane.add({ programId: 'prg_1' } as Destination, slots);
    }
    const newcomers = Array.from({ length: 100 }, (_, n) => lanes.of(`whe_new_${n}`));
    for (const lane of newcomers) lane.hasMoreDue = true;
    assert.ok(sum(lanes.rooms()) <= 2_048 - room);
  });

  test('that are idle are forgotten, the others not', () => {
    const lanes = new Lanes(noEvents);
    lanes.of('whe_idle');
    lanes.of('whe_due').hasMoreDue = true;
    lanes.deleteIdle();
    assert.deepEqual(
      lanes.all().map((lane) => lane.endpointId),
      ['whe_due'],
    );
    assert.equal(lanes.find('whe_idle'), undefined);
  });
});
