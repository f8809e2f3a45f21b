import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { compileCacheFolder } from '../../src/process/node-options.ts';
import { findChromium } from './browser.ts';
import { startTestPostgres } from './postgres.ts';
import { startTestRedis } from './redis.ts';

/**
 * `npm test`: real servers of its own, a migrated template database that every file clones, then `node --test` over all
 * test files, or over those named: `npm test -- test/some/file.test.ts --test-name-pattern=refund`.
 */
const TEMPLATE = 'tributary_template';
const root = fileURLToPath(new URL('../..', import.meta.url));
const guard = new URL('leak-guard.ts', import.meta.url).href;

const stops: (() => Promise<void>)[] = [];
let runner: ChildProcess | null = null;
let interrupted = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = true;
    runner?.kill('SIGTERM');
  });
}

try {
  process.exitCode = await runTests(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  for (const stop of stops.reverse()) await stop().catch((error: unknown) => console.error(error));
}

async function runTests(args: string[]): Promise<number> {
  const { files, flags } = selectFiles(args);
  if (files.some((file) => file.startsWith('test/browser/'))) await findChromium();
  const postgres = await startTestPostgres();
  stops.push(postgres.stop);
  const redis = await startTestRedis();
  stops.push(redis.stop);
  await makeTemplate(postgres.adminUrl, postgres.urlOf(TEMPLATE));
  if (interrupted) return 130;
  runner = spawn(
    process.execPath,
    // Two files at once suit two cores; a file that hangs fails instead of holding up the run.
    [
      '--import',
      guard,
      '--test',
      '--test-concurrency=2',
      '--test-timeout=180000',
      '--test-reporter=spec',
      ...flags,
      ...files,
    ],
    {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: compileCacheFolder,
        TEST_DATABASE_ADMIN_URL: postgres.adminUrl,
        TEST_DATABASE_TEMPLATE: TEMPLATE,
        TEST_REDIS_URL: redis.url,
      },
    },
  );
  const [code] = (await once(runner, 'exit')) as [number | null];
  return interrupted ? 130 : (code ?? 1);
}

function selectFiles(args: string[]): { files: string[]; flags: string[] } {
  const flags = args.filter((arg) => arg.startsWith('-'));
  const named = args.filter((arg) => !arg.startsWith('-'));
  const files = globSync(named.length > 0 ? named : 'test/**/*.test.ts', { cwd: root }).toSorted();
  if (files.length === 0) throw new Error(`No test file matches ${named.join(' ')}`);
  return { files, flags };
}

async function makeTemplate(adminUrl: string, templateUrl: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  await client.query(`create database ${TEMPLATE}`);
  await client.end();
  await migrateDatabase({ databaseUrl: templateUrl, queueInDatabase: true });
}
