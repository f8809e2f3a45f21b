import type { Db } from '../../db/db.ts';
import type { Config, Environment } from '../../process/config.ts';
import { createDatabase } from '../../db/database.ts';
import { listPendingMigrations, refuseNewerSchema } from '../../db/migrate.ts';
import { createSecretBox, type SecretBox } from '../../db/secret-box.ts';
import { prepareEnvironment } from './environment.ts';
import { explainDatabaseError } from './explain-database-error.ts';
import { migrateHub } from './migrate-hub.ts';

/** What a command works with: the hub's database and what opens its secrets. No hub has to run. */
export interface HubAccess {
  config: Config;
  db: Db;
  secrets: SecretBox;
}

/**
 * Opens the hub's database for one command. In the embedded default it is the running hub's own, or one started for the
 * time of the command, and its schema is brought up to date; where DATABASE_URL is set, the release does that.
 */
export async function withHub<T>(
  work: (hub: HubAccess) => Promise<T>,
  environment: Environment = process.env,
  options: { keyIsLost?: boolean } = {},
): Promise<T> {
  const { config, embedded, close } = await prepareEnvironment(environment, options);
  const db = createDatabase({ url: config.databaseUrl, role: 'cli' });
  try {
    await checkSchema(db, config, embedded !== null);
    const [key, ...previousKeys] = config.encryptionKeys;
    return await work({ config, db, secrets: createSecretBox({ key, previousKeys }) });
  } catch (error) {
    throw explainDatabaseError(config.databaseUrl, error);
  } finally {
    await db.destroy();
    await close();
  }
}

/** The database alone, whatever its schema, for commands that make or copy all of it. */
export async function withDatabase<T>(
  work: (access: { config: Config; db: Db; secretsFile: string | null }) => Promise<T>,
): Promise<T> {
  const { config, secretsFile, close } = await prepareEnvironment(process.env);
  const db = createDatabase({ url: config.databaseUrl, role: 'cli' });
  try {
    return await work({ config, db, secretsFile });
  } catch (error) {
    throw explainDatabaseError(config.databaseUrl, error);
  } finally {
    await db.destroy();
    await close();
  }
}

/** Where the hub listens: as said, else by the environment, which is the hub's own. Without a slash at the end. */
export function findHubUrl(said: string | undefined): string {
  const { PUBLIC_URL, PORT } = process.env;
  const url = said?.trim() || PUBLIC_URL?.trim() || `http://localhost:${PORT?.trim() || '3000'}`;
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw new Error(`'${url}' is not the URL of a hub`);
  return url.replace(/\/+$/, '');
}

async function checkSchema(db: Db, config: Config, embedded: boolean): Promise<void> {
  await refuseNewerSchema(db);
  const pending = await listPendingMigrations(db);
  if (pending.length === 0) return;
  if (!embedded) throw new Error('The schema of the database is not up to date. Run `tributary migrate` first.');
  await migrateHub(config);
}
