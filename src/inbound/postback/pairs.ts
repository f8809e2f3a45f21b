import { decodeComponent } from '../../domain/byte-text.ts';
import { validationError } from '../../domain/errors.ts';
import { holdsKey, REDACTED } from '../../domain/keys.ts';
import { findField, isKeyName, type FieldNames } from '../fields/names.ts';
import { toFieldName } from '../fields/paths.ts';
import { clip } from '../fields/problems.ts';
import { refuseEscapedAmpersand } from './escaped-ampersands.ts';

export type Pair = [name: string, value: unknown];

export interface ReadPairs {
  pairs: Pair[];
  /** The text without keys. Null: it has none. */
  redacted: string | null;
}

const MAX_PARAMETERS = 200;

/**
 * One pass over `a=1&b=2`, each character of which is a byte: the names and values, and the same text with the values of
 * keys, and values that hold keys, replaced.
 */
export function readPairs(text: string, names: FieldNames): ReadPairs {
  const pairs: [string, string][] = [];
  let redacted: string | null = null;
  let copied = 0;
  for (let start = 0; start < text.length;) {
    const next = text.indexOf('&', start);
    const end = next === -1 ? text.length : next;
    const equals = text.indexOf('=', start);
    const nameEnd = equals === -1 || equals > end ? end : equals;
    if (end > start) {
      const name = toFieldName(decodeComponent(text.slice(start, nameEnd)), names);
      const value = nameEnd === end ? '' : decodeComponent(text.slice(nameEnd + 1, end));
      refuseEscapedAmpersand(name, value, names);
      addPair(pairs, name, value, names);
      if ((isKeyName(names, name) || holdsKey(value)) && value !== '') {
        redacted = (redacted ?? '') + text.slice(copied, nameEnd + 1) + REDACTED;
        copied = end;
      }
    }
    start = end + 1;
  }
  return { pairs, redacted: redacted === null ? null : redacted + text.slice(copied) };
}

/**
 * Adds a pair. Senders repeat names of their own (`items[]`); one of ours can have one value only. By a search through the
 * earlier ones: for a handful of parameters that is faster than to fill a set.
 */
export function addPair(pairs: [string, string][], name: string, value: string, names: FieldNames): void {
  if (pairs.length >= MAX_PARAMETERS) throw validationError(`The request has more than ${MAX_PARAMETERS} parameters`);
  if (name.includes('\0') || value.includes('\0')) {
    throw validationError('The request contains NUL', { [clip(name.replaceAll('\0', ''))]: 'must not contain NUL' });
  }
  for (const [earlier] of pairs) {
    if (earlier !== name || !findField(names, name)) continue;
    throw validationError(`${clip(name)} is given more than once`, { [clip(name)]: 'is given more than once' });
  }
  pairs.push([name, value]);
}
