import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startHub, type TestHub } from '../support/hub.ts';
import { runAllPages } from './all.ts';

describe('the example requests of the five pages, by curl', () => {
  let hub: TestHub;
  before(async () => {
    hub = await startHub();
  });
  after(() => hub.stop());

  it('are answered as the pages say', async () => {
    const results = await runAllPages(hub.url, hub.adminToken);
    const failures = results.filter(({ problem }) => problem !== null);
    assert.deepEqual(failures, []);
    assert.equal(new Set(results.map(({ page }) => page)).size, 5);
    assert.ok(results.length > 40, `${results.length} examples`);
  });
});
