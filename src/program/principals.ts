import type { Db } from '../db/db.ts';
import { ExpiringCache, perDatabase } from '../db/expiring-cache.ts';
import { runSql } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { scopesOf, type KeyAccess, type KeyScope } from '../domain/key-scopes.ts';
import type { Reach } from '../domain/scope.ts';
import { noteKeyUse } from './key-uses.ts';
import { hashKey } from './key-values.ts';

export type KeyMode = 'live' | 'test';

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

/**
 * The principal of a key, or null where it is unknown, revoked or over. Remembered for less than 5 s, so a key revoked by
 * another process stops working in that time. Throws what the database throws when it is away.
 */
export async function authenticateKey(db: Db, plaintext: string): Promise<Principal | null> {
  if (plaintext.length > MAX_KEY_LENGTH) return null;
  // The time that a look-up by hash takes tells nothing about the secret.
  const keyHash = hashKey(plaintext);
  return await recall(db, keyHash, () => readPrincipal(db, 'key_hash', Buffer.from(keyHash, 'hex')));
}

/**
 * The principal of a key by its id, for whoever showed the key itself before; null where it is revoked or over. Remembered as
 * `authenticateKey` does.
 */
export async function findPrincipalOf(db: Db, keyId: string): Promise<Principal | null> {
  return await recall(db, keyId, () => readPrincipal(db, 'id', keyId));
}

async function recall(db: Db, name: string, read: () => Promise<Principal | null>): Promise<Principal | null> {
  const principal = await cacheOf(db).get(name, read);
  if (principal === null || (principal.expiresAt !== null && principal.expiresAt.getTime() <= Date.now())) return null;
  noteKeyUse(db, principal.keyId);
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

export function scopesOfRow({
  access,
  scopes,
}: {
  access: KeyAccess | null;
  scopes: KeyScope[] | null;
}): ReadonlySet<KeyScope> {
  return access === null ? new Set(scopes) : scopesOf(access);
}

const MAX_KEY_LENGTH = 255;

/** Has this process look a key up again: after the commit of what changed it in a transaction. */
export function forgetKey(db: Db, keyId: string): void {
  cacheOf(db).expireWhere((principal) => principal.keyId === keyId);
}

/** Has this process forget what it remembers by these hashes and ids of keys. */
export function forgetPrincipals(db: Db, ...rememberedBy: readonly string[]): void {
  for (const name of rememberedBy) cacheOf(db).delete(name);
}

// Less than the 5 s within which a revoked key stops working everywhere.
const cacheOf = perDatabase(() => new ExpiringCache<Principal>({ ttlMs: 4_000, maxEntries: 10_000 }));
