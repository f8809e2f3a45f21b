import { hash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * `sk_live_` or `sk_test_`, 30 random base62 characters, and their CRC-32 in base62: a scanner for leaked secrets can tell a
 * key from what merely looks like one. The hub itself does not check it, since imported keys have none.
 */
export function generateKey(mode: 'live' | 'test'): string {
  const random = Array.from({ length: RANDOM_LENGTH }, () => base62[randomInt(base62.length)]).join('');
  const body = `sk_${mode}_${random}`;
  return body + checksumOf(body);
}

const RANDOM_LENGTH = 30;
const CHECKSUM_LENGTH = 6;
const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

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
export function displayOf(plaintext: string): string {
  return plaintext.slice(0, Math.min(12, Math.floor(plaintext.length / 3)));
}

/** What is stored of a key, and what it is looked up by. */
export function hashKey(plaintext: string): string {
  return hash('sha256', plaintext, 'hex');
}
