import { createDatabase } from '../../db/database.ts';
import { migrateDatabase } from '../../db/migrate.ts';
import { refuseUnfit } from '../../db/refuse-unfit.ts';
import { bindSecrets } from '../../db/sealed-columns.ts';
import { createSecretBox } from '../../db/secret-box.ts';
import type { Config } from '../../process/config.ts';
import { usesRedis } from '../../queue/redis-client.ts';

/**
 * Brings the schema of the hub's database up to date, and what is sealed in it; gives the migrations that were applied. Throws
 * where secrets were sealed with another key.
 */
export async function migrateHub(config: Config, onWait?: () => void): Promise<string[]> {
  const applied = await migrateDatabase({
    databaseUrl: config.databaseUrl,
    queueInDatabase: !usesRedis(config),
    ...(onWait ? { onWait } : {}),
  });
  await bindSecretsOf(config);
  return applied;
}

/** Throws where this version, or this ENCRYPTION_KEY, is not that of the database: before anything is written to it. */
export async function refuseUnfitHub({ databaseUrl, encryptionKeys: [key, ...previousKeys] }: Config): Promise<void> {
  const db = createDatabase({ url: databaseUrl, role: 'cli', poolSize: 1 });
  try {
    await refuseUnfit(db, createSecretBox({ key, previousKeys }));
  } finally {
    await db.destroy();
  }
}

async function bindSecretsOf({ databaseUrl, encryptionKeys: [key, ...previousKeys] }: Config): Promise<void> {
  const db = createDatabase({ url: databaseUrl, role: 'cli', poolSize: 1 });
  try {
    await bindSecrets(db, createSecretBox({ key, previousKeys }));
  } finally {
    await db.destroy();
  }
}
