import { createKey } from '../../src/program/api-keys.ts';
import { settleSafely } from '../../src/pipeline/settle-safely.ts';
import { createLogger } from '../../src/process/logging.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { startHub } from './hub.ts';
import { fillInbox } from './inbox-backlog.ts';
import { round, type BenchOptions, type BenchResult } from './result.ts';
import { startBenchServices, type BenchServices } from './services.ts';

const log = createLogger({ level: 'silent', role: 'test' });

/**
 * A job of 10 000 decisions (`--orders`): kill -9 of the worker in the middle of it, and a new one goes on; then a batch of payouts of
 * what was approved, marked as paid. Seconds of each. Throws where a commission is decided more than once, or not at all.
 */
export async function runDecisionsBench(
  backend: 'postgres' | 'redis',
  { orders = 10_000 }: BenchOptions,
): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  try {
    const programId = await makeCommissions(services, orders);
    const { plaintext: key } = await createKey(services.db, programId, {
      name: 'bench',
      mode: 'live',
      access: 'write',
    });
    const hub = await startHub(services);
    const call = async (method: string, path: string, body?: object) => {
      const response = await fetch(`${hub.origin}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path} ${response.status} ${text}`);
      // oxlint-disable-next-line typescript/no-explicit-any -- a benchmark reads what it expects
      return (JSON.parse(text) as { data: any }).data;
    };
    try {
      const { count } = await call('POST', '/commissions/decisions', {
        filter: {},
        status: 'approved',
        countOnly: true,
      });
      const startedAt = performance.now();
      const job = await call('POST', '/commissions/decisions', { filter: {}, status: 'approved' });
      const answeredAt = performance.now();
      const read = () => call('GET', `/jobs/${job.id}`);
      await waitUntil('half of it is done', async () => (await read()).done >= count / 2, {
        timeoutMs: 120_000,
        everyMs: 20,
      });
      process.kill(hub.workers[0]?.pid ?? 0, 'SIGKILL');
      hub.addWorker();
      await waitUntil('all of it is done', async () => (await read()).status === 'completed', {
        timeoutMs: 120_000,
        everyMs: 20,
      });
      const doneAt = performance.now();
      await assertOnce(services, (await read()).succeeded, count);
      const batch = await call('POST', '/payouts/batches', { currency: 'USD' });
      const paidOutAt = performance.now();
      await call('PATCH', `/payouts/batches/${batch.id}`, { status: 'paid' });
      const paidAt = performance.now();
      const figures = {
        decisions: count,
        'the call that starts the job, ms': round(answeredAt - startedAt),
        'decided in all, s': round((doneAt - startedAt) / 1_000),
        'decisions a second, the kill included': round(count / ((doneAt - startedAt) / 1_000)),
        'payouts in the batch': batch.count,
        'batch made, ms': round(paidOutAt - doneAt),
        'batch marked as paid, ms': round(paidAt - paidOutAt),
      };
      return { name: 'decisions', backend, figures, marks: [] };
    } finally {
      await hub.stop();
    }
  } finally {
    await services.stop();
  }
}

async function makeCommissions(services: BenchServices, orders: number): Promise<string> {
  const clock = { now: () => new Date() };
  for (const { eventIds } of await fillInbox(services, orders)) {
    await settleSafely({ db: services.db, clock, log }, { eventIds, resettlementIds: [] });
  }
  await services.db.raw('vacuum analyze');
  const [program] = await runSql<{ id: string }>(services.db, 'select program_id as id from orders limit 1');
  return program?.id ?? '';
}

async function assertOnce({ db }: BenchServices, succeeded: number, count: number): Promise<void> {
  const [row] = await runSql<{ facts: number; orders: number; messages: number }>(
    db,
    `select count(*)::int as facts, count(distinct order_id)::int as orders,
       (select count(*)::int from inbox_events where kind = 'decision') as messages
     from facts where fact->>'type' = 'decision'`,
  );
  const figures = [succeeded, row?.facts, row?.orders, row?.messages];
  if (figures.some((figure) => figure !== count)) throw new Error(`of ${count} decisions: ${figures.join(', ')}`);
}
