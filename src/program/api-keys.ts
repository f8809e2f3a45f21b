import { hash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Db } from '../db/db.ts';
import { insertList, selectList, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { ExpiringCache, perDatabase } from '../db/expiring-cache.ts';
import { conditionOf } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { findForeignKeyViolation, findUniqueViolation } from '../db/pg-errors.ts';

export type KeyMode = 'live' | 'test';
export type KeyAccess = 'read' | 'write';

/** A key's own limits, each a number of requests a minute; the default counts where one is missing. */
export interface KeyRateLimits {
  reads?: number;
  writes?: number;
  /** Conversions, events and postbacks. */
  conversions?: number;
}

/** Who a key speaks for. */
export interface Principal {
  keyId: string;
  programId: string;
  mode: KeyMode;
  access: KeyAccess;
  rateLimits: KeyRateLimits;
}

export interface ApiKey {
  id: string;
  programId: string;
  name: string;
  mode: KeyMode;
  access: KeyAccess;
  /** The first characters, to tell keys apart. */
  display: string;
  rateLimits: KeyRateLimits | null;
  createdAt: Date;
}

export interface ApiKeyInput {
  name: string;
  mode: KeyMode;
  access: KeyAccess;
  rateLimits?: KeyRateLimits | undefined;
  /** The value of a key made elsewhere, which goes on working here: 8 to 255 printable ASCII characters. */
  importedKey?: string | undefined;
}

/**
 * The principal of a key, or null where it is unknown or revoked. Remembered for less than 5 s, so a key revoked by
 * another process stops working in that time. Throws what the database throws when it is away.
 */
export async function authenticateKey(db: Db, plaintext: string): Promise<Principal | null> {
  if (plaintext.length > MAX_KEY_LENGTH) return null;
  // The time that a look-up by hash takes tells nothing about the secret.
  const keyHash = hashKey(plaintext);
  return cacheOf(db).get(keyHash, async () => {
    const [row] = await runSql<Omit<Principal, 'rateLimits'> & { rateLimits: KeyRateLimits | null }>(
      db,
      'authenticateKey',
      `select id as "keyId", program_id as "programId", mode, access, rate_limits as "rateLimits"
         from api_keys where key_hash = :keyHash and revoked_at is null`,
      { keyHash: Buffer.from(keyHash, 'hex') },
    );
    return row ? { ...row, rateLimits: row.rateLimits ?? {} } : null;
  });
}

/**
 * Makes a key (or takes over the value of one made elsewhere). The plaintext is in this answer and nowhere else: only its
 * SHA-256 is stored. Throws CONFLICT where an imported value is in use, NOT_FOUND for an unknown program.
 */
export async function createKey(
  db: Db,
  programId: string,
  input: ApiKeyInput,
): Promise<{ apiKey: ApiKey; plaintext: string }> {
  const plaintext = input.importedKey ?? generateKey(input.mode);
  if (!/^[\x21-\x7e]{8,255}$/.test(plaintext)) {
    throw new AppError('VALIDATION_ERROR', 'A key has 8 to 255 printable ASCII characters and no spaces');
  }
  const keyHash = hashKey(plaintext);
  try {
    const [apiKey] = await runSql<ApiKey>(db, 'createKey', `insert into api_keys ${inserted} returning ${selected}`, {
      id: newId('key'),
      programId,
      name: input.name,
      mode: input.mode,
      access: input.access,
      keyHash: Buffer.from(keyHash, 'hex'),
      display: displayOf(plaintext),
      rateLimits: input.rateLimits ? JSON.stringify(input.rateLimits) : null,
    });
    cacheOf(db).delete(keyHash);
    return { apiKey: apiKey as ApiKey, plaintext };
  } catch (error) {
    if (findUniqueViolation(error) !== null) {
      throw new AppError('CONFLICT', 'This key is in use already', { cause: error });
    }
    if (findForeignKeyViolation(error) !== null) throw new AppError('NOT_FOUND', 'Program not found', { cause: error });
    throw error;
  }
}

/** Keys that work, newest first. */
export function listKeys(db: Db, programId: string, page: PageRequest): Promise<Page<ApiKey>> {
  const list = { name: 'listKeys', select: `select ${selected} from api_keys`, id: 'id' };
  return selectPage<ApiKey>(db, list, conditionOf('program_id = :programId and revoked_at is null', programId), page);
}

/** Ends a key: in this process at once, in others within 5 s. False where the program has no such key that works. */
export async function revokeKey(db: Db, programId: string, keyId: string): Promise<boolean> {
  const [row] = await runSql<{ keyHash: Buffer }>(
    db,
    'revokeKey',
    `update api_keys set revoked_at = now() where program_id = :programId and id = :keyId and revoked_at is null
     returning key_hash as "keyHash"`,
    { programId, keyId },
  );
  if (!row) return false;
  cacheOf(db).delete(row.keyHash.toString('hex'));
  return true;
}

/**
 * `sk_live_` or `sk_test_`, 30 random base62 characters, and their CRC-32 in base62: a scanner for leaked secrets can tell a
 * key from what merely looks like one. The hub itself does not check it, since imported keys have none.
 */
export function generateKey(mode: KeyMode): string {
  const random = Array.from({ length: RANDOM_LENGTH }, () => base62[randomInt(base62.length)]).join('');
  const body = `sk_${mode}_${random}`;
  return body + checksumOf(body);
}

const MAX_KEY_LENGTH = 255;
const RANDOM_LENGTH = 30;
const CHECKSUM_LENGTH = 6;
const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const columns: Columns<keyof ApiKey> = {
  id: 'id',
  programId: 'program_id',
  name: 'name',
  mode: 'mode',
  access: 'access',
  display: 'display',
  rateLimits: 'rate_limits',
  createdAt: 'created_at',
};
const selected = selectList(columns);
const inserted = insertList<keyof ApiKey | 'keyHash'>({ ...columns, keyHash: 'key_hash' }, ['createdAt']);

function checksumOf(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let position = 0; position < CHECKSUM_LENGTH; position += 1) {
    text = (base62[rest % 62] ?? '') + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

/** `sk_live_` and four more; of an imported key at most a third, since it may be short. */
function displayOf(plaintext: string): string {
  return plaintext.slice(0, Math.min(12, Math.floor(plaintext.length / 3)));
}

function hashKey(plaintext: string): string {
  return hash('sha256', plaintext, 'hex');
}

// Less than the 5 s within which a revoked key stops working everywhere.
const cacheOf = perDatabase(() => new ExpiringCache<Principal>({ ttlMs: 4_000, maxEntries: 10_000 }));
