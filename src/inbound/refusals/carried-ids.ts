import { decodeComponent } from '../../domain/byte-text.ts';
import { emailPattern } from '../../domain/email.ts';
import { holdsKey } from '../../domain/keys.ts';
import { isPlaceholder } from '../../domain/placeholders.ts';
import { isStorable } from '../../domain/storable-text.ts';
import { isIdMacro } from '../../domain/unreplaced-macros.ts';
import { findField, type ConversionField, type FieldNames } from '../fields/names.ts';
import { subjects } from '../fields/subjects.ts';
import { isSecretName, readJson } from './without-secrets.ts';

/** So many are kept of one message, the first that it names. */
const MAX_IDS = 20;
const MAX_LENGTH = 255;
/** So many names and values of a query, and of a body, are looked at; of JSON more, since much of it is structure. */
const MAX_VALUES = 100;
const MAX_NODES = 1_000;

const idFields: ReadonlySet<ConversionField> = new Set([
  ...subjects,
  'subscriptionId',
  'sub1',
  'sub2',
  'sub3',
  'sub4',
  'sub5',
]);

/** Ids by their form: Stripe's, and ours. */
const idShape =
  /^(?:(?:evt|pi|ch|py|cs|in|cus|sub|re|du|dp|acct|promo)_(?:test_|live_)?\w{4,}|(?:clk|test|cnv|aff|lnk|off)_[0-9a-f]{32})$/;

/** RevenueCat's names of ids, and what shops call the one of an event or an object. */
const idNames: ReadonlySet<string> = new Set([
  'id',
  'app_user_id',
  'original_app_user_id',
  'aliases',
  'transaction_id',
  'original_transaction_id',
  'transferred_from',
  'transferred_to',
  'client_reference_id',
]);

/**
 * The ids by which somebody may look for a message: of orders, clicks, customers, affiliates and codes, by their names or their
 * form; e-mails in lower case. `query` without its question mark.
 */
export function carriedIds(query: string, body: string, names: FieldNames): string[] {
  const ids = new Set<string>();
  for (const [name, value] of [...pairsOf(query), ...valuesOf(body)]) {
    if (ids.size >= MAX_IDS) break;
    const id = readId(name, value, names);
    if (id !== null) ids.add(id);
  }
  return [...ids];
}

function readId(name: string, value: string, names: FieldNames): string | null {
  const text = value.trim();
  if (text === '' || text.length > MAX_LENGTH) return null;
  const isEmail = emailPattern.test(text);
  const field = findField(names, name)?.field;
  const isId = isEmail || idShape.test(text) || idNames.has(name) || (field !== undefined && idFields.has(field));
  if (!isId || isSecretName(names, name) || text.includes('_secret_') || isPlaceholder(text) || isIdMacro(text))
    return null;
  if (!isStorable(text) || holdsKey(text)) return null;
  return isEmail ? text.toLowerCase() : text;
}

function pairsOf(query: string): [name: string, value: string][] {
  return query.split('&', MAX_VALUES).flatMap((part): [string, string][] => {
    const equals = part.indexOf('=');
    if (equals === -1) return [];
    return [[decodeComponent(part.slice(0, equals)), decodeComponent(part.slice(equals + 1))]];
  });
}

function valuesOf(body: string): [name: string, value: string][] {
  if (body === '') return [];
  const json = readJson(body);
  if (json !== undefined) return walk(json);
  // JSON that is broken or was cut off, multipart forms, forms.
  const named = /"([^"\\]{1,100})"\s*:\s*"([^"\\]{1,255})"/g;
  const parts = /name="([^"\r\n]{1,100})"\r?\n\r?\n([^\r\n]{1,255})/g;
  const found = [...body.matchAll(named), ...body.matchAll(parts)].map(
    ([, name = '', value = '']): [string, string] => [name, value],
  );
  return found.length > 0 ? found : pairsOf(body);
}

/** Without recursion: senders decide how deep it goes. In the order in which it is written. */
function walk(json: unknown): [name: string, value: string][] {
  const values: [string, string][] = [];
  const waiting: { name: string; value: unknown }[] = [{ name: '', value: json }];
  let looked = 0;
  for (let next = waiting.pop(); next && looked < MAX_NODES; next = waiting.pop(), looked += 1) {
    const { name, value } = next;
    if (typeof value === 'string') values.push([name, value]);
    else if (typeof value === 'number' && Number.isSafeInteger(value)) values.push([name, String(value)]);
    else if (typeof value === 'object' && value !== null) {
      const held = Object.entries(value).map(([key, each]: [string, unknown]) => ({
        // What stands in a list, or is RevenueCat's `{value}`, is called like that itself.
        name: Array.isArray(value) || key === 'value' ? name : key,
        value: each,
      }));
      waiting.push(...held.reverse());
    }
  }
  return values;
}
