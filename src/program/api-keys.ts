import { hash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Db } from '../db/db.ts';
import { insertList, selectList, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import type { Reach } from '../domain/scope.ts';
import { ExpiringCache, perDatabase } from '../db/expiring-cache.ts';
import { conditionOf } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { findForeignKeyViolation, findUniqueViolation } from '../db/pg-errors.ts';

export type KeyMode = 'live' | 'test';
/** ingest: posts conversions, events and postbacks, and reads nothing; for trackers, whose keys stand in URLs. */
export type KeyAccess = 'read' | 'write' | 'ingest';

/** Kinds of requests, each with a limit of its own. `conversions` includes events and postbacks. */
export const limitClasses = ['reads', 'writes', 'conversions'] as const;
export type LimitClass = (typeof limitClasses)[number];

/** A key's own limits, each a number of requests a minute; the default counts where one is missing. */
export type KeyRateLimits = { [C in LimitClass]?: number };

/** Requests a minute for a key that has no limits of its own. */
export const defaultRateLimits: Readonly<Record<LimitClass, number>> = {
  reads: 600,
  writes: 300,
  conversions: 60_000,
};

/** Who a key speaks for. */
export interface Principal {
  keyId: string;
  /** What its program calls the key. */
  keyName: string;
  programId: string;
  mode: KeyMode;
  access: KeyAccess;
  rateLimits: KeyRateLimits;
  /** Kinds whose limit came from a key without one of its own: it lowers what a surface allows, and raises nothing. */
  lentLimits: readonly LimitClass[];
}

/**
 * The configuration that a key sees: a test key test and live, a live key what is live, and one that may write also what
 * test keys made, so that it can take that over.
 */
export function seenBy({ programId, mode, access }: Principal): Reach {
  if (mode === 'test') return { programId, modes: [false, true] };
  return { programId, modes: access === 'write' ? [true, false] : [true] };
}

/** The configuration that a write key may change: a test key what is test. */
export function changeableBy({ programId, mode }: Principal): Reach {
  return { programId, modes: mode === 'test' ? [false] : [true, false] };
}

/** Throws INSUFFICIENT_PERMISSIONS where a key's access is not enough. */
export function assertAccess({ access }: Pick<Principal, 'access'>, needed: KeyAccess): void {
  if (access === 'write' || access === needed) return;
  const may = access === 'read' ? 'only read' : 'only send conversions, events and postbacks';
  throw new AppError('INSUFFICIENT_PERMISSIONS', `This API key may ${may}`);
}

/** Throws INSUFFICIENT_PERMISSIONS where a test key would change what is live, or make it so. */
export function assertMayChange(
  { mode }: Pick<Principal, 'mode'>,
  ...states: ({ livemode?: boolean | undefined } | null)[]
): void {
  if (mode === 'live' || !states.some((state) => state?.livemode === true)) return;
  throw new AppError(
    'INSUFFICIENT_PERMISSIONS',
    'A test key changes no live configuration: use a live key that may write',
  );
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
      `select id as "keyId", name as "keyName", program_id as "programId", mode, access, rate_limits as "rateLimits",
           lent_limits as "lentLimits"
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
  lentLimits: readonly LimitClass[] = [],
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
      lentLimits: [...lentLimits],
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

/**
 * Makes a key by another: of its own mode (a live key makes keys of either), with at most its own access and limits. A limit
 * that is not given is the maker's own, where that is less than the usual one. One that the maker does not have itself is
 * lent: a key of the admin with 90 a minute may send 90 where a drop-in surface allows 30, and this one 30.
 * Throws INSUFFICIENT_PERMISSIONS.
 */
export function createKeyBy(
  db: Db,
  maker: Principal,
  input: Omit<ApiKeyInput, 'importedKey'>,
): Promise<{ apiKey: ApiKey; plaintext: string }> {
  if (maker.mode === 'test' && input.mode === 'live') {
    throw new AppError('INSUFFICIENT_PERMISSIONS', 'A test key makes test keys only', {
      details: { mode: 'must be test' },
    });
  }
  assertAccess(maker, 'write');
  const rateLimits = limitsWithin(maker.rateLimits, input.rateLimits ?? {});
  const lent = limitClasses.filter(
    (limitClass) => maker.rateLimits[limitClass] === undefined || maker.lentLimits.includes(limitClass),
  );
  return createKey(db, maker.programId, { ...input, rateLimits }, lent);
}

function limitsWithin(own: KeyRateLimits, wanted: KeyRateLimits): KeyRateLimits | undefined {
  const limits: KeyRateLimits = {};
  for (const limitClass of limitClasses) {
    const most = own[limitClass] ?? defaultRateLimits[limitClass];
    const limit = wanted[limitClass];
    if (limit !== undefined && limit > most) {
      throw new AppError('INSUFFICIENT_PERMISSIONS', `rateLimits.${limitClass} is more than this key's own ${most}`, {
        details: { [`rateLimits.${limitClass}`]: `must be at most ${most}` },
      });
    }
    if (limit !== undefined || most < defaultRateLimits[limitClass]) limits[limitClass] = limit ?? most;
  }
  return Object.keys(limits).length > 0 ? limits : undefined;
}

/** Keys that work, newest first. */
export function listKeys(db: Db, programId: string, page: PageRequest): Promise<Page<ApiKey>> {
  const list = { name: 'listKeys', select: `select ${selected} from api_keys`, id: 'id' };
  return selectPage<ApiKey>(db, list, conditionOf('program_id = :programId and revoked_at is null', programId), page);
}

/** A key that works; null where the program has none such. */
export async function findKey(db: Db, programId: string, keyId: string): Promise<ApiKey | null> {
  const [row] = await runSql<ApiKey>(
    db,
    'findKey',
    `select ${selected} from api_keys where program_id = :programId and id = :keyId and revoked_at is null`,
    { programId, keyId },
  );
  return row ?? null;
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
const inserted = insertList<keyof ApiKey | 'keyHash' | 'lentLimits'>(
  { ...columns, keyHash: 'key_hash', lentLimits: 'lent_limits' },
  ['createdAt'],
);

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
