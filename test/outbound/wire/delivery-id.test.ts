import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deliveryJobs } from '../../../src/outbound/wire/delivery-id.ts';

test('ten thousand deliveries are ten jobs, and each is named once, in order', () => {
  const ids = Array.from({ length: 10_000 }, (_, n) => `evt_${n}:whe_1`);
  const jobs = deliveryJobs(ids);
  assert.equal(jobs.length, 10);
  assert.deepEqual(
    jobs.flatMap((job) => job.deliveryIds),
    ids,
  );
});

test('nothing due is no job, since a job must name something', () => {
  assert.deepEqual(deliveryJobs([]), []);
  assert.deepEqual(deliveryJobs(['evt_1:whe_1']), [{ deliveryIds: ['evt_1:whe_1'] }]);
});
