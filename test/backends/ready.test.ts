import assert from 'node:assert/strict';
import { test } from 'node:test';
import request from 'supertest';
import { forEachBackend } from '../support/both-backends.ts';
import { startHub } from '../support/hub.ts';

forEachBackend((backend) => {
  test('a hub starts, is ready, and stops', async () => {
    const hub = await startHub({ backend });
    assert.equal(hub.deps.queues.backend, backend);
    assert.equal((await request(hub.url).get('/readyz')).status, 200);
    await hub.stop();
    await assert.rejects(fetch(hub.url));
  });
});
