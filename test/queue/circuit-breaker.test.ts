import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { pino } from 'pino';
import { createOutageLog } from '../../src/process/outage-log.ts';
import { CircuitBreaker } from '../../src/queue/circuit-breaker.ts';
import { waitUntil } from '../support/wait-until.ts';

/** A store that works, fails or hangs, and counts what it is asked. */
function openStore() {
  const store = {
    how: 'works' as 'works' | 'fails' | 'hangs',
    calls: 0,
    probes: 0,
    hung: [] as PromiseWithResolvers<object>[],
    answer(): Promise<object> {
      if (store.how === 'works') return Promise.resolve({});
      if (store.how === 'fails') return Promise.reject(new Error('OOM command not allowed'));
      const hanging = Promise.withResolvers<object>();
      store.hung.push(hanging);
      return hanging.promise;
    },
  };
  const breaker = new CircuitBreaker({
    boundMs: 100,
    probeEveryMs: 40,
    outage: createOutageLog(pino({ level: 'silent' }), 'queue'),
    probe: () => {
      store.probes += 1;
      return store.answer();
    },
  });
  const call = () =>
    breaker.run(() => {
      store.calls += 1;
      return store.answer();
    });
  return { store, breaker, call };
}

test('calls that hang are given up together within the bound, the next are not made, and a probe ends it', async () => {
  const { store, breaker, call } = openStore();
  assert.deepEqual(await call(), {});
  assert.deepEqual(breaker.state, { ok: true, since: null, error: null });
  store.how = 'hangs';
  const started = performance.now();
  assert.deepEqual(await Promise.all([call(), call(), call()]), [null, null, null]);
  const took = performance.now() - started;
  assert.ok(took >= 75 && took < 500, `given up after ${took} ms`);
  assert.equal(breaker.state.error, 'no answer within 100 ms');
  assert.ok(breaker.state.since);

  const again = performance.now();
  for (let n = 0; n < 1_000; n += 1) assert.equal(await call(), null);
  assert.ok(performance.now() - again < 1_000, 'an open breaker waits for nothing');
  assert.equal(store.calls, 4);

  store.how = 'works';
  for (const hanging of store.hung) hanging.reject(new Error('the connection ended'));
  await waitUntil('calls are made again', async () => (await call()) !== null);
  assert.equal(breaker.state.ok, true, 'what was given up before is no failure of now');
  breaker.close();
});

test('a call that fails opens it at once; probes go on until one succeeds', async () => {
  const { store, breaker, call } = openStore();
  store.how = 'fails';
  assert.equal(await call(), null);
  assert.equal(breaker.state.error, 'OOM command not allowed');
  await waitUntil('it is probed', async () => store.probes >= 3);
  assert.equal(store.calls, 1);
  store.how = 'works';
  await waitUntil('calls are made again', async () => (await call()) !== null);
  breaker.close();
});

test('who fails again after each probe is asked less and less', async () => {
  const { store, breaker, call } = openStore();
  const made: number[] = [];
  const started = performance.now();
  while (performance.now() - started < 600) {
    store.how = 'fails';
    const before = store.calls;
    await call();
    if (store.calls > before) made.push(performance.now() - started);
    store.how = 'works';
    await wait(2);
  }
  assert.ok(made.length >= 3 && made.length <= 7, `called after ${made.map(Math.round).join(', ')} ms`);
  breaker.close();
});

test('a process too busy to read answers does not take that for an outage', async () => {
  const { breaker } = openStore();
  const answered = breaker.run(() => wait(10, {}));
  const until = performance.now() + 300;
  while (performance.now() < until);
  assert.deepEqual(await answered, {});
  assert.equal(breaker.isOpen, false);
  breaker.close();
});
