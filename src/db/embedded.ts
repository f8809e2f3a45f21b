import { readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import {
  loadState,
  makeDataDir,
  makePassword,
  saveState,
  stateFileOf,
  withStartLock,
  type EmbeddedState,
} from './embedded-state.ts';
import { ensureHubRole, HUB_ROLE } from './hub-role.ts';
import { findBinaries, findServerUser, type PostgresBinaries, type ServerUser } from './postgres-binaries.ts';
import {
  dataBytesOf,
  ensureDatabase,
  findFreePort,
  initializeDataFolder,
  inspectDataFolder,
  isAlive,
  PostgresStartError,
  serverUrl,
  servesFolder,
  embeddedSettings,
  startPostgres,
  stopPostgres,
} from './postgres-server.ts';

const DATABASE = 'tributary';
const ADOPT_TIMEOUT_MS = 90_000;
const LEFTOVERS_TIMEOUT_MS = 30_000;
const MAX_PORT_TRIES = 5;
const LOG_KEEP_BYTES = 10 * 1024 * 1024;

export interface EmbeddedServer {
  /** By the hub's own role, which is no superuser. */
  databaseUrl: string;
  /** `adopted`: it ran already, because another process uses it or its starter was killed. */
  how: 'started' | 'adopted';
  /** The data folder; it is outside of DATA_DIR where PostgreSQL's user cannot reach that. */
  folder: string;
  /** Resolves when the server is gone without us having closed it. */
  lost: Promise<void>;
  /** Stops the server, unless another process uses it. Throws where it still stops after `withinMs`. */
  close: (withinMs?: number) => Promise<void>;
}

/** Something people have to put right; the message says what and where. */
class EmbeddedServerError extends Error {}

/**
 * The PostgreSQL of the embedded default: makes its data folder when there is none, adopts the server that runs on it,
 * else starts one on a free port. Safe to call from several processes at once.
 */
export async function openEmbeddedServer(dataDir: string): Promise<EmbeddedServer> {
  await makeDataDir(dataDir);
  return withStartLock(dataDir, async () => {
    const user = findServerUser();
    const state = await loadState(dataDir, user);
    const binaries = await findBinaries(await ownerOf(state.folder, user));
    await prepareFolder(dataDir, state, binaries, user);
    const adopted = await adoptRunning(state);
    const running = adopted ?? (await startOnFreePort(dataDir, state, binaries, user));
    const hubPassword = state.hubPassword ?? makePassword();
    if (state.port !== running.port || state.hubPassword === undefined) {
      await saveState(dataDir, { ...state, port: running.port, hubPassword });
    }
    await ensureDatabase(running.port, state.password, DATABASE);
    await ensureHubRole(running.port, state.password, DATABASE, hubPassword);
    const databaseUrl = serverUrl(running.port, hubPassword, DATABASE, HUB_ROLE);
    const presence = await holdPresence(databaseUrl);
    return {
      databaseUrl,
      how: adopted ? 'adopted' : 'started',
      folder: state.folder,
      lost: presence.lost,
      async close(withinMs) {
        if (await presence.endAndTellIfAlone()) await stopPostgres(running.pid, withinMs);
      },
    };
  });
}

/** Makes the data folder the first time. Later it refuses a folder that is not one of ours: nothing may be overwritten. */
async function prepareFolder(
  dataDir: string,
  state: EmbeddedState,
  binaries: PostgresBinaries,
  user: ServerUser,
): Promise<void> {
  const { folder, password } = state;
  const found = await inspectDataFolder(folder);
  if (found === 'missing') {
    if (state.initialized) {
      throw new EmbeddedServerError(
        `The database of ${dataDir} was kept in ${folder}, which is gone.\n` +
          `Put it back, or delete ${stateFileOf(dataDir)} to start with an empty database.`,
      );
    }
    // Saved before the folder is made with it: a kill in between must not lose the password.
    await saveState(dataDir, state);
    await initializeDataFolder({ binaries, user, folder, password });
    state.initialized = true;
    await saveState(dataDir, state);
    return;
  }
  if (found === 'damaged')
    throw brokenFolder(dataDir, folder, 'It is no PostgreSQL data folder (no PG_VERSION in it).');
  if (!(await stat(stateFileOf(dataDir)).catch(() => null))) {
    throw brokenFolder(dataDir, folder, `${stateFileOf(dataDir)}, which holds its password, is missing.`);
  }
  if (found.version !== binaries.major) {
    const versions = `It was made by PostgreSQL ${found.version}; the one installed here is ${binaries.major}.`;
    throw brokenFolder(dataDir, folder, versions);
  }
  if (!state.initialized) {
    state.initialized = true;
    await saveState(dataDir, state);
  }
}

function brokenFolder(dataDir: string, folder: string, why: string): EmbeddedServerError {
  return new EmbeddedServerError(
    `The database in ${folder} cannot be used.\n${why}\n` +
      'Nothing was changed. Restore that folder from a backup, set DATA_DIR to another folder, or start with an empty ' +
      `database:\n  mv ${quote(folder)} ${quote(`${folder}.broken`)} && rm -f ${quote(stateFileOf(dataDir))}`,
  );
}

/** The server that runs on the data folder already, once it takes connections; null where none does. */
async function adoptRunning({ folder, password }: EmbeddedState): Promise<{ pid: number; port: number } | null> {
  const deadline = Date.now() + ADOPT_TIMEOUT_MS;
  let pid: number;
  do {
    const noted = await readPidFile(folder);
    if (!noted) return null;
    pid = noted.pid;
    if (noted.folder !== folder || !(await isServerOf(pid, folder))) {
      // Left behind by a crash, or copied along with the folder of a server that runs. PostgreSQL would take whichever process has this id now for a server on the folder.
      await rm(join(folder, 'postmaster.pid'), { force: true });
      return null;
    }
    // The port is written to the file a moment after the process id.
    if (noted.port !== null && (await answers(noted.port, password, folder))) return { pid, port: noted.port };
    await wait(100);
  } while (Date.now() < deadline);
  throw new EmbeddedServerError(
    `The database server of ${folder} (process ${pid}) runs but does not answer. End it and start again.`,
  );
}

async function readPidFile(folder: string): Promise<{ pid: number; folder: string; port: number | null } | null> {
  const text = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '');
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  return Number.isInteger(pid) && pid > 0 ? { pid, folder: lines[1] ?? '', port: port > 0 ? port : null } : null;
}

