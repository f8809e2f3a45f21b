import { defaultFieldNames, isKeyName } from '../fields/names.ts';

/** What stands in stored messages where a key was. */
export const REDACTED = '[redacted]';

// What our keys look like, wherever a sender may have put one by mistake. Taken-over keys have no form of their own.
const keyPattern = /sk_(?:live|test)_[0-9A-Za-z]{20,}/g;

/** Replaces whatever has the form of one of our keys. */
export function maskKeys(text: string): string {
  return text.includes('sk_') ? text.replaceAll(keyPattern, REDACTED) : text;
}

/**
 * A JSON object's text without the values of the fields that hold keys, and without anything of a key's form. Where
 * there is a key, spacing and number forms are lost with it, which matters less.
 */
export function redactJson(text: string, body: object, isKeyName: (name: string) => boolean): string {
  if (!Object.keys(body).some(isKeyName)) return maskKeys(text);
  const masked = Object.entries(body).map(([name, value]) => [name, isKeyName(name) ? REDACTED : (value as unknown)]);
  return maskKeys(JSON.stringify(Object.fromEntries(masked)));
}

/** The same for a body that other surfaces read: `raw` as it is to be stored, `body` what it says. */
export function redactRaw(raw: Buffer, body: unknown): Buffer {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  if (!isObject && !raw.includes('sk_')) return raw;
  const text = raw.toString('utf8');
  const redacted = isObject ? redactJson(text, body, (name) => isKeyName(defaultFieldNames, name)) : maskKeys(text);
  return redacted === text ? raw : Buffer.from(redacted);
}
