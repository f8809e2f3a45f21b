import { createHash } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';

/** Encrypts what is stored and must be read again: signing secrets, headers of endpoints, kept answers. */
export interface SecretBox {
  seal(text: string): Promise<string>;
  /** Throws where the text was not sealed by one of our keys, or was changed. */
  open(sealed: string): Promise<string>;
}

export interface SecretBoxKeys {
  /** 32 bytes: seals, and opens what it sealed. */
  key: Uint8Array;
  /** Keys from before a rotation: they only open. */
  previousKeys?: readonly Uint8Array[];
}

/** Seals as compact JWE (`dir`, `A256GCM`). The key id in its header finds the key, so that keys can be rotated. */
export function createSecretBox({ key, previousKeys = [] }: SecretBoxKeys): SecretBox {
  const keyId = deriveKeyId(key);
  const keys = new Map([...previousKeys, key].map((each) => [deriveKeyId(each), each]));
  return {
    seal(text) {
      return new CompactEncrypt(new TextEncoder().encode(text))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: keyId })
        .encrypt(key);
    },
    async open(sealed) {
      const { plaintext } = await compactDecrypt(sealed, ({ kid }) => findKey(keys, kid), {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      });
      return new TextDecoder().decode(plaintext);
    },
  };
}

function findKey(keys: ReadonlyMap<string, Uint8Array>, keyId: string | undefined): Uint8Array {
  const key = keys.get(keyId ?? '');
  if (!key) {
    throw new Error(
      `A stored secret was sealed with another key (${keyId ?? 'unnamed'}). ` +
        'Put the former key into ENCRYPTION_KEY_PREVIOUS.',
    );
  }
  return key;
}

/** A name for a key that gives nothing of it away. */
function deriveKeyId(key: Uint8Array): string {
  return createHash('sha256').update('tributary key id').update(key).digest('base64url').slice(0, 11);
}
