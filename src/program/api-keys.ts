import type { Db } from '../db/db.ts';
import { insertList, selectList, updateList, type ChangesOf, type Columns } from '../db/columns.ts';
import { conditionOf } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { findForeignKeyViolation, findUniqueViolation } from '../db/pg-errors.ts';
import { runSql } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { accessOf, type KeyAccess, type KeyScope } from '../domain/key-scopes.ts';
import { displayOf, generateKey, hashKey } from './key-values.ts';
import { forgetPrincipals, scopesOfRow, type KeyMode, type KeyRateLimits, type LimitClass } from './principals.ts';

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
    forgetPrincipals(db, keyHash);
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
  forgetPrincipals(db, keyHash.toString('hex'), keyId);
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
  forgetPrincipals(db, row.keyHash.toString('hex'), keyId);
  return true;
}

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
