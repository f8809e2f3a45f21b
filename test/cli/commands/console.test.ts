import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startHub, type TestHub } from '../../support/hub.ts';
import { cliEnvironment, runCli } from '../run-cli.ts';

let hub: TestHub;
before(async () => {
  hub = await startHub({ worker: false });
});
after(() => hub.stop());

test('`tributary console` prints a link that signs the owner in, once', async () => {
  const made = await runCli(['console'], cliEnvironment(hub));
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stderr, /works once, within 15 minutes/);
  const [, page, link] = /^(\S+\/console)#sign-in=([\w-]{43})\n$/.exec(made.stdout) ?? [];
  assert.equal(page, `${hub.url}/console`);
  const signIn = (): Promise<Response> =>
    fetch(`${page}/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'tributary-console': '1', 'sec-fetch-site': 'same-origin' },
      body: JSON.stringify({ link }),
    });
  assert.equal((await signIn()).status, 200);
  const again = await signIn();
  assert.equal(again.status, 401);
  assert.match(await again.text(), /npx tributary console/);
  const asJson = await runCli(['console', '--json'], cliEnvironment(hub));
  const { url, expiresAt } = JSON.parse(asJson.stdout) as { url: string; expiresAt: string };
  assert.match(url, /#sign-in=/);
  assert.ok(Math.abs(Date.parse(expiresAt) - Date.now() - 15 * 60_000) < 60_000);
});
