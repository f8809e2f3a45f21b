import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { startHub, type TestHub } from '../support/hub.ts';

let hub: TestHub;
before(async () => {
  hub = await startHub({ worker: false });
});
after(() => hub.stop());

for (const path of ['/snippet.js', '/affitor/affitor-tracker.js', '/affitor/js/affitor-tracker.js']) {
  it(`${path} may be loaded by pages of any origin, without credentials`, async () => {
    const origin = 'https://shop.example.com';
    const script = await fetch(hub.url + path, { headers: { origin } });
    assert.equal(script.status, 200);
    assert.match(script.headers.get('content-type') ?? '', /^text\/javascript/);
    assert.match(script.headers.get('cache-control') ?? '', /max-age=\d+/);
    assert.equal(script.headers.get('cross-origin-resource-policy'), 'cross-origin');
    assert.ok((await script.text()).length > 500);
    const preflight = await fetch(hub.url + path, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'GET' },
    });
    assert.equal(preflight.status, 204);
    for (const { headers } of [script, preflight]) {
      assert.equal(headers.get('access-control-allow-origin'), '*');
      assert.equal(headers.get('access-control-allow-credentials'), null);
    }
  });
}
