import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startProcess } from '../../support/child-process.ts';
import { startTestRedis } from '../../support/redis.ts';

const readme = await readFile('README.md', 'utf8');

/** The demo makes its folder below it, and must leave nothing there. */
let temporary: string;
before(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'tributary-demo-test-'));
  // As root, PostgreSQL's own user must get through.
  await chmod(temporary, 0o755);
});
after(() => rm(temporary, { recursive: true, force: true }));

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/livez`).then(
    () => true,
    () => false,
  );
}

async function playWhole(args: string[]): Promise<string> {
  const demo = startProcess(['src/cli/tributary.ts', 'demo', '--fast', ...args], { TMPDIR: temporary });
  assert.equal(await demo.exited, 0, demo.output());
  const output = demo.output();
  const [, proof = ''] = /^(All as expected: .*)/ms.exec(output) ?? [];
  assert.ok(proof !== '' && readme.includes(`\`\`\`text\n${proof}\`\`\`\n`), output);
  // The table: 20 % of 120.00 without its 20.00 of tax.
  assert.match(
    output,
    /^pi_3SbEfwTr1bFx7HubA0sRCvbO +sale +approved +120\.00 USD +100\.00 USD +Partner One +20\.00 USD$/m,
  );
  assert.match(output, /^Partner One +0\.00 USD +83\.60 USD$/m);
  assert.match(output, /^conversion\.created +12 +12 +12$/m);
  for (const input of ['Stripe', 'RevenueCat', 'Postback', 'JSON'])
    assert.match(output, new RegExp(`^${input}: `, 'm'));
  const [, hub = ''] = /Hub on (http:\S+),/.exec(output) ?? [];
  assert.equal(await answers(hub), false);
  assert.deepEqual(await readdir(temporary), []);
  return output;
}

test('the demo plays all four inputs, finds its ledger as computed by hand, and leaves nothing behind', async () => {
  await playWhole([]);
});

test('the demo does the same with its queue in Redis', async () => {
  const redis = await startTestRedis();
  try {
    await playWhole(['--redis', redis.url]);
  } finally {
    await redis.stop();
  }
});

test('a demo that is interrupted stops what it started, and says so', async () => {
  const demo = startProcess(['src/cli/tributary.ts', 'demo'], { TMPDIR: temporary });
  const [, hub = ''] = await demo.waitFor(/Hub on (http:\S+),[\s\S]*charge\.succeeded/, 120_000);
  assert.equal(await answers(hub), true);
  demo.kill('SIGINT');
  assert.equal(await demo.exited, 1);
  assert.match(demo.output(), /Stopped by SIGINT\n$/);
  assert.equal(await answers(hub), false);
  assert.deepEqual(await readdir(temporary), []);
});
