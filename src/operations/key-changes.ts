import { inTransaction, type Db } from '../db/db.ts';
import { lockRow } from '../db/lock-row.ts';
import type { Actor } from '../domain/actor.ts';
import { AppError } from '../domain/errors.ts';
import { scopesOf, type KeyScope } from '../domain/key-scopes.ts';
import { isWithin } from '../http/client-address.ts';
import {
  assertMayChange,
  defaultRateLimits,
  forgetKey,
  limitClasses,
  type KeyRateLimits,
  type LimitClass,
  type Principal,
} from '../program/principals.ts';
import {
  createKey,
  findKey,
  revokeKey,
  updateKey,
  type ApiKey,
  type ApiKeyChanges,
  type ApiKeyInput,
} from '../program/api-keys.ts';
import { recordChange } from '../program/audited-changes.ts';

/** Makes a key, as somebody. Throws like `createKey`. */
export function createKeyAs(
  db: Db,
  actor: Actor,
  programId: string,
  input: ApiKeyInput,
  lentLimits: readonly LimitClass[] = [],
): Promise<{ apiKey: ApiKey; plaintext: string }> {
  return inTransaction(db, async (trx) => {
    const made = await createKey(trx, programId, input, lentLimits);
    const { apiKey } = made;
    await recordChange(trx, scopeOf(apiKey), actor, { type: 'api_key', id: apiKey.id }, null, shownOf(apiKey));
    return made;
  });
}

/** Changes a key, as somebody; null where the program has no such key that works. */
export async function updateKeyAs(
  db: Db,
  actor: Actor,
  programId: string,
  keyId: string,
  changes: ApiKeyChanges,
): Promise<ApiKey | null> {
  const changed = await inTransaction(db, async (trx) => {
    await lockRow(trx, 'api_keys', programId, keyId);
    const before = await findKey(trx, programId, keyId);
    const after = before && (await updateKey(trx, programId, keyId, changes));
    if (!after) return null;
    await recordChange(trx, scopeOf(after), actor, { type: 'api_key', id: keyId }, shownOf(before), shownOf(after));
    return after;
  });
  forgetKey(db, keyId);
  return changed;
}

/** Ends a key, as somebody. False where the program has no such key that works. */
export async function revokeKeyAs(db: Db, actor: Actor, programId: string, keyId: string): Promise<boolean> {
  const revoked = await inTransaction(db, async (trx) => {
    const before = await findKey(trx, programId, keyId);
    if (!before || !(await revokeKey(trx, programId, keyId))) return false;
    const object = { type: 'api_key', id: keyId };
    await recordChange(trx, scopeOf(before), actor, object, shownOf(before), null, { action: 'revoked' });
    return true;
  });
  forgetKey(db, keyId);
  return revoked;
}

function scopeOf({ programId, mode }: ApiKey) {
  return { programId, livemode: mode === 'live' };
}

/** The scopes of an access are said by its name. */
function shownOf({ scopes, ...key }: ApiKey): object {
  return key.access === null ? { ...key, scopes } : key;
}

/**
 * Makes a key by another: of its own mode (a live key makes keys of either), with at most its own scopes, limits, time and
 * networks. What is not given is the maker's own, where that is a bound. A limit that the maker does not have itself is
 * lent: a key of the admin with 90 a minute may send 90 where a drop-in surface allows 30, and this one 30.
 * Throws INSUFFICIENT_PERMISSIONS.
 */
export function createKeyBy(
  db: Db,
  actor: Actor,
  maker: Principal,
  input: Omit<ApiKeyInput, 'importedKey'>,
): Promise<{ apiKey: ApiKey; plaintext: string }> {
  if (maker.mode === 'test' && input.mode === 'live') {
    throw new AppError('INSUFFICIENT_PERMISSIONS', 'A test key makes test keys only', {
      details: { mode: 'must be test' },
    });
  }
  assertCovers(maker, new Set(input.access === undefined ? input.scopes : scopesOf(input.access)));
  const bounds = {
    expiresAt: endWithin(maker, input.expiresAt ?? null),
    allowedCidrs: networksWithin(maker, input.allowedCidrs ?? null),
    rateLimits: limitsWithin(maker.rateLimits, input.rateLimits ?? {}),
  };
  return createKeyAs(db, actor, maker.programId, { ...input, ...bounds }, lentBy(maker));
}

/** Changes a key by another, within what that may give a new one. Null where the program has no such key that works. */
export async function updateKeyBy(
  db: Db,
  actor: Actor,
  maker: Principal,
  keyId: string,
  { name, expiresAt, allowedCidrs, rateLimits }: Omit<ApiKeyChanges, 'lentLimits'>,
): Promise<ApiKey | null> {
  const key = await findChangeableKey(db, maker, keyId);
  if (!key) return null;
  return await updateKeyAs(db, actor, maker.programId, keyId, {
    name,
    ...(expiresAt === undefined ? {} : { expiresAt: endWithin(maker, expiresAt) }),
    ...(allowedCidrs === undefined ? {} : { allowedCidrs: networksWithin(maker, allowedCidrs) }),
    ...(rateLimits === undefined
      ? {}
      : { rateLimits: limitsWithin(maker.rateLimits, rateLimits ?? {}) ?? null, lentLimits: lentBy(maker) }),
  });
}

/** Ends a key by another that may do all that it may. False where the program has no such key that works. */
export async function revokeKeyBy(db: Db, actor: Actor, maker: Principal, keyId: string): Promise<boolean> {
  const key = await findChangeableKey(db, maker, keyId);
  return key !== null && (await revokeKeyAs(db, actor, maker.programId, keyId));
}

async function findChangeableKey(db: Db, maker: Principal, keyId: string): Promise<ApiKey | null> {
  const key = await findKey(db, maker.programId, keyId);
  if (!key) return null;
  assertMayChange(maker, { livemode: key.mode === 'live' });
  assertCovers(maker, new Set(key.scopes));
  return key;
}

function assertCovers({ scopes }: Principal, wanted: ReadonlySet<KeyScope>): void {
  const missing = [...wanted].find((scope) => !scopes.has(scope));
  if (missing === undefined) return;
  throw new AppError(
    'INSUFFICIENT_PERMISSIONS',
    `This API key lacks the scope ${missing}, so it cannot give or end it`,
    {
      details: { scopes: 'must be among those of this key' },
    },
  );
}

function endWithin({ expiresAt: most }: Principal, wanted: Date | null): Date | null {
  if (most === null) return wanted;
  if (wanted !== null && wanted > most) {
    const end = most.toISOString();
    throw new AppError('INSUFFICIENT_PERMISSIONS', `expiresAt is later than this key's own end, ${end}`, {
      details: { expiresAt: `must be at most ${end}` },
    });
  }
  return wanted ?? most;
}

function networksWithin({ allowedCidrs: own }: Principal, wanted: readonly string[] | null): readonly string[] | null {
  if (own === null || wanted === null || wanted.length === 0) return wanted?.length ? wanted : own;
  const outside = wanted.find((cidr) => !isWithin(cidr, own));
  if (outside === undefined) return wanted;
  throw new AppError('INSUFFICIENT_PERMISSIONS', `allowedCidrs: ${outside} is not within this key's own networks`, {
    details: { allowedCidrs: `must be within ${own.join(', ')}` },
  });
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

function lentBy(maker: Principal): LimitClass[] {
  return limitClasses.filter(
    (limitClass) => maker.rateLimits[limitClass] === undefined || maker.lentLimits.includes(limitClass),
  );
}
