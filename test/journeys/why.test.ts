import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Trace } from '../../src/audit/trace/trace.ts';
import type { ApiClient } from '../api/api-client.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { mistakes, openWorld, type Mistake, type World } from './mistakes.ts';

/** Every mistake is made once, in one hub; then each is looked up. `PRINT_MISTAKES=1` prints what users are told. */

let hub: TestHub;
let world: World;
const asked = new Map<Mistake, string>();

before(async () => {
  hub = await startHub();
  world = await openWorld(hub);
  for (const mistake of mistakes) asked.set(mistake, await mistake.make(world));
  await world.program.settled();
  await world.holding.settled();
});
after(() => hub.stop());

const clientOf = ({ cause }: Mistake): ApiClient => (cause === 'on_hold' ? world.holding.api : world.live);

async function ask(client: ApiClient, q: string): Promise<Trace> {
  const { status, body, text } = await client.get(`/trace?q=${encodeURIComponent(q)}`);
  assert.equal(status, 200, text);
  return body.data as Trace;
}

describe('a mistake is named', () => {
  for (const mistake of mistakes) {
    test(mistake.mistake, async () => {
      const { verdict, checklist } = await ask(clientOf(mistake), asked.get(mistake) ?? '');
      assert.equal(verdict.cause, mistake.cause, verdict.sentence);
      assert.match(verdict.sentence, mistake.says);
      assert.ok(checklist.filter(({ state }) => state === 'failed').length <= 1);
      if (process.env.PRINT_MISTAKES)
        console.log(`| ${mistake.mistake} | \`${verdict.cause}\` | ${verdict.sentence} |`);
    });
  }
});

test('at least 25 mistakes are known, and nobody is told of what happened in another program', async () => {
  assert.ok(mistakes.length >= 25);
  for (const q of asked.values()) {
    const { verdict, found, orders, messages } = await ask(world.stranger.api, q);
    assert.deepEqual([verdict.cause, found, orders, messages], ['nothing_arrived', [], [], []], q);
  }
});
