import { hash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Db } from '../db/db.ts';
import { insertList, selectList, updateList, type ChangesOf, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { accessOf, scopesOf, type KeyAccess, type KeyScope } from '../domain/key-scopes.ts';
import type { Reach } from '../domain/scope.ts';
import { ExpiringCache, perDatabase } from '../db/expiring-cache.ts';
import { conditionOf } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { noteKeyUse } from './key-uses.ts';
import { findForeignKeyViolation, findUniqueViolation } from '../db/pg-errors.ts';

export type KeyMode = 'live' | 'test';
export type { KeyAccess } from '../domain/key-scopes.ts';

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
  /** Null: it has scopes that no access names. */
  access: KeyAccess | null;
  scopes: ReadonlySet<KeyScope>;
  /** It works until then; null: it has no end. */
  expiresAt: Date | null;
  /** The networks that it may be used from, as CIDRs or addresses; null: all. */
  allowedCidrs: readonly string[] | null;
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

/**
 * Throws INSUFFICIENT_PERMISSIONS where a key may not do what a scope stands for. Null: what no scope names, which needs the
 * access that is said.
 */
export function assertScope(
  { access, scopes }: Pick<Principal, 'access' | 'scopes'>,
  scope: KeyScope | null,
  needed: KeyAccess,
): void {
  if (scope === null ? access === 'write' || access === needed : scopes.has(scope)) return;
  throw new AppError('INSUFFICIENT_PERMISSIONS', `This API key ${describeLack(access, scope)}`);
}

function describeLack(access: KeyAccess | null, scope: KeyScope | null): string {
  if (access === null) return scope === null ? 'has scopes that do not let it in here' : `lacks the scope ${scope}`;
  return `may ${access === 'read' ? 'only read' : 'only send conversions, events and postbacks'}`;
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
  /** Null: `scopes` are its own. */
  access: KeyAccess | null;
  scopes: KeyScope[];
  /** The first characters, to tell keys apart. */
  display: string;
  rateLimits: KeyRateLimits | null;
  expiresAt: Date | null;
  allowedCidrs: string[] | null;
  /** To the minute, and up to a minute late; null: never. */
  lastUsedAt: Date | null;
  createdAt: Date;
}

export interface ApiKeyInput {
  name: string;
  mode: KeyMode;
  /** This, or scopes. */
  access?: KeyAccess | undefined;
  scopes?: readonly KeyScope[] | undefined;
  expiresAt?: Date | null | undefined;
  allowedCidrs?: readonly string[] | null | undefined;
  rateLimits?: KeyRateLimits | undefined;
  /** The value of a key made elsewhere, which goes on working here: 8 to 255 printable ASCII characters. */
  importedKey?: string | undefined;
}

/** What may be changed of a key: never what it may do. */
export type ApiKeyChanges = ChangesOf<
  Pick<ApiKeyInput, 'name' | 'expiresAt' | 'allowedCidrs'> & { rateLimits: KeyRateLimits | null }
> & { lentLimits?: readonly LimitClass[] | undefined };

/**
 * The principal of a key, or null where it is unknown, revoked or over. Remembered for less than 5 s, so a key revoked by
 * another process stops working in that time. Throws what the database throws when it is away.
 */
export async function authenticateKey(db: Db, plaintext: string): Promise<Principal | null> {
  if (plaintext.length > MAX_KEY_LENGTH) return null;
  // The time that a look-up by hash takes tells nothing about the secret.
  const keyHash = hashKey(plaintext);
  const principal = await cacheOf(db).get(keyHash, () => readPrincipal(db, 'key_hash', Buffer.from(keyHash, 'hex')));
  if (principal === null || (principal.expiresAt !== null && principal.expiresAt.getTime() <= Date.now())) return null;
  noteKeyUse(db, principal.keyId);
  return principal;
}

/**
 * The principal of a key by its id, for whoever showed the key itself before; null where it is revoked or over. Remembered as
 * `authenticateKey` does.
 */
export async function findPrincipalOf(db: Db, keyId: string): Promise<Principal | null> {
  const principal = await cacheOf(db).get(keyId, () => readPrincipal(db, 'id', keyId));
  if (principal === null || (principal.expiresAt !== null && principal.expiresAt.getTime() <= Date.now())) return null;
  noteKeyUse(db, keyId);
  return principal;
}

type PrincipalRow = Omit<Principal, 'rateLimits' | 'scopes'> & {
  rateLimits: KeyRateLimits | null;
  scopes: KeyScope[] | null;
};

async function readPrincipal(db: Db, by: 'id' | 'key_hash', value: string | Buffer): Promise<Principal | null> {
  const [row] = await runSql<PrincipalRow>(
    db,
    by === 'id' ? 'findPrincipalOf' : 'authenticateKey',
    `select id as "keyId", name as "keyName", program_id as "programId", mode, access, scopes, rate_limits as "rateLimits",
       lent_limits as "lentLimits", expires_at as "expiresAt", allowed_cidrs as "allowedCidrs"
     from api_keys where ${by} = :value and revoked_at is null`,
    { value },
  );
  if (!row) return null;
  return { ...row, rateLimits: row.rateLimits ?? {}, scopes: scopesOfRow(row) };
}

function scopesOfRow({
  access,
  scopes,
}: {
  access: KeyAccess | null;
  scopes: KeyScope[] | null;
}): ReadonlySet<KeyScope> {
  return access === null ? new Set(scopes) : scopesOf(access);
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
  const wanted = new Set(input.scopes);
  const access = input.access ?? accessOf(wanted);
  try {
    const [row] = await runSql<KeyRow>(db, 'createKey', `insert into api_keys ${inserted} returning ${selected}`, {
      id: newId('key'),
      programId,
      name: input.name,
      mode: input.mode,
      access,
      scopes: access === null ? [...wanted].sort() : null,
      keyHash: Buffer.from(keyHash, 'hex'),
      display: displayOf(plaintext),
      rateLimits: input.rateLimits ? JSON.stringify(input.rateLimits) : null,
      lentLimits: [...lentLimits],
      expiresAt: input.expiresAt ?? null,
      allowedCidrs: listOrNull(input.allowedCidrs),
    });
    cacheOf(db).delete(keyHash);
    return { apiKey: toApiKey(row as KeyRow), plaintext };
  } catch (error) {
    if (findUniqueViolation(error) !== null) {
      throw new AppError('CONFLICT', 'This key is in use already', { cause: error });
    }
    if (findForeignKeyViolation(error) !== null) throw new AppError('NOT_FOUND', 'Program not found', { cause: error });
    throw error;
  }
}

/** Keys that are not revoked, newest first; those that are over, too. */
export async function listKeys(db: Db, programId: string, page: PageRequest): Promise<Page<ApiKey>> {
  const list = { name: 'listKeys', select: `select ${selected} from api_keys`, id: 'id' };
  const conditions = conditionOf('program_id = :programId and revoked_at is null', programId);
  const { items, ...rest } = await selectPage<KeyRow>(db, list, conditions, page);
  return { ...rest, items: items.map(toApiKey) };
}

/** A key that is not revoked; null where the program has none such. */
export async function findKey(db: Db, programId: string, keyId: string): Promise<ApiKey | null> {
  const [row] = await runSql<KeyRow>(
    db,
    'findKey',
    `select ${selected} from api_keys where program_id = :programId and id = :keyId and revoked_at is null`,
    { programId, keyId },
  );
  return row ? toApiKey(row) : null;
}

/** Changes what is given, in this process at once, in others within 5 s. Null where the program has no such key. */
export async function updateKey(
  db: Db,
  programId: string,
  keyId: string,
  { name, expiresAt, allowedCidrs, rateLimits, lentLimits }: ApiKeyChanges,
): Promise<ApiKey | null> {
  const update = updateList(columnsToChange, {
    name,
    expiresAt,
    allowedCidrs: allowedCidrs === undefined ? undefined : listOrNull(allowedCidrs),
    rateLimits: rateLimits && JSON.stringify(rateLimits),
    lentLimits: lentLimits && [...lentLimits],
  });
  const [row] = await runSql<KeyRow & { keyHash: Buffer }>(
    db,
    'updateKey',
    `update api_keys set ${update.sql}
     where program_id = :programId and id = :keyId and revoked_at is null returning ${selected}, key_hash as "keyHash"`,
    { ...update.bindings, programId, keyId },
  );
  if (!row) return null;
  const { keyHash, ...changed } = row;
  cacheOf(db).delete(keyHash.toString('hex'));
  cacheOf(db).delete(keyId);
  return toApiKey(changed);
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
  cacheOf(db).delete(keyId);
  return true;
}

/** Has this process look a key up again: after the commit of what changed it in a transaction. */
export function forgetKey(db: Db, keyId: string): void {
  cacheOf(db).expireWhere((principal) => principal.keyId === keyId);
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

type KeyRow = Omit<ApiKey, 'scopes'> & { scopes: KeyScope[] | null };

const columns: Columns<keyof ApiKey> = {
  id: 'id',
  programId: 'program_id',
  name: 'name',
  mode: 'mode',
  access: 'access',
  scopes: 'scopes',
  display: 'display',
  rateLimits: 'rate_limits',
  expiresAt: 'expires_at',
  allowedCidrs: 'allowed_cidrs',
  lastUsedAt: 'last_used_at',
  createdAt: 'created_at',
};
const selected = selectList(columns);
const columnsToChange = { ...columns, lentLimits: 'lent_limits' };
const inserted = insertList<keyof ApiKey | 'keyHash' | 'lentLimits'>({ ...columnsToChange, keyHash: 'key_hash' }, [
  'createdAt',
  'lastUsedAt',
]);

function toApiKey(row: KeyRow): ApiKey {
  return { ...row, scopes: [...scopesOfRow(row)].sort() };
}

/** An empty list of networks would let in nobody: it says that there is no bound. */
function listOrNull(cidrs: readonly string[] | null | undefined): string[] | null {
  return cidrs && cidrs.length > 0 ? [...cidrs] : null;
}

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
