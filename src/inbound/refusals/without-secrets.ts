import type { IncomingMessage } from 'node:http';
import { decodeComponent } from '../../domain/byte-text.ts';
import { parseJson } from '../../domain/json-text.ts';
import { maskKeys, REDACTED } from '../../domain/keys.ts';
import { foldName, isKeyName, type FieldNames } from '../fields/names.ts';

// What was refused proved nothing, so nothing is known of what its fields hold: a wrong key has no form by which to tell it. Here
// more is taken for a secret than in messages that were accepted.

/** Names, or parts of them, that some sender gives to a secret, folded. */
const secretName =
  /secur|secret|passw|pwd|token|signature|authori[sz]|apikey|privatekey|accesskey|hmac|credential|cookie|checksum|^(?:key|sig|sign|hash|auth|bearer)$/;
/** The same within a text, with what gives it a value. */
const secretGiven =
  /(?:secur|secret|passw|pwd|token|signature|authori[sz]|api[\s_-]*key|private[\s_-]*key|access[\s_-]*key|hmac|credential|cookie|checksum|\bkey|\bsig|\bsign|\bhash|\bauth|\bbearer)[\w"'\s\\\]-]{0,24}[=:]|\bbearer\s|\bbasic\s/i;
/** Signing secrets of webhooks, ours and Stripe's; the second halves of Stripe's client secrets; proofs in signature headers. */
const secretShape = /whsec_[\w+/=-]+|_secret_\w+|\bv[01]=[0-9a-f]{16,}/gi;

const headersWithSecrets = [
  'authorization',
  'proxy-authorization',
  'x-api-key',
  'stripe-signature',
  'x-revenuecat-webhook-signature',
] as const;

/** Shorter texts would be found by chance. */
const LEAST_SECRET = 6;

/** What a request gave as proof in its headers: it must not be kept where the body or the query repeats it. */
export function secretsOf({ headers }: IncomingMessage): string[] {
  const given = headersWithSecrets.flatMap((name) => {
    const value = headers[name];
    return typeof value === 'string' ? [value.trim(), ...value.split(/[\s,=:]+/)] : [];
  });
  return [...new Set(given)].filter(({ length }) => length >= LEAST_SECRET).sort((a, b) => b.length - a.length);
}

/** Whether a field's value is not to be kept, by its name. */
export function isSecretName(names: FieldNames, name: string): boolean {
  return isKeyName(names, name) || secretName.test(foldName(name).replaceAll(/[^\p{L}\p{N}]/gu, ''));
}

/**
 * About as much of a text as is kept, and no more: looking for what may be hidden in it takes time, and senders decide how much
 * there is. No key is as long as what is looked at beyond what is kept, so none of them is kept in part.
 */
const LOOKED_AT = 2_048 + 512;
/** What each value counts for beside its length. */
const VALUE_COST = 8;

/** `a=1&b=2` without secrets: its beginning. Never throws, whatever it is given. */
export function redactQuery(query: string, names: FieldNames, secrets: readonly string[]): string {
  const parts: string[] = [];
  let left = LOOKED_AT;
  for (const part of query.split('&')) {
    if (left <= 0) break;
    parts.push(redactPair(part.slice(0, left), names, secrets));
    left -= part.length + VALUE_COST;
  }
  return maskKeys(parts.join('&'));
}

function redactPair(part: string, names: FieldNames, secrets: readonly string[]): string {
  const equals = part.indexOf('=');
  if (equals === -1) return redactText(part, names, secrets);
  const name = part.slice(0, equals);
  const shown = redactText(name, names, secrets);
  if (isSecretName(names, decode(name))) return `${shown}=${REDACTED}`;
  const value = part.slice(equals + 1);
  return `${shown}=${isKept(decode(value), secrets) ? value : REDACTED}`;
}

/** A body without secrets. Of what is neither JSON nor a form nothing is kept from the first name of a secret on. */
export function redactBody(text: string, names: FieldNames, secrets: readonly string[]): string {
  const json = readJson(text);
  if (json !== undefined) return redactJson(json, names, secrets) ?? REDACTED;
  if (/^[&?]?[\w.[\]%;+-]{1,255}=/.test(text)) return redactQuery(text, names, secrets);
  return redactText(text.slice(0, LOOKED_AT), names, secrets);
}

/** The value of a text that is JSON; undefined where it is none, or too deep to be read. */
export function readJson(text: string): unknown {
  try {
    return /^[\ufeff\s]*[[{"]/.test(text) ? parseJson(text) : undefined;
  } catch {
    return undefined;
  }
}

function redactJson(value: unknown, names: FieldNames, secrets: readonly string[]): string | null {
  let left = LOOKED_AT;
  const redact = (each: unknown): unknown => {
    // What comes behind is left out.
    if ((left -= VALUE_COST) <= 0) return undefined;
    if (typeof each === 'string') {
      const text = each.slice(0, left);
      left -= text.length;
      return isKept(text, secrets) ? maskKeys(text) : REDACTED;
    }
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each;
    const kept: [string, unknown][] = [];
    for (const [name, held] of Object.entries(each)) {
      if ((left -= name.length + VALUE_COST) <= 0) break;
      kept.push([
        isKept(name, secrets) ? maskKeys(name) : REDACTED,
        isSecretName(names, name) && held !== null ? REDACTED : held,
      ]);
    }
    return Object.fromEntries(kept);
  };
  try {
    return JSON.stringify(value, (_name, each: unknown) => redact(each)) ?? null;
  } catch {
    return null; // Nested deeper than there is stack for.
  }
}

/** Words without a form that is known: what may be the name of a secret, and all behind it, is left out. */
function redactText(text: string, names: FieldNames, secrets: readonly string[]): string {
  const plain = withoutEscapes(text);
  const found = [plain.search(secretGiven), ...keyNamesIn(names).map((name) => plain.toLowerCase().indexOf(name))];
  const [first] = found.filter((at) => at !== -1).sort((a, b) => a - b);
  // Spelled with marks that names are matched without, it cannot be told where it stands.
  if (first === undefined && secretGiven.test(plain.replaceAll(/[_-]/g, ''))) return REDACTED;
  const shown = first === undefined ? plain : `${plain.slice(0, first)}${REDACTED}`;
  return isKept(shown, secrets) ? maskKeys(shown) : maskKeys(hide(shown, secrets));
}

const keyNames = new WeakMap<FieldNames, readonly string[]>();

/** How the source calls a key, in lower case. */
function keyNamesIn(names: FieldNames): readonly string[] {
  let known = keyNames.get(names);
  if (!known) {
    known = [...names].flatMap(([name, meaning]) =>
      meaning?.field === 'secure' && name !== '' ? [name.toLowerCase()] : [],
    );
    keyNames.set(names, known);
  }
  return known;
}

function isKept(text: string, secrets: readonly string[]): boolean {
  if (secrets.some((secret) => text.includes(secret))) return false;
  return text.search(secretShape) === -1 && !secretGiven.test(text);
}

function hide(text: string, secrets: readonly string[]): string {
  let hidden = text.replaceAll(secretShape, REDACTED);
  for (const secret of secrets) hidden = hidden.replaceAll(secret, REDACTED);
  return hidden;
}

/** Percent-encoding, once or in itself, and what JSON and HTML write for characters: names of secrets may hide in it. */
function decode(text: string): string {
  let decoded = text;
  for (let depth = 0; depth < 3 && /[%+]/.test(decoded); depth += 1) decoded = decodeComponent(decoded);
  return withoutEscapes(decoded);
}

function withoutEscapes(text: string): string {
  return text
    .replaceAll(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replaceAll(/&#x0*([0-9a-f]{1,4});?/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replaceAll(/&#0*(\d{1,5});?/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll(/&(?:lowbar|UnderBar);/g, '_')
    .replaceAll(/%([2-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
