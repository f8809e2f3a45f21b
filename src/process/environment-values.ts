import { readFileSync } from 'node:fs';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { readDatabaseAddress } from './database-address.ts';

// How the values of the environment's variables are read. What they say is wrong is told beside the variable's name (config.ts).

export const text = z.string().trim();
export const requiredText = (why: string) => z.string({ error: why }).trim();

export function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return text
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .pipe(z.number().min(min, message).max(max, message));
}

/** A secret that callers send as Bearer. */
export function token(schema: z.ZodString) {
  return schema
    .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
    .min(16, 'must have at least 16 characters (`openssl rand -base64 24` makes one)');
}

export function urlOf(protocols: string[], example: string) {
  return text.refine(
    (value) => protocols.includes(URL.parse(value)?.protocol ?? ''),
    `must be a URL such as ${example}`,
  );
}

/** What is wrong with an address of PostgreSQL, its certificates included, is told when the process starts. */
export function checkDatabaseUrl(value: string, context: z.RefinementCtx): void {
  try {
    readDatabaseAddress(value);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
}

/** A comma separated list; `parse` throws the words that say what an item must be. */
export function listOf<T>(parse: (item: string) => T) {
  return text.transform((value, context) => {
    const items = value.split(',').map((item) => item.trim());
    try {
      return items.filter((item) => item !== '').map(parse);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });
}

export function trimPublicUrl(value: string): string {
  const url = new URL(value);
  return url.origin + url.pathname.replace(/\/+$/, '');
}

export function parseNode(item: string): string {
  if (/^[^\s:/@]+:\d{1,5}$|^\[[0-9a-f:.]+\]:\d{1,5}$/i.test(item)) return item;
  const url = URL.parse(item);
  if (url && /^rediss?:$/.test(url.protocol) && url.hostname !== '' && url.port !== '') return item;
  throw new Error('must be host:port or rediss://user:password@host:port, comma separated');
}

/** Nodes are reached by one user, one password, and all by TLS or none: where several items say something they say the same. */
export function refuseDifferentNodes(items: string[], context: z.RefinementCtx): void {
  const urls = items.flatMap((item) => URL.parse(item.includes('://') ? item : '') ?? []);
  const said = urls.map(({ protocol, username, password }) => `${protocol}${username}:${password}`);
  if (new Set(said).size > 1) {
    context.addIssue({
      code: 'custom',
      message: 'its items differ in scheme, user or password: give them with the first one only',
    });
  }
}

/** The text of a PEM file whose path is the value. */
export function toPem(path: string, context: z.RefinementCtx): string {
  try {
    const pem = readFileSync(path, 'utf8');
    if (pem.includes('-----BEGIN ')) return pem;
    context.addIssue({ code: 'custom', message: `${path} is no PEM file (it has no line with -----BEGIN)` });
  } catch (error) {
    context.addIssue({ code: 'custom', message: `${path} cannot be read (${(error as NodeJS.ErrnoException).code})` });
  }
  return z.NEVER;
}

export function parseKey(item: string): Uint8Array {
  const bytes = /^[0-9a-f]{64}$/i.test(item)
    ? Buffer.from(item, 'hex')
    : Buffer.from(/^[A-Za-z0-9+/_-]{43}=?$/.test(item) ? item : '', 'base64');
  if (bytes.length !== 32) throw new Error('must be 32 bytes, base64 or hex (`openssl rand -base64 32` makes one)');
  return new Uint8Array(bytes);
}

/** A placeholder such as 64 zeros, copied from an example. As a previous key it is taken, so that one can rotate away. */
function refuseRepeatedByte(key: Uint8Array): Uint8Array {
  if (key.some((byte) => byte !== key[0])) return key;
  throw new Error('is one byte repeated, which is no secret (`openssl rand -base64 32` makes a key)');
}

export function toKey(value: string, context: z.RefinementCtx): Uint8Array {
  try {
    return refuseRepeatedByte(parseKey(value));
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
}

export function toTrustProxy(value: string, context: z.RefinementCtx): boolean | number | string[] {
  if (value === 'true' || value === 'false') return value === 'true';
  if (/^\d{1,3}$/.test(value)) return Number(value);
  const items = value.split(',').map((item) => item.trim());
  const known = ['loopback', 'linklocal', 'uniquelocal'];
  if (items.every((item) => known.includes(item) || ipaddr.isValid(item) || ipaddr.isValidCIDR(item))) return items;
  context.addIssue({
    code: 'custom',
    message: `must be true, false, the number of proxies, or addresses, CIDRs and ${known.join(', ')}, comma separated`,
  });
  return z.NEVER;
}

export function parseCidr(item: string): string {
  if (ipaddr.isValidCIDR(item)) return item;
  if (ipaddr.isValid(item)) return `${item}/${ipaddr.parse(item).kind() === 'ipv4' ? 32 : 128}`;
  throw new Error(`must be addresses or CIDRs such as 10.0.0.0/8, comma separated; ${JSON.stringify(item)} is none`);
}

export function parseSeconds(item: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(item) ? Number(item) : NaN;
  if (!(seconds <= 31 * 86_400)) throw new Error('must be seconds, comma separated, each at most 31 days');
  return seconds;
}