async function isServerOf(pid: number, folder: string): Promise<boolean> {
  if (!(await isAlive(pid))) return false;
  // Without /proc the process id has to do.
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null);
  return command === null || command === '' || command.split('\0').includes(folder);
}

function answers(port: number, password: string, folder: string): Promise<boolean> {
  return servesFolder(port, password, folder, (error) => {
    if ((error as { code?: string }).code !== '28P01') return;
    throw new EmbeddedServerError(`The database server of ${folder} does not take the password we kept for it.`, {
      cause: error,
    });
  });
}

async function startOnFreePort(
  dataDir: string,
  state: EmbeddedState,
  binaries: PostgresBinaries,
  user: ServerUser,
): Promise<{ pid: number; port: number }> {
  const { folder, password } = state;
  const owner = await ownerOf(folder, user);
  const logFile = join(dataDir, 'postgres.log');
  await rotateLog(logFile);
  const deadline = Date.now() + LEFTOVERS_TIMEOUT_MS;
  for (let attempt = 1; ; attempt += 1) {
    const port = attempt === 1 && state.port !== null ? state.port : await findFreePort();
    try {
      return await startPostgres({
        binaries,
        user: owner,
        folder,
        password,
        port,
        logFile,
        settings: embeddedSettings(await dataBytesOf(folder)),
      });
    } catch (error) {
      if (!(error instanceof PostgresStartError)) throw error;
      // Another program has the port of last time, or took the free one meanwhile: it may keep it.
      if (attempt < MAX_PORT_TRIES && /could not (bind|create any TCP)|Address already in use/i.test(error.message))
        continue;
      // Sessions of a server that was killed take a moment to end.
      if (/pre-existing shared memory block/.test(error.message) && Date.now() < deadline) {
        await wait(200);
        continue;
      }
      throw brokenFolder(dataDir, folder, `PostgreSQL said (${logFile}):\n${error.message}`);
    }
  }
}

/** The server runs as the owner of its data folder, also when root starts what an ordinary user made. */
async function ownerOf(folder: string, user: ServerUser): Promise<ServerUser> {
  const found = await stat(folder).catch(() => null);
  if (!found) return user;
  const ours = process.getuid?.();
  if (ours === undefined || found.uid === ours) return user;
  if (ours === 0) return { uid: found.uid, gid: found.gid };
  throw new EmbeddedServerError(
    `The database in ${folder} belongs to another user (uid ${found.uid}). Start as that user, or set DATA_DIR.`,
  );
}

async function rotateLog(logFile: string): Promise<void> {
  const found = await stat(logFile).catch(() => null);
  if (found && found.size > LOG_KEEP_BYTES) await rename(logFile, `${logFile}.1`);
}

/** A connection held while we use the server: it shows other processes that the server is in use, and us when it is gone. */
async function holdPresence(databaseUrl: string) {
  const client = new Client({ connectionString: databaseUrl, application_name: 'tributary-presence', keepAlive: true });
  let closing = false;
  const lost = new Promise<void>((resolve) => {
    const tell = () => {
      if (!closing) resolve();
    };
    client.on('error', tell);
    client.on('end', tell);
  });
  await client.connect();
  return {
    lost,
    async endAndTellIfAlone(): Promise<boolean> {
      closing = true;
      try {
        const { rows } = await client.query<{ others: string }>(
          `select count(*) as others from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
        );
        return Number(rows[0]?.others) === 0;
      } catch {
        return false;
      } finally {
        await client.end().catch(() => undefined);
      }
    },
  };
}

function quote(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
