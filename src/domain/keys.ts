/** What stands in stored messages where a key was. */
export const REDACTED = '[redacted]';

/** `sk_live_…`, `rk_test_…`, `pk_live_…`, `sk_org_live_…`: ours and Stripe's begin alike. */
const apiKey = /^\s*(?:sk|rk|pk)_(?:org_)?(?:live|test)_/i;

/** Whether a text given as some other secret is an API key. */
export function isApiKey(text: string): boolean {
  return apiKey.test(text);
}

// The form of secret keys, to find one that a sender put anywhere by mistake. Imported keys have no form by which to know
// them.
const keyShape = /(?:sk|rk)_(?:org_)?(?:live|test)_[0-9A-Za-z]{20,}/;
const keyShapes = new RegExp(keyShape, 'g');

/** Whether a key stands anywhere in a text, as it is or URL-encoded, in HTML entities or base64, or in these in turn. */
export function holdsKey(text: string): boolean {
  return isPlain(text) ? mayHold(text) && keyShape.test(text) : holdsHidden(text);
}

/** The text without keys that stand in it as they are: for texts whose parts were looked at before. */
export function maskPlainKeys(text: string): string {
  return mayHold(text) ? text.replaceAll(keyShapes, REDACTED) : text;
}

/** The text without keys. One that stands there encoded takes the word around it along, or where it has none, all. */
export function maskKeys(text: string): string {
  const masked = maskPlainKeys(text);
  if (isPlain(masked) || !holdsHidden(masked)) return masked;
  const words = masked
    .split(/([\s"'<>=?,]+|&(?!#|amp;|lowbar;|UnderBar;))/)
    .map((word) => (holdsHidden(word) ? REDACTED : word));
  const rest = words.join('');
  return holdsHidden(rest) ? REDACTED : rest;
}

/** Every text and every name inside a JSON value without keys; the same value where none holds one. */
export function maskKeysIn<T>(value: T): T {
  if (typeof value === 'string') return maskKeys(value) as T;
  if (typeof value !== 'object' || value === null || !findKeyIn(value)) return value;
  return JSON.parse(JSON.stringify(value, (_name, each: unknown) => maskKeysOf(each))) as T;
}

/** A text; of an object its names, since its values are masked by themselves. */
function maskKeysOf(value: unknown): unknown {
  if (typeof value === 'string') return maskKeys(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]): [string, unknown] => [maskKeys(name), each]));
}

/** Where a key stands inside a JSON value, `metadata.note`; null: nowhere. Without recursion: senders decide how deep it goes. */
export function findKeyIn(value: unknown): { path: string } | null {
  const waiting: { value: unknown; path: string }[] = [{ value, path: '' }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value: each, path } = next;
    if (typeof each === 'string' && holdsKey(each)) return { path };
    if (typeof each !== 'object' || each === null) continue;
    for (const [name, item] of Object.entries(each)) {
      if (holdsKey(name)) return { path };
      waiting.push({ value: item, path: path === '' ? name : `${path}.${name}` });
    }
  }
  return null;
}

function mayHold(text: string): boolean {
  return text.includes('k_');
}

/** Whether nothing can be encoded in a text. The ids of the hub are shorter than what base64 makes of the shortest key. */
const encoded = /%|&|[0-9A-Za-z+/_-]{38}|[0-9A-Za-z+/_-]{16}\s/;
function isPlain(text: string): boolean {
  return text.length < 38 ? !text.includes('%') && !text.includes('&') : !encoded.test(text);
}

/** Encodings in encodings, at most so many deep, and so many texts in all. */
const MAX_DEPTH = 3;
const MAX_TEXTS = 64;

const wrappedBase64 = /(?<![0-9A-Za-z+/_-])[0-9A-Za-z+/_-]{16,}(?:\s+[0-9A-Za-z+/_-]{2,})+/g;

function holdsHidden(text: string): boolean {
  let level = [text];
  let looked = 0;
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth += 1) {
    if (level.some((each) => keyShape.test(each))) return true;
    looked += level.length;
    level = level.flatMap((each) => decode(each)).slice(0, MAX_TEXTS - looked);
  }
  return false;
}

function decode(text: string): string[] {
  const decoded: string[] = [];
  if (/%[0-9a-f]{2}/i.test(text))
    decoded.push(text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => toCharacter(hex, 16)));
  if (/&(?:#|amp;|lowbar|UnderBar)/i.test(text)) {
    const plain = text
      .replaceAll(/&#x0*([0-9a-f]{1,4});?/gi, (_, hex: string) => toCharacter(hex, 16))
      .replaceAll(/&#0*(\d{1,5});?/g, (_, number: string) => toCharacter(number, 10))
      .replaceAll(/&(?:lowbar|UnderBar);/g, '_')
      .replaceAll(/&amp;/gi, '&');
    decoded.push(plain);
  }
  for (const [run] of text.matchAll(/[0-9A-Za-z+/_-]{38,}/g)) {
    // The encoded text may begin in the middle of the run.
    for (let start = 0; start < 4; start += 1) decoded.push(Buffer.from(run.slice(start), 'base64').toString('latin1'));
  }
  // Lines of base64 are broken, or its words parted.
  for (const [run] of text.matchAll(wrappedBase64)) decoded.push(run.replaceAll(/\s+/g, ''));
  return decoded;
}

function toCharacter(code: string, base: number): string {
  return String.fromCharCode(Number.parseInt(code, base));
}
