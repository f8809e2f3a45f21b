import assert from 'node:assert/strict';
import { test } from 'node:test';
import request from 'supertest';
import { forEachBackend } from '../support/both-backends.ts';
import { startHub } from '../support/hub.ts';
import { waitUntil } from '../support/wait-until.ts';

forEachBackend((backend) => {
  test('a hub starts, is ready, and stops', async () => {
    const hub = await startHub({ backend });
    assert.equal(hub.deps.queues.backend, backend);
    await waitUntil('it is ready', async () => (await request(hub.url).get('/readyz')).body.status === 'ok');
    await hub.stop();
    await assert.rejects(fetch(hub.url));
  });
});
