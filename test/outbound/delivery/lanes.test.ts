import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { Destination } from '../../../src/outbound/delivery/destinations.ts';
import { divideFairly, Lane, shareRoom } from '../../../src/outbound/delivery/lanes.ts';

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

function hungryLane(endpointId: string, programId: string): Lane {
  const lane = new Lane(endpointId);
  lane.destination = { programId } as Destination;
  lane.hungry = true;
  return lane;
}

describe('lanes', () => {
  test('a program with a hundred endpoints leaves one with a single endpoint its half', () => {
    const crowd = Array.from({ length: 100 }, (_, n) => hungryLane(`whe_${n}`, 'prg_crowd'));
    const single = hungryLane('whe_single', 'prg_single');
    const rooms = shareRoom([...crowd, single], 20, 1_000);
    assert.equal(rooms.get(single), 10);
  });

  test('one that answers fast is fed more and more; one that is silent holds one', () => {
    const lane = hungryLane('whe_1', 'prg_1');
    const first = lane.limit(10_000);
    for (let n = 0; n < 2_000; n += 1) lane.noteAnswer(1, true);
    assert.ok(lane.limit(10_000) > first * 10);
    for (let n = 0; n < 10; n += 1) lane.noteSilence();
    assert.equal(lane.limit(10_000), 1);
  });

  test('one that is slow holds no more than it can answer in two seconds', () => {
    const lane = hungryLane('whe_1', 'prg_1');
    for (let n = 0; n < 5_000; n += 1) lane.noteAnswer(1_000, true);
    assert.ok(lane.limit(10_000) <= 128);
  });

  test('half open holds one, and full wants nothing', () => {
    const lane = hungryLane('whe_1', 'prg_1');
    lane.halfOpen = true;
    assert.equal(lane.wants(10_000), 1);
    lane.claimed = 1;
    assert.equal(lane.wants(10_000), 0);
  });
});
