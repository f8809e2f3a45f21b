import { loadConfig, type Config, type Environment } from '../../process/config.ts';
import { openEmbeddedServer, type EmbeddedServer } from '../../db/embedded.ts';
import { makeDataDir } from '../../db/embedded-state.ts';
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
 * which is started where none runs. Throws a ConfigError before anything is started.
 */
export async function prepareEnvironment(env: Environment): Promise<PreparedEnvironment> {
  if (env.DATABASE_URL?.trim()) {
    return { env, config: loadConfig(env), embedded: null, secretsFile: null, close: async () => undefined };
  }
  const { dataDir } = readSettings(env);
  const { file, secrets, embedded } = await openDataDir(dataDir, env);
  const complete = { ...env, ...secrets, DATA_DIR: dataDir, DATABASE_URL: embedded.databaseUrl };
  return {
    env: complete,
    config: loadConfig(complete),
    embedded,
    secretsFile: file,
    close: () => embedded.close(),
  };
}

async function openDataDir(dataDir: string, env: Environment) {
  try {
    await makeDataDir(dataDir);
    const { file, secrets } = await keepSecrets(dataDir, env);
    return { file, secrets, embedded: await openEmbeddedServer(dataDir) };
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
