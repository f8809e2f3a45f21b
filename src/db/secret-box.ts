import { createHash } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';

/** Encrypts what is stored and must be read again: signing secrets, headers of endpoints, kept answers. */
export interface SecretBox {
  seal(text: string, place: SealedPlace): Promise<string>;
  /** Throws where the text was not sealed by one of our keys for exactly this place, or was changed. */
  open(sealed: string, place: SealedPlace): Promise<string>;
  /** Seals it with the current key for this place; also what was sealed before values were bound to places. */
  reseal(sealed: string, place: SealedPlace): Promise<string>;
}

/**
 * Where a sealed value stands: a row, or the cookie of the console. It opens there alone: whoever can write to the database, but has no key, could otherwise copy
 * one program's secret into a row of another, or to where the hub shows what it opens.
 */
export interface SealedPlace {
  table: 'sources' | 'webhook_endpoints' | 'idempotency_keys' | 'console_session';
  column: string;
  /** The values of the row's primary key. */
  row: readonly (string | boolean)[];
}

/** A value was sealed with a key that is not among ours. */
export class OtherKeyError extends Error {
  constructor(keyId: string | undefined) {
    super(
      `A stored secret was sealed with another key (${keyId ?? 'unnamed'}). ` +
        'Put the former key into ENCRYPTION_KEY_PREVIOUS.',
    );
  }
}

export interface SecretBoxKeys {
  /** 32 bytes: seals, and opens what it sealed. */
  key: Uint8Array;
  /** Keys from before a rotation: they only open. */
  previousKeys?: readonly Uint8Array[];
}

/** How every value begins that is bound to its place: `{"aad"`. One that is not begins with `{"alg"`. */
export const BOUND_PREFIX = Buffer.from('{"aad"').toString('base64url');

/**
 * Seals as compact JWE (`dir`, `A256GCM`), whose header is authenticated with the text: in it the place, as a digest, and
 * the key's id, by which keys can be rotated.
 */
export function createSecretBox({ key, previousKeys = [] }: SecretBoxKeys): SecretBox {
  const keyId = deriveKeyId(key);
  const keys = new Map([...previousKeys, key].map((each) => [deriveKeyId(each), each]));

  function seal(text: string, place: SealedPlace): Promise<string> {
    return new CompactEncrypt(new TextEncoder().encode(text))
      .setProtectedHeader({ aad: digestOf(place), alg: 'dir', enc: 'A256GCM', kid: keyId })
      .encrypt(key);
  }

  async function open(sealed: string, place: SealedPlace, options: { unbound: boolean }): Promise<string> {
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, ({ kid }) => findKey(keys, kid), {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    const bound = protectedHeader['aad'];
    if (bound === undefined && !options.unbound) {
      throw new Error('A stored secret is not bound to its row yet. Run: tributary migrate');
    }
    if (bound !== undefined && bound !== digestOf(place)) {
      throw new Error(`A stored secret was moved: it was not sealed for ${place.table}.${place.column} of this row`);
    }
    return new TextDecoder().decode(plaintext);
  }

  return {
    seal,
    open: (sealed, place) => open(sealed, place, { unbound: false }),
    reseal: async (sealed, place) => seal(await open(sealed, place, { unbound: true }), place),
  };
}

function digestOf({ table, column, row }: SealedPlace): string {
  return createHash('sha256')
    .update(JSON.stringify([table, column, ...row]))
    .digest('base64url')
    .slice(0, 22);
}

function findKey(keys: ReadonlyMap<string, Uint8Array>, keyId: string | undefined): Uint8Array {
  const key = keys.get(keyId ?? '');
  if (!key) throw new OtherKeyError(keyId);
  return key;
}

/** A name for a key that gives nothing of it away. */
function deriveKeyId(key: Uint8Array): string {
  return createHash('sha256').update('tributary key id').update(key).digest('base64url').slice(0, 11);
}
