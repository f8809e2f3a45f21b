import { KEY_IN_FIELD } from '../../domain/errors.ts';
import { holdsKey, maskKeysIn } from '../../domain/keys.ts';
import { isPlaceholder } from '../../domain/placeholders.ts';
import { isStorable } from '../../domain/storable-text.ts';
import { findField, type ConversionField, type FieldNames } from './names.ts';
import { toPlainDecimal } from './plain-decimal.ts';
import { clip, type Problems } from './problems.ts';

/** A value as it was sent, with the sender's own spelling of the name. */
export interface Given {
  name: string;
  text: string;
  rank: number;
}
export type GivenFields = { [F in ConversionField]?: Given };

/**
 * Adds one named value of a message to the fields. Unknown names are the sender's own business; null and empty count as
 * absent; two spellings of one field that disagree are a problem, as are other types than text and numbers.
 */
export function giveField(
  given: GivenFields,
  names: FieldNames,
  name: string,
  value: unknown,
  problems: Problems,
): void {
  const named = findField(names, name);
  if (!named) {
    if (holdsNul(value)) problems.add(name, 'must not contain NUL');
    return;
  }
  if (value === null || value === undefined) return;
  const { field, rank } = named;
  const text = field === 'metadata' ? readMetadata(name, value, problems) : readText(field, name, value, problems);
  if (text === null || text === '' || (ofNobody.has(field) && isPlaceholder(text))) return;
  if (field !== 'secure' && field !== 'metadata' && holdsKey(text)) {
    problems.add(name, KEY_IN_FIELD, 'key_in_field');
    return;
  }
  const earlier = given[field];
  if (earlier && earlier.rank <= rank) {
    if (earlier.rank === rank && !saysTheSame(field, earlier.text, text)) {
      problems.add(name, `disagrees with ${earlier.name}: '${clip(text)}' is not '${clip(earlier.text)}'`);
    }
    return;
  }
  given[field] = { name, text, rank };
}

const decimals: ReadonlySet<ConversionField> = new Set(['amount', 'tax', 'shipping']);

/** Fields in which a word that stands for no value is the same as none: shops and trackers say so of guests. */
const ofNobody: ReadonlySet<ConversionField> = new Set(['customerId', 'customerEmail', 'subscriptionId']);

function readText(field: ConversionField, name: string, value: unknown, problems: Problems): string | null {
  if (typeof value === 'string') {
    if (!isStorable(value)) {
      problems.add(name, 'must not contain NUL or broken Unicode');
      return null;
    }
    return value.trim();
  }
  if (typeof value === 'boolean' && field === 'isRenewal') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) {
    // Beyond 2^53 a JSON number has lost digits already; as an amount it is refused for its size or form.
    if (Number.isSafeInteger(value) || field === 'amountMinor' || decimals.has(field)) return String(value);
    problems.add(name, 'must be text, or a whole number below 2^53');
    return null;
  }
  if (typeof value === 'bigint') return String(value);
  problems.add(name, `must be text or a number, not ${nameType(value)}`);
  return null;
}

/** Metadata is kept as JSON, to be shown again: small and shallow, and without keys. */
function readMetadata(name: string, value: unknown, problems: Problems): string | null {
  if (typeof value !== 'object') problems.add(name, 'must be an object');
  else if (value !== null) {
    if (isBounded(value)) return JSON.stringify(maskKeysIn(value));
    problems.add(name, 'must have at most 50 keys and 5 levels, 16 KiB in all, and no NUL or broken Unicode');
  }
  return null;
}

function isBounded(value: object): boolean {
  let characters = 0;
  let keys = 0;
  return everyItem(value, (key, item, level) => {
    keys += 1;
    characters += key.length + (typeof item === 'string' ? item.length : 0);
    const storable = isStorable(key) && (typeof item !== 'string' || isStorable(item));
    return keys <= 50 && characters <= 16_384 && level <= 5 && storable;
  });
}

function holdsNul(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return isNulText(value);
  return !everyItem(value, (key, item) => !key.includes('\0') && !isNulText(item));
}

function isNulText(value: unknown): boolean {
  return typeof value === 'string' && value.includes('\0');
}

/** Walks everything inside a JSON value, without recursion: senders decide how deeply it is nested. */
function everyItem(value: object, test: (key: string, item: unknown, level: number) => boolean): boolean {
  const stack: [object, number][] = [[value, 1]];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const [container, level] = next;
    for (const [key, item] of Object.entries(container) as [string, unknown][]) {
      if (!test(key, item, level)) return false;
      if (typeof item === 'object' && item !== null) stack.push([item, level + 1]);
    }
  }
  return true;
}

function saysTheSame(field: ConversionField, one: string, other: string): boolean {
  if (one === other) return true;
  if (field === 'amountMinor' || decimals.has(field)) {
    const decimal = toPlainDecimal(one);
    return decimal !== null && decimal === toPlainDecimal(other);
  }
  if (field === 'currency' || field === 'customerEmail' || field === 'status') {
    return one.toLowerCase() === other.toLowerCase();
  }
  if (field === 'isRenewal') return readFlag(one) !== null && readFlag(one) === readFlag(other);
  return false;
}

const flags: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['false', false],
  ['0', false],
  ['no', false],
]);

/** A yes or no in the words of forms, JSON and trackers; null for other words. */
export function readFlag(text: string): boolean | null {
  return flags.get(text.toLowerCase()) ?? null;
}

function nameType(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'boolean' ? 'true or false' : 'such a value';
}
