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

/** `a=1&b=2` without secrets. Never throws, whatever it is given. */
export function redactQuery(query: string, names: FieldNames, secrets: readonly string[]): string {
  const parts = query.split('&').map((part) => {
    const equals = part.indexOf('=');
    if (equals === -1) return redactText(part, names, secrets);
    const name = part.slice(0, equals);
    if (isSecretName(names, decode(name))) return `${redactText(name, names, secrets)}=${REDACTED}`;
    const value = part.slice(equals + 1);
    const kept = isKept(decode(value), secrets) ? value : REDACTED;
    return `${redactText(name, names, secrets)}=${kept}`;
  });
  return maskKeys(parts.join('&'));
}

/** A body without secrets. Of what is neither JSON nor a form nothing is kept from the first name of a secret on. */
export function redactBody(text: string, names: FieldNames, secrets: readonly string[]): string {
  const json = readJson(text);
  if (json !== undefined) return redactJson(json, names, secrets) ?? REDACTED;
  if (/^[&?]?[\w.[\]%;+-]+=/.test(text)) return redactQuery(text, names, secrets);
  return redactText(text, names, secrets);
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
  const redact = (each: unknown): unknown => {
    if (typeof each === 'string') return isKept(each, secrets) ? maskKeys(each) : REDACTED;
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(
      Object.entries(each).map(([name, held]): [string, unknown] => [
        isKept(name, secrets) ? maskKeys(name) : REDACTED,
        isSecretName(names, name) && held !== null ? REDACTED : held,
      ]),
    );
  };
  try {
    return JSON.stringify(value, (_name, each: unknown) => redact(each));
  } catch {
    return null; // Nested deeper than there is stack for.
  }
}

/** Words without a form that is known: what may be the name of a secret, and all behind it, is left out. */
function redactText(text: string, names: FieldNames, secrets: readonly string[]): string {
  const plain = withoutEscapes(text);
  const own = [...names].flatMap(([name, meaning]) => (meaning?.field === 'secure' && name !== '' ? [name] : []));
  const found = [plain.search(secretGiven), ...own.map((name) => plain.toLowerCase().indexOf(name.toLowerCase()))];
  const [first] = found.filter((at) => at !== -1).sort((a, b) => a - b);
  // Spelled with marks that names are matched without, it cannot be told where it stands.
  if (first === undefined && secretGiven.test(plain.replaceAll(/[_-]/g, ''))) return REDACTED;
  const shown = first === undefined ? plain : `${plain.slice(0, first)}${REDACTED}`;
  return isKept(shown, secrets) ? maskKeys(shown) : maskKeys(hide(shown, secrets));
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
