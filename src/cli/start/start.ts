import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Command } from 'commander';
import type { Config } from '../../process/config.ts';
import { createDatabase } from '../../db/database.ts';
import { openEmbeddedServer } from '../../db/embedded.ts';
import { createSecretBox } from '../../db/secret-box.ts';
import { listen } from '../../process/listen.ts';
import { releaseMemoryOfLoading } from '../../process/release-memory.ts';
import { prepareEnvironment, readSettings, type PreparedEnvironment } from '../hub/environment.ts';
import { explainDatabaseError } from '../hub/explain-database-error.ts';
import { migrateHub, refuseUnfitHub } from '../hub/migrate-hub.ts';
import { makeConsoleLink } from '../commands/console.ts';
import { createFirstProgram } from './first-program.ts';
import { describeFirstCalls, describeFirstSteps } from './first-steps.ts';
import { supervise, type SupervisedProcess } from './supervise.ts';
import { print } from '../terminal.ts';

/** `tributary start`: the whole hub in one command. */
export function startCommand(): Command {
  return new Command('start')
    .description('run the whole hub: database where none is set, migrations, web and worker')
    .action(runHub);
}

/** So long the web process may take before the worker is told to stop, too. */
const WORKER_OUTLIVES_WEB_MS = 700;

/** The embedded server ends by itself where it takes longer; the next start waits for that. */
const SERVER_STOPS_WITHIN_MS = 2_000;

async function runHub(): Promise<void> {
  const stopAsked = watchForStop();
  await waitForPort(readSettings(process.env));
  const prepared = await prepareEnvironment(process.env);
  const { config, embedded } = prepared;
  try {
    if (embedded)
      say(`PostgreSQL ${embedded.how === 'adopted' ? 'runs already' : 'started'} (data in ${embedded.folder})`);
    await refuseUnfitHub(config);
    const applied = await migrateHub(config, () => say('Another process migrates the database; waiting for it'));
    if (applied.length > 0) say(`Migrated: ${applied.join(', ')}`);
    const firstSteps = await prepareFirstProgram(prepared);
    await runProcesses(prepared, firstSteps, stopAsked);
  } catch (error) {
    throw explainDatabaseError(config.databaseUrl, error);
  } finally {
    await prepared.close();
  }
}

async function runProcesses(
  prepared: PreparedEnvironment,
  firstSteps: string | null,
  stopAsked: Promise<void>,
): Promise<void> {
  const { env, config } = prepared;
  const worker = supervise({ name: 'worker', script: 'workers/main.ts', env, say });
  const web = supervise({ name: 'web', script: 'src/server.ts', env, say });
  try {
    if (prepared.embedded) void keepEmbedded(prepared, [worker, web], stopAsked);
    const works = Promise.all([web.ready, worker.ready]).then(() => true);
    if (await Promise.race([works, stopAsked.then(() => false)])) {
      const consoleLink = await makeConsoleUrl(config);
      say(`\nTributary listens on ${config.publicUrl}\n${describeStart(prepared, firstSteps, consoleLink)}`);
      releaseMemoryOfLoading();
    }
    await stopAsked;
    say('Stopping');
  } finally {
    for (const each of [web, worker]) each.expectEnd();
    // Callers that wait for an outcome still get it while the worker runs.
    const webStopped = web.stop();
    await Promise.race([webStopped, wait(WORKER_OUTLIVES_WEB_MS, undefined, { ref: false })]);
    await Promise.all([webStopped, worker.stop()]);
  }
}

/**
 * The first start's test key and the calls by it; null when the hub has a program already. In the embedded default all keys and
 * calls are kept in a file; elsewhere people make live keys by themselves.
 */
async function prepareFirstProgram({ config, embedded }: PreparedEnvironment): Promise<string | null> {
  const db = createDatabase({ url: config.databaseUrl, role: 'cli' });
  const [key, ...previousKeys] = config.encryptionKeys;
  try {
    const first = await createFirstProgram(db, createSecretBox({ key, previousKeys }), { liveKey: embedded !== null });
    if (!first) return null;
    const file = embedded ? firstStepsFileOf(config) : null;
    if (file) await writeFile(file, describeFirstSteps(first, config, new Date()), { mode: 0o600 });
    return describeFirstCalls(first, config, file);
  } finally {
    await db.destroy();
  }
}

function firstStepsFileOf({ dataDir }: Config): string {
  return join(dataDir, 'first-steps.sh');
}

/** Signs in whoever opens it first. */
async function makeConsoleUrl(config: Config): Promise<string> {
  const db = createDatabase({ url: config.databaseUrl, role: 'cli' });
  try {
    const { url } = await makeConsoleLink({ db, config });
    return url;
  } finally {
    await db.destroy();
  }
}

/** Secrets are shown once; later only the file that has them. */
function describeStart(
  { config, secretsFile }: PreparedEnvironment,
  firstSteps: string | null,
  consoleLink: string,
): string {
  const kept = secretsFile && existsSync(firstStepsFileOf(config)) ? firstStepsFileOf(config) : null;
  return [
    `  console       ${consoleLink}`,
    `                (signs in once, within 15 minutes; another one: npx tributary console)`,
    `  API           ${config.publicUrl}/docs`,
    secretsFile && !process.env.ADMIN_TOKEN?.trim()
      ? `  admin token   in ${secretsFile}`
      : '  admin token   ADMIN_TOKEN of the environment',
    ...(kept ? [`  first steps   in ${kept}  (keys, and a call to each source: sh ${kept})`] : []),
    ...(firstSteps ? ['', firstSteps] : []),
  ].join('\n');
}

/** Starts the embedded server again when it is gone: killed by the system, or by hand. */
async function keepEmbedded(
  prepared: PreparedEnvironment,
  processes: SupervisedProcess[],
  stopAsked: Promise<void>,
): Promise<void> {
  let { embedded, env } = prepared;
  let closing = false;
  void stopAsked.then(() => (closing = true));
  prepared.close = async () => {
    closing = true;
    await embedded?.close(SERVER_STOPS_WITHIN_MS).catch(() => {
      say('PostgreSQL still writes what it has in memory, and ends by itself when that is done');
    });
  };
  while (embedded) {
    await embedded.lost;
    if (closing) return;
    say('PostgreSQL is gone; starting it again');
    const { databaseUrl } = embedded;
    for (embedded = null; !embedded;) {
      if (closing) return;
      embedded = await openEmbeddedServer(prepared.config.dataDir).catch(async (error: Error) => {
        say(error.message);
        await wait(5_000);
        return null;
      });
    }
    if (embedded.databaseUrl === databaseUrl) continue;
    // Its port was taken meanwhile.
    env = { ...env, DATABASE_URL: embedded.databaseUrl };
    for (const each of processes) if (!closing) await each.restart(env);
  }
}

/** Resolves at the first signal to stop; more may follow, since npm and the terminal may both pass a Ctrl-C on. */
function watchForStop(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
    // npm ends at a SIGTERM without passing it on, as in `npm start & kill %1`: its end is our signal.
    if (process.env.npm_lifecycle_event === undefined) return;
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent) resolve();
    }, 250).unref();
  });
}

/** Fails at once with what to do where another program has our port. A hub that was killed leaves it within seconds. */
async function waitForPort(config: Config): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const server = createServer();
    try {
      await listen(server, config.port, config.host);
      server.close();
      return;
    } catch (error) {
      if (attempt === 10) throw error;
      await wait(200);
    }
  }
}

function say(line: string): void {
  print(line);
}
