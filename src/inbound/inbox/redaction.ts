import { parseJson } from '../../domain/json-text.ts';
import { findKeyIn, maskKeys, maskKeysIn, maskPlainKeys, REDACTED } from '../../domain/keys.ts';
import { defaultFieldNames, isKeyName } from '../fields/names.ts';

/**
 * A JSON object's text without the values of fields that hold keys, and without anything that has the form of a key. An
 * object with such a field is written again: its spacing and its spellings of numbers are lost, which matters less.
 */
export function redactJson(text: string, body: object, isKeyName: (name: string) => boolean): string {
  const plain = maskPlainKeys(text);
  if (!Object.keys(body).some(isKeyName) && !holdsMore(plain, body)) return plain;
  const masked = Object.entries(body).map(([name, value]) => [
    maskKeys(name),
    isKeyName(name) ? REDACTED : maskKeysIn(value as unknown),
  ]);
  return JSON.stringify(Object.fromEntries(masked));
}

/** Whether a key stands in it that is encoded, so that replacing those that can be read left it there. */
function holdsMore(plain: string, body: object): boolean {
  return findKeyIn(body) !== null && findKeyIn(parseJson(plain)) !== null;
}

/** The bytes of a JSON body as they are stored: without keys under the default names. `body` is its parsed value. */
export function redactRaw(raw: Buffer, body: unknown): Buffer {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  const text = raw.toString('utf8');
  const redacted = isObject ? redactJson(text, body, (name) => isKeyName(defaultFieldNames, name)) : maskKeys(text);
  return redacted === text ? raw : Buffer.from(redacted);
}
