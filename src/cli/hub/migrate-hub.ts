import { migrateDatabase } from '../../db/migrate.ts';
import type { Config } from '../../process/config.ts';

/** Brings the schema of the hub's database up to date; gives the migrations that were applied. */
export function migrateHub(config: Config, onWait?: () => void): Promise<string[]> {
  return migrateDatabase({
    databaseUrl: config.databaseUrl,
    queueInDatabase: !config.redisUrl && !config.redisClusterNodes,
    ...(onWait ? { onWait } : {}),
  });
}
