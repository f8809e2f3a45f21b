import { defaultFieldNames, isKeyName } from '../fields/names.ts';

/** What stands in stored messages where a key was. */
export const REDACTED = '[redacted]';

// The form of our keys, to find one that a sender put anywhere by mistake. Imported keys have no form by which to know them.
const keyPattern = /sk_(?:live|test)_[0-9A-Za-z]{20,}/g;

/** Replaces whatever has the form of one of our keys. */
export function maskKeys(text: string): string {
  return text.includes('sk_') ? text.replaceAll(keyPattern, REDACTED) : text;
}

/**
 * A JSON object's text without the values of fields that hold keys, and without anything that has the form of a key. An
 * object with such a field is written again: its spacing and its spellings of numbers are lost, which matters less.
 */
export function redactJson(text: string, body: object, isKeyName: (name: string) => boolean): string {
  if (!Object.keys(body).some(isKeyName)) return maskKeys(text);
  const masked = Object.entries(body).map(([name, value]) => [name, isKeyName(name) ? REDACTED : (value as unknown)]);
  return maskKeys(JSON.stringify(Object.fromEntries(masked)));
}

/** The bytes of a JSON body as they are stored: without keys under the default names. `body` is its parsed value. */
export function redactRaw(raw: Buffer, body: unknown): Buffer {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  if (!isObject && !raw.includes('sk_')) return raw;
  const text = raw.toString('utf8');
  const redacted = isObject ? redactJson(text, body, (name) => isKeyName(defaultFieldNames, name)) : maskKeys(text);
  return redacted === text ? raw : Buffer.from(redacted);
}
