import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { Environment } from '../../process/config.ts';

export interface KeptSecrets {
  file: string;
  /** The secrets were made by this call. */
  made: boolean;
  secrets: { ADMIN_TOKEN: string; ENCRYPTION_KEY: string };
}

/** The embedded default's file of secrets, in its DATA_DIR. */
export function secretsFileOf(dataDir: string): string {
  return join(dataDir, 'secrets.env');
}

/**
 * The embedded default's own ADMIN_TOKEN and ENCRYPTION_KEY, kept in DATA_DIR/secrets.env (mode 0600) from the first
 * start on. What the environment sets is used instead, and is not written down. `beforeNewKey` is asked before a key is made,
 * and throws where something is sealed already, which a new key would not open.
 */
export async function keepSecrets(
  dataDir: string,
  env: Environment,
  beforeNewKey: (file: string) => Promise<void>,
): Promise<KeptSecrets> {
  const file = secretsFileOf(dataDir);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  const kept = parseEnv(text ?? '');
  if (!kept.ENCRYPTION_KEY && !env.ENCRYPTION_KEY?.trim()) await beforeNewKey(file);
  const secrets = {
    ADMIN_TOKEN: kept.ADMIN_TOKEN || makeAdminToken(),
    ENCRYPTION_KEY: kept.ENCRYPTION_KEY || randomBytes(32).toString('base64'),
  };
  const made = kept.ADMIN_TOKEN !== secrets.ADMIN_TOKEN || kept.ENCRYPTION_KEY !== secrets.ENCRYPTION_KEY;
  if (made) await writeSecretsFile(file, describe(secrets));
  return {
    file,
    made,
    secrets: {
      ADMIN_TOKEN: env.ADMIN_TOKEN?.trim() || secrets.ADMIN_TOKEN,
      ENCRYPTION_KEY: env.ENCRYPTION_KEY?.trim() || secrets.ENCRYPTION_KEY,
    },
  };
}

/** Puts a new admin token in the file. Throws where no hub has started there yet, which makes it. */
export async function replaceAdminToken(dataDir: string): Promise<{ file: string; token: string }> {
  const file = secretsFileOf(dataDir);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new Error(`There is no ${file}: no hub has started with this DATA_DIR yet. Its first start makes the token`);
  });
  const token = makeAdminToken();
  const line = `ADMIN_TOKEN=${token}`;
  // Whatever else stands there stays as it is.
  const replaced = /^ADMIN_TOKEN=.*$/m.test(text) ? text.replace(/^ADMIN_TOKEN=.*$/m, () => line) : `${text}${line}\n`;
  await writeSecretsFile(file, replaced);
  return { file, token };
}

function makeAdminToken(): string {
  return randomBytes(24).toString('base64url');
}

function describe(secrets: KeptSecrets['secrets']): string {
  return (
    '# Made by the first `npm start`. ENCRYPTION_KEY opens the secrets in the database: without it they are lost.\n' +
    `ADMIN_TOKEN=${secrets.ADMIN_TOKEN}\nENCRYPTION_KEY=${secrets.ENCRYPTION_KEY}\n`
  );
}

/** Written whole or not at all, for its owner alone. */
export async function writeSecretsFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
