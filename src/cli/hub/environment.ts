import { loadConfig, type Config, type Environment } from '../../process/config.ts';
import { openEmbeddedServer, type EmbeddedServer } from '../../db/embedded.ts';
import { createDatabase } from '../../db/database.ts';
import { makeDataDir } from '../../db/embedded-state.ts';
import { holdsSecrets } from '../../db/sealed-columns.ts';
import { keepSecrets } from './secrets-file.ts';

/** What a command needs of its environment. */
export interface PreparedEnvironment {
  /** The environment for processes that we start; in the embedded default with all that it made. */
  env: Environment;
  config: Config;
  /** Null where DATABASE_URL names a server. */
  embedded: EmbeddedServer | null;
  /** Where the embedded default keeps ADMIN_TOKEN and ENCRYPTION_KEY. */
  secretsFile: string | null;
  /** Stops the embedded server, unless a hub uses it. */
  close: () => Promise<void>;
}

/**
 * Reads the environment; in the embedded default (no DATABASE_URL) brings in the kept secrets and the embedded server,
 * which is started where none runs. Throws a ConfigError before anything is started; and where the ENCRYPTION_KEY of what is
 * sealed in the embedded database is gone, unless `keyIsLost` says that this is known: a new one is made then.
 */
export async function prepareEnvironment(
  env: Environment,
  { keyIsLost = false }: { keyIsLost?: boolean } = {},
): Promise<PreparedEnvironment> {
  if (env.DATABASE_URL?.trim()) {
    return { env, config: loadConfig(env), embedded: null, secretsFile: null, close: async () => undefined };
  }
  const { dataDir } = readSettings(env);
  const { file, secrets, embedded } = await openDataDir(dataDir, env, keyIsLost);
  const complete = { ...env, ...secrets, DATA_DIR: dataDir, DATABASE_URL: embedded.databaseUrl };
  return {
    env: complete,
    config: loadConfig(complete),
    embedded,
    secretsFile: file,
    close: () => embedded.close(),
  };
}

async function openDataDir(dataDir: string, env: Environment, keyIsLost: boolean) {
  try {
    await makeDataDir(dataDir);
    const embedded = await openEmbeddedServer(dataDir);
    try {
      const { file, secrets } = await keepSecrets(dataDir, env, async (missing) => {
        if (!keyIsLost) await refuseNewKey(embedded.databaseUrl, missing);
      });
      return { file, secrets, embedded };
    } catch (error) {
      await embedded.close();
      throw error;
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error;
    throw new Error(
      `${message}\nDATA_DIR (${dataDir}) cannot be used by this user. ` +
        'Start as the user whom it belongs to, set DATA_DIR to a folder of your own, or set DATABASE_URL.',
      { cause: error },
    );
  }
}

async function refuseNewKey(databaseUrl: string, file: string): Promise<void> {
  const db = createDatabase({ url: databaseUrl, role: 'cli', poolSize: 1 });
  try {
    if (!(await holdsSecrets(db))) return;
  } finally {
    await db.destroy();
  }
  throw new Error(
    `${file} is missing or has no ENCRYPTION_KEY, and the database holds secrets that were sealed with it. Put the file back, ` +
      'or set ENCRYPTION_KEY. Where the key is lost for good: tributary secrets forget',
  );
}

// Not used: what is made later takes their places.
const PLACEHOLDER_TOKEN = 'made-later-by-the-first-start';
const PLACEHOLDER_KEY = '0123456789abcdef'.repeat(4);

/** The configuration before anything is started: in the embedded default placeholders stand for what it makes itself. */
export function readSettings(env: Environment): Config {
  if (env.DATABASE_URL?.trim()) return loadConfig(env);
  return loadConfig({
    ...env,
    DATABASE_URL: 'postgres://embedded',
    ADMIN_TOKEN: env.ADMIN_TOKEN?.trim() || PLACEHOLDER_TOKEN,
    ENCRYPTION_KEY: env.ENCRYPTION_KEY?.trim() || PLACEHOLDER_KEY,
  });
}
